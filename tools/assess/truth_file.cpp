// Readers of the two formats.
#include "tools/assess/truth_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea::assess {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Boxes = std::map<std::uint64_t, std::vector<TruthFile::Entry>>;

constexpr double kFarthestPx = 1e6;  ///< Coordinates beyond are no pixels.

std::ifstream open(const fs::path& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error) {
    fail(ErrorCode::kNotFound, "truth file '{}': {}", path.string(), error.message());
  }
  if (bytes > TruthFile::kMaxBytes) {
    fail(ErrorCode::kInvalidArgument, "truth file '{}' has {} bytes, expected at most {}", path.string(), bytes,
         TruthFile::kMaxBytes);
  }
  std::ifstream in(path);
  if (!in) {
    fail(ErrorCode::kNotFound, "truth file '{}' cannot be read", path.string());
  }
  return in;
}

/// A class of MOT16 to MOT20; `ignore` as its own evaluation has it: neither asked for nor forbidden.
struct MotClass {
  std::string_view label;  ///< Empty: nothing a detector could find (an occluder).
  bool ignore = false;
};

MotClass mot_class(std::int64_t number) {
  switch (number) {
    case -1:  // 2015's files have no classes: all are pedestrians.
    case 1:
      return {"person"};
    case 2:   // person on vehicle
    case 7:   // static person
    case 8:   // distractor
    case 12:  // reflection
    case 13:  // crowd
      return {"person", true};
    case 3:
      return {"car"};
    case 4:
      return {"bicycle"};
    case 5:
      return {"motorcycle"};
    case 6:
      return {"vehicle"};
    case 9:
    case 10:
    case 11:
      return {""};
    default:
      fail(ErrorCode::kInvalidArgument, "class is {}, expected 1 to 13, or -1", number);
  }
}

class MotLine {
 public:
  explicit MotLine(const std::string& line) : fields_(split(line, ',')) {
    if (fields_.size() < 7) {
      fail(ErrorCode::kInvalidArgument,
           "found {} values, expected at least 7: frame,id,left,top,width,height,flag[,class[,visibility]]",
           fields_.size());
    }
  }

  [[nodiscard]] double number(std::size_t index, const char* name) const {
    const auto value = parse_double(fields_[index]);
    if (!value || !(std::abs(*value) <= kFarthestPx * 10)) {
      fail(ErrorCode::kInvalidArgument, "{} is '{}', expected a number", name, fields_[index]);
    }
    return *value;
  }

  [[nodiscard]] std::int64_t whole(std::size_t index, const char* name, std::int64_t least) const {
    const auto value = parse_int(fields_[index]);
    if (!value || *value < least || *value > static_cast<std::int64_t>(TruthFile::kMaxFrames)) {
      fail(ErrorCode::kInvalidArgument, "{} is '{}', expected a whole number of {} to {}", name, fields_[index], least,
           TruthFile::kMaxFrames);
    }
    return *value;
  }

  [[nodiscard]] bool has(std::size_t index) const { return fields_.size() > index; }

 private:
  std::vector<std::string> fields_;
};

void add_mot_line(const std::string& line, Boxes& boxes, std::set<std::pair<std::int64_t, std::int64_t>>& seen) {
  const MotLine fields(line);
  const std::int64_t frame = fields.whole(0, "frame", 1);
  const std::int64_t id = fields.whole(1, "id", 1);
  TruthFile::Entry entry;
  entry.left = fields.number(2, "left") - 1;  // the file's pixels count from 1
  entry.top = fields.number(3, "top") - 1;
  entry.width = fields.number(4, "width");
  entry.height = fields.number(5, "height");
  const MotClass what = mot_class(fields.has(7) ? fields.whole(7, "class", -1) : -1);
  if (what.label.empty()) {
    return;
  }
  if (!(entry.width > 0) || !(entry.height > 0)) {
    fail(ErrorCode::kInvalidArgument, "the box is {} wide and {} high, expected more than 0", entry.width,
         entry.height);
  }
  if (!seen.emplace(frame, id).second) {
    fail(ErrorCode::kInvalidArgument, "id {} occurs twice in frame {}", id, frame);
  }
  entry.label = what.label;
  entry.id = static_cast<std::uint64_t>(id);
  entry.ignore = what.ignore || fields.number(6, "flag") == 0;
  const double visible = fields.has(8) ? fields.number(8, "visibility") : 1;
  entry.visible = visible < 0 ? 1 : std::min(visible, 1.0);  // -1: not known
  boxes[static_cast<std::uint64_t>(frame - 1)].push_back(std::move(entry));
}

Boxes read_mot(const fs::path& path) {
  std::ifstream in = open(path);
  Boxes boxes;
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (trim(line).empty()) {
      continue;
    }
    try {
      add_mot_line(line, boxes, seen);
    } catch (const Error& error) {
      throw error.with_context(fmt::format("{}:{}", path.string(), number));
    }
  }
  return boxes;
}

const json& member(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end()) {
    fail(ErrorCode::kInvalidArgument, "has no key '{}'", key);
  }
  return *found;
}

std::int64_t whole(const json& object, const char* key) {
  const json& value = member(object, key);
  if (!value.is_number_integer()) {
    fail(ErrorCode::kInvalidArgument, "'{}' is {}, expected a whole number", key, value.dump().substr(0, 40));
  }
  return value.get<std::int64_t>();
}

