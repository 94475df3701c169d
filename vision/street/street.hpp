// A synthetic street seen by a camera, with the exact truth of every frame: the embedded camera of demos, tests and
// training.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "vision/analysis.hpp"
#include "vision/frame_view.hpp"
#include "vision/geometry.hpp"

namespace fovea {

enum class StreetLight : std::uint8_t { kMixed, kDay, kDusk, kNight, kRain };

/// "mixed", "day", "dusk", "night", "rain".
std::string_view to_string(StreetLight light);
std::optional<StreetLight> parse_street_light(std::string_view name);

struct StreetSettings {
  std::uint64_t seed = 0;                   ///< Decides the whole scene: buildings, camera pose, traffic, noise.
  int width_px = 1280;                      ///< 16…4096.
  int height_px = 720;                      ///< 16…4096.
  double fps = 30;                          ///< Frames a second of street time, 1…240.
  StreetLight light = StreetLight::kMixed;  ///< kMixed: the seed chooses one of the others.
  double density = 0.5;                     ///< 0 (empty) … 1 (rush hour).
  double camera_shake = 0.3;                ///< 0 … 1; 1 moves the picture by up to 0.4 % of its height.
};

/// Semantic classes of the mask, by index.
inline constexpr std::array<std::string_view, 14> kStreetClasses = {
    "void",       "road", "mark",      "pavement", "terrain", "building", "sky",
    "vegetation", "pole", "furniture", "person",   "cyclist", "car",      "truck"};

/// One thing seen in a frame. Texts live as long as the process.
struct StreetObject {
  std::uint64_t id = 0;    ///< Unique in the street's life and stable over frames.
  std::string_view label;  ///< "person", "cyclist", "car", "truck".
  std::string_view color;  ///< Vehicles: "white", "gray", "black", "red", "blue", "green", "yellow", "brown"; else "".
  std::string_view type;   ///< "car", "van", "truck"; "adult", "child"; "cyclist".
  std::string_view shape;  ///< Vehicles: "sedan", "hatchback", "estate", "suv", "van", "box", "tipper", "trailer".
  Box box;                 ///< Full projected extent, hidden parts included, clipped to the frame: what to detect.
  Box visible_box;         ///< Extent of the pixels that show it.
  float visible = 0;       ///< Pixels that show it over pixels it would fill in the frame if nothing hid it, in (0, 1].
  float in_frame = 0;      ///< Area of `box` over the area of the extent before clipping, in (0, 1].
  float distance_m = 0;    ///< From the camera to the middle of its footprint.
};

struct StreetTruth {
  std::uint64_t frame = 0;
  StreetLight light = StreetLight::kDay;  ///< Never kMixed.
  int width_px = 0;
  int height_px = 0;
  std::vector<StreetObject> objects;  ///< Those with at least one visible pixel, nearest first.
};

/// The truth as an analysis: label_id indexes person, cyclist, car, truck; track_id is the id; attributes "color",
/// "type", "visible", "in_frame" and "visible_box" ("x,y,width,height", normalised).
FrameAnalysis to_analysis(const StreetTruth& truth);

/// Renders the street. The same settings give the same bits on every machine and for every sequence of calls.
/// Not thread-safe; different objects are independent. Constructing draws the scene once (about half a second for
/// 1280x720).
class Street {
 public:
  /// \throws Error{kInvalidArgument} naming a setting outside its range.
  explicit Street(const StreetSettings& settings);
  ~Street();
  Street(const Street&) = delete;
  Street& operator=(const Street&) = delete;

  /// Draws frame `number` (0 is the first) into a BGR, NV12 or I420 picture of the settings' size. Frames that were
  /// left out are simulated without drawing, about 20 µs each. YUV follows the view's matrix and range. \throws
  /// Error{kInvalidArgument} for a number below an earlier one, another size or format.
  void render(std::uint64_t number, const MutableFrameView& frame);

  /// Of the frame last rendered. Valid until the next render().
  [[nodiscard]] const StreetTruth& truth() const;

  /// Semantic classes of the frame last rendered, one cell for `divisor`² pixels, taken at the cell's middle.
  /// \param divisor  1…64.
  [[nodiscard]] SegmentationMask mask(int divisor) const;

  [[nodiscard]] const StreetSettings& settings() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
