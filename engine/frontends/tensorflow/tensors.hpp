// TensorFlow's element types, shapes and constants as ours.
#pragma once

#include <string>

#include "engine/frontends/tensorflow/tensorflow.pb.h"
#include "engine/graph/tensor.hpp"

namespace fovea::tensorflow {

/// Number of a string tensor's type, which has no counterpart here.
inline constexpr int kStringType = 7;

/// \param type  A number of TensorFlow's DataType; reference types (number + 100) count as the type itself.
/// \throws Error{kUnsupported} for types without a counterpart.
DataType element_type(int type, const std::string& where);

/// Unknown extents become kDynamic where allowed. \throws Error{kInvalidModel}.
Shape to_shape(const TensorShapeProto& shape, const std::string& where, bool allow_dynamic = false);

/// \throws Error{kInvalidModel} when shape and content disagree.
Tensor to_tensor(const TensorProto& tensor, const std::string& where);

}  // namespace fovea::tensorflow
