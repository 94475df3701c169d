// segmentation: [1,C,H,W] scores (the largest wins), or class ids [1,1,H,W] or [1,H,W], become a mask.

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"
#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

/// A mask's cell is one byte.
constexpr std::int64_t kMaxClasses = 256;

bool suits(const Shape& shape) {
  if (shape.size() == 3) {
    return shape[0] == 1 && shape[1] > 1 && shape[2] > 1;
  }
  return shape.size() == 4 && shape[0] == 1 && shape[2] > 1 && shape[3] > 1;
}

struct Extent {
  std::size_t classes;  ///< 1: the values are class ids.
  std::size_t height;
  std::size_t width;
};

Extent extent_of(const Shape& shape) {
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(shape[i]); };
  return shape.size() == 3 ? Extent{1, at(1), at(2)} : Extent{at(1), at(2), at(3)};
}

/// Index of the largest of `classes` values that lie `cells` apart. NaN never wins.
void argmax(const float* scores, std::size_t classes, std::size_t cells, std::vector<std::uint8_t>& result) {
  std::vector<float> best(scores, scores + cells);
  for (float& value : best) {
    value = std::isnan(value) ? -INFINITY : value;
  }
  for (std::size_t c = 1; c < classes; ++c) {
    const float* plane = scores + c * cells;
    for (std::size_t i = 0; i < cells; ++i) {
      const bool better = plane[i] > best[i];
      best[i] = better ? plane[i] : best[i];
      result[i] = better ? static_cast<std::uint8_t>(c) : result[i];
    }
  }
}

class Segmentation : public PostProcess {
 public:
  Segmentation(std::string output, std::vector<std::string> labels, std::string model)
      : output_(std::move(output)), labels_(std::move(labels)), model_(std::move(model)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    const ConstTensorView& view = view_of(output_, outputs);
    const Extent extent = extent_of(view.shape());
    const std::size_t cells = extent.width * extent.height;
    auto classes = std::make_shared<std::vector<std::uint8_t>>(cells);
    if (extent.classes == 1) {
      const std::vector<double> ids = to_doubles(view);
      for (std::size_t i = 0; i < cells; ++i) {
        const double id = std::isnan(ids[i]) ? 0 : std::round(ids[i]);
        (*classes)[i] = static_cast<std::uint8_t>(std::clamp(id, 0.0, kMaxClasses - 1.0));
      }
    } else if (view.type.data_type == DataType::kF32) {
      argmax(view.data<float>().data(), extent.classes, cells, *classes);
    } else {
      const std::vector<double> scores = to_doubles(view);
      const std::vector<float> floats(scores.begin(), scores.end());
      argmax(floats.data(), extent.classes, cells, *classes);
    }
    decoded.masks.push_back({.width = static_cast<int>(extent.width),
                             .height = static_cast<int>(extent.height),
                             .region = context.mapping.to_frame(Box{0, 0, 1, 1}),
                             .classes = std::move(classes),
                             .labels = labels_,
                             .model = model_});
  }

 private:
  std::string output_;
  std::vector<std::string> labels_;
  std::string model_;
};

bool fits(const ModelSpec& spec, std::span<const OutputInfo> outputs) {
  return spec.task == "segment" && outputs.size() == 1 && suits(outputs[0].type.shape);
}

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("segmentation", output, outputs, suits, "[1,C,H,W], [1,1,H,W] or [1,H,W]");
  if (info.type.shape.size() == 4 && info.type.shape[1] > kMaxClasses) {
    fail(ErrorCode::kInvalidConfig, "decoder 'segmentation': output '{}' {} has more than {} classes", info.name,
         to_string(info.type), kMaxClasses);
  }
  return std::make_unique<Segmentation>(info.name, labels_of(spec, output), spec.name);
}

}  // namespace

extern const DecoderDef segmentation;
const DecoderDef segmentation{.name = "segmentation",
                              .summary = "Scores [1,C,H,W] or class ids [1,H,W] as a mask",
                              .aliases = {"semantic_mask", "semantic_segmentation", "Segmentation"},
                              .fits = fits,
                              .make = make};

}  // namespace fovea::decoders
