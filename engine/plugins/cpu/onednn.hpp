// What our oneDNN kernels share: the engine, memory descriptions, post-ops, and a primitive bound to addresses.
// Written against API v2 (Debian 12 ships 2.6); a later v3 changes this file and the kernels named onednn_*.
// https://oneapi-src.github.io/oneDNN/v2.6/
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {

/// The process's CPU engine. Thread-safe.
const dnnl::engine& onednn_engine();

/// Description of a tensor of ours: rank 4 channels last, or row-major of any rank up to 12.
dnnl::memory::desc describe(const Shape& shape, Form form);

/// Post-ops of a node that oneDNN can apply, with the memory their operands need.
struct OneDnnPostOps {
  dnnl::post_ops ops;
  std::size_t count = 0;  ///< How many of the node's post-ops, from `first` on, are in `ops`.
  struct Operand {
    int argument = 0;  ///< DNNL_ARG_…
    int input = 0;     ///< Index into the node's inputs.
    dnnl::memory::desc desc;
    Form form;
    bool full = false;  ///< As large as the output: a part of the output reads the same part of it.
  };
  std::vector<Operand> operands;
};

/// \param first  Post-ops before this one are handled elsewhere (a bias).
/// \param limit  At most this many post-ops are taken.
/// \param form   Form of the node's output, and of operands as large as it.
/// \param part   Shape of what the primitive computes: the node's output or a part of it.
OneDnnPostOps onednn_post_ops(const NodeContext& context, std::size_t first, std::size_t limit, Form form,
                              const Shape& part);

/// An argument of a primitive: where its memory comes from when a request is bound.
struct OneDnnArgument {
  int argument = 0;
  dnnl::memory::desc desc;
  enum class Source : std::uint8_t { kInput, kOutput, kScratch, kConstant } source = Source::kInput;
  std::size_t index = 0;         ///< Input or output index.
  dnnl::memory constant;         ///< For kConstant: packed weights, shared by all requests.
  std::size_t offset_bytes = 0;  ///< Of the part this primitive reads or writes.
};

/// A primitive with its arguments: a step or one chunk of it.
struct OneDnnChunk {
  dnnl::primitive primitive;
  std::vector<OneDnnArgument> arguments;
};

/// Scratch memory of a step whose chunks need at most `bytes` each.
std::size_t scratch_of_workers(std::size_t bytes, int threads);

/// Primitives that together are a step, as the `bind` of a KernelPlan. Memory objects and argument lists are made once
/// a request, so running passes a prepared array. \param threads  For which the plan has scratch memory.
std::function<BoundStep(const Bindings&)> bind_chunks(std::vector<OneDnnChunk> chunks, int threads);

/// A constant of the node, or the part of it from `offset_bytes` on, in the layout a primitive wants. Made at compile
/// time at most once; valid as long as the compiled model.
dnnl::memory pack(const NodeContext& context, const Tensor& tensor, const dnnl::memory::desc& as,
                  const dnnl::memory::desc& wanted, std::size_t offset_bytes = 0);

/// True for implementations that are hundreds of times slower than the others; kernels then refuse.
bool is_reference_implementation(const std::string& info);

/// Output rows of one picture that are computed together, and the input rows they read. oneDNN's own threads divide a
/// step in advance; ours claim bands (work_pool.hpp).
struct Band {
  std::int64_t picture = 0;
  std::int64_t out_first = 0, out_rows = 0;
  std::int64_t in_first = 0, in_rows = 0;
  std::int64_t pad_begin = 0, pad_end = 0;  ///< Rows of padding above and below.

  [[nodiscard]] auto form() const { return std::tuple(out_rows, in_rows, pad_begin, pad_end); }
};

/// Into how many items at a time to cut a step, so that each part is worth sharing and there are some for each thread.
std::int64_t length_of_part(std::int64_t items, double flops_an_item, int threads);

/// Where row `row` of a channels-last picture begins.
std::size_t row_offset_bytes(const Shape& shape, DataType stored, std::int64_t picture, std::int64_t row);

/// \param flops_a_row  Of an output row: bands are long enough to be worth sharing.
/// \return Empty when the step is better computed in one piece.
std::vector<Band> divide_rows(const ops::Window& rows, std::int64_t batch, double flops_a_row, int threads,
                              std::size_t weight_bytes = 0);

}  // namespace fovea::cpu
