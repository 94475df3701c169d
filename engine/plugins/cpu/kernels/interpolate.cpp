// Interpolate of height and width, every mode: taps per output row and column. Channels last, or in planes where the
// result is one of the model's.
#include "engine/ops/interpolate.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "engine/plugins/cpu/block_ops.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Interpolate"};

/// The taps of all coordinates of one axis, one after another.
struct TapTable {
  std::vector<std::int32_t> begin;  ///< First tap of each coordinate, and the end.
  std::vector<std::int32_t> index;
  std::vector<float> weight;
};

TapTable flatten(const std::vector<std::vector<ops::Tap>>& taps) {
  TapTable table;
  for (const auto& coordinate : taps) {
    table.begin.push_back(static_cast<std::int32_t>(table.index.size()));
    for (const ops::Tap& tap : coordinate) {
      table.index.push_back(static_cast<std::int32_t>(tap.index));
      table.weight.push_back(static_cast<float>(tap.weight));
    }
  }
  table.begin.push_back(static_cast<std::int32_t>(table.index.size()));
  return table;
}

/// An axis that is not resized: each coordinate is itself.
TapTable identity(std::int64_t extent) {
  std::vector<std::vector<ops::Tap>> taps;
  for (std::int64_t i = 0; i < extent; ++i) {
    taps.push_back({ops::Tap{.index = i, .weight = 1}});
  }
  return flatten(taps);
}

struct Resize {
  TapTable rows, columns;
  std::int64_t batch, channels, input_height, input_width, output_height, output_width;
};

/// target = Σ weight · source[index · stride], over `count` floats.
void sum_taps(const TapTable& table, std::int64_t coordinate, const float* source, std::int64_t stride,
              std::int64_t count, float* target) {
  const auto at = static_cast<std::size_t>(coordinate);
  std::fill_n(target, count, 0.0F);
  for (auto tap = static_cast<std::size_t>(table.begin[at]); tap < static_cast<std::size_t>(table.begin[at + 1]);
       ++tap) {
    const float weight = table.weight[tap];
    const float* row = source + table.index[tap] * stride;
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
      target[i] += weight * row[i];
    }
  }
}

/// The output's rows [first, last), counted through the batch.
void resize_rows(const Resize& resize, const float* src, float* dst, std::int64_t first, std::int64_t last,
                 float* row) {
  const std::int64_t row_floats = resize.input_width * resize.channels;
  for (std::int64_t item = first; item < last; ++item) {
    const std::int64_t n = item / resize.output_height;
    sum_taps(resize.rows, item % resize.output_height, src + n * resize.input_height * row_floats, row_floats,
             row_floats, row);
    float* out = dst + item * resize.output_width * resize.channels;
    for (std::int64_t x = 0; x < resize.output_width; ++x) {
      sum_taps(resize.columns, x, row, resize.channels, resize.channels, out + x * resize.channels);
    }
  }
}

/// Every coordinate takes one value as it is: nearest neighbours.
bool copies(const TapTable& table) {
  return table.begin.size() == table.index.size() + 1 &&
         std::ranges::all_of(table.weight, [](float weight) { return weight == 1; });
}

/// Where pixels lie that are copied.
struct Copies {
  const std::byte* src = nullptr;
  std::size_t src_pitch = 0;  ///< Bytes from pixel to pixel.
  std::byte* dst = nullptr;
  std::size_t dst_pitch = 0;
  std::size_t pixel_bytes = 0;
};

/// The output's rows [first, last) of nearest neighbours.
void copy_rows(const Resize& resize, const Copies& copies, std::int64_t first, std::int64_t last) {
  const std::size_t row_bytes = static_cast<std::size_t>(resize.output_width) * copies.dst_pitch;
  std::int64_t before = -1;  // input row of the output's row before
  for (std::int64_t item = first; item < last; ++item) {
    const std::int64_t n = item / resize.output_height;
    const std::int64_t from =
        n * resize.input_height + resize.rows.index[static_cast<std::size_t>(item % resize.output_height)];
    std::byte* const out = copies.dst + static_cast<std::size_t>(item) * row_bytes;
    if (from == before && copies.dst_pitch == copies.pixel_bytes) {
      std::memcpy(out, out - row_bytes, row_bytes);
      continue;
    }
    before = from;
    const std::byte* const row = copies.src + static_cast<std::size_t>(from * resize.input_width) * copies.src_pitch;
    for (std::size_t x = 0; x < resize.columns.index.size(); ++x) {
      std::memcpy(out + x * copies.dst_pitch,
                  row + static_cast<std::size_t>(resize.columns.index[x]) * copies.src_pitch, copies.pixel_bytes);
    }
  }
}

