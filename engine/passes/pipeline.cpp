// The ordered list of standard passes, with the reason for the order.
#include <array>

#include "engine/passes/pass.hpp"

namespace fovea {

std::span<const Pass> standard_passes() {
  static constexpr std::array kPasses = {
      // First: every later pass sees one floating type and need not convert weights again.
      Pass{"widen_floats", widen_floats},
      // Before fusions: decompressed weights and dequantised weights become plain constants they can multiply into.
      Pass{"fold_constants", fold_constants},
      Pass{"remove_identities", remove_identities},
      // Before the fusions, which then look for additions and multiplications only.
      Pass{"canonicalise_arithmetic", canonicalise_arithmetic},
      // Before fuse_post_ops: a factor that went into the weights costs nothing, as a post-op it would.
      Pass{"fuse_scale_into_weights", fuse_scale_into_weights},
      Pass{"fuse_post_ops", fuse_post_ops},
  };
  return kPasses;
}

void check_static_inputs(const Graph& graph) {
  for (const GraphPort& port : graph.inputs) {
    if (!is_static(graph.value(port.value).type.shape)) {
      fail(ErrorCode::kInvalidModel, "input '{}' has the dynamic shape {}; give it one with reshape", port.name,
           to_string(graph.value(port.value).type.shape));
    }
  }
}

void optimise(Graph& graph) {
  check_static_inputs(graph);
  for (const Pass& pass : standard_passes()) {
    if (pass.run(graph)) {
      graph.compact();
      verify(graph);
    }
  }
}

}  // namespace fovea
