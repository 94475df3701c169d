#include "engine/plugins/cpu/onednn.hpp"

#include <algorithm>
#include <memory>

namespace fovea::cpu {
namespace {

/// Adds one post-op without operand; false when oneDNN has no such formula.
bool append_eltwise(dnnl::post_ops& ops, const PostOp& op) {
  using dnnl::algorithm;
  const auto append = [&](algorithm kind, float alpha, float beta) { ops.append_eltwise(1.0F, kind, alpha, beta); };
  switch (op.kind) {
    case PostOpKind::kRelu:
      if (op.alpha < 0) {
        return false;  // oneDNN 2.6 computes max(x, alpha·x) in some kernels, wrong for negative slopes
      }
      append(algorithm::eltwise_relu, op.alpha, 0);
      return true;
    case PostOpKind::kElu:
      append(algorithm::eltwise_elu, op.alpha, 0);
      return true;
    case PostOpKind::kClamp:
      append(algorithm::eltwise_clip, op.alpha, op.beta);
      return true;
    case PostOpKind::kSigmoid:
      append(algorithm::eltwise_logistic, 0, 0);
      return true;
    case PostOpKind::kTanh:
      append(algorithm::eltwise_tanh, 0, 0);
      return true;
    case PostOpKind::kExp:
      append(algorithm::eltwise_exp, 0, 0);
      return true;
    case PostOpKind::kAbs:
      append(algorithm::eltwise_abs, 0, 0);
      return true;
    case PostOpKind::kSqrt:
      append(algorithm::eltwise_sqrt, 0, 0);
      return true;
    case PostOpKind::kSwish:
      append(algorithm::eltwise_swish, op.alpha, 0);
      return true;
    case PostOpKind::kHSwish:
      append(algorithm::eltwise_hardswish, 0, 0);
      return true;
    case PostOpKind::kHSigmoid:
      append(algorithm::eltwise_linear, op.alpha, op.beta);
      append(algorithm::eltwise_clip, 0, 1);
      return true;
    case PostOpKind::kMish:
      append(algorithm::eltwise_mish, 0, 0);
      return true;
    case PostOpKind::kSoftPlus:
      append(algorithm::eltwise_soft_relu, 0, 0);
      return true;
    case PostOpKind::kGeluErf:
      append(algorithm::eltwise_gelu_erf, 0, 0);
      return true;
    case PostOpKind::kGeluTanh:
      append(algorithm::eltwise_gelu_tanh, 0, 0);
      return true;
    case PostOpKind::kLinear:
      append(algorithm::eltwise_linear, op.alpha, op.beta);
      return true;
    default:
      return false;
  }
}

}  // namespace

const dnnl::engine& onednn_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::memory::desc describe(const Shape& shape, Form form) {
  const dnnl::memory::dims dims(shape.begin(), shape.end());
  const auto type = form.stored == DataType::kBF16 ? dnnl::memory::data_type::bf16
                    : form.stored == DataType::kU8 ? dnnl::memory::data_type::u8
                    : form.stored == DataType::kI8 ? dnnl::memory::data_type::s8
                                                   : dnnl::memory::data_type::f32;
  if (form.layout == Layout::kChannelsLast && shape.size() == 4) {
    return {dims, type, dnnl::memory::format_tag::nhwc};
  }
  const Shape strides = row_major_strides(shape);
  return {dims, type, dnnl::memory::dims(strides.begin(), strides.end())};
}

OneDnnPostOps onednn_post_ops(const NodeContext& context, std::size_t first, std::size_t limit, Form form,
                              const Shape& part) {
  OneDnnPostOps result;
  const Shape& shape = context.output().shape;
  const auto& post_ops = context.node.post_ops;
  for (std::size_t i = first; i < post_ops.size() && result.count < limit; ++i, ++result.count) {
    const PostOp& op = post_ops[i];
    if (op.operand == kNone) {
      if (!append_eltwise(result.ops, op)) {
        break;
      }
      continue;
    }
    const auto input = static_cast<std::size_t>(op.operand);
    const Shape& operand = context.input(input).shape;
    const bool full =
        operand == shape || (form.layout == Layout::kPlain && element_count(operand) == element_count(shape));
    const bool channels = shape.size() >= 2 && is_per_channel(operand, shape);
    if ((!full && !channels) || op.kind == PostOpKind::kPRelu) {
      break;
    }
    const int position = result.ops.len();
    Shape seen = part;
    if (!full) {
      std::ranges::fill(seen, 1);
      seen[1] = static_cast<std::int64_t>(element_count(operand));
    }
    const dnnl::memory::desc desc = describe(seen, full ? form : Form());
    if (op.kind == PostOpKind::kPRelu) {
      constexpr int kPerChannel = 1 << 1;
      const bool single = element_count(operand) == 1;
      result.ops.append_prelu(single ? 0 : kPerChannel);
      const dnnl::memory::desc slopes = desc;
      result.operands.push_back(
          {DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_WEIGHTS, op.operand, slopes, Form(), false});
    } else {
      result.ops.append_binary(op.kind == PostOpKind::kAdd ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul,
                               desc);
      result.operands.push_back(
          {DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_SRC_1, op.operand, desc, full ? form : Form(), full});
    }
  }
  return result;
}

namespace {

constexpr std::size_t kScratchAlignment = 4096;

std::size_t aligned(std::size_t bytes) {
  return (bytes + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
}

/// The chunks of a step with the addresses of one request.
class BoundChunks {
 public:
  BoundChunks(const std::vector<OneDnnChunk>& chunks, const Bindings& bindings, int threads) {
    std::size_t scratch = 0;
    std::size_t most_arguments = 0;
    for (const OneDnnChunk& chunk : chunks) {
      for (const OneDnnArgument& argument : chunk.arguments) {
        scratch = std::max(scratch, argument.source == OneDnnArgument::Source::kScratch ? argument.desc.get_size() : 0);
      }
      most_arguments = std::max(most_arguments, chunk.arguments.size());
    }
    for (int worker = 0; worker < threads; ++worker) {
      Worker one;
      one.arguments.resize(most_arguments);
      one.scratch = bindings.scratch + static_cast<std::size_t>(worker) * aligned(scratch);
      workers_.push_back(std::move(one));
    }
    for (const OneDnnChunk& chunk : chunks) {
      add(chunk, bindings);
    }
  }

  void run(Team& team) {
    team.run(chunks_.size(), [this](std::size_t chunk, int worker) { execute(chunks_[chunk], worker); });
  }

 private:
  struct Chunk {
    dnnl::primitive primitive;
    std::vector<dnnl_exec_arg_t> arguments;
    std::vector<dnnl::memory> memories;
    std::vector<dnnl::memory> scratch;  ///< Of each worker; empty when it needs none.
    std::size_t scratch_argument = 0;
  };

  struct Worker {
    dnnl::stream stream{onednn_engine()};
    std::vector<dnnl_exec_arg_t> arguments;  ///< A copy with this worker's scratch memory.
    std::byte* scratch = nullptr;
  };

  void add(const OneDnnChunk& chunk, const Bindings& bindings) {
    using Source = OneDnnArgument::Source;
    Chunk bound{.primitive = chunk.primitive, .arguments = {}, .memories = {}, .scratch = {}};
    for (const OneDnnArgument& argument : chunk.arguments) {
      dnnl::memory memory = argument.constant;
      if (argument.source == Source::kScratch) {
        if (argument.desc.get_size() == 0) {
          continue;
        }
        bound.scratch_argument = bound.arguments.size();
        for (const Worker& worker : workers_) {
          bound.scratch.emplace_back(argument.desc, onednn_engine(), worker.scratch);
        }
        memory = bound.scratch[0];
      } else if (argument.source != Source::kConstant) {
        const auto& places = argument.source == Source::kInput ? bindings.inputs : bindings.outputs;
        memory = dnnl::memory(argument.desc, onednn_engine(), places.at(argument.index) + argument.offset_bytes);
      }
      bound.arguments.push_back({argument.argument, memory.get()});
      bound.memories.push_back(std::move(memory));
    }
    chunks_.push_back(std::move(bound));
  }

  void execute(const Chunk& chunk, int worker) {
    Worker& self = workers_[static_cast<std::size_t>(worker)];
    std::ranges::copy(chunk.arguments, self.arguments.begin());
    if (!chunk.scratch.empty()) {
      self.arguments[chunk.scratch_argument].memory = chunk.scratch[static_cast<std::size_t>(worker)].get();
    }
    dnnl::error::wrap_c_api(dnnl_primitive_execute(chunk.primitive.get(), self.stream.get(),
                                                   static_cast<int>(chunk.arguments.size()), self.arguments.data()),
                            "oneDNN could not execute a primitive");
  }

  std::vector<Worker> workers_;
  std::vector<Chunk> chunks_;
};

}  // namespace

std::function<BoundStep(const Bindings&)> plan_conversion(const Shape& shape, Form from, Form to, int threads) {
  using Source = OneDnnArgument::Source;
  std::vector<OneDnnChunk> chunks;
  const auto add_part = [&](const Shape& part, std::int64_t first) {
    const dnnl::memory::desc src = describe(part, from);
    const dnnl::memory::desc dst = describe(part, to);
    const dnnl::reorder::primitive_desc desc(onednn_engine(), src, onednn_engine(), dst);
    chunks.push_back(
        {dnnl::reorder(desc),
         {{DNNL_ARG_FROM, src, Source::kInput, 0, {}, static_cast<std::size_t>(first) * size_of(from.stored)},
          {DNNL_ARG_TO, dst, Source::kOutput, 0, {}, static_cast<std::size_t>(first) * size_of(to.stored)}}});
  };
  if (from.layout != to.layout && !layouts_coincide(shape)) {
    add_part(shape, 0);
  } else {
    const auto total = static_cast<std::int64_t>(element_count(shape));
    constexpr double kFlopsAnElement = 16;  // what moving an element costs, beside multiplications
    const std::int64_t length = length_of_part(total, kFlopsAnElement, threads);
    for (std::int64_t first = 0; first < total; first += length) {
      add_part({std::min(length, total - first)}, first);
    }
  }
  return bind_chunks(std::move(chunks), threads);
}

std::size_t scratch_of_workers(std::size_t bytes, int threads) {
  return bytes == 0 ? 0 : aligned(bytes) * static_cast<std::size_t>(threads);
}

std::function<BoundStep(const Bindings&)> bind_chunks(std::vector<OneDnnChunk> chunks, int threads) {
  return [chunks = std::move(chunks), threads](const Bindings& bindings) -> BoundStep {
    // Held by shared_ptr since std::function copies its target.
    const auto bound = std::make_shared<BoundChunks>(chunks, bindings, threads);
    return [bound](Team& team) { bound->run(team); };
  };
}

std::size_t row_offset_bytes(const Shape& shape, DataType stored, std::int64_t picture, std::int64_t row) {
  return static_cast<std::size_t>((picture * shape[2] + row) * shape[3] * shape[1]) * size_of(stored);
}

namespace {

// Every band reads all weights. Those that a core's second-level cache does not hold come from the third or from
// memory: a band must compute long enough for that to be a small part of its time.
constexpr std::size_t kNearWeights = std::size_t{512} << 10;
constexpr double kFlopsAWeightByte = 16;

}  // namespace

std::int64_t length_of_part(std::int64_t items, double flops_an_item, int threads) {
  constexpr double kLeastFlops = 2e6;  // some 10 µs of a core
  const std::int64_t shares = threads < 2 ? 1 : threads * kChunksAThread;
  const auto least = static_cast<std::int64_t>(kLeastFlops / std::max(flops_an_item, 1.0)) + 1;
  return std::max(least, (items + shares - 1) / shares);
}

std::vector<Band> divide_rows(const ops::Window& rows, std::int64_t batch, double flops_a_row, int threads,
                              std::size_t weight_bytes) {
  std::int64_t length = length_of_part(batch * rows.output, flops_a_row, threads);
  if (weight_bytes > kNearWeights) {
    const auto worth = static_cast<std::int64_t>(kFlopsAWeightByte * static_cast<double>(weight_bytes) / flops_a_row);
    length = std::max(length, std::min(worth, (batch * rows.output + threads - 1) / std::max(threads, 1)));
  }
  const std::int64_t bands = (rows.output + length - 1) / length;  // of a picture
  std::vector<Band> result;
  if (threads < 2 || bands * batch < 2) {
    return result;
  }
  for (std::int64_t i = 0; i < batch * bands; ++i) {
    const std::int64_t first = i % bands * rows.output / bands;
    const std::int64_t last = (i % bands + 1) * rows.output / bands;
    const std::int64_t begin = first * rows.stride - rows.pad_begin;
    const std::int64_t end = (last - 1) * rows.stride + (rows.kernel - 1) * rows.dilation + 1 - rows.pad_begin;
    const std::int64_t in_first = std::clamp<std::int64_t>(begin, 0, rows.input);
    const std::int64_t in_last = std::clamp<std::int64_t>(end, 0, rows.input);
    if (in_last <= in_first) {
      return {};  // windows in the padding only: no part oneDNN would take
    }
    result.push_back({.picture = i / bands,
                      .out_first = first,
                      .out_rows = last - first,
                      .in_first = in_first,
                      .in_rows = in_last - in_first,
                      .pad_begin = in_first - begin,
                      .pad_end = end - in_last});
  }
  return result;
}

namespace {

/// All that tells this layout from others.
std::string text_of(const dnnl::memory::desc& desc) {
  const dnnl_memory_desc_t& d = desc.data;
  const auto list = [](const auto* values, int count) { return fmt::join(values, values + count, ","); };
  std::string text = fmt::format("{} {}:{} {} {} {}", static_cast<int>(d.data_type), list(d.dims, d.ndims),
                                 list(d.padded_dims, d.ndims), list(d.padded_offsets, d.ndims), d.offset0,
                                 static_cast<int>(d.format_kind));
  const dnnl_blocking_desc_t& blocks = d.format_desc.blocking;
  text += fmt::format(" {} {}:{} {} {} {} {}", list(blocks.strides, d.ndims),
                      list(blocks.inner_blks, blocks.inner_nblks), list(blocks.inner_idxs, blocks.inner_nblks),
                      d.extra.flags, d.extra.compensation_mask, d.extra.scale_adjust, d.extra.asymm_compensation_mask);
  return text;
}

}  // namespace

dnnl::memory pack(const NodeContext& context, const Tensor& tensor, const dnnl::memory::desc& as,
                  const dnnl::memory::desc& wanted, std::size_t offset_bytes) {
  if (wanted.data.format_kind != dnnl_blocked) {
    fail(ErrorCode::kInternal, "oneDNN wants weights of node '{}' in a layout of its own", context.node.name);
  }
  const auto fill = [&](const Tensor& source, std::span<std::byte> target) {
    dnnl::memory from(as, onednn_engine(), const_cast<std::byte*>(source.bytes().data()) + offset_bytes);
    dnnl::memory to(wanted, onednn_engine(), target.data());
    dnnl::stream stream(onednn_engine());
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  };
  const std::string form = fmt::format("onednn {} {} {}", offset_bytes, text_of(as), text_of(wanted));
  const std::span<const std::byte> bytes = context.packed(form, tensor, wanted.get_size(), fill);
  return {wanted, onednn_engine(), const_cast<std::byte*>(bytes.data())};
}

bool is_reference_implementation(const std::string& info) { return info.find("ref") != std::string::npos; }

}  // namespace fovea::cpu