/// Neighbours are copied, whatever form they have.
KernelPlan plan_copies(const NodeContext& context, const std::shared_ptr<const Resize>& resize) {
  KernelPlan plan;
  plan.kernel = "interpolate (copies)";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  Form form = context.forms[0];
  form.layout = Layout::kChannelsLast;
  plan.inputs[0] = form;
  plan.outputs = {form};
  plan.pitched = true;
  const std::size_t pixel_bytes = static_cast<std::size_t>(resize->channels) * size_of(form.stored);
  plan.bind = [resize, pixel_bytes](const Bindings& bindings) -> BoundStep {
    const Copies copies{.src = bindings.inputs[0],
                        .src_pitch = bindings.input_pitches[0],
                        .dst = bindings.outputs[0],
                        .dst_pitch = bindings.output_pitches[0],
                        .pixel_bytes = pixel_bytes};
    return [resize, copies](Team& team) {
      team.each(
          resize->batch * resize->output_height,
          resize->output_width * static_cast<std::int64_t>(copies.pixel_bytes / sizeof(float)),
          [&](std::int64_t first, std::int64_t last, int /*worker*/) { copy_rows(*resize, copies, first, last); });
    };
  };
  return plan;
}

/// Input rows that one output row lies between, or taps it has, at most.
std::int64_t rows_between(const TapTable& table) {
  std::int64_t most = 1;
  for (std::size_t at = 0; at + 1 < table.begin.size(); ++at) {
    const auto first = table.index.begin() + table.begin[at];
    const auto last = table.index.begin() + table.begin[at + 1];
    if (first != last) {
      const auto [low, high] = std::minmax_element(first, last);
      most = std::max<std::int64_t>({most, *high - *low + 1, last - first});
    }
  }
  return most;
}

/// Rows of planes: each input row is stretched once to the output's width and held until the output has passed it.
class PlaneRows {
 public:
  /// \param scratch  `held` rows of the output's width.
  PlaneRows(const Resize& resize, std::int64_t held, float* scratch) : resize_(resize), held_(held), rows_(scratch) {}

  /// The output's row `item`, counted through all planes.
  void run(const float* src, float* dst, std::int64_t item) {
    const std::int64_t plane = item / resize_.output_height;
    const auto y = static_cast<std::size_t>(item % resize_.output_height);
    const float* const picture = src + plane * resize_.input_height * resize_.input_width;
    const auto first = static_cast<std::size_t>(resize_.rows.begin[y]);
    const auto last = static_cast<std::size_t>(resize_.rows.begin[y + 1]);
    std::array<const float*, kMostTaps> rows{};
    for (std::size_t tap = first; tap < last; ++tap) {
      rows.at(tap - first) = stretched(picture, plane, resize_.rows.index[tap]);
    }
    weigh_rows(rows.data(), resize_.rows.weight.data() + first, last - first,
               static_cast<std::size_t>(resize_.output_width), dst + item * resize_.output_width);
  }

  static constexpr std::size_t kMostTaps = 8;

 private:
  const float* stretched(const float* picture, std::int64_t plane, std::int64_t row) {
    const std::int64_t slot = row % held_;
    float* const target = rows_ + slot * resize_.output_width;
    auto& holds = holds_.at(static_cast<std::size_t>(slot));
    if (holds != std::pair(plane, row)) {
      holds = {plane, row};
      const float* const source = picture + row * resize_.input_width;
      const TapTable& table = resize_.columns;
      for (std::size_t x = 0; x < static_cast<std::size_t>(resize_.output_width); ++x) {
        float sum = 0;
        for (auto tap = static_cast<std::size_t>(table.begin[x]); tap < static_cast<std::size_t>(table.begin[x + 1]);
             ++tap) {
          sum += table.weight[tap] * source[table.index[tap]];
        }
        target[x] = sum;
      }
    }
    return target;
  }

  const Resize& resize_;
  std::int64_t held_;
  float* rows_;
  std::array<std::pair<std::int64_t, std::int64_t>, kMostTaps> holds_ = filled();

  static std::array<std::pair<std::int64_t, std::int64_t>, kMostTaps> filled() {
    std::array<std::pair<std::int64_t, std::int64_t>, kMostTaps> none;
    none.fill({-1, -1});
    return none;
  }
};

/// The result is one of the model's and nothing else reads it: planes are what is wanted in the end.
bool wants_planes(const NodeContext& context, const Resize& resize) {
  const ValueId output = context.node.outputs[0];
  return std::ranges::find(context.graph.outputs, output, &GraphPort::value) != context.graph.outputs.end() &&
         context.graph.use_counts()[static_cast<std::size_t>(output)] == 1 &&
         rows_between(resize.rows) <= static_cast<std::int64_t>(PlaneRows::kMostTaps) &&
         resize.output_height >= resize.input_height;
}

