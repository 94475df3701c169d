#include "engine/frontends/onnx/onnx_ops.hpp"

#include <array>
#include <map>

namespace fovea::onnx {

// Operators that share a converter declare it again, which is legal.
#define FOVEA_ONNX_OP(name, domain, since, until, converter) \
  std::vector<ValueId> convert_##converter(NodeContext& node);
#include "engine/frontends/onnx/onnx_ops.inc"
#undef FOVEA_ONNX_OP

std::string_view to_string(Domain domain) { return domain == Domain::kOnnx ? "ai.onnx" : "com.microsoft"; }

std::span<const OnnxOp> all_onnx_ops() {
#define FOVEA_ONNX_OP(name, domain, since, until, converter) \
  OnnxOp{#name, Domain::domain, since, until, convert_##converter},
  static constexpr std::array kAll = {
#include "engine/frontends/onnx/onnx_ops.inc"
  };
#undef FOVEA_ONNX_OP
  return kAll;
}

const OnnxOp* find_onnx_op(std::string_view domain, std::string_view name) {
  static const auto kByName = [] {
    std::map<std::pair<std::string_view, std::string_view>, const OnnxOp*> map;
    for (const OnnxOp& op : all_onnx_ops()) {
      map.emplace(std::pair{to_string(op.domain), op.name}, &op);
    }
    return map;
  }();
  const auto found = kByName.find({domain.empty() ? to_string(Domain::kOnnx) : domain, name});
  return found == kByName.end() ? nullptr : found->second;
}

}  // namespace fovea::onnx
