#include "engine/ops/variables.hpp"

#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

constexpr std::size_t kMaxRank = 16;

Shape parse_shape(const std::string& text) {
  Shape shape;
  for (const std::string& extent : split(text, ',')) {
    const bool open = extent == "?" || extent == "-1" || extent.find("..") != std::string::npos;
    const auto number = open ? std::optional(kDynamic) : parse_int(extent);
    if (!number || extent == "..." || shape.size() == kMaxRank) {
      fail(ErrorCode::kInvalidModel, "variable_shape is '{}', expected at most {} extents", text.substr(0, 80),
           kMaxRank);
    }
    check_range(*number, kDynamic, kMaxAttribute, "an extent of variable_shape");
    shape.push_back(*number);
  }
  return shape;
}

}  // namespace

TensorType variable_type(const VariableAttributes& attributes, const TensorType* first) {
  if (attributes.variable_id.empty()) {
    fail(ErrorCode::kInvalidModel, "variable_id is empty, expected a name");
  }
  TensorType type = first == nullptr ? TensorType{} : *first;
  if (const std::string& text = attributes.variable_type; !text.empty() && text != "dynamic") {
    const auto parsed = parse_data_type(text);
    if (!parsed) {
      fail(ErrorCode::kInvalidModel, "variable_type is '{}', expected an element type", text.substr(0, 80));
    }
    type.data_type = *parsed;
  } else if (first == nullptr) {
    fail(ErrorCode::kInvalidModel, "variable '{}' has no first value, so it needs a variable_type",
         attributes.variable_id);
  }
  if (!attributes.variable_shape.empty()) {
    type.shape = parse_shape(attributes.variable_shape);
  }
  if (first != nullptr && (first->data_type != type.data_type || !shape_fits(type.shape, first->shape))) {
    fail(ErrorCode::kInvalidModel, "variable '{}' is {}, its first value {}", attributes.variable_id, to_string(type),
         to_string(*first));
  }
  return type;
}

}  // namespace fovea::ops
