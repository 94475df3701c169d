// Matching frame by frame, and the pairing of whole tracks at a sequence's end.
#include "vision/metrics/tracking.hpp"

#include <algorithm>
#include <set>

#include "vision/assignment.hpp"

namespace fovea {
namespace {

constexpr double kMostlyTracked = 0.8;
constexpr double kMostlyLost = 0.2;

std::optional<double> ratio(double part, std::size_t whole) {
  return whole == 0 ? std::nullopt : std::optional(part / static_cast<double>(whole));
}

struct TruthTrack {
  std::size_t frames = 0;
  std::size_t followed = 0;
  std::size_t fragmentations = 0;
  bool followed_now = false;
  std::optional<std::uint64_t> result;  ///< Id last matched.
};

/// One label of one frame; indices into the frame.
struct Members {
  std::vector<std::size_t> counted;  ///< Truth.
  std::vector<std::size_t> ignored;  ///< Truth.
  std::vector<std::size_t> results;
  std::vector<std::size_t> repeated;  ///< Results whose id another one bears.
};

std::map<std::string, Members> members_of(const JudgedFrame& frame) {
  std::map<std::string, Members> labels;
  for (std::size_t i = 0; i < frame.truth.size(); ++i) {
    const TruthObject& truth = frame.truth[i];
    if (truth.ignore) {
      labels[truth.label].ignored.push_back(i);
    } else if (truth.id) {
      labels[truth.label].counted.push_back(i);
    }
  }
  std::set<std::pair<std::string_view, std::uint64_t>> seen;
  for (std::size_t i = 0; i < frame.results.size(); ++i) {
    const ResultObject& result = frame.results[i];
    if (result.id) {
      Members& members = labels[result.label];
      (seen.emplace(result.label, *result.id).second ? members.results : members.repeated).push_back(i);
    }
  }
  return labels;
}

/// Overlaps of tracks: frames in which a truth and a result, by id, have IoU of at least 0.5.
using Overlaps = std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t>;

/// A set of truth tracks and result tracks that overlap each other, directly or through others.
struct Component {
  std::vector<std::uint64_t> truth;
  std::vector<std::uint64_t> results;
};

std::vector<Component> components_of(const Overlaps& overlaps) {
  std::map<std::uint64_t, std::set<std::uint64_t>> results_of;
  std::map<std::uint64_t, std::set<std::uint64_t>> truths_of;
  for (const auto& [pair, frames] : overlaps) {
    results_of[pair.first].insert(pair.second);
    truths_of[pair.second].insert(pair.first);
  }
  std::vector<Component> components;
  std::set<std::uint64_t> truth_seen;
  std::set<std::uint64_t> result_seen;
  for (const auto& [first, unused] : results_of) {
    if (!truth_seen.insert(first).second) {
      continue;
    }
    Component component;
    component.truth.push_back(first);
    for (std::size_t at = 0; at < component.truth.size(); ++at) {
      for (const std::uint64_t result : results_of[component.truth[at]]) {
        if (!result_seen.insert(result).second) {
          continue;
        }
        component.results.push_back(result);
        for (const std::uint64_t truth : truths_of[result]) {
          if (truth_seen.insert(truth).second) {
            component.truth.push_back(truth);
          }
        }
      }
    }
    components.push_back(std::move(component));
  }
  return components;
}

/// The largest sum of overlaps under a one-to-one pairing.
std::size_t best_pairing(const Overlaps& overlaps) {
  constexpr double kCostScale = 1000;  // the largest cost assign() takes
  std::size_t longest = 1;
  for (const auto& [pair, frames] : overlaps) {
    longest = std::max(longest, frames);
  }
  std::size_t sum = 0;
  for (const Component& component : components_of(overlaps)) {
    const std::size_t columns = component.results.size();
    std::vector<std::size_t> frames(component.truth.size() * columns, 0);
    std::vector<double> costs(frames.size(), kCostScale);  // Pairing tracks that never meet is allowed and worthless.
    for (std::size_t row = 0; row < component.truth.size(); ++row) {
      for (std::size_t column = 0; column < columns; ++column) {
        const auto found = overlaps.find({component.truth[row], component.results[column]});
        if (found != overlaps.end()) {
          frames[row * columns + column] = found->second;
          costs[row * columns + column] =
              kCostScale * (1 - static_cast<double>(found->second) / static_cast<double>(longest));
        }
      }
    }
    const std::vector<int> column_of = assign(costs, component.truth.size(), columns);
    for (std::size_t row = 0; row < column_of.size(); ++row) {
      sum += column_of[row] < 0 ? 0 : frames[row * columns + static_cast<std::size_t>(column_of[row])];
    }
  }
  return sum;
}

}  // namespace

std::optional<double> TrackingCounts::mota() const {
  const auto lost = ratio(static_cast<double>(misses + false_alarms + id_switches), truth);
  return lost ? std::optional(1 - *lost) : std::nullopt;
}

std::optional<double> TrackingCounts::motp() const { return ratio(iou_sum, matches); }

std::optional<double> TrackingCounts::idf1() const {
  return ratio(2 * static_cast<double>(id_matches), truth + results);
}

TrackingCounts& TrackingCounts::operator+=(const TrackingCounts& other) {
  truth += other.truth;
  results += other.results;
  matches += other.matches;
  misses += other.misses;
  false_alarms += other.false_alarms;
  id_switches += other.id_switches;
  fragmentations += other.fragmentations;
  tracks += other.tracks;
  mostly_tracked += other.mostly_tracked;
  mostly_lost += other.mostly_lost;
  id_matches += other.id_matches;
  iou_sum += other.iou_sum;
  return *this;
}

/// One label of the present sequence.
struct TrackingMetrics::Sequence {
  std::map<std::uint64_t, TruthTrack> tracks;
  Overlaps overlaps;
  TrackingCounts counts;

