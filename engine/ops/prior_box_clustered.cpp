// PriorBoxClustered: boxes of given widths and heights around every cell of a feature map, and their variances. Inputs
// are the extents [height, width] of the feature map and of the image.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/prior-box-clustered-1.html

#include "engine/ops/op_def.hpp"
#include "engine/ops/prior_cell.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::vector<double> width;
  std::vector<double> height;
  bool clip = false;
  double step = 0;
  double step_w = 0;
  double step_h = 0;
  double offset = 0;
  std::vector<double> variance;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("width", width);
    visit("height", height);
    visit("clip", clip);
    visit("step", step);
    visit("step_w", step_w);
    visit("step_h", step_h);
    visit("offset", offset);
    visit("variance", variance);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  if (attributes.width.size() != attributes.height.size()) {
    fail(ErrorCode::kInvalidModel, "width and height have {} and {} values, expected as many", attributes.width.size(),
         attributes.height.size());
  }
  return infer_cells(inputs, attributes.width.size(), attributes.variance.size());
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  CellGrid grid = read_grid(to_ints(inputs[0]), to_ints(inputs[1]));
  grid.step_x = attributes.step_w != 0 ? attributes.step_w : attributes.step;
  grid.step_y = attributes.step_h != 0 ? attributes.step_h : attributes.step;
  if (grid.step_x == 0 && grid.step_y == 0) {
    grid.step_x = static_cast<double>(grid.image_width) / static_cast<double>(grid.layer_width);
    grid.step_y = static_cast<double>(grid.image_height) / static_cast<double>(grid.layer_height);
  }
  grid.offset = attributes.offset;
  grid.clip = attributes.clip;
  std::vector<CellBox> boxes;
  for (std::size_t i = 0; i < attributes.width.size(); ++i) {
    boxes.push_back({.half_width = attributes.width[i] / 2, .half_height = attributes.height[i] / 2});
  }
  fill_cells(grid, boxes, attributes.variance, outputs[0]);
}

}  // namespace

extern const OpDef prior_box_clustered;
const OpDef prior_box_clustered{
    .name = "PriorBoxClustered",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "prior-box-clustered-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "PriorBoxClustered", .versions = {1}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
