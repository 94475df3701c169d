// ONNX normalisations.
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// A list [C] as [1,C,1,…], so that it belongs to axis 1 of a tensor of this rank.
ValueId along_channels(NodeContext& node, ValueId list, std::size_t rank) {
  Shape shape(rank, 1);
  shape.at(1) = node.rank(list) == 1 ? node.shape(list)[0] : kDynamic;
  if (shape[1] == kDynamic) {
    node.invalid(fmt::format("has a channel parameter {}, expected one axis", to_string(node.shape(list))));
  }
  return node.reshape(list, shape);
}

}  // namespace

Values convert_batch_normalization(NodeContext& node) {
  if (node.flag("training_mode", false)) {
    node.unsupported("is in training mode; export the model for inference");
  }
  if (node.opset() < 9 && !node.flag("spatial", true)) {
    node.unsupported("has spatial=0: statistics per element are not supported");
  }
  const ValueId x = node.input(0);
  Values inputs = {x};
  for (std::size_t i = 1; i < 5; ++i) {
    inputs.push_back(node.convert(node.input(i), node.data_type(x)));
  }
  return {node.add("BatchNormInference", inputs, {{"epsilon", node.real("epsilon", 1e-5)}})};
}

Values convert_instance_normalization(NodeContext& node) {
  const ValueId x = node.input(0);
  const std::size_t rank = node.rank(x);
  if (rank < 3) {
    node.invalid(fmt::format("has data {}, expected rank 3 or more", to_string(node.shape(x))));
  }
  const ValueId normal =
      node.add("MVN", {x, node.integer_list(NodeContext::all_axes(rank, 2))},
               {{"normalize_variance", true}, {"eps", node.real("epsilon", 1e-5)}, {"eps_mode", "inside_sqrt"}});
  const ValueId scaled = node.add("Multiply", {normal, along_channels(node, node.input(1), rank)});
  return {node.add("Add", {scaled, along_channels(node, node.input(2), rank)})};
}

Values convert_lrn(NodeContext& node) {
  return {node.add("LRN", {node.input(0), node.integer_list({1})},
                   {{"alpha", node.real("alpha", 0.0001)},
                    {"beta", node.real("beta", 0.75)},
                    {"bias", node.real("bias", 1)},
                    {"size", node.integer("size", 1)}})};
}

Values convert_mean_variance_normalization(NodeContext& node) {
  const ValueId x = node.input(0);
  std::vector<std::int64_t> axes = node.integers("axes");
  if (axes.empty()) {
    axes = {0, 2, 3};
  }
  // The specification writes X − mean over sqrt(variance) without a guard; this one is below f32's resolution.
  return {node.add("MVN", {x, node.integer_list(axes)},
                   {{"normalize_variance", true}, {"eps", 1e-9}, {"eps_mode", "outside_sqrt"}})};
}

Values convert_lp_normalization(NodeContext& node) {
  const ValueId x = node.input(0);
  const std::int64_t axis = node.normal_axis(node.integer("axis", -1), node.rank(x));
  const std::string_view reduce = node.integer("p", 2) == 1 ? "ReduceL1" : "ReduceL2";
  return {node.add("Divide", {x, node.add(reduce, {x, node.integer_list({axis})}, {{"keep_dims", true}})})};
}

Values convert_layer_normalization(NodeContext& node) {
  const ValueId given = node.input(0);
  const DataType type = node.data_type(given);
  const std::size_t rank = node.rank(given);
  const std::int64_t first = node.normal_axis(node.integer("axis", -1), rank);
  const ValueId axes = node.integer_list(NodeContext::all_axes(rank, first));
  const ValueId x = given;
  if (!node.wants_output(1) && !node.wants_output(2)) {
    ValueId normal =
        node.add("MVN", {x, axes},
                 {{"normalize_variance", true}, {"eps", node.real("epsilon", 1e-5)}, {"eps_mode", "inside_sqrt"}});
    normal = node.add("Multiply", {normal, node.input(1)});
    return {node.has_input(2) ? node.add("Add", {normal, node.input(2)}) : normal};
  }
  const ValueId mean = node.add("ReduceMean", {x, axes}, {{"keep_dims", true}});
  const ValueId centred = node.add("Subtract", {x, mean});
  const ValueId variance =
      node.add("ReduceMean", {node.add("Multiply", {centred, centred}), axes}, {{"keep_dims", true}});
  const ValueId deviation = node.add("Sqrt", {add_number(node, variance, node.real("epsilon", 1e-5))});
  const ValueId inverse = node.add("Divide", {node.scalar(type, 1), deviation});
  ValueId normal = node.add("Multiply", {node.add("Multiply", {centred, inverse}), node.input(1)});
  normal = node.has_input(2) ? node.add("Add", {normal, node.input(2)}) : normal;
  return {normal, mean, inverse};
}

}  // namespace fovea::onnx
