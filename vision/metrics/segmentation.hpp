// SegmentationMetrics: IoU of classes over all cells of all frames, from one confusion matrix.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "vision/analysis.hpp"
#include "vision/metrics/name_map.hpp"

namespace fovea {

struct ClassIou {
  std::string label;
  std::uint64_t truth = 0;   ///< Cells.
  std::uint64_t result = 0;  ///< Cells that a mask says to be of this class, unlabelled truth apart.
  std::uint64_t both = 0;
  double iou = 0;
};

struct SegmentationReport {
  std::size_t frames = 0;                 ///< That had both masks.
  std::optional<double> miou;             ///< Mean over `classes`; nothing when the names have nothing in common.
  std::vector<ClassIou> classes;          ///< In the truth and among the model's labels, in alphabetical order.
  std::vector<std::string> not_in_model;  ///< Classes of the truth the model has no label for; their cells still are
                                          ///< false where a mask says something else that is judged.
};

/// Cells are those of the truth's mask; each is compared with the result's cell at its middle. Truth cells called
/// "void", "unlabelled", "unlabeled", "ignore" or without a name do not count, nor do those outside the result's
/// region. Classes are matched by name. Not thread-safe.
class SegmentationMetrics {
 public:
  explicit SegmentationMetrics(NameMap names = {}) : names_(std::move(names)) {}

  /// Masks are only read during the call. \throws Error{kInvalidArgument} when one has not width·height cells.
  void add(const SegmentationMask& truth, const SegmentationMask& result);

  [[nodiscard]] SegmentationReport report() const;

 private:
  std::vector<int> rows_of(const SegmentationMask& mask);
  int intern(const std::string& name);

  NameMap names_;
  std::map<std::string, int> ids_;
  std::vector<std::string> known_;                  ///< By id.
  std::vector<std::vector<std::uint64_t>> counts_;  ///< [truth id][result id].
  std::set<std::string> model_labels_;
  std::size_t frames_ = 0;
};

}  // namespace fovea
