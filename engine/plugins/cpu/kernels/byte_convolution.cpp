// Convolution 1x1 and MatMul with constant weights, in bytes: a matrix product of ours, finished while sums are in
// registers.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "engine/ops/mat_mul.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/byte_matrix.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"Convolution", "MatMul"};

/// The product that the node is.
struct Product {
  ByteRows rows;
  std::int64_t count = 0;  ///< Rows.
  std::int64_t depth = 0;
  std::int64_t outputs = 0;
  bool transpose = false;  ///< Weights are [depth, outputs].
  Layout layout = Layout::kPlain;
};

std::optional<Product> product_of_convolution(const NodeContext& context, std::string& refusal) {
  const Shape& in = context.input(0).shape;
  const Shape& out = context.output().shape;
  const Shape& weights = context.input(1).shape;
  if (in.size() != 4 || weights[2] != 1 || weights[3] != 1) {
    refusal = "the filter is not 1x1";
    return std::nullopt;
  }
  const auto windows =
      ops::convolution_windows(context.node.attrs<ops::ConvolutionAttributes>(), {in[2], in[3]}, {1, 1});
  const std::int64_t down = windows[0].stride;
  const std::int64_t across = windows[1].stride;
  const bool dense = down == 1 && across == 1;
  if (windows[0].pad_begin != 0 || windows[1].pad_begin != 0 || windows[0].pad_end != 0 || windows[1].pad_end != 0 ||
      (!dense && in[0] != 1)) {
    refusal = "pads, or strides over more than one picture";
    return std::nullopt;
  }
  Product product{.rows = {.run = out[0] * out[2] * out[3], .stride = in[1]},
                  .count = out[0] * out[2] * out[3],
                  .depth = in[1],
                  .outputs = out[1],
                  .layout = Layout::kChannelsLast};
  if (!dense) {
    product.rows = {.run = out[3], .stride = across * in[1], .run_stride = down * in[3] * in[1]};
  }
  return product;
}

std::optional<Product> product_of_matrices(const NodeContext& context, std::string& refusal) {
  const auto& attributes = context.node.attrs<ops::MatMulAttributes>();
  const Shape& left = context.input(0).shape;
  const Shape& right = context.input(1).shape;
  if (left.size() != 2 || right.size() != 2 || attributes.transpose_a) {
    refusal = "in bytes, needs factors of rank 2, the first as it is";
    return std::nullopt;
  }
  return Product{.rows = {.run = left[0], .stride = left[1]},
                 .count = left[0],
                 .depth = left[1],
                 .outputs = context.output().shape[1],
                 .transpose = !attributes.transpose_b};
}

Tensor transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.shape()[0];
  const std::int64_t columns = matrix.shape()[1];
  Tensor result(DataType::kF32, {columns, rows});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      result.data<float>()[static_cast<std::size_t>(c * rows + r)] =
          matrix.data<float>()[static_cast<std::size_t>(r * columns + c)];
    }
  }
  return result;
}

/// Shared by all requests.
struct Compiled {
  ByteMatrix matrix;
  ByteFinish finish;
  Product product;
  std::int64_t rows_a_part = 0;
  std::int64_t panels_a_part = 0;
};

