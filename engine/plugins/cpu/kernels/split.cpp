// Split and VariadicSplit of any type: parts of each row are copied out. f32 pictures keep their channels-last layout;
// where all readers can, they read channels in the whole picture.
#include <array>
#include <cstring>
#include <memory>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"Split", "VariadicSplit"};

/// What is shared by all requests.
struct Compiled {
  std::vector<std::size_t> lengths;  ///< Bytes of each output's rows.
  std::size_t total = 0;             ///< Of the input's.
  std::int64_t rows = 0;
  bool pixels = false;  ///< Rows are pixels, which may lie further apart.
};

/// Rows of one output on their way.
struct Move {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::size_t to_apart = 0;  ///< Bytes from row to row.
  std::size_t length = 0;
};

BoundStep bind(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings) {
  std::vector<Move> moves;
  const std::byte* from = bindings.inputs[0];
  for (std::size_t i = 0; i < bindings.outputs.size(); ++i) {
    const std::size_t length = compiled->lengths[i];
    if (bindings.outputs[i] != from) {
      const std::size_t apart = compiled->pixels ? bindings.output_pitches[i] : length;
      moves.push_back({from, bindings.outputs[i], apart, length});
    }
    from += length;
  }
  if (moves.empty()) {
    return {};
  }
  const std::size_t apart = compiled->pixels ? bindings.input_pitches[0] : compiled->total;
  return [rows = compiled->rows, total = compiled->total, apart, moves = std::move(moves)](Team& team) {
    team.each(rows, static_cast<std::int64_t>(total / sizeof(float)),
              [&](std::int64_t first, std::int64_t end, int /*worker*/) {
                for (auto row = static_cast<std::size_t>(first); row < static_cast<std::size_t>(end); ++row) {
                  for (const Move& move : moves) {
                    std::memcpy(move.to + row * move.to_apart, move.from + row * apart, move.length);
                  }
                }
              });
  };
}

Shape in_memory_order(const Shape& shape, Layout layout) {
  return layout == Layout::kChannelsLast ? Shape{shape[0], shape[2], shape[3], shape[1]} : shape;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const TensorType& input = context.input(0);
  const Tensor* const axis_tensor = context.constant(1);
  if (!context.node.post_ops.empty() || axis_tensor == nullptr) {
    refusal = "has post-ops or an axis that is not constant";
    return std::nullopt;
  }
  const std::size_t axis = ops::normalize_axis(to_ints(axis_tensor->view()).at(0), input.shape.size());
  // Scales of channels would have to be divided as well.
  Form form = context.forms[0].steps.scale.size() > 1 ? Form() : context.forms[0];
  const DataType stored = input.data_type == DataType::kF32 ? form.stored : DataType::kF32;
  const std::size_t element_bytes = size_of(input.data_type == DataType::kF32 ? stored : input.data_type);
  const bool last =
      input.shape.size() == 4 && input.data_type == DataType::kF32 && context.forms[0].layout == Layout::kChannelsLast;
  const Layout layout = last ? Layout::kChannelsLast : Layout::kPlain;
  static constexpr std::array<std::size_t, 4> kPositionInNhwc = {0, 3, 1, 2};
  const std::size_t position = last ? kPositionInNhwc.at(axis) : axis;
  const auto row_bytes = [&](const Shape& shape) {
    const Shape ordered = in_memory_order(shape, layout);
    return element_count(Shape(ordered.begin() + static_cast<std::ptrdiff_t>(position), ordered.end())) * element_bytes;
  };
  auto compiled = std::make_shared<Compiled>();
  Pieces pieces;
  for (std::size_t i = 0; i < context.node.outputs.size(); ++i) {
    pieces.offsets.push_back(compiled->total);
    compiled->lengths.push_back(row_bytes(context.output(i).shape));
    compiled->total += compiled->lengths.back();
  }
  compiled->rows = static_cast<std::int64_t>(
      compiled->total == 0 ? 0 : element_count(input.shape) * element_bytes / compiled->total);
  compiled->pixels = last && position == 3;
  KernelPlan plan;
  plan.kernel = "split";
  if (compiled->pixels) {
    plan.pitched = true;
    plan.pieces = std::move(pieces);
  }
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  form.layout = layout;
  form.stored = stored;
  plan.inputs[0] = form;
  plan.outputs.assign(context.node.outputs.size(), form);
  plan.bind = [compiled = std::shared_ptr<const Compiled>(std::move(compiled))](const Bindings& bindings) {
    return bind(compiled, bindings);
  };
  return plan;
}

}  // namespace

extern const KernelDef split_kernel;
const KernelDef split_kernel{.name = "split", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