  void add(const JudgedFrame& frame, const Members& members, FrameTracking& verdict);
  [[nodiscard]] TrackingCounts close() const;

 private:
  std::vector<int> match(const JudgedFrame& frame, const Members& members) const;
  void drop_excused(const JudgedFrame& frame, const Members& members, const std::vector<int>& result_of,
                    FrameTracking& verdict) const;
};

/// For each counted truth the position of its result in `members.results`, or -1.
std::vector<int> TrackingMetrics::Sequence::match(const JudgedFrame& frame, const Members& members) const {
  const std::size_t rows = members.counted.size();
  const std::size_t columns = members.results.size();
  std::vector<double> costs(rows * columns, kForbidden);
  std::vector<int> result_of(rows, -1);
  std::vector<char> taken(columns, 0);
  for (std::size_t row = 0; row < rows; ++row) {
    const TruthObject& truth = frame.truth[members.counted[row]];
    const auto track = tracks.find(*truth.id);
    for (std::size_t column = 0; column < columns; ++column) {
      const ResultObject& result = frame.results[members.results[column]];
      const double iou = precise_iou(truth.box, result.box);
      if (iou >= kHitIou) {
        costs[row * columns + column] = 1 - iou;
        if (track != tracks.end() && track->second.result == result.id && taken[column] == 0) {
          result_of[row] = static_cast<int>(column);
          taken[column] = 1;
        }
      }
    }
  }
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      if (result_of[row] >= 0 || taken[column] != 0) {
        costs[row * columns + column] = kForbidden;
      }
    }
  }
  const std::vector<int> rest = assign(costs, rows, columns);
  for (std::size_t row = 0; row < rows; ++row) {
    result_of[row] = std::max(result_of[row], rest[row]);
  }
  return result_of;
}

void TrackingMetrics::Sequence::drop_excused(const JudgedFrame& frame, const Members& members,
                                             const std::vector<int>& result_of, FrameTracking& verdict) const {
  const auto check = [&](std::size_t result) {
    verdict.dropped[result] = std::ranges::any_of(members.ignored, [&](std::size_t ignored) {
      return excused(frame.results[result].box, frame.truth[ignored].box, kHitIou);
    });
  };
  for (std::size_t column = 0; column < members.results.size(); ++column) {
    if (std::ranges::find(result_of, static_cast<int>(column)) == result_of.end()) {
      check(members.results[column]);
    }
  }
  std::ranges::for_each(members.repeated, check);
}

void TrackingMetrics::Sequence::add(const JudgedFrame& frame, const Members& members, FrameTracking& verdict) {
  const std::vector<int> result_of = match(frame, members);
  drop_excused(frame, members, result_of, verdict);
  const auto kept = [&](std::size_t result) { return verdict.dropped[result] == 0; };
  const auto results = static_cast<std::size_t>(std::ranges::count_if(members.results, kept) +
                                                std::ranges::count_if(members.repeated, kept));
  std::size_t matches = 0;
  for (std::size_t row = 0; row < members.counted.size(); ++row) {
    const TruthObject& truth = frame.truth[members.counted[row]];
    TruthTrack& track = tracks[*truth.id];
    ++track.frames;
    for (const std::size_t index : members.results) {
      const ResultObject& result = frame.results[index];
      if (kept(index) && precise_iou(truth.box, result.box) >= kHitIou) {
        ++overlaps[{*truth.id, *result.id}];
      }
    }
    if (result_of[row] < 0) {
      track.followed_now = false;
      continue;
    }
    const ResultObject& result = frame.results[members.results[static_cast<std::size_t>(result_of[row])]];
    ++matches;
    counts.iou_sum += precise_iou(truth.box, result.box);
    if (track.result && track.result != result.id) {
      ++counts.id_switches;
      verdict.switched.push_back(members.counted[row]);
    }
    track.fragmentations += track.followed > 0 && !track.followed_now ? 1U : 0U;
    track.result = result.id;
    track.followed_now = true;
    ++track.followed;
  }
  counts.truth += members.counted.size();
  counts.results += results;
  counts.matches += matches;
  counts.misses += members.counted.size() - matches;
  counts.false_alarms += results - matches;
}

TrackingCounts TrackingMetrics::Sequence::close() const {
  TrackingCounts closed = counts;
  closed.tracks = tracks.size();
  for (const auto& [id, track] : tracks) {
    const double part = static_cast<double>(track.followed) / static_cast<double>(track.frames);
    closed.fragmentations += track.fragmentations;
    closed.mostly_tracked += part >= kMostlyTracked ? 1U : 0U;
    closed.mostly_lost += part < kMostlyLost ? 1U : 0U;
  }
  closed.id_matches = best_pairing(overlaps);
  return closed;
}

TrackingMetrics::TrackingMetrics() = default;
TrackingMetrics::~TrackingMetrics() = default;

FrameTracking TrackingMetrics::add(const JudgedFrame& frame) {
  FrameTracking verdict{.switched = {}, .dropped = std::vector<char>(frame.results.size(), 0)};
  for (const auto& [label, members] : members_of(frame)) {
    open_[label].add(frame, members, verdict);
  }
  return verdict;
}

void TrackingMetrics::end_sequence() {
  for (const auto& [label, sequence] : open_) {
    closed_[label] += sequence.close();
  }
  open_.clear();
}

TrackingReport TrackingMetrics::report() const {
  TrackingReport report;
  for (const auto& [label, counts] : closed_) {
    if (counts.truth > 0) {
      report.classes[label] = counts;
      report.pooled += counts;
    }
  }
  return report;
}

}  // namespace fovea
