#include "engine/ops/mvn.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {

std::vector<std::size_t> mvn_axes(const MvnAttributes& attributes, std::size_t rank,
                                  const std::vector<std::int64_t>* axes) {
  if (attributes.opset >= 6) {
    if (axes == nullptr) {
      fail(ErrorCode::kInvalidModel, "the axes input is missing");
    }
    return normalize_axes(*axes, rank);
  }
  if (!attributes.reduction_axes.empty()) {
    return normalize_axes(attributes.reduction_axes, rank, "reduction_axes");
  }
  std::vector<std::size_t> result;
  for (std::size_t i = attributes.across_channels ? 1 : 2; i < rank; ++i) {
    result.push_back(i);
  }
  return result;
}

}  // namespace fovea::ops
