#include "vision/picture_input.hpp"

#include <algorithm>

namespace fovea {

std::size_t find_picture_input(const std::vector<GraphPort>& inputs, const ModelSpec& spec) {
  if (!spec.input.input.empty()) {
    return find_port(inputs, spec.input.input, "input");
  }
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool extra = std::ranges::any_of(
        spec.extra_inputs, [&](const ExtraInput& input) { return find_port(inputs, input.input, "input") == i; });
    if (!extra) {
      rest.push_back(i);
    }
  }
  if (rest.size() != 1) {
    fail(ErrorCode::kUnsupported, "model '{}' has {} inputs its description does not explain, expected one picture",
         spec.name, rest.size());
  }
  return rest.front();
}

TensorLayout picture_layout(const GraphPort& input, const Shape& shape) {
  const auto channels = [](std::int64_t extent) { return extent == 1 || extent == 3; };
  const bool guess = input.layout.empty() && shape.size() == 4 && !channels(shape[1]) && channels(shape[3]);
  return input.layout == "NHWC" || guess ? TensorLayout::kNhwc : TensorLayout::kNchw;
}

}  // namespace fovea
