// How a model is fed and read, step by step, each with who said so; and the picture as the network sees it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/graph/model.hpp"
#include "vision/image_file.hpp"
#include "vision/model_spec.hpp"
#include "vision/preprocess.hpp"

namespace fovea::tools {

/// The steps from a frame to results. The same model and description always give the same text.
struct Plan {
  std::vector<std::string> lines;            ///< For people, without line ends.
  std::optional<PreProcessSpec> preprocess;  ///< nullopt: the model cannot be fed a picture.
  bool complete = true;                      ///< False: `lines` say what is wrong or missing.
};

/// \param spec  As resolved, with a task where the caller knows one.
Plan explain_plan(const Model& model, const ModelSpec& spec);

/// A picture after preprocessing.
struct SeenPicture {
  Image image;                     ///< Of the network's size.
  std::vector<std::string> lines;  ///< Where the picture lies in it and which values the network reads.
};

/// Runs the preprocessing and turns its values back into pixels: times scale, plus mean, rounded and clamped to 8 bit,
/// colours in the order files have. What 8 bit cannot hold (fractions from interpolation) is lost.
SeenPicture see_picture(const PreProcessSpec& spec, const Image& picture);

}  // namespace fovea::tools
