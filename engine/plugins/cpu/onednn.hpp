// What our oneDNN kernels share: the engine, memory descriptions, post-ops, and a primitive bound to addresses.
// Written against API v2 (Debian 12 ships 2.6); a later v3 changes this file and the kernels named onednn_*.
// https://oneapi-src.github.io/oneDNN/v2.6/
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {

/// The process's CPU engine. Thread-safe.
const dnnl::engine& onednn_engine();

/// Description of a tensor of ours: rank 4 channels last, or row-major of any rank up to 12.
dnnl::memory::desc describe(const Shape& shape, Layout layout);

/// Post-ops of a node that oneDNN can apply, with the memory their operands need.
struct OneDnnPostOps {
  dnnl::post_ops ops;
  std::size_t count = 0;  ///< How many of the node's post-ops, from `first` on, are in `ops`.
  struct Operand {
    int argument = 0;  ///< DNNL_ARG_…
    int input = 0;     ///< Index into the node's inputs.
    dnnl::memory::desc desc;
    Layout layout = Layout::kPlain;
  };
  std::vector<Operand> operands;
};

/// \param first  Post-ops before this one are handled elsewhere (a bias).
/// \param limit  At most this many post-ops are taken.
/// \param layout Layout of the node's output.
OneDnnPostOps onednn_post_ops(const NodeContext& context, std::size_t first, std::size_t limit, Layout layout);

/// An argument of a primitive: where its memory comes from when a request is bound.
struct OneDnnArgument {
  int argument = 0;
  dnnl::memory::desc desc;
  enum class Source : std::uint8_t { kInput, kOutput, kScratch, kConstant } source = Source::kInput;
  std::size_t index = 0;  ///< Input or output index.
  dnnl::memory constant;  ///< For kConstant: packed weights, shared by all requests.
};

/// A primitive with its arguments, as the `bind` of a KernelPlan. Memory objects and the argument list are made once a
/// request, so running passes a prepared array.
std::function<BoundStep(const Bindings&)> bind_primitive(dnnl::primitive primitive,
                                                         std::vector<OneDnnArgument> arguments);

/// Copies a tensor of ours into the layout a primitive wants (done once, at compile time).
dnnl::memory pack(const Tensor& tensor, const dnnl::memory::desc& as, const dnnl::memory::desc& wanted);

/// True for implementations that are hundreds of times slower than the others; kernels then refuse.
bool is_reference_implementation(const std::string& info);

/// {"strides" …} of oneDNN from our windows: dilation 1 is 0 there.
struct OneDnnWindows {
  dnnl::memory::dims kernel, strides, dilations, pads_begin, pads_end;
};

}  // namespace fovea::cpu
