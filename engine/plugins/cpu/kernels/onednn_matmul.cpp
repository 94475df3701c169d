// MatMul by oneDNN: [M,K]·[K,N] with batch axes; a constant second factor is packed once, as bf16 where allowed.
#include <algorithm>
#include <array>
#include <map>

#include "engine/ops/mat_mul.hpp"
#include "engine/plugins/cpu/onednn.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"MatMul"};

/// A factor as oneDNN sees it: rank padded with leading 1s, transposition as swapped strides.
dnnl::memory::desc factor(const Shape& shape, bool transposed, std::size_t rank, dnnl::memory::data_type type) {
  Shape dims(rank - shape.size(), 1);
  dims.insert(dims.end(), shape.begin(), shape.end());
  Shape strides = row_major_strides(dims);
  if (transposed) {
    std::swap(dims[rank - 1], dims[rank - 2]);
    std::swap(strides[rank - 1], strides[rank - 2]);
  }
  return {dnnl::memory::dims(dims.begin(), dims.end()), type, dnnl::memory::dims(strides.begin(), strides.end())};
}

/// Rows and columns of the product that one primitive computes.
struct Part {
  std::int64_t row = 0, rows = 0;
  std::int64_t column = 0, columns = 0;

  [[nodiscard]] auto form() const { return std::pair(rows, columns); }
};

/// A tensor's last two axes cut to a part: extents and where it begins.
struct Cut {
  dnnl::memory::desc desc;
  std::size_t offset_bytes = 0;
};

Cut cut(const dnnl::memory::desc& whole, std::int64_t row, std::int64_t rows, std::int64_t column,
        std::int64_t columns) {
  dnnl::memory::dims dims = whole.dims();
  const std::size_t rank = dims.size();
  const std::vector<std::int64_t> strides(whole.data.format_desc.blocking.strides,
                                          whole.data.format_desc.blocking.strides + rank);
  dims[rank - 2] = rows;
  dims[rank - 1] = columns;
  const std::int64_t offset = row * strides[rank - 2] + column * strides[rank - 1];
  const dnnl::memory::data_type type = whole.data_type();
  return {{dims, type, strides}, static_cast<std::size_t>(offset) * dnnl::memory::data_type_size(type)};
}

class Planner {
 public:
  explicit Planner(const NodeContext& context)
      : context_(context),
        rank_(std::max(context.input(0).shape.size(), context.input(1).shape.size())),
        constant_(context.constant(1) != nullptr),
        output_(describe(context.output().shape, Layout::kPlain)) {
    weights_ = factor(context.input(1).shape, context.node.attrs<ops::MatMulAttributes>().transpose_b, rank_,
                      dnnl::memory::data_type::f32);
  }

  std::optional<KernelPlan> plan(std::string& refusal) {
    if (context_.bf16 && constant_) {
      if (auto plan = plan_with({Layout::kPlain, DataType::kBF16}, refusal)) {
        return plan;
      }
    }
    return plan_with(Layout::kPlain, refusal);
  }

 private:
  /// \param factors  How both are stored while they are multiplied.
  std::optional<KernelPlan> plan_with(const Form& factors, std::string& refusal) {
    factors_ = factors;
    src_ = factor(context_.input(0).shape, context_.node.attrs<ops::MatMulAttributes>().transpose_a, rank_,
                  describe({1}, factors).data_type());
    packed_.clear();
    const Shape& shape = context_.output().shape;
    const Part whole{.rows = shape[rank_ - 2], .columns = shape[rank_ - 1]};
    for (const std::vector<Part>& parts : {divide(whole), std::vector<Part>{whole}}) {
      if (auto plan = plan_parts(parts, refusal)) {
        return plan;
      }
    }
    return std::nullopt;
  }

  struct Product {
    dnnl::matmul::primitive_desc desc;
    OneDnnPostOps post_ops;
    dnnl::matmul primitive;
  };

  /// Rows, or columns of a single row, whose packed weights then lie apart. Products in a batch stay whole.
  [[nodiscard]] std::vector<Part> divide(const Part& whole) const {
    const Shape& shape = context_.output().shape;
    const auto depth = static_cast<double>(src_.dims()[rank_ - 1]);
    const bool one_product = element_count(shape) == static_cast<std::size_t>(whole.rows * whole.columns);
    std::vector<Part> parts;
    if (!one_product || (rank_ > 2 && !context_.node.post_ops.empty())) {
      return parts;
    }
    if (whole.rows > 1) {
      const std::int64_t length =
          length_of_part(whole.rows, 2 * depth * static_cast<double>(whole.columns), context_.threads);
      for (std::int64_t row = 0; row < whole.rows; row += length) {
        parts.push_back({.row = row, .rows = std::min(length, whole.rows - row), .columns = whole.columns});
      }
    } else if (constant_) {
      constexpr double kMemoryBound = 8;  // a product with one row waits for its weights
      std::int64_t length = length_of_part(whole.columns, 2 * kMemoryBound * depth, context_.threads);
      length = (length + 15) / 16 * 16;  // whole vectors
      for (std::int64_t column = 0; column < whole.columns; column += length) {
        parts.push_back({.rows = 1, .column = column, .columns = std::min(length, whole.columns - column)});
      }
    }
    return parts;
  }

