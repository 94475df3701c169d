// What the YOLO decoders without suppression in the network share: from candidates to objects.
#pragma once

#include <string>
#include <vector>

#include "vision/decoders/common.hpp"

namespace fovea::decoders {

/// A box by its centre, pixels of the network's input.
struct YoloCandidate {
  double confidence = 0;
  std::size_t label = 0;
  double center_x = 0;
  double center_y = 0;
  double width = 0;
  double height = 0;
};

/// What a decoder of this family keeps of its model.
struct YoloHead {
  YoloHead(std::string output, std::vector<std::string> labels, const ModelSpec& spec);

  /// Appends what is left of `candidates` after suppression. Suppression compares all pairs: of more than 1000
  /// candidates the most confident stay.
  void add_objects(std::vector<YoloCandidate> candidates, const DecodeContext& context, Decoded& decoded) const;

  std::string output;
  std::vector<std::string> labels;
  float max_iou;
  std::string model;
};

}  // namespace fovea::decoders
