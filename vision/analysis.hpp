// FrameAnalysis: what is known about one frame. The product of the chain, carried as buffer meta and published.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/tensor.hpp"
#include "vision/geometry.hpp"

namespace fovea {

/// A named property of an object or frame, from a classifier: colour "red" with confidence 0.9.
struct Attribute {
  std::string name;   ///< "color", "type", "age", …
  std::string label;  ///< Text of the value; for numbers the formatted number.
  int label_id = -1;  ///< Index into the labels; -1 for numbers and texts.
  float confidence = 0;
  std::string model;  ///< Name of the model that said so.
};

/// A named point on an object.
struct Keypoint {
  std::string name;  ///< May be empty.
  Point position;    ///< Normalised frame coordinates.
  float confidence = 1;
};

/// A raw output kept for those who want the numbers (embeddings, raw_data_copy).
struct NamedTensor {
  std::string name;  ///< Output name.
  std::string model;
  Tensor tensor;
};

/// One detected or tracked thing.
struct Object {
  Box box;
  std::string label;
  int label_id = -1;
  float confidence = 0;
  std::optional<std::uint64_t> track_id;  ///< Set by fvtrack; unique within a stream's life.
  bool predicted = false;                 ///< Box extrapolated by the tracker; no detection in this frame.
  std::string model;                      ///< Detector's name.
  std::vector<Attribute> attributes;
  std::vector<Keypoint> keypoints;
  std::vector<NamedTensor> tensors;
};

/// A semantic mask: one class index per cell, row-major, covering `region` of the frame.
struct SegmentationMask {
  int width = 0;  ///< Cells.
  int height = 0;
  Box region{0, 0, 1, 1};
  std::shared_ptr<const std::vector<std::uint8_t>> classes;  ///< width·height entries.
  std::vector<std::string> labels;                           ///< By class index; may be empty.
  std::string model;
};

/// Which model took part, for consumers who must know what produced a result.
struct ModelUse {
  std::string name;
  std::string hash;  ///< Content hash of the model file, hex.
  std::string device;
};

/// Time one stage took for this frame.
struct StageLatency {
  std::string stage;                 ///< Element name.
  std::chrono::nanoseconds wait{0};  ///< In the scheduler's queue.
  std::chrono::nanoseconds work{0};  ///< Preprocess, inference and decoding.
};

struct FrameAnalysis {
  int width_px = 0;
  int height_px = 0;
  bool inferred = false;  ///< A detector looked at this very frame (false: interval, overload, failure).
  std::vector<Object> objects;
  std::vector<Attribute> attributes;  ///< Of the whole frame.
  std::vector<SegmentationMask> masks;
  std::vector<NamedTensor> tensors;  ///< Of the whole frame.
  std::vector<ModelUse> models;
  std::vector<StageLatency> latency;
};

}  // namespace fovea
