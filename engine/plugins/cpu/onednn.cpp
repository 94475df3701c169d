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

dnnl::memory::desc describe(const Shape& shape, Layout layout) {
  const dnnl::memory::dims dims(shape.begin(), shape.end());
  if (layout == Layout::kChannelsLast && shape.size() == 4) {
    return {dims, dnnl::memory::data_type::f32, dnnl::memory::format_tag::nhwc};
  }
  const Shape strides = row_major_strides(shape);
  return {dims, dnnl::memory::data_type::f32, dnnl::memory::dims(strides.begin(), strides.end())};
}

OneDnnPostOps onednn_post_ops(const NodeContext& context, std::size_t first, std::size_t limit, Layout layout) {
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
    const bool full = operand == shape;
    const bool channels = shape.size() >= 2 && is_per_channel(operand, shape);
    if ((!full && !channels) || op.kind == PostOpKind::kPRelu) {
      break;
    }
    const int position = result.ops.len();
    Shape seen = shape;
    if (!full) {
      std::ranges::fill(seen, 1);
      seen[1] = static_cast<std::int64_t>(element_count(operand));
    }
    const dnnl::memory::desc desc = describe(seen, full ? layout : Layout::kPlain);
    if (op.kind == PostOpKind::kPRelu) {
      constexpr int kPerChannel = 1 << 1;
      const bool single = element_count(operand) == 1;
      result.ops.append_prelu(single ? 0 : kPerChannel);
      const dnnl::memory::desc slopes = desc;
      result.operands.push_back(
          {DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_WEIGHTS, op.operand, slopes, Layout::kPlain});
    } else {
      result.ops.append_binary(op.kind == PostOpKind::kAdd ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul,
                               desc);
      result.operands.push_back({DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_SRC_1, op.operand, desc,
                                 full ? layout : Layout::kPlain});
    }
  }
  return result;
}

std::function<BoundStep(const Bindings&)> bind_primitive(dnnl::primitive primitive,
                                                         std::vector<OneDnnArgument> arguments) {
  return [primitive, arguments = std::move(arguments)](const Bindings& bindings) -> BoundStep {
    // Held by shared_ptr since std::function copies its target.
    struct Bound {
      dnnl::primitive primitive;
      std::vector<dnnl::memory> memories;
      std::vector<dnnl_exec_arg_t> arguments;
      dnnl::stream stream{onednn_engine()};
    };
    auto bound = std::make_shared<Bound>();
    bound->primitive = primitive;
    for (const OneDnnArgument& argument : arguments) {
      dnnl::memory memory = argument.constant;
      switch (argument.source) {
        case OneDnnArgument::Source::kInput:
          memory = dnnl::memory(argument.desc, onednn_engine(), bindings.inputs.at(argument.index));
          break;
        case OneDnnArgument::Source::kOutput:
          memory = dnnl::memory(argument.desc, onednn_engine(), bindings.outputs.at(argument.index));
          break;
        case OneDnnArgument::Source::kScratch:
          memory = dnnl::memory(argument.desc, onednn_engine(), bindings.scratch);
          break;
        case OneDnnArgument::Source::kConstant:
          break;
      }
      bound->arguments.push_back({argument.argument, memory.get()});
      bound->memories.push_back(std::move(memory));
    }
    return [bound] {
      dnnl::error::wrap_c_api(
          dnnl_primitive_execute(bound->primitive.get(), bound->stream.get(), static_cast<int>(bound->arguments.size()),
                                 bound->arguments.data()),
          "oneDNN could not execute a primitive");
    };
  };
}

dnnl::memory pack(const Tensor& tensor, const dnnl::memory::desc& as, const dnnl::memory::desc& wanted) {
  dnnl::memory source(as, onednn_engine(), const_cast<std::byte*>(tensor.bytes().data()));
  dnnl::memory packed(wanted, onednn_engine());
  dnnl::stream stream(onednn_engine());
  dnnl::reorder(source, packed).execute(stream, source, packed);
  stream.wait();
  return packed;
}

bool is_reference_implementation(const std::string& info) { return info.find("ref") != std::string::npos; }

}  // namespace fovea::cpu
