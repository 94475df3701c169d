// What ReadValue and Assign share: the variable they name. Its content lives outside the graph: the runtime keeps it
// for each request and passes it in and out.
#pragma once

#include <string>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

struct VariableAttributes {
  std::string variable_id;
  std::string variable_type;   ///< ReadValue from opset 6 on; empty or "dynamic": that of the first input.
  std::string variable_shape;  ///< ReadValue from opset 6 on: "1,?,8"; empty: that of the first input, or a scalar's.
  int opset = 6;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("variable_id", variable_id);
    visit("variable_type", variable_type);
    visit("variable_shape", variable_shape);
  }
  bool operator==(const VariableAttributes&) const = default;
};

/// Type of the variable as the attributes and the first input (nullptr: none) say. Extents may be open.
/// \throws Error{kInvalidModel} for a variable without a name, for what is no type and no shape, and for an input that
///         does not fit.
TensorType variable_type(const VariableAttributes& attributes, const TensorType* first);

}  // namespace fovea::ops
