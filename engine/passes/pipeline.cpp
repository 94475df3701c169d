// The ordered lists of passes, with the reasons for the order.
#include <array>

#include "engine/passes/pass.hpp"
#include "engine/passes/portable.hpp"

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

std::span<const Pass> portable_passes() {
  static constexpr std::array kPasses = {
      // First: weights stored as f16 become plain f32 constants that fusions can multiply into.
      Pass{"widen_floats", widen_floats, "16-bit floats became f32"},
      Pass{"fold_constants", fold_portable_constants, "computed from constants only"},
      Pass{"remove_identities", remove_identities, "returned the input unchanged"},
      // Before the fusions, which then look for additions and multiplications only.
      Pass{"canonicalise_arithmetic", canonicalise_arithmetic, "subtractions and divisions by constants"},
      Pass{"decompose_batch_norm", decompose_batch_norm, "batch normalisations became factor and shift"},
      // Before the fusions of neighbours, which Transposes keep apart.
      Pass{"sink_transposes", sink_transposes, "transpositions cancelled each other"},
      // Before fuse_affine, which then scales the weights of one convolution instead of many.
      Pass{"merge_group_convolutions", merge_group_convolutions, "convolutions on parts became a grouped one"},
      Pass{"fuse_affine", fuse_affine, "factors and shifts went into convolutions"},
      // After fuse_affine: what it left standing (a shift before padding) is moved out of the way.
      Pass{"fuse_channel_order", fuse_channel_order, "channel orders went into weights"},
      // Last: the nodes between convolutions are as few as they get.
      Pass{"move_strides", move_strides, "strides of 1x1 convolutions moved to where they save work"},
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