std::int64_t parts(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

/// Rows that stay in the first-level cache while panel after panel reads them; all rows where reading the weights again
/// would cost more. Then panels, so that there are parts for all threads.
void divide(Compiled& compiled, int threads) {
  constexpr std::int64_t kNear = 24 * 1024;    // bytes of rows
  constexpr std::int64_t kLarge = 512 * 1024;  // bytes of weights
  constexpr std::int64_t kLeastProducts = 1 << 20;
  const Product& product = compiled.product;
  const auto panels = static_cast<std::int64_t>(compiled.matrix.panels.size());
  const std::int64_t weights = product.depth * product.outputs;
  const std::int64_t rows =
      weights > kLarge ? product.count : std::max<std::int64_t>(kNear / product.depth / 48 * 48, 48);
  compiled.rows_a_part = std::min(rows, product.count);
  compiled.panels_a_part = panels;
  const std::int64_t shares = threads < 2 ? 1 : threads * kChunksAThread;
  const std::int64_t wanted = std::min(shares, product.count * weights / kLeastProducts + 1);
  if (threads > 1 && weights <= kLarge) {
    compiled.rows_a_part = std::min(compiled.rows_a_part, std::max<std::int64_t>(parts(product.count, wanted), 12));
  }
  if (weights > kLarge && wanted > 1) {
    compiled.panels_a_part = std::max<std::int64_t>(panels / wanted, 1);
  }
}

BoundStep bind_product(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings) {
  return [compiled, left = bindings.input<std::uint8_t>(0), result = bindings.outputs[0]](Team& team) {
    const Product& product = compiled->product;
    const auto panels = static_cast<std::int64_t>(compiled->matrix.panels.size());
    const std::int64_t across = parts(panels, compiled->panels_a_part);
    const std::int64_t count = parts(product.count, compiled->rows_a_part) * across;
    const std::int64_t products = compiled->rows_a_part * compiled->panels_a_part * 64 * product.depth;
    constexpr std::int64_t kProductsAFloat = 64;  // what computing them costs, beside moving a float
    team.each(count, products / kProductsAFloat, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
      for (std::int64_t item = first; item < last; ++item) {
        const std::int64_t row = item / across * compiled->rows_a_part;
        const std::int64_t panel = item % across * compiled->panels_a_part;
        multiply_bytes(compiled->matrix, compiled->finish, product.rows, left, result, row,
                       std::min(row + compiled->rows_a_part, product.count), static_cast<std::size_t>(panel),
                       static_cast<std::size_t>(std::min(panel + compiled->panels_a_part, panels)));
      }
    });
  };
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const Form& form = context.forms[0];
  if (form.stored != DataType::kU8 || form.steps.scale.size() != 1 || context.constant(1) == nullptr) {
    return std::nullopt;  // nothing to do with bytes
  }
  const bool convolution = context.node.op->name == "Convolution";
  const auto product = convolution ? product_of_convolution(context, refusal) : product_of_matrices(context, refusal);
  if (!product) {
    return std::nullopt;
  }
  const Tensor weights = product->transpose ? transposed(*context.constant(1)) : *context.constant(1);
  const auto steps = steps_of_weights(weights, static_cast<std::size_t>(product->outputs), true);
  if (!steps) {
    refusal = "weights do not lie on steps";
    return std::nullopt;
  }
  auto finish = make_byte_finish(context, *steps, 255.0 * 254.0 * static_cast<double>(product->depth));
  if (!finish) {
    refusal = "too many steps to count";
    return std::nullopt;
  }
  if (finish->floats && context.quantiser != nullptr) {
    refusal = "post-ops between the sums and the FakeQuantize that are not limits";
    return std::nullopt;
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->matrix = pack_byte_matrix(steps->stored.data<std::int8_t>().data(), rest_of(*steps), product->outputs,
                                      product->depth, form.steps.zero, *finish);
  compiled->finish = std::move(*finish);
  compiled->product = *product;
  divide(*compiled, context.threads);

  KernelPlan plan;
  plan.kernel = convolution ? "byte_convolution" : "byte_convolution (matrix)";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.packed = {1};
  plan.weight_bytes = compiled->matrix.packed.bytes().size();
  plan.inputs[0] = Form(product->layout, form.steps);
  plan.outputs = {compiled->finish.floats ? Form(product->layout) : Form(product->layout, context.quantiser->steps)};
  plan.quantises = !compiled->finish.floats;
  plan.post_ops_done = compiled->finish.post_ops_done;
  plan.bind = [compiled](const Bindings& bindings) { return bind_product(compiled, bindings); };
  return plan;
}

}  // namespace

extern const KernelDef byte_convolution_kernel;
const KernelDef byte_convolution_kernel{.name = "byte_convolution", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
