// The confusion matrix of masks.
#include "vision/metrics/segmentation.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

constexpr std::size_t kMaskValues = 256;

void check(const SegmentationMask& mask, const char* whose) {
  const bool sized =
      mask.width > 0 && mask.height > 0 && mask.classes != nullptr &&
      mask.classes->size() == static_cast<std::size_t>(mask.width) * static_cast<std::size_t>(mask.height);
  if (!sized) {
    fail(ErrorCode::kInvalidArgument, "the {} mask of {}x{} cells has {} values", whose, mask.width, mask.height,
         mask.classes == nullptr ? 0 : mask.classes->size());
  }
}

bool is_unlabelled(const std::string& name) {
  static constexpr std::array<std::string_view, 4> kNames = {"void", "unlabelled", "unlabeled", "ignore"};
  return name.empty() || std::ranges::find(kNames, name) != kNames.end();
}

/// For each of `cells` cells of a normalised span [from, from + extent) the index of the other mask's cell at its
/// middle; -1 outside.
std::vector<int> lookup(int cells, float from, float extent, int other_cells, float other_from, float other_extent) {
  std::vector<int> at(static_cast<std::size_t>(cells), -1);
  for (int i = 0; i < cells; ++i) {
    const double middle = static_cast<double>(from) + static_cast<double>(extent) * (i + 0.5) / cells;
    const double position = std::floor((middle - other_from) / other_extent * other_cells);
    if (position >= 0 && position < other_cells) {
      at[static_cast<std::size_t>(i)] = static_cast<int>(position);
    }
  }
  return at;
}

}  // namespace

int SegmentationMetrics::intern(const std::string& name) {
  const auto [entry, added] = ids_.try_emplace(name, static_cast<int>(known_.size()));
  if (added) {
    known_.push_back(name);
    for (auto& row : counts_) {
      row.resize(known_.size(), 0);
    }
    counts_.emplace_back(known_.size(), 0);
  }
  return entry->second;
}

/// Id of each of the 256 values a cell can have; values without a label are called by their number.
std::vector<int> SegmentationMetrics::rows_of(const SegmentationMask& mask) {
  std::array<bool, kMaskValues> used{};
  for (const std::uint8_t value : *mask.classes) {
    used[value] = true;
  }
  std::vector<int> rows(kMaskValues, -1);
  for (std::size_t value = 0; value < kMaskValues; ++value) {
    if (used[value]) {
      rows[value] = intern(value < mask.labels.size() ? names_.canonical(mask.labels[value])
                                                      : names_.canonical(std::to_string(value)));
    }
  }
  return rows;
}

void SegmentationMetrics::add(const SegmentationMask& truth, const SegmentationMask& result) {
  check(truth, "truth's");
  check(result, "result's");
  const std::vector<int> truth_ids = rows_of(truth);
  const std::vector<int> result_ids = rows_of(result);
  for (const std::string& label : result.labels) {
    model_labels_.insert(names_.canonical(label));
  }
  for (const int id : result_ids) {
    if (id >= 0) {
      model_labels_.insert(known_[static_cast<std::size_t>(id)]);
    }
  }
  const std::vector<int> columns =
      lookup(truth.width, truth.region.x, truth.region.width, result.width, result.region.x, result.region.width);
  const std::vector<int> lines =
      lookup(truth.height, truth.region.y, truth.region.height, result.height, result.region.y, result.region.height);
  std::vector<std::uint64_t> pairs(kMaskValues * kMaskValues, 0);
  for (std::size_t y = 0; y < lines.size(); ++y) {
    if (lines[y] < 0) {
      continue;
    }
    const std::uint8_t* truth_row = truth.classes->data() + y * columns.size();
    const std::uint8_t* result_row =
        result.classes->data() + static_cast<std::size_t>(lines[y]) * static_cast<std::size_t>(result.width);
    for (std::size_t x = 0; x < columns.size(); ++x) {
      if (columns[x] >= 0) {
        ++pairs[truth_row[x] * kMaskValues + result_row[columns[x]]];
      }
    }
  }
  for (std::size_t pair = 0; pair < pairs.size(); ++pair) {
    if (pairs[pair] > 0) {
      counts_[static_cast<std::size_t>(truth_ids[pair / kMaskValues])]
             [static_cast<std::size_t>(result_ids[pair % kMaskValues])] += pairs[pair];
    }
  }
  ++frames_;
}

SegmentationReport SegmentationMetrics::report() const {
  SegmentationReport report;
  report.frames = frames_;
  double sum = 0;
  for (const auto& [name, index] : ids_) {
    const auto id = static_cast<std::size_t>(index);
    ClassIou figures{.label = name, .both = counts_[id][id]};
    for (std::size_t other = 0; other < known_.size(); ++other) {
      figures.truth += counts_[id][other];
      figures.result += is_unlabelled(known_[other]) ? 0 : counts_[other][id];
    }
    if (is_unlabelled(name) || figures.truth == 0) {
      continue;
    }
    if (!model_labels_.contains(name)) {
      report.not_in_model.push_back(name);
      continue;
    }
    figures.iou =
        static_cast<double>(figures.both) / static_cast<double>(figures.truth + figures.result - figures.both);
    sum += figures.iou;
    report.classes.push_back(figures);
  }
  if (!report.classes.empty()) {
    report.miou = sum / static_cast<double>(report.classes.size());
  }
  return report;
}

}  // namespace fovea
