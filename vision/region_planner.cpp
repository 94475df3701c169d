#include "vision/region_planner.hpp"

#include <algorithm>
#include <iterator>

namespace fovea {
namespace {

/// Frames after which an unseen track's memory goes; tracks end far sooner.
constexpr std::uint64_t kForgetAfter = 300;

template <class T>
void append(std::vector<T>& target, std::vector<T> source) {
  target.insert(target.end(), std::make_move_iterator(source.begin()), std::make_move_iterator(source.end()));
}

}  // namespace

bool RegionPlanner::wanted(const Object& object) const {
  const Box visible = clip(object.box);
  const auto& classes = policy_.object_classes;
  return visible.area() > 0 && (classes.empty() || std::ranges::find(classes, object.label) != classes.end());
}

std::vector<RegionTask> RegionPlanner::plan(const FrameAnalysis& analysis, std::uint64_t frame) {
  if (policy_.region == InferenceRegion::kFullFrame) {
    return {RegionTask{}};
  }
  std::vector<RegionTask> tasks;
  for (std::size_t i = 0; i < analysis.objects.size(); ++i) {
    const Object& object = analysis.objects[i];
    if (!wanted(object)) {
      continue;
    }
    if (object.track_id) {
      const auto known = memory_.find(*object.track_id);
      const bool fresh = known != memory_.end() &&
                         (policy_.reclassify_interval == 0 ||
                          frame - known->second.looked_at < static_cast<std::uint64_t>(policy_.reclassify_interval));
      if (fresh) {
        continue;
      }
      memory_[*object.track_id].looked_at = frame;
      memory_[*object.track_id].last_seen = frame;
    }
    tasks.push_back({.region = clip(object.box), .object = i});
  }
  const auto limit = static_cast<std::size_t>(policy_.max_regions);
  if (tasks.size() > limit) {
    std::ranges::stable_sort(tasks, std::ranges::greater{},
                             [&](const RegionTask& task) { return analysis.objects[*task.object].confidence; });
    for (std::size_t i = limit; i < tasks.size(); ++i) {
      if (const auto id = analysis.objects[*tasks[i].object].track_id) {
        memory_.erase(*id);  // not looked at after all
      }
    }
    tasks.resize(limit);
  }
  return tasks;
}

void RegionPlanner::merge(FrameAnalysis& analysis, const RegionTask& task, Decoded decoded) {
  append(analysis.objects, std::move(decoded.objects));
  append(analysis.masks, std::move(decoded.masks));
  if (!task.object || *task.object >= analysis.objects.size()) {
    append(analysis.attributes, std::move(decoded.attributes));
    append(analysis.tensors, std::move(decoded.tensors));
    return;
  }
  Object& object = analysis.objects[*task.object];
  if (object.track_id) {
    Memory& memory = memory_[*object.track_id];
    memory.attributes = decoded.attributes;
  }
  append(object.attributes, std::move(decoded.attributes));
  append(object.keypoints, std::move(decoded.keypoints));
  append(object.tensors, std::move(decoded.tensors));
}

void RegionPlanner::recall(FrameAnalysis& analysis, std::uint64_t frame) {
  for (Object& object : analysis.objects) {
    const auto known = object.track_id ? memory_.find(*object.track_id) : memory_.end();
    if (known == memory_.end()) {
      continue;
    }
    known->second.last_seen = std::max(known->second.last_seen, frame);
    for (const Attribute& attribute : known->second.attributes) {
      const bool present = std::ranges::any_of(object.attributes, [&](const Attribute& own) {
        return own.name == attribute.name && own.model == attribute.model;
      });
      if (!present) {
        object.attributes.push_back(attribute);
      }
    }
  }
  std::erase_if(memory_, [&](const auto& entry) { return entry.second.last_seen + kForgetAfter < frame; });
}

}  // namespace fovea