KernelPlan plan_planes(const NodeContext& context, std::shared_ptr<const Resize> resize) {
  const std::int64_t held = rows_between(resize->rows);
  KernelPlan plan;
  plan.kernel = "interpolate (planes)";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.outputs = {Layout::kPlain};
  plan.scratch_bytes = static_cast<std::size_t>(context.threads * held * resize->output_width) * sizeof(float);
  plan.bind = [resize = std::move(resize), held](const Bindings& bindings) -> BoundStep {
    return [resize, held, src = bindings.input<float>(0), dst = bindings.output<float>(),
            scratch = reinterpret_cast<float*>(bindings.scratch)](Team& team) {
      team.each(resize->batch * resize->channels * resize->output_height, resize->output_width,
                [&](std::int64_t first, std::int64_t last, int worker) {
                  PlaneRows rows(*resize, held, scratch + worker * held * resize->output_width);
                  for (std::int64_t item = first; item < last; ++item) {
                    rows.run(src, dst, item);
                  }
                });
    };
  };
  return plan;
}

/// Sizes, scales and axes from constant inputs; nullopt when one is computed at run time.
std::optional<ops::InterpolateInputs> constant_inputs(const NodeContext& context,
                                                      const ops::InterpolateAttributes& attributes) {
  const ops::InterpolatePlaces place = ops::interpolate_places(attributes);
  ops::InterpolateInputs inputs;
  for (const std::size_t index : {place.sizes, place.scales, place.axes}) {
    if (index != 0 && index < context.node.inputs.size() && context.constant(index) == nullptr) {
      return std::nullopt;
    }
  }
  if (place.sizes != 0) {
    inputs.sizes = to_ints(context.constant(place.sizes)->view());
  }
  if (place.scales != 0) {
    inputs.scales = to_doubles(context.constant(place.scales)->view());
  }
  if (place.axes != 0 && place.axes < context.node.inputs.size()) {
    inputs.axes = to_ints(context.constant(place.axes)->view());
  }
  return inputs;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const Shape& shape = context.input(0).shape;
  if (context.output().data_type != DataType::kF32 || shape.size() != 4 || !context.node.post_ops.empty()) {
    refusal = "needs f32, rank 4 and no post-ops";
    return std::nullopt;
  }
  const auto& attributes = context.node.attrs<ops::InterpolateAttributes>();
  const auto inputs = constant_inputs(context, attributes);
  if (!inputs) {
    refusal = "sizes, scales or axes are not constant";
    return std::nullopt;
  }
  const ops::InterpolatePlan resolved = ops::resolve_interpolate(attributes, shape, *inputs);
  if (resolved.padded != shape || resolved.output[0] != shape[0] || resolved.output[1] != shape[1]) {
    refusal = "resizes or pads other axes than height and width";
    return std::nullopt;
  }
  auto resize = std::make_shared<Resize>(Resize{.rows = identity(shape[2]),
                                                .columns = identity(shape[3]),
                                                .batch = shape[0],
                                                .channels = shape[1],
                                                .input_height = shape[2],
                                                .input_width = shape[3],
                                                .output_height = resolved.output[2],
                                                .output_width = resolved.output[3]});
  for (const ops::ResizedAxis& axis : resolved.axes) {
    if (axis.axis >= 2) {
      (axis.axis == 2 ? resize->rows : resize->columns) = flatten(ops::interpolation_taps(resolved, axis));
    }
  }
  if (context.forms[0].stored == DataType::kF32 && wants_planes(context, *resize)) {
    return plan_planes(context, resize);
  }
  if (copies(resize->rows) && copies(resize->columns)) {
    return plan_copies(context, resize);
  }
  KernelPlan plan;
  plan.kernel = "interpolate";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = Layout::kChannelsLast;
  plan.outputs = {Layout::kChannelsLast};
  plan.scratch_bytes =
      static_cast<std::size_t>(context.threads * resize->input_width * resize->channels) * sizeof(float);
  plan.bind = [resize = std::shared_ptr<const Resize>(resize)](const Bindings& bindings) -> BoundStep {
    return [resize, src = bindings.input<float>(0), dst = bindings.output<float>(),
            scratch = reinterpret_cast<float*>(bindings.scratch)](Team& team) {
      team.each(resize->batch * resize->output_height, resize->output_width * resize->channels,
                [&](std::int64_t first, std::int64_t last, int worker) {
                  resize_rows(*resize, src, dst, first, last,
                              scratch + worker * resize->input_width * resize->channels);
                });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef interpolate_kernel;
const KernelDef interpolate_kernel{.name = "interpolate", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
