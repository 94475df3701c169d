#include "engine/frontends/tflite/fixed_point.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace fovea::tflite {
namespace {

/// Where a step begins: the least sum that the original rounds to it.
struct Threshold {
  double step = 0;
  double sum = 0;
};

constexpr int kFractionBits = 31;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return a / b + (a % b > 0 ? 1 : 0); }

std::vector<Threshold> thresholds(std::int64_t q, int shift, std::int64_t least, std::int64_t most) {
  std::vector<Threshold> all;
  for (std::int64_t step = least + 1; step <= most; ++step) {
    // The second rounding reaches the step from `high` on, the first one `high` from half a unit below.
    const std::int64_t high = (2 * step - 1) * (std::int64_t{1} << (shift - 1));
    const std::int64_t product = (2 * high - 1) * (std::int64_t{1} << (kFractionBits - 1));
    all.push_back({static_cast<double>(step), static_cast<double>(divide_up(product, q))});
  }
  return all;
}

/// How many sums next to thresholds are rounded to another step, in f32 and in double precision.
int count_wrong(const std::vector<Threshold>& all, Scaling scaling) {
  const auto wide = [&](double sum) {
    return std::nearbyint(sum * static_cast<double>(scaling.factor) + static_cast<double>(scaling.shift));
  };
  const auto narrow = [&](double sum) {
    const float product = static_cast<float>(sum) * scaling.factor;
    return static_cast<double>(std::nearbyint(product + scaling.shift));
  };
  int wrong = 0;
  for (const auto& [step, sum] : all) {
    wrong += wide(sum) < step ? 1 : 0;
    wrong += wide(sum - 1) >= step ? 1 : 0;
    wrong += narrow(sum) < step ? 1 : 0;
    wrong += narrow(sum - 1) >= step ? 1 : 0;
  }
  return wrong;
}

/// Tries shifts between the least and the most that thresholds ask for with this factor.
void improve(const std::vector<Threshold>& all, float factor, Scaling& best, int& wrong) {
  double low = -std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto& [step, sum] : all) {
    const double half = step - 0.5;
    low = std::max(low, half - sum * static_cast<double>(factor));
    high = std::min(high, half - (sum - 1) * static_cast<double>(factor));
  }
  constexpr int kParts = 8;
  for (int i = 0; i <= kParts && wrong > 0; ++i) {
    const Scaling tried = {factor, static_cast<float>(low + (high - low) * i / kParts)};
    const int count = count_wrong(all, tried);
    if (count < wrong) {
      best = tried;
      wrong = count;
    }
  }
}

}  // namespace

Scaling fixed_point_scaling(double factor, std::int64_t least, std::int64_t most) {
  int exponent = 0;
  const double fraction = std::frexp(factor, &exponent);
  const int shift = -exponent;
  if (shift < 1) {
    return {static_cast<float>(factor), 0};  // the second rounding has nothing to do
  }
  Scaling best = {static_cast<float>(factor), static_cast<float>(std::ldexp(0.5, -shift))};
  constexpr int kMostShift = 14;  // beyond these, products of thresholds leave 64 bits
  constexpr std::int64_t kMostStep = 1 << 16;
  if (shift > kMostShift || least < -kMostStep || most > kMostStep) {
    return best;
  }
  const auto q = static_cast<std::int64_t>(std::round(std::ldexp(fraction, kFractionBits)));
  const std::vector<Threshold> all = thresholds(q, shift, least, most);
  int wrong = count_wrong(all, best);
  float above = best.factor;
  float below = best.factor;
  constexpr int kNeighbours = 4;
  improve(all, best.factor, best, wrong);
  for (int i = 0; i < kNeighbours; ++i) {
    above = std::nextafter(above, std::numeric_limits<float>::max());
    below = std::nextafter(below, 0.0F);
    improve(all, above, best, wrong);
    improve(all, below, best, wrong);
  }
  return best;
}

}  // namespace fovea::tflite
