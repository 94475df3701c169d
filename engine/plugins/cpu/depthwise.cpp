#include "engine/plugins/cpu/depthwise.hpp"

#include <algorithm>
#include <array>

#include "engine/plugins/cpu/work_pool.hpp"

namespace fovea::cpu {
namespace {

/// Rows of input that one output row reads.
std::int64_t reach(const ops::Window& window) { return (window.kernel - 1) * window.dilation + 1; }

/// One chunk at work: input rows are made in order, each once, and held in a ring of rows with padding beside them.
class Chunk {
 public:
  Chunk(const DepthwisePlan& plan, const PackedFilters* expand, const PackedFilters& filters,
        const DepthwiseMemory& memory, std::size_t chunk)
      : plan_(plan), expand_(expand), filters_(filters), memory_(memory), panel_(panel_channels()) {
    const auto index = static_cast<std::int64_t>(chunk);
    channel_ = index % plan.panels * panel_;
    range_ = index / plan.panels % plan.ranges;
    picture_ = index / plan.panels / plan.ranges;
    channels_ = std::min(panel_, plan.shape.channels - channel_);
    if (expand != nullptr) {
      expand_limits_ = limits_of(expand->finish, false);
      expand_operands_ = std::ranges::any_of(
          expand->finish.steps, [](const FinishStep& step) { return step.operand != FinishStep::Operand::kNone; });
    }
    limits_ = limits_of(filters.finish, false);
  }

  void run() {
    const ops::Window& rows = plan_.shape.rows;
    const std::int64_t first = range_ * rows.output / plan_.ranges;
    const std::int64_t last = (range_ + 1) * rows.output / plan_.ranges;
    clear_padding();
    if (memory_.sums != nullptr) {
      std::fill_n(sums(), panel_, 0.0F);
    }
    std::int64_t made = 0;
    for (std::int64_t y = first; y < last; ++y) {
      const std::int64_t top = y * rows.stride - rows.pad_begin;
      const std::int64_t bottom = std::min(top + reach(rows), rows.input);
      for (made = std::max({made, top, std::int64_t{0}}); made < bottom; ++made) {
        make_row(made);
      }
      compute_row(y, top);
    }
  }

 private:
  [[nodiscard]] float* ring_row(std::int64_t row) const {
    return memory_.scratch + row % plan_.ring_rows * plan_.ring_columns * panel_;
  }

  /// Of this chunk.
  [[nodiscard]] float* sums() const {
    return memory_.sums + (picture_ * plan_.ranges + range_) * plan_.panels * panel_ + channel_;
  }

  void clear_padding() const {
    const std::int64_t left = plan_.shape.columns.pad_begin;
    const std::int64_t right = std::max<std::int64_t>(plan_.ring_columns - left - plan_.shape.columns.input, 0);
    for (std::int64_t row = 0; row < plan_.ring_rows; ++row) {
      float* const begin = ring_row(row);
      std::fill_n(begin, left * panel_, 0.0F);
      std::fill_n(begin + (plan_.ring_columns - right) * panel_, right * panel_, 0.0F);
    }
  }

  void make_row(std::int64_t y) const {
    const DepthwiseShape& shape = plan_.shape;
    const std::int64_t width = shape.columns.input;
    const std::int64_t pixel = (picture_ * shape.rows.input + y) * width;
    PanelRow row{.dst = ring_row(y) + shape.columns.pad_begin * panel_,
                 .stride = panel_,
                 .channels = channels_,
                 .pixels = width};
    if (expand_ == nullptr) {
      copy_row(memory_.src + pixel * shape.channels + channel_, shape.channels, row);
      return;
    }
    if (!expand_operands_) {
      // Whole vectors: channels that do not exist come out as formulas of zero and are never stored.
      row.channels = channels_ > panel_ / 2 ? panel_ : panel_ / 2;
    }
    row.bias = expand_->finish.bias.data() + channel_;
    row.least = expand_limits_.least;
    row.most = expand_limits_.most;
    multiply_rows({.data = memory_.src + pixel * shape.depth, .stride = shape.depth},
                  expand_->panels.data() + channel_ * shape.depth, shape.depth, row,
                  {.finish = &expand_->finish,
                   .first = expand_limits_.steps,
                   .operands = memory_.expand_operands,
                   .channel = channel_,
                   .pixel = pixel});
  }

