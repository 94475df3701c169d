// From analyses to metrics: names, rules of what counts, and which figures were measured at all.
#include "tools/assess/judge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "engine/base/text.hpp"

namespace fovea::assess {
namespace {

/// Boxes are floats in [0,1]: at the frame sizes we read, so much of a pixel is rounding.
constexpr double kRoundingPx = 0.01;

const std::string* find_attribute(const Object& object, std::string_view name) {
  const auto found = std::ranges::find(object.attributes, name, &Attribute::name);
  return found == object.attributes.end() ? nullptr : &found->label;
}

double number_of(const Object& object, std::string_view name, double otherwise) {
  const std::string* text = find_attribute(object, name);
  const auto value = text == nullptr ? std::nullopt : parse_double(*text);
  return value && std::isfinite(*value) ? *value : otherwise;
}

/// Height of the part that can be seen, as part of the frame's.
double visible_height(const Object& object) {
  constexpr std::size_t kHeight = 3;
  if (const std::string* text = find_attribute(object, "visible_box")) {
    const auto parts = split(*text, ',');
    const auto height = parts.size() == kHeight + 1 ? parse_double(parts[kHeight]) : std::nullopt;
    if (height && std::isfinite(*height)) {
      return *height;
    }
  }
  return object.box.height;
}

bool tells_about_truth(const std::string& name) {
  return name == "visible" || name == "in_frame" || name == "visible_box" || name == "ignore";
}

ResultObject to_result(const Object& object, std::string label, const NameMap& names) {
  ResultObject result{.box = object.box,
                      .label = std::move(label),
                      .confidence = std::isnan(object.confidence) ? 0 : object.confidence,
                      .id = object.track_id,
                      .attributes = {}};
  for (const Attribute& attribute : object.attributes) {
    result.attributes.try_emplace(names.canonical(attribute.name), names.canonical(attribute.label));
  }
  return result;
}

std::vector<CountedTrack> tracks_of(const JudgedFrame& frame, const FrameTracking& tracking) {
  std::vector<CountedTrack> tracks;
  for (std::size_t i = 0; i < frame.results.size(); ++i) {
    const ResultObject& result = frame.results[i];
    if (result.id && tracking.dropped[i] == 0) {
      tracks.push_back({*result.id, result.label, result.box});
    }
  }
  return tracks;
}

void describe(std::vector<std::string>& parts, std::size_t number, std::string_view what,
              const std::set<std::string>& labels) {
  if (number > 0) {
    parts.push_back(labels.empty() ? fmt::format("{} {}", number, what)
                                   : fmt::format("{} {} ({})", number, what, fmt::join(labels, ", ")));
  }
}

}  // namespace

std::string Verdict::text() const {
  std::set<std::string> missed;
  for (std::size_t i = 0; i < frame.truth.size(); ++i) {
    if (!frame.truth[i].ignore && matches.result_of_truth[i] < 0) {
      missed.insert(frame.truth[i].label);
    }
  }
  std::set<std::string> alarms;
  for (std::size_t i = 0; i < frame.results.size(); ++i) {
    if (matches.truth_of_result[i] == FrameMatches::kNone) {
      alarms.insert(frame.results[i].label);
    }
  }
  std::vector<std::string> parts;
  describe(parts, misses, "missed", missed);
  describe(parts, false_alarms, false_alarms == 1 ? "false alarm" : "false alarms", alarms);
  describe(parts, id_switches, id_switches == 1 ? "id switch" : "id switches", {});
  describe(parts, wrong_attributes, wrong_attributes == 1 ? "wrong attribute" : "wrong attributes", {});
  return parts.empty() ? "nothing wrong" : fmt::to_string(fmt::join(parts, ", "));
}

Judge::Judge(Rules rules)
    : rules_(std::move(rules)),
      segmentation_(rules_.mask_names),
      true_counts_(rules_.lines, rules_.zones),
      result_counts_(rules_.lines, rules_.zones) {}

void Judge::expect(const Expected& expected) {
  expected_.objects = expected_.objects || expected.objects;
  expected_.tracks = expected_.tracks || expected.tracks;
  expected_.masks = expected_.masks || expected.masks;
}

void Judge::begin_sequence(int height_px) {
  height_px_ = height_px;
  true_counts_.begin_sequence();
  result_counts_.begin_sequence();
}

bool Judge::judged(const std::string& label) const {
  return (rules_.classes.empty() || rules_.classes.contains(label)) &&
         (!rules_.model_labels || rules_.model_labels->contains(label));
}

TruthObject Judge::to_truth(const Object& object, std::string label) const {
  TruthObject truth;
  truth.box = object.box;
  truth.label = std::move(label);
  truth.id = object.track_id;
  truth.height_px = static_cast<double>(object.box.height) * height_px_;
  truth.visible_height_px = visible_height(object) * height_px_;
  truth.visible = number_of(object, "visible", 1);
  truth.ignore = find_attribute(object, "ignore") != nullptr || truth.height_px < rules_.min_height_px - kRoundingPx ||
                 truth.visible < rules_.min_visible || number_of(object, "in_frame", 1) < rules_.min_in_frame;
  for (const Attribute& attribute : object.attributes) {
    if (!tells_about_truth(attribute.name)) {
      truth.attributes.try_emplace(rules_.names.canonical(attribute.name), rules_.names.canonical(attribute.label));
    }
  }
  return truth;
}

JudgedFrame Judge::judged_frame(const FrameAnalysis& truth, const FrameAnalysis& result) {
  JudgedFrame frame;
  for (const Object& object : truth.objects) {
    std::string label = rules_.names.canonical(object.label);
    if (!judged(label)) {
      ++so_far_.truth_not_judged[label];
      continue;
    }
    frame.truth.push_back(to_truth(object, std::move(label)));
    truth_has_ids_ = truth_has_ids_ || object.track_id.has_value();
    ++(frame.truth.back().ignore ? so_far_.truth_ignored : so_far_.truth_counted);
  }
  for (const Object& object : result.objects) {
    std::string label = rules_.names.canonical(object.label);
    if (judged(label)) {
      frame.results.push_back(to_result(object, std::move(label), rules_.names));
    }
    expected_.objects = true;
    expected_.tracks = expected_.tracks || object.track_id.has_value();
  }
  return frame;
}

Verdict Judge::add(const FrameAnalysis& truth, const FrameAnalysis& result, double latency_ms) {
  Verdict verdict;
  verdict.frame = judged_frame(truth, result);
  verdict.matches = detection_.add(verdict.frame);
  const FrameTracking tracking = tracking_.add(verdict.frame);
  for (std::size_t i = 0; i < verdict.frame.truth.size(); ++i) {
    verdict.misses += !verdict.frame.truth[i].ignore && verdict.matches.result_of_truth[i] < 0 ? 1U : 0U;
  }
  verdict.false_alarms =
      static_cast<std::size_t>(std::ranges::count(verdict.matches.truth_of_result, FrameMatches::kNone));
  verdict.id_switches = tracking.switched.size();
  verdict.wrong_attributes = attributes_.add(verdict.frame, verdict.matches);
  count(verdict.frame, tracking);
  if (!truth.masks.empty() && !result.masks.empty()) {
    segmentation_.add(truth.masks.front(), result.masks.front());
  }
  expected_.masks = expected_.masks || !result.masks.empty();
  const bool looked_at = expected_.objects ? result.inferred : !expected_.masks || !result.masks.empty();
  so_far_.skipped += looked_at ? 0U : 1U;
  ++so_far_.frames;
  latency_ms_.push_back(latency_ms);
  return verdict;
}

void Judge::count(const JudgedFrame& frame, const FrameTracking& tracking) {
  if (rules_.lines.empty() && rules_.zones.empty()) {
    return;
  }
  std::vector<CountedTrack> truth;
  for (const TruthObject& object : frame.truth) {
    if (object.id && !object.ignore) {
      truth.push_back({*object.id, object.label, object.box});
    }
  }
  true_counts_.update(truth);
  result_counts_.update(tracks_of(frame, tracking));
}

void Judge::end_sequence(std::uint64_t dropped) {
  tracking_.end_sequence();
  so_far_.dropped += dropped;
  ++so_far_.sequences;
}

CountingReport Judge::counting_report() const {
  CountingReport report;
  for (const bool from_truth : {true, false}) {
    const auto field = from_truth ? &CountError::truth : &CountError::counted;
    const Counting& counts = from_truth ? true_counts_ : result_counts_;
    for (const auto& [name, labels] : counts.lines()) {
      auto& errors = report.lines[name];
      errors[""];
      for (const auto& [label, line] : labels) {
        for (const std::string& entry : {std::string(), label}) {
          errors[entry].forward.*field += line.forward;
          errors[entry].backward.*field += line.backward;
        }
      }
    }
    for (const auto& [name, labels] : counts.zones()) {
      auto& errors = report.zones[name];
      errors[""];
      for (const auto& [label, number] : labels) {
        errors[""].*field += number;
        errors[label].*field += number;
      }
    }
  }
  return report;
}

Report Judge::report() const {
  Report report = so_far_;
  if (expected_.objects) {
    report.detection = detection_.report();
  }
  const bool tracks = expected_.tracks && truth_has_ids_;
  if (TrackingReport tracking = tracking_.report(); tracks && tracking.pooled.truth > 0) {
    report.tracking = std::move(tracking);
  }
  report.attributes = attributes_.report();
  SegmentationReport segmentation = segmentation_.report();
  if (segmentation.frames > 0) {
    report.segmentation = std::move(segmentation);
  }
  if (tracks && !(rules_.lines.empty() && rules_.zones.empty())) {
    report.counting = counting_report();
  }
  for (const double p : {0.5, 0.95, 0.99}) {
    if (const auto value = percentile(latency_ms_, p)) {
      report.latency_ms[p] = *value;
    }
  }
  return report;
}

}  // namespace fovea::assess
