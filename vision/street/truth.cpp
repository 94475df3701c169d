// What can be seen of each thing, counted in the id buffer.
#include <fmt/format.h>

#include "vision/street/pixel_loops.hpp"
#include "vision/street/stage.hpp"
#include "vision/street/surface.hpp"

namespace fovea {
namespace street {
namespace {

struct Seen {
  long pixels = 0;
  Rect area;  ///< In canvas pixels.
};

Seen look_for(const Canvas& canvas, std::uint16_t slot, const Rect& where) {
  Seen seen{0, {where.x1, where.y1, where.x0, where.y0}};
  for (int y = where.y0; y < where.y1 && !where.empty(); ++y) {
    const std::uint16_t* row = canvas.id.data() + canvas.at(0, y);
    const auto count = count_ids(row + where.x0, where.x1 - where.x0, slot);
    if (count == 0) {
      continue;
    }
    seen.pixels += count;
    int left = where.x0;
    while (row[left] != slot) {
      ++left;
    }
    int right = where.x1;
    while (row[right - 1] != slot) {
      --right;
    }
    seen.area = {std::min(seen.area.x0, left), std::min(seen.area.y0, y), std::max(seen.area.x1, right),
                 std::max(seen.area.y1, y + 1)};
  }
  return seen;
}

/// Normalised to the window.
Box to_box(double left, double top, double right, double bottom, const Rect& window) {
  const double width = window.x1 - window.x0;
  const double height = window.y1 - window.y0;
  return {static_cast<float>((left - window.x0) / width), static_cast<float>((top - window.y0) / height),
          static_cast<float>((right - left) / width), static_cast<float>((bottom - top) / height)};
}

void describe(const Item& item, StreetObject& object) {
  object.label = kStreetClasses[item.kind];
  if (item.kind == kCar || item.kind == kTruck) {
    const VehicleLook& look = item.thing != nullptr ? item.thing->vehicle : item.vehicle->look;
    object.color = vehicle_color(look.color).name;
    object.type = size_of(look.shape).type;
    object.shape = size_of(look.shape).name;
  } else if (item.kind == kPerson) {
    object.type = item.walker->look.child ? "child" : "adult";
  } else {
    object.type = "cyclist";
  }
}

}  // namespace

std::vector<StreetObject> Stage::truth() const {
  std::vector<StreetObject> objects;
  const auto add = [&](const Item& item) {
    const Seen seen = look_for(canvas_, item.slot, intersection(item.reach, window_));
    if (seen.pixels == 0) {
      return;
    }
    const Extent& e = item.extent;
    // Pixels are marked from a third of coverage on, so that the outermost ones may reach beyond the exact extent.
    const double left = std::min(std::max<double>(e.left, window_.x0), static_cast<double>(seen.area.x0));
    const double top = std::min(std::max<double>(e.top, window_.y0), static_cast<double>(seen.area.y0));
    const double right = std::max(std::min<double>(e.right, window_.x1), static_cast<double>(seen.area.x1));
    const double bottom = std::max(std::min<double>(e.bottom, window_.y1), static_cast<double>(seen.area.y1));
    StreetObject object;
    object.id = item.id;
    object.box = to_box(left, top, right, bottom, window_);
    object.visible_box = to_box(seen.area.x0, seen.area.y0, seen.area.x1, seen.area.y1, window_);
    object.visible = static_cast<float>(static_cast<double>(seen.pixels) /
                                        static_cast<double>(std::max(item.drawn_pixels, seen.pixels)));
    object.in_frame = static_cast<float>(
        std::min(1.0, (right - left) * (bottom - top) / std::max(1.0, (e.right - e.left) * (e.bottom - e.top))));
    object.distance_m = static_cast<float>(item.footprint.distance);
    describe(item, object);
    objects.push_back(object);
  };
  std::ranges::for_each(parked_, add);
  std::ranges::for_each(items_, add);
  std::ranges::stable_sort(objects, [](const StreetObject& a, const StreetObject& b) {
    return a.distance_m != b.distance_m ? a.distance_m < b.distance_m : a.id < b.id;
  });
  return objects;
}

}  // namespace street

FrameAnalysis to_analysis(const StreetTruth& truth) {
  constexpr std::array<std::string_view, 4> kLabels = {"person", "cyclist", "car", "truck"};
  FrameAnalysis analysis;
  analysis.width_px = truth.width_px;
  analysis.height_px = truth.height_px;
  analysis.inferred = true;
  analysis.attributes.push_back(
      {.name = "light", .label = std::string(to_string(truth.light)), .confidence = 1, .model = "truth"});
  for (const StreetObject& seen : truth.objects) {
    Object object;
    object.box = seen.box;
    object.label = seen.label;
    object.label_id = static_cast<int>(std::ranges::find(kLabels, seen.label) - kLabels.begin());
    object.confidence = 1;
    object.track_id = seen.id;
    object.model = "truth";
    const auto add = [&](std::string name, std::string label) {
      object.attributes.push_back(
          {.name = std::move(name), .label = std::move(label), .confidence = 1, .model = "truth"});
    };
    if (!seen.color.empty()) {
      add("color", std::string(seen.color));
    }
    add("type", std::string(seen.type));
    add("visible", fmt::format("{:.2f}", seen.visible));
    add("in_frame", fmt::format("{:.2f}", seen.in_frame));
    add("visible_box", fmt::format("{:.5f},{:.5f},{:.5f},{:.5f}", seen.visible_box.x, seen.visible_box.y,
                                   seen.visible_box.width, seen.visible_box.height));
    analysis.objects.push_back(std::move(object));
  }
  return analysis;
}

}  // namespace fovea
