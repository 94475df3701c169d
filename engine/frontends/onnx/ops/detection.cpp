// ONNX operators on regions and sampling positions.
#include "engine/base/text.hpp"
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {

Values convert_non_max_suppression(NodeContext& node) {
  const auto single = [&](std::size_t i, DataType type) {
    return node.has_input(i) ? node.convert(node.reshape(node.input(i), {}), type) : node.scalar(type, 0);
  };
  // Without a score threshold every box takes part, also one with a negative score.
  const ValueId least = node.has_input(4) ? single(4, DataType::kF32) : node.scalar(DataType::kF32, -3.4e38);
  const bool center = node.integer("center_point_box", 0) == 1;
  return {node.add_node("NonMaxSuppression",
                        {node.input(0), node.input(1), single(2, DataType::kI64), single(3, DataType::kF32), least},
                        {{"box_encoding", center ? "center" : "corner"},
                         {"sort_result_descending", false},
                         {"output_type", DataType::kI64}},
                        {.outputs = 3})
              .front()};
}

Values convert_roi_align(NodeContext& node) {
  // Until opset 16 regions were not shifted by half a pixel.
  const std::string mode =
      node.text("coordinate_transformation_mode", node.opset() < 16 ? "output_half_pixel" : "half_pixel");
  if (mode != "half_pixel" && mode != "output_half_pixel") {
    node.invalid(
        fmt::format("has coordinate_transformation_mode '{}', expected half_pixel or output_half_pixel", mode));
  }
  const std::string pool = node.text("mode", "avg");
  if (pool == "max") {
    node.unsupported("has mode max, whose samples ONNX weights before taking the largest");
  }
  // ONNX's half_pixel shifts the scaled region by half a pixel, which ours calls half_pixel_for_nn.
  return {node.add("ROIAlign", {node.input(0), node.input(1), node.input(2)},
                   {{"pooled_h", node.integer("output_height", 1)},
                    {"pooled_w", node.integer("output_width", 1)},
                    {"sampling_ratio", node.integer("sampling_ratio", 0)},
                    {"spatial_scale", node.real("spatial_scale", 1)},
                    {"mode", pool},
                    {"aligned_mode", mode == "half_pixel" ? "half_pixel_for_nn" : "asymmetric"}})};
}

Values convert_grid_sample(NodeContext& node) {
  std::string mode = to_lower(node.text("mode", "bilinear"));
  mode = mode == "linear" ? "bilinear" : mode == "cubic" ? "bicubic" : mode;
  return {node.add("GridSample", {node.input(0), node.input(1)},
                   {{"align_corners", node.flag("align_corners", false)},
                    {"mode", mode},
                    {"padding_mode", node.text("padding_mode", "zeros")}})};
}

}  // namespace fovea::onnx
