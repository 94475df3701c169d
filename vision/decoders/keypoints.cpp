// keypoints: a regression of K points, [1,2K] or [1,2K,1,1] = x0, y0, x1, y1, … normalised to the network's input.
// https://docs.openvino.ai/2023.3/omz_models_model_landmarks_regression_retail_0009.html

#include <cmath>

#include "engine/base/error.hpp"
#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

bool suits(const Shape& shape) { return is_vector(shape) && element_count(shape) % 2 == 0; }

class Keypoints : public PostProcess {
 public:
  Keypoints(std::string output, std::vector<std::string> names)
      : output_(std::move(output)), names_(std::move(names)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const std::vector<double> values = to_doubles(view_of(output_, outputs));
    for (std::size_t i = 0; 2 * i + 1 < values.size(); ++i) {
      const Point point{static_cast<float>(values[2 * i]), static_cast<float>(values[2 * i + 1])};
      if (std::isfinite(point.x) && std::isfinite(point.y)) {
        decoded.keypoints.push_back(
            {.name = label_text(names_, static_cast<int>(i)), .position = context.mapping.to_frame(point)});
      }
    }
  }

 private:
  std::string output_;
  std::vector<std::string> names_;
};

bool fits(const ModelSpec& /*spec*/, std::span<const OutputInfo> /*outputs*/) { return false; }

std::unique_ptr<PostProcess> make(const ModelSpec& /*spec*/, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("keypoints", output, outputs, suits, "[1,2K] or [1,2K,1,1]");
  const std::size_t points = element_count(info.type.shape) / 2;
  if (!output.point_names.empty() && output.point_names.size() != points) {
    fail(ErrorCode::kInvalidConfig, "decoder 'keypoints': {} point names for the {} points of '{}' {}",
         output.point_names.size(), points, info.name, to_string(info.type));
  }
  return std::make_unique<Keypoints>(info.name, output.point_names);
}

}  // namespace

extern const DecoderDef keypoints;
const DecoderDef keypoints{.name = "keypoints",
                           .summary = "Points [1,2K] or [1,2K,1,1], normalised to the network's input",
                           .aliases = {"landmarks"},
                           .fits = fits,
                           .make = make};

}  // namespace fovea::decoders
