"""What the networks call things, and which scenes belong to training, validation and test."""

DETECT_LABELS = ["person", "cyclist", "car", "truck"]
COLORS = ["white", "gray", "black", "red", "blue", "green", "yellow", "brown"]
VEHICLE_TYPES = ["car", "van", "truck"]

# Input of the networks: width, height in pixels.
DETECT_SIZE = (640, 352)
SEGMENT_SIZE = (512, 288)


def frames_name(size):
    """Of the array in a shard that holds the frames of this size."""
    return f"frames_{size[0]}x{size[1]}"


# Classes of street-segment, and which classes of the street's truth belong to each. The others (void, poles and small
# furniture, thinner than the masks' cells) are not learnt.
SEGMENT_CLASSES = {
    "road": ["road", "mark"],
    "pavement": ["pavement"],
    "terrain": ["terrain"],
    "building": ["building"],
    "sky": ["sky"],
    "vegetation": ["vegetation"],
    "person": ["person", "cyclist"],
    "vehicle": ["car", "truck"],
}

# Ranges of seeds [first, last); frames and step (frames of the 30 Hz street between two of them) of each scene.
# Scenes of "test" are rendered by `fovea assess`, never by these scripts.
SPLITS = {
    "train": {"seeds": (100000, 102000), "frames": 5, "step": 70},
    "validation": {"seeds": (200000, 200040), "frames": 7, "step": 50},
}
TEST_SEEDS = (300000, 300020)

# Class ids of the masks `fovea simulate` writes (its classes.json).
STREET_CLASSES = ["void", "road", "mark", "pavement", "terrain", "building", "sky", "vegetation", "pole", "furniture",
                  "person", "cyclist", "car", "truck"]
