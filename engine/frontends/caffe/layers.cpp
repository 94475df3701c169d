#include "engine/frontends/caffe/layers.hpp"

#include "engine/ops/shapes.hpp"

namespace fovea::caffe {

ValueId LayerContext::bottom(std::size_t i) const {
  if (i >= bottoms.size()) {
    fail(ErrorCode::kInvalidModel, "has {} bottom blobs, expected at least {}", bottoms.size(), i + 1);
  }
  return bottoms[i];
}

const Tensor& LayerContext::blob(std::size_t i, std::string_view what) const {
  if (i >= weights.size()) {
    fail(ErrorCode::kInvalidModel, "the weights file has {} blobs for this layer, blob {} ({}) is missing",
         weights.size(), i, what);
  }
  return weights[i];
}

Tensor LayerContext::blob(std::size_t i, const Shape& shape, std::string_view what) const {
  const Tensor& tensor = blob(i, what);
  if (tensor.size() != element_count(shape)) {
    fail(ErrorCode::kInvalidModel, "blob {} ({}) is {}, expected {}", i, what, to_string(tensor.shape()),
         to_string(shape));
  }
  return tensor.reshaped(shape);
}

std::size_t LayerContext::axis(std::int64_t axis_given, std::string_view what) const {
  return ops::normalize_axis(axis_given, graph.rank(bottom()), what);
}

std::string LayerContext::name(std::string_view part) const {
  const std::string& own = layer.name().empty() ? layer.type() : layer.name();  // names are optional
  return part.empty() ? own : fmt::format("{}/{}", own, part);
}

ValueId LayerContext::constant(std::string_view part, Tensor tensor) const {
  return graph.constant(name(part), std::move(tensor));
}

ValueId LayerContext::add_bias(ValueId value, const Tensor& bias, std::size_t at, const std::string& node) const {
  Shape shape(graph.rank(value), 1);
  shape.at(at) = static_cast<std::int64_t>(bias.size());
  return graph.add("Add", node, {value, constant("bias", bias.reshaped(shape))});
}

const Converters& all_converters() {
  static const Converters kConverters = [] {
    Converters converters;
    add_window_layers(converters);
    add_elementwise_layers(converters);
    add_shape_layers(converters);
    return converters;
  }();
  return kConverters;
}

Converter find_converter(std::string_view type) {
  const auto found = all_converters().find(type);
  return found == all_converters().end() ? nullptr : found->second;
}

}  // namespace fovea::caffe
