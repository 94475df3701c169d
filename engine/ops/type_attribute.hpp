// Operators that name an element type in an attribute, mostly that of their result.
#pragma once

#include <any>

#include "engine/graph/graph.hpp"

namespace fovea::ops {

/// OpDef::widen_attributes of an operator whose Attributes hold the type in `member`: a float type smaller than
/// `target` becomes `target`. \return whether it did.
template <class Attributes, DataType Attributes::*member>
bool widen_type_attribute(Node& node, DataType target) {
  DataType& type = std::any_cast<Attributes&>(node.attributes).*member;
  const bool narrow = is_float(type) && size_of(type) < size_of(target);
  type = narrow ? target : type;
  return narrow;
}

}  // namespace fovea::ops