const json& list(const json& root, const char* key) {
  const json& value = member(root, key);
  if (!value.is_array()) {
    fail(ErrorCode::kInvalidArgument, "'{}' is no list", key);
  }
  return value;
}

bool is_set(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && ((found->is_number() && *found != 0) || (found->is_boolean() && found->get<bool>()));
}

TruthFile::Entry coco_entry(const json& annotation, const std::map<std::int64_t, std::string>& labels) {
  TruthFile::Entry entry;
  const auto label = labels.find(whole(annotation, "category_id"));
  if (label == labels.end()) {
    fail(ErrorCode::kInvalidArgument, "category_id {} is not among 'categories'", whole(annotation, "category_id"));
  }
  entry.label = label->second;
  const json& box = list(annotation, "bbox");
  const bool numbers = box.size() == 4 && std::ranges::all_of(box, [](const json& value) {
                         return value.is_number() && std::abs(value.get<double>()) <= kFarthestPx;
                       });
  if (!numbers) {
    fail(ErrorCode::kInvalidArgument, "bbox is {}, expected [left, top, width, height] in pixels",
         box.dump().substr(0, 80));
  }
  entry.left = box[0].get<double>();
  entry.top = box[1].get<double>();
  entry.width = box[2].get<double>();
  entry.height = box[3].get<double>();
  entry.ignore = is_set(annotation, "iscrowd") || is_set(annotation, "ignore");
  for (const char* key : {"track_id", "instance_id"}) {
    if (annotation.contains(key)) {
      entry.id = static_cast<std::uint64_t>(whole(annotation, key));
    }
  }
  return entry;
}

/// Frame number of each image id.
std::map<std::int64_t, std::uint64_t> coco_frames(const json& root) {
  std::map<std::int64_t, std::uint64_t> frames;
  std::int64_t position = 0;
  for (const json& image : list(root, "images")) {
    const std::int64_t frame = image.is_object() && image.contains("frame_id") ? whole(image, "frame_id") : position;
    if (frame < 0 || frame >= static_cast<std::int64_t>(TruthFile::kMaxFrames)) {
      fail(ErrorCode::kInvalidArgument, "images[{}]: frame_id is {}, expected 0 to {}", position, frame,
           TruthFile::kMaxFrames - 1);
    }
    frames[whole(image, "id")] = static_cast<std::uint64_t>(frame);
    ++position;
  }
  return frames;
}

Boxes read_coco(const fs::path& path) {
  std::ifstream in = open(path);
  try {
    const json root = json::parse(in);
    std::map<std::int64_t, std::string> labels;
    for (const json& category : list(root, "categories")) {
      const json& name = member(category, "name");
      if (!name.is_string()) {
        fail(ErrorCode::kInvalidArgument, "categories: a name is {}, expected text", name.dump().substr(0, 40));
      }
      labels[whole(category, "id")] = name.get<std::string>();
    }
    const auto frames = coco_frames(root);
    Boxes boxes;
    std::size_t position = 0;
    for (const json& annotation : list(root, "annotations")) {
      try {
        const auto frame = frames.find(whole(annotation, "image_id"));
        if (frame == frames.end()) {
          fail(ErrorCode::kInvalidArgument, "image_id {} is not among 'images'", whole(annotation, "image_id"));
        }
        TruthFile::Entry entry = coco_entry(annotation, labels);
        if (entry.width > 0 && entry.height > 0) {  // COCO's own files hold a few empty boxes
          boxes[frame->second].push_back(std::move(entry));
        }
      } catch (const Error& error) {
        throw error.with_context(fmt::format("annotations[{}]", position));
      }
      ++position;
    }
    return boxes;
  } catch (const Error& error) {
    throw error.with_context(path.string());
  } catch (const json::exception& error) {
    fail(ErrorCode::kInvalidArgument, "{}: {}", path.string(), error.what());
  }
}

}  // namespace

TruthFile TruthFile::read(const fs::path& path) {
  const std::string ending = to_lower(path.extension().string());
  TruthFile file;
  if (ending == ".txt") {
    file.boxes_ = read_mot(path);
  } else if (ending == ".json") {
    file.boxes_ = read_coco(path);
  } else {
    fail(ErrorCode::kUnsupported, "truth file '{}': expected .txt (MOTChallenge) or .json (COCO)", path.string());
  }
  return file;
}

FrameAnalysis TruthFile::frame(std::uint64_t number, int width_px, int height_px) const {
  FrameAnalysis analysis;
  analysis.width_px = width_px;
  analysis.height_px = height_px;
  analysis.inferred = true;
  const auto found = boxes_.find(number);
  if (found == boxes_.end()) {
    return analysis;
  }
  for (const Entry& entry : found->second) {
    Object object;
    const Box whole{static_cast<float>(entry.left / width_px), static_cast<float>(entry.top / height_px),
                    static_cast<float>(entry.width / width_px), static_cast<float>(entry.height / height_px)};
    object.box = clip(whole);
    object.label = entry.label;
    object.confidence = 1;
    object.track_id = entry.id;
    object.model = "truth";
    const auto add = [&](std::string name, std::string value) {
      object.attributes.push_back(
          {.name = std::move(name), .label = std::move(value), .confidence = 1, .model = "truth"});
    };
    add("visible", fmt::format("{:.4f}", entry.visible));
    add("in_frame", fmt::format("{:.4f}", object.box.area() / whole.area()));
    if (entry.ignore) {
      add("ignore", "true");
    }
    analysis.objects.push_back(std::move(object));
  }
  return analysis;
}

}  // namespace fovea::assess
