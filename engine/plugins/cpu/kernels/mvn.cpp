// MVN over height and width of a picture, channels last; sums in double as the mean of large maps needs it.
#include "engine/ops/mvn.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"MVN"};
constexpr std::int64_t kBlock = 16;  // channels one thread works on: one cache line of floats

struct Normalisation {
  std::int64_t batch, channels, pixels;
  double eps;
  bool inside, variance;
};

using Sums = std::array<double, kBlock>;

void normalise_block(const Normalisation& n, const float* src, float* dst, std::int64_t count) {
  const auto size = static_cast<std::size_t>(count);
  Sums means{};
  Sums squares{};
  for (std::int64_t p = 0; p < n.pixels; ++p) {
    for (std::size_t c = 0; c < size; ++c) {
      means[c] += src[p * n.channels + static_cast<std::int64_t>(c)];
    }
  }
  for (double& mean : means) {
    mean /= static_cast<double>(n.pixels);
  }
  for (std::int64_t p = 0; n.variance && p < n.pixels; ++p) {
    for (std::size_t c = 0; c < size; ++c) {
      const double d = src[p * n.channels + static_cast<std::int64_t>(c)] - means[c];
      squares[c] += d * d;
    }
  }
  std::array<float, kBlock> mean{};
  std::array<float, kBlock> scale{};
  for (std::size_t c = 0; c < size; ++c) {
    const double variance = squares[c] / static_cast<double>(n.pixels);
    const double deviation = n.inside ? std::sqrt(variance + n.eps) : std::sqrt(variance) + n.eps;
    mean[c] = static_cast<float>(means[c]);
    scale[c] = n.variance ? static_cast<float>(1.0 / deviation) : 1.0F;
  }
  for (std::int64_t p = 0; p < n.pixels; ++p) {
    for (std::size_t c = 0; c < size; ++c) {
      const std::int64_t at = p * n.channels + static_cast<std::int64_t>(c);
      dst[at] = (src[at] - mean[c]) * scale[c];
    }
  }
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const auto& attributes = context.node.attrs<ops::MvnAttributes>();
  const Shape& shape = context.output().shape;
  const bool axes_given = context.own_inputs() > 1;
  if (context.output().data_type != DataType::kF32 || shape.size() != 4 || !context.node.post_ops.empty() ||
      (axes_given && context.constant(1) == nullptr)) {
    refusal = "needs f32, rank 4, constant axes and no post-ops";
    return std::nullopt;
  }
  std::vector<std::int64_t> given;
  if (axes_given) {
    given = to_ints(context.constant(1)->view());
  }
  std::vector<std::size_t> axes = ops::mvn_axes(attributes, 4, axes_given ? &given : nullptr);
  std::ranges::sort(axes);
  if (axes != std::vector<std::size_t>{2, 3}) {
    refusal = "normalises over other axes than height and width";
    return std::nullopt;
  }
  const Normalisation n{.batch = shape[0],
                        .channels = shape[1],
                        .pixels = shape[2] * shape[3],
                        .eps = attributes.eps,
                        .inside = attributes.opset < 6 || attributes.eps_mode == ops::EpsMode::kInsideSqrt,
                        .variance = attributes.normalize_variance};
  KernelPlan plan;
  plan.kernel = "mvn";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = Layout::kChannelsLast;
  plan.outputs = {Layout::kChannelsLast};
  plan.bind = [n](const Bindings& bindings) -> BoundStep {
    return [n, src = bindings.input<float>(0), dst = bindings.output<float>()](Team& team) {
      const std::int64_t blocks = (n.channels + kBlock - 1) / kBlock;
      team.each(n.batch * blocks, n.pixels * kBlock, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
        for (std::int64_t item = first; item < last; ++item) {
          const std::int64_t begin = item % blocks * kBlock;
          const std::int64_t offset = item / blocks * n.pixels * n.channels + begin;
          normalise_block(n, src + offset, dst + offset, std::min(kBlock, n.channels - begin));
        }
      });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef mvn_kernel;
const KernelDef mvn_kernel{.name = "mvn", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
