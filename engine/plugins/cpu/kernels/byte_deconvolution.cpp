// ConvolutionBackpropData whose filters do not overlap (2x2 with stride 2), in bytes: a matrix product for each row of
// the filter, whose results lie side by side in a row of the output.
#include <array>
#include <memory>

#include "engine/plugins/cpu/byte_matrix.hpp"
#include "engine/plugins/cpu/joints.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"ConvolutionBackpropData"};

/// Shared by all requests.
struct Compiled {
  std::vector<ByteMatrix> matrices;  ///< One for each row of the filter: [columns of the filter, outputs] x channels.
  ByteFinish finish;
  std::int64_t batch = 1, channels = 0, height = 0, width = 0;
  std::int64_t row_bytes = 0;  ///< Of the output.
};

/// [I,O,Y,X] as O equal parts.
Tensor outputs_first(const Tensor& weights) {
  const Shape& shape = weights.shape();
  const std::int64_t taps = shape[2] * shape[3];
  Tensor result(DataType::kF32, {shape[1], shape[0], taps});
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (std::int64_t o = 0; o < shape[1]; ++o) {
      for (std::int64_t t = 0; t < taps; ++t) {
        result.data<float>()[static_cast<std::size_t>((o * shape[0] + i) * taps + t)] =
            weights.data<float>()[static_cast<std::size_t>((i * shape[1] + o) * taps + t)];
      }
    }
  }
  return result;
}

/// Row `y` of the filters as a matrix [x · outputs + o, channels].
ByteMatrix matrix_of_row(const WeightSteps& weights, const Shape& shape, std::int64_t y, int zero,
                         const ByteFinish& finish) {
  const std::int64_t channels = shape[0];
  const std::int64_t outputs = shape[1];
  std::vector<std::int8_t> rows;
  for (std::int64_t x = 0; x < shape[3]; ++x) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t i = 0; i < channels; ++i) {
        const std::int64_t at = ((o * channels + i) * shape[2] + y) * shape[3] + x;
        rows.push_back(weights.stored.data<std::int8_t>()[static_cast<std::size_t>(at)]);
      }
    }
  }
  return pack_byte_matrix(rows.data(), nullptr, shape[3] * outputs, channels, zero, finish);
}

/// One value of an output channel for each column of the filter.
template <class T>
void repeat(std::vector<T>& values, std::size_t outputs, std::size_t columns) {
  std::vector<T> repeated;
  for (std::size_t x = 0; x < columns; ++x) {
    repeated.insert(repeated.end(), values.begin(), values.begin() + static_cast<std::ptrdiff_t>(outputs));
  }
  repeated.resize((repeated.size() + kFinishedTogether - 1) / kFinishedTogether * kFinishedTogether, T{0});
  values = std::move(repeated);
}

BoundStep bind_rows(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings) {
  return [compiled, from = bindings.input<std::uint8_t>(0), to = bindings.outputs[0]](Team& team) {
    const Compiled& c = *compiled;
    const auto taps = static_cast<std::int64_t>(c.matrices.size());
    const ByteRows pixels{.run = c.width, .stride = c.channels};
    team.each(c.batch * c.height, c.width * c.channels, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
      for (std::int64_t row = first; row < last; ++row) {
        for (std::int64_t y = 0; y < taps; ++y) {
          const ByteMatrix& matrix = c.matrices[static_cast<std::size_t>(y)];
          multiply_bytes(matrix, c.finish, pixels, from + row * c.width * c.channels,
                         to + (row * taps + y) * c.row_bytes, 0, c.width, 0, matrix.panels.size());
        }
      }
    });
  };
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const Form& form = context.forms[0];
  if (form.stored != DataType::kU8 || form.steps.scale.size() != 1 || context.constant(1) == nullptr) {
    return std::nullopt;  // nothing to do with bytes
  }
  if (!filters_stand_side_by_side(context.graph, context.node)) {
    refusal = "filters overlap, or an output shape is given";
    return std::nullopt;
  }
  const Shape& shape = context.input(1).shape;
  const auto steps = steps_of_weights(outputs_first(*context.constant(1)), static_cast<std::size_t>(shape[1]));
  if (!steps) {
    refusal = "weights do not lie on steps";
    return std::nullopt;
  }
  auto finish = make_byte_finish(context, *steps, 255.0 * 127.0 * static_cast<double>(shape[0]));
  if (!finish) {
    refusal = "too many steps to count";
    return std::nullopt;
  }
  const auto compiled = std::make_shared<Compiled>();
  const Shape& in = context.input(0).shape;
  const Shape& out = context.output().shape;
  compiled->finish = std::move(*finish);
  const auto outputs = static_cast<std::size_t>(shape[1]);
  const auto columns = static_cast<std::size_t>(shape[3]);
  repeat(compiled->finish.start, outputs, columns);
  repeat(compiled->finish.factor, outputs, columns);
  repeat(compiled->finish.shift, outputs, columns);
  for (std::int64_t y = 0; y < shape[2]; ++y) {
    compiled->matrices.push_back(matrix_of_row(*steps, shape, y, form.steps.zero, compiled->finish));
  }
  compiled->batch = in[0];
  compiled->channels = in[1];
  compiled->height = in[2];
  compiled->width = in[3];
  compiled->row_bytes = out[3] * out[1] * (compiled->finish.floats ? 4 : 1);

  KernelPlan plan;
  plan.kernel = "byte_deconvolution";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.packed = {1};
  for (const ByteMatrix& matrix : compiled->matrices) {
    plan.weight_bytes += matrix.packed.bytes().size();
  }
  plan.inputs[0] = Form(Layout::kChannelsLast, form.steps);
  plan.outputs = {compiled->finish.floats ? Form(Layout::kChannelsLast)
                                          : Form(Layout::kChannelsLast, context.quantiser->steps)};
  plan.quantises = !compiled->finish.floats;
  plan.post_ops_done = compiled->finish.post_ops_done;
  plan.bind = [compiled](const Bindings& bindings) { return bind_rows(compiled, bindings); };
  return plan;
}

}  // namespace

extern const KernelDef byte_deconvolution_kernel;
const KernelDef byte_deconvolution_kernel{.name = "byte_deconvolution", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
