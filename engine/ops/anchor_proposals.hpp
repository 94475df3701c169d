// Region proposals from anchors: what GenerateProposals and ExperimentalDetectronGenerateProposalsSingleImage share.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ops/non_max.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::ops {

/// A box moved by (dx, dy) of its size and scaled by exp of (dw, dh), those at most `most_log`.
/// \param offset  1 for boxes that count pixels, else 0.
Corners move_box(const Corners& box, const double* deltas, std::size_t stride, double most_log, double offset);

struct ProposalSettings {
  double height = 0;  ///< Of the image: boxes are cut off there.
  double width = 0;
  double min_height = 0;  ///< Smaller boxes are dropped.
  double min_width = 0;
  double threshold = 0;         ///< Overlap above which the worse box goes.
  std::int64_t candidates = 0;  ///< Best ones that take part.
  std::int64_t most = 0;        ///< Results.
  double offset = 0;            ///< 1: boxes count pixels.
  double overlap_offset = 0;    ///< The same for overlaps.
};

struct ScoredBoxes {
  std::vector<Corners> boxes;
  std::vector<double> scores;
};

/// Anchors [H,W,A,4], deltas [A*4,H,W], scores [A,H,W] of one image; `cells` is H*W.
ScoredBoxes propose(const ProposalSettings& settings, const std::vector<double>& anchors, const double* deltas,
                    const double* scores, std::size_t anchors_per_cell, std::size_t cells);

}  // namespace fovea::ops
