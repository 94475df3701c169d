// Percentiles of the last durations.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace fovea {

/// Keeps the last 128 durations. Not thread-safe.
class LatencyWindow {
 public:
  void add(std::chrono::nanoseconds value) {
    values_.at(next_) = value;
    next_ = (next_ + 1) % values_.size();
    count_ = std::min(count_ + 1, values_.size());
  }

  [[nodiscard]] std::size_t count() const { return count_; }

  /// Nearest rank. \param fraction In (0,1]. 0 while empty.
  [[nodiscard]] std::chrono::nanoseconds percentile(double fraction) const {
    if (count_ == 0) {
      return std::chrono::nanoseconds{0};
    }
    auto sorted = values_;
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(count_);
    const auto rank = static_cast<std::ptrdiff_t>(fraction * static_cast<double>(count_ - 1) + 0.5);
    std::nth_element(sorted.begin(), sorted.begin() + rank, end);
    return sorted.at(static_cast<std::size_t>(rank));
  }

  void clear() { count_ = next_ = 0; }

 private:
  std::array<std::chrono::nanoseconds, 128> values_{};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
};

}  // namespace fovea
