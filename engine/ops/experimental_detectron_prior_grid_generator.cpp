// ExperimentalDetectronPriorGridGenerator: prior boxes [P,4] moved to the centre of every cell of a grid as large as
// the features (input 1); cells are as large as the strides say, or as the image (input 2) divided by the grid.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/experimental-detectron-prior-grid-generator-6.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool flatten = true;
  std::int64_t h = 0;  ///< Grid; 0: as the features.
  std::int64_t w = 0;
  double stride_x = 0;  ///< Of a cell in pixels; 0: from the image.
  double stride_y = 0;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("flatten", flatten);
    visit("h", h);
    visit("w", w);
    visit("stride_x", stride_x);
    visit("stride_y", stride_y);
  }
  bool operator==(const Attributes&) const = default;
};

/// Rows and columns of the grid.
std::array<std::int64_t, 2> grid_of(const Attributes& attributes, const Shape& features) {
  return {attributes.h > 0 ? attributes.h : features[2], attributes.w > 0 ? attributes.w : features[3]};
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& priors = inputs[0].type.shape;
  check_rank(priors, 2, 2, "priors");
  check_rank(inputs[1].type.shape, 4, 4, "features");
  check_rank(inputs[2].type.shape, 4, 4, "the image");
  check_range(attributes.h, 0, kMaxAttribute, "h");
  check_range(attributes.w, 0, kMaxAttribute, "w");
  if (!extents_agree(priors[1], 4)) {
    fail(ErrorCode::kInvalidModel, "priors are {}, expected [P,4]", to_string(priors));
  }
  const auto [rows, columns] = grid_of(attributes, inputs[1].type.shape);
  if (attributes.flatten) {
    return {{inputs[0].type.data_type, {multiply_extents(multiply_extents(rows, columns), priors[0]), 4}}};
  }
  return {{inputs[0].type.data_type, {rows, columns, priors[0], 4}}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const Shape& image = inputs[2].shape();
  const auto [rows, columns] = grid_of(attributes, inputs[1].shape());
  const double width =
      attributes.stride_x > 0 ? attributes.stride_x : static_cast<double>(image[3]) / static_cast<double>(columns);
  const double height =
      attributes.stride_y > 0 ? attributes.stride_y : static_cast<double>(image[2]) / static_cast<double>(rows);
  const std::vector<double> priors = to_doubles(inputs[0]);
  std::vector<double> result;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      for (std::size_t i = 0; i < priors.size(); ++i) {
        const double centre =
            i % 2 == 0 ? (static_cast<double>(column) + 0.5) * width : (static_cast<double>(row) + 0.5) * height;
        result.push_back(priors[i] + centre);
      }
    }
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef experimental_detectron_prior_grid_generator;
const OpDef experimental_detectron_prior_grid_generator{
    .name = "ExperimentalDetectronPriorGridGenerator",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "experimental-detectron-prior-grid-generator-6.html",
    .inputs = {3, 3},
    .openvino = {.type = "ExperimentalDetectronPriorGridGenerator", .versions = {6}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
