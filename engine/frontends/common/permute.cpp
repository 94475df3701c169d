#include "engine/frontends/common/permute.hpp"

#include <cstring>

namespace fovea::importer {

Tensor permuted(const Tensor& tensor, const Ints& order) {
  const Shape from = row_major_strides(tensor.shape());
  TensorType type{tensor.data_type(), {}};
  Shape strides;
  for (const std::int64_t axis : order) {
    type.shape.push_back(tensor.shape().at(static_cast<std::size_t>(axis)));
    strides.push_back(from.at(static_cast<std::size_t>(axis)));
  }
  Tensor result(type);
  const std::size_t width = size_of(type.data_type);
  const std::byte* source = tensor.bytes().data();
  std::byte* target = result.mutable_view().bytes;
  Shape index(order.size(), 0);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::memcpy(target + i * width, source + static_cast<std::size_t>(offset) * width, width);
    for (std::size_t axis = order.size(); axis-- > 0;) {
      offset += strides[axis];
      if (++index[axis] < type.shape[axis]) {
        break;
      }
      offset -= strides[axis] * type.shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace fovea::importer