  std::optional<KernelPlan> plan_parts(const std::vector<Part>& parts, std::string& refusal) {
    std::map<decltype(Part().form()), Product> forms;
    std::vector<OneDnnChunk> chunks;
    KernelPlan plan;
    for (const Part& part : parts) {
      auto form = forms.find(part.form());
      if (form == forms.end()) {
        auto made = describe_form(part, refusal);
        if (!made) {
          return std::nullopt;
        }
        plan.scratch_bytes =
            std::max(plan.scratch_bytes, scratch_of_workers(made->desc.scratchpad_desc().get_size(), context_.threads));
        form = forms.emplace(part.form(), std::move(*made)).first;
      }
      chunks.push_back(make_chunk(form->second, part));
    }
    if (chunks.empty()) {
      return std::nullopt;
    }
    const Product& first = forms.begin()->second;
    plan.kernel = fmt::format("onednn_matmul ({})", first.desc.impl_info_str());
    plan.inputs.assign(context_.node.inputs.size(), Layout::kPlain);
    plan.inputs[0] = factors_;
    plan.outputs = {Layout::kPlain};
    if (constant_) {
      plan.packed = {1};
    }
    plan.post_ops_done = first.post_ops.count;
    plan.bind = bind_chunks(std::move(chunks), context_.threads);
    return plan;
  }

  std::optional<Product> describe_form(const Part& part, std::string& refusal) const {
    Product form;
    Shape output = context_.output().shape;
    output[rank_ - 2] = part.rows;
    output[rank_ - 1] = part.columns;
    form.post_ops = onednn_post_ops(context_, 0, context_.node.post_ops.size(), Layout::kPlain, output);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    attributes.set_post_ops(form.post_ops.ops);
    dnnl::memory::desc weights = weights_of(part).desc;
    if (constant_) {
      weights = {weights.dims(), src_.data_type(), dnnl::memory::format_tag::any};
    }
    try {
      form.desc = {{src_of(part).desc, weights, output_of(part).desc}, attributes, onednn_engine()};
    } catch (const dnnl::error& error) {
      refusal = fmt::format("oneDNN: {}", error.what());
      return std::nullopt;
    }
    if (is_reference_implementation(form.desc.impl_info_str())) {
      refusal = "oneDNN has only a reference implementation";
      return std::nullopt;
    }
    form.primitive = dnnl::matmul(form.desc);
    return form;
  }

  OneDnnChunk make_chunk(const Product& form, const Part& part) {
    using Source = OneDnnArgument::Source;
    const Cut src = src_of(part);
    const Cut weights = weights_of(part);
    const Cut output = output_of(part);
    OneDnnChunk chunk{.primitive = form.primitive, .arguments = {}};
    chunk.arguments = {{DNNL_ARG_SRC, src.desc, Source::kInput, 0, {}, src.offset_bytes},
                       {DNNL_ARG_DST, output.desc, Source::kOutput, 0, {}, output.offset_bytes},
                       {DNNL_ARG_SCRATCHPAD, form.desc.scratchpad_desc(), Source::kScratch, 0, {}}};
    if (constant_) {
      dnnl::memory& packed = packed_[{part.column, part.columns}];
      if (!packed) {
        packed = pack(context_, *context_.constant(1), weights.desc, form.desc.weights_desc(), weights.offset_bytes);
      }
      chunk.arguments.push_back({DNNL_ARG_WEIGHTS, form.desc.weights_desc(), Source::kConstant, 0, packed});
    } else {
      chunk.arguments.push_back({DNNL_ARG_WEIGHTS, weights.desc, Source::kInput, 1, {}, weights.offset_bytes});
    }
    for (const OneDnnPostOps::Operand& operand : form.post_ops.operands) {
      chunk.arguments.push_back({operand.argument,
                                 operand.desc,
                                 Source::kInput,
                                 static_cast<std::size_t>(operand.input),
                                 {},
                                 operand.full ? output.offset_bytes : 0});
    }
    return chunk;
  }

  [[nodiscard]] Cut src_of(const Part& part) const { return cut(src_, part.row, part.rows, 0, src_.dims()[rank_ - 1]); }
  [[nodiscard]] Cut weights_of(const Part& part) const {
    return cut(weights_, 0, weights_.dims()[rank_ - 2], part.column, part.columns);
  }
  [[nodiscard]] Cut output_of(const Part& part) const {
    return cut(output_, part.row, part.rows, part.column, part.columns);
  }

  const NodeContext& context_;
  std::size_t rank_;
  bool constant_;
  Form factors_;
  dnnl::memory::desc src_, weights_, output_;
  std::map<std::pair<std::int64_t, std::int64_t>, dnnl::memory> packed_;  ///< By first column and columns.
};

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.output().data_type != DataType::kF32 || context.input(0).shape.size() < 2 ||
      context.input(1).shape.size() < 2) {
    refusal = "needs f32 and factors of rank 2 or more";
    return std::nullopt;
  }
  return Planner(context).plan(refusal);
}

}  // namespace

extern const KernelDef onednn_matmul_kernel;
const KernelDef onednn_matmul_kernel{.name = "onednn_matmul", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