  void compute_row(std::int64_t y, std::int64_t top) const {
    const DepthwiseShape& shape = plan_.shape;
    const ops::Window& rows = shape.rows;
    std::array<const float*, static_cast<std::size_t>(kMostTaps)> taps{};
    std::size_t count = 0;
    std::int64_t above = 0;  // filter rows that lie above the picture
    for (std::int64_t i = 0; i < rows.kernel; ++i) {
      const std::int64_t input = top + i * rows.dilation;
      above += input < 0 ? 1 : 0;
      for (std::int64_t j = 0; input >= 0 && input < rows.input && j < shape.columns.kernel; ++j) {
        taps[count++] = ring_row(input) + j * shape.columns.dilation * panel_;
      }
    }
    const std::int64_t pixel = (picture_ * rows.output + y) * shape.columns.output;
    const PanelRow row{.dst = memory_.dst + pixel * shape.channels + channel_,
                       .stride = shape.channels,
                       .channels = channels_,
                       .pixels = shape.columns.output,
                       .bias = filters_.finish.bias.data() + channel_,
                       .least = limits_.least,
                       .most = limits_.most};
    const float* const weights =
        filters_.panels.data() + channel_ * rows.kernel * shape.columns.kernel + above * shape.columns.kernel * panel_;
    depthwise_row(taps.data(), static_cast<std::int64_t>(count), shape.columns.stride * panel_, weights, row,
                  {.finish = &filters_.finish,
                   .first = limits_.steps,
                   .operands = memory_.operands,
                   .channel = channel_,
                   .pixel = pixel,
                   .sums = memory_.sums == nullptr ? nullptr : sums()});
  }

  const DepthwisePlan& plan_;
  const PackedFilters* expand_;
  const PackedFilters& filters_;
  const DepthwiseMemory& memory_;
  std::int64_t panel_;
  std::int64_t picture_ = 0, range_ = 0;
  std::int64_t channel_ = 0;   ///< The first.
  std::int64_t channels_ = 0;  ///< Of this panel.
  PanelLimits expand_limits_, limits_;
  bool expand_operands_ = false;  ///< Some step of the 1x1 convolution's finish has an operand.
};

}  // namespace

DepthwisePlan plan_depthwise(const DepthwiseShape& shape, int threads) {
  const std::int64_t panel = panel_channels();
  DepthwisePlan plan{.shape = shape};
  plan.panels = (shape.channels + panel - 1) / panel;
  plan.ring_rows = reach(shape.rows);
  // What the filter reads, and all of the picture.
  plan.ring_columns = std::max((shape.columns.output - 1) * shape.columns.stride + reach(shape.columns),
                               shape.columns.pad_begin + shape.columns.input);
  if (threads > 1) {
    // Neighbouring ranges both make the rows between them; ranges much longer than that cost little.
    const std::int64_t longest =
        std::max<std::int64_t>(shape.rows.output * shape.rows.stride / (8 * reach(shape.rows)), 1);
    const std::int64_t wanted = threads * kChunksAThread;
    plan.ranges = std::clamp((wanted + plan.panels * shape.batch - 1) / (plan.panels * shape.batch), std::int64_t{1},
                             std::min(longest, shape.rows.output));
  }
  plan.scratch_floats = static_cast<std::size_t>(plan.ring_rows * plan.ring_columns * panel);
  plan.sums_floats = plan.chunks() * static_cast<std::size_t>(panel);
  return plan;
}

void run_depthwise_chunk(const DepthwisePlan& plan, const PackedFilters* expand, const PackedFilters& filters,
                         const DepthwiseMemory& memory, std::size_t chunk) {
  Chunk(plan, expand, filters, memory, chunk).run();
}

void mean_of_sums(const DepthwisePlan& plan, const float* sums, float* means) {
  const DepthwiseShape& shape = plan.shape;
  const std::int64_t padded = plan.panels * panel_channels();
  const auto pixels = static_cast<float>(shape.rows.output * shape.columns.output);
  for (std::int64_t n = 0; n < shape.batch; ++n) {
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      float sum = 0;
      for (std::int64_t range = 0; range < plan.ranges; ++range) {
        sum += sums[(n * plan.ranges + range) * padded + c];
      }
      means[n * shape.channels + c] = sum / pixels;
    }
  }
}

}  // namespace fovea::cpu
