// Concat of any type: rows of each input are copied side by side. f32 pictures keep their channels-last layout; those
// whose kernels can compute them in their place are not copied.
#include "engine/ops/concat.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "engine/plugins/cpu/byte_ops.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Concat"};

/// Channels last when any input lies so already, stored as all inputs are: none is rounded for the others.
Form common_form(const NodeContext& context) {
  if (context.output().data_type != DataType::kF32) {
    return {};
  }
  const bool picture = context.output().shape.size() == 4;
  const bool last = picture && std::ranges::any_of(context.forms, [](const Form& input) {
                      return input.layout == Layout::kChannelsLast;
                    });
  Form form = context.forms[0];
  const bool alike = form.steps.scale.size() < 2 && std::ranges::all_of(context.forms, [&](const Form& input) {
                       return input.stored == form.stored && input.steps == form.steps;
                     });
  form = alike ? form : Form();
  form.layout = last ? Layout::kChannelsLast : Layout::kPlain;
  return form;
}

/// Whether all inputs lie on steps of their own and the FakeQuantize behind can be looked up for each byte.
bool requantises(const NodeContext& context) {
  return context.quantiser != nullptr && context.quantiser->factor.size() == 1 &&
         std::ranges::all_of(context.forms, [](const Form& input) {
           return input.stored == DataType::kU8 && input.steps.scale.size() == 1;
         });
}

/// What each input's bytes become; empty where they stay.
std::vector<std::vector<Table>> tables_of(const NodeContext& context) {
  std::vector<std::vector<Table>> tables;
  for (const Form& input : context.forms) {
    const bool same = input.steps == context.quantiser->steps;
    tables.push_back(same ? std::vector<Table>() : std::vector{requantising_table(input.steps, *context.quantiser)});
  }
  return tables;
}

Shape in_memory_order(const Shape& shape, Layout layout) {
  return layout == Layout::kChannelsLast ? Shape{shape[0], shape[2], shape[3], shape[1]} : shape;
}

/// Rows of one input on their way.
struct Move {
  const std::byte* from = nullptr;
  std::size_t from_apart = 0;  ///< Bytes from row to row.
  std::byte* to = nullptr;
  std::size_t to_apart = 0;
  std::size_t length = 0;
  std::vector<Table> table;  ///< That bytes go through, or none.

  void run(std::size_t first, std::size_t count) const {
    const std::byte* source = from + first * from_apart;
    std::byte* target = to + first * to_apart;
    if (!table.empty()) {
      map_byte_rows(table[0], reinterpret_cast<const std::uint8_t*>(source), from_apart,
                    reinterpret_cast<std::uint8_t*>(target), to_apart, count, length);
      return;
    }
    for (std::size_t row = 0; row < count; ++row) {
      std::memcpy(target + row * to_apart, source + row * from_apart, length);
    }
  }
};

/// What is shared by all requests.
struct Compiled {
  std::vector<std::size_t> lengths;  ///< Bytes of each input's rows.
  std::size_t total = 0;             ///< Of the output's.
  std::int64_t rows = 0;
  bool pixels = false;  ///< Rows are pixels, which may lie further apart.
  std::vector<std::vector<Table>> tables;
};

BoundStep bind(const std::shared_ptr<const Compiled>& compiled, const Bindings& bindings) {
  std::vector<Move> moves;
  std::byte* to = bindings.outputs[0];
  for (std::size_t i = 0; i < bindings.inputs.size(); ++i) {
    const std::size_t length = compiled->lengths[i];
    if (bindings.inputs[i] != to) {
      moves.push_back({.from = bindings.inputs[i],
                       .from_apart = compiled->pixels ? bindings.input_pitches[i] : length,
                       .to = to,
                       .to_apart = compiled->pixels ? bindings.output_pitches[0] : compiled->total,
                       .length = length,
                       .table = compiled->tables[i]});
    }
    to += length;
  }
  if (moves.empty()) {
    return {};
  }
  return [rows = compiled->rows, total = compiled->total, moves = std::move(moves)](Team& team) {
    team.each(rows, static_cast<std::int64_t>(total / sizeof(float)),
              [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                for (const Move& move : moves) {
                  move.run(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
                }
              });
  };
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (!context.node.post_ops.empty()) {
    refusal = "has post-ops";
    return std::nullopt;
  }
  Form form = common_form(context);
  const Layout layout = form.layout;
  std::vector<std::vector<Table>> tables(context.node.inputs.size());
  const bool mapped = requantises(context);
  if (mapped) {
    form = Form(layout, context.quantiser->steps);
    tables = tables_of(context);
  }
  const std::size_t element_bytes =
      size_of(context.output().data_type == DataType::kF32 ? form.stored : context.output().data_type);
  const Shape& output = context.output().shape;
  const auto rank = static_cast<std::int64_t>(output.size());
  std::int64_t axis = context.node.attrs<ops::ConcatAttributes>().axis;
  axis += axis < 0 ? rank : 0;
  static constexpr std::array<std::int64_t, 4> kPositionInNhwc = {0, 3, 1, 2};
  const auto position = static_cast<std::size_t>(
      layout == Layout::kChannelsLast ? kPositionInNhwc.at(static_cast<std::size_t>(axis)) : axis);
  const auto row_bytes = [&](const Shape& shape) {
    const Shape ordered = in_memory_order(shape, layout);
    return element_count(Shape(ordered.begin() + static_cast<std::ptrdiff_t>(position), ordered.end())) * element_bytes;
  };
  auto compiled = std::make_shared<Compiled>();
  Pieces pieces{.of_output = true, .offsets = {}};
  for (std::size_t i = 0; i < context.node.inputs.size(); ++i) {
    pieces.offsets.push_back(compiled->total);
    compiled->lengths.push_back(row_bytes(context.input(i).shape));
    compiled->total += compiled->lengths.back();
  }
  compiled->rows =
      static_cast<std::int64_t>(compiled->total == 0 ? 0 : element_count(output) * element_bytes / compiled->total);
  compiled->pixels = layout == Layout::kChannelsLast && position == 3;
  compiled->tables = std::move(tables);
  KernelPlan plan;
  plan.kernel = "concat";
  plan.inputs.assign(context.node.inputs.size(), form);
  plan.outputs = {form};
  if (mapped) {
    plan.kernel = "concat (of bytes)";
    plan.quantises = true;
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      plan.inputs[i] = Form(layout, context.forms[i].steps);
    }
  }
  if (compiled->pixels) {
    plan.pitched = true;
    if (!mapped) {
      plan.pieces = std::move(pieces);
    }
  }
  plan.bind = [compiled = std::shared_ptr<const Compiled>(std::move(compiled))](const Bindings& bindings) {
    return bind(compiled, bindings);
  };
  return plan;
}

}  // namespace

extern const KernelDef concat_kernel;
const KernelDef concat_kernel{.name = "concat", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
