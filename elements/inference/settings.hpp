// What the properties of the inference elements say, as plain values.
#pragma once

#include <cstdint>
#include <string>

#include "vision/region_planner.hpp"

namespace fovea {

/// What an inference element does with its model; one element type each.
enum class InferenceKind : std::uint8_t { kDetect, kClassify, kSegment, kInference };

/// When all in-flight credits are used up.
enum class Overflow : std::uint8_t {
  kAuto,           ///< skip-inference for live sources, block otherwise.
  kBlock,          ///< The streaming thread waits.
  kSkipInference,  ///< The frame goes on without inference.
};

struct InferenceSettings {
  InferenceKind kind = InferenceKind::kDetect;
  std::string element;  ///< Element name, for messages and latency records.
  std::string model;
  std::string model_proc;
  std::string model_spec;
  std::string model_instance_id;
  std::string device = "CPU";
  std::string config;  ///< KEY=VALUE,… for compiling.
  std::string labels;
  std::string labels_file;
  std::string object_class;
  InferenceRegion region = InferenceRegion::kFullFrame;
  unsigned nireq = 0;  ///< 0: as many as the device wants.
  unsigned interval = 1;
  unsigned reclassify_interval = 1;
  double threshold = -1;       ///< < 0: the model description's, else 0.5.
  unsigned max_in_flight = 0;  ///< Frames; 0: nireq + 1.
  Overflow overflow = Overflow::kAuto;
  unsigned latency_budget_ms = 0;  ///< 0: measured.
  bool keep_tensors = false;       ///< Also attach the raw outputs.
};

}  // namespace fovea
