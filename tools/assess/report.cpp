// Tables and JSON.
#include "tools/assess/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace fovea::assess {
namespace {

using nlohmann::json;

template <class Value>
void set(json& object, const char* key, const std::optional<Value>& value) {
  if (value) {
    object[key] = *value;
  }
}

/// Nothing: open.
std::optional<double> upper_end(const RecallBin& bin) {
  return std::isinf(bin.to) ? std::nullopt : std::optional(bin.to);
}

json bins(const std::vector<RecallBin>& all) {
  json list = json::array();
  for (const RecallBin& bin : all) {
    json entry = {{"from", bin.from}, {"truth", bin.truth}, {"found", bin.found}};
    set(entry, "to", upper_end(bin));
    if (bin.truth > 0) {
      entry["recall"] = static_cast<double>(bin.found) / static_cast<double>(bin.truth);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

void add_detection(json& root, const DetectionReport& detection) {
  set(root, "ap50", detection.ap50);
  set(root, "ap", detection.ap);
  set(root, "precision", detection.precision);
  set(root, "recall", detection.recall);
  root["recall_by"] = {{"height_px", bins(detection.by_height)}, {"visible", bins(detection.by_visible)}};
  for (const ClassDetection& figures : detection.classes) {
    root["classes"][figures.label] = {{"truth", figures.truth},
                                      {"results", figures.results},
                                      {"hits", figures.hits},
                                      {"ap50", figures.ap50},
                                      {"ap", figures.ap}};
  }
  if (!detection.without_truth.empty()) {
    root["not_judged"]["results"] = detection.without_truth;
  }
}

void add_tracking(json& object, const TrackingCounts& counts) {
  set(object, "mota", counts.mota());
  set(object, "motp", counts.motp());
  set(object, "idf1", counts.idf1());
  object["id_switches"] = counts.id_switches;
  object["tracking"] = {{"truth", counts.truth},
                        {"results", counts.results},
                        {"matches", counts.matches},
                        {"misses", counts.misses},
                        {"false_alarms", counts.false_alarms},
                        {"fragmentations", counts.fragmentations},
                        {"tracks", counts.tracks},
                        {"mostly_tracked", counts.mostly_tracked},
                        {"mostly_lost", counts.mostly_lost},
                        {"id_matches", counts.id_matches}};
}

json score(const AttributeScore& figures) {
  return {{"accuracy", figures.accuracy()},
          {"objects", figures.objects},
          {"answered", figures.answered},
          {"correct", figures.correct}};
}

json count_error(const CountError& figures) {
  json object = {{"true", figures.truth}, {"counted", figures.counted}, {"error", figures.error()}};
  set(object, "relative", figures.relative());
  return object;
}

json counting(const CountingReport& report) {
  json object = {{"lines", json::object()}, {"zones", json::object()}};
  for (const auto& [name, labels] : report.lines) {
    json& line = object["lines"][name];
    for (const auto& [label, errors] : labels) {
      json& place = label.empty() ? line : line["classes"][label];
      place["forward"] = count_error(errors.forward);
      place["backward"] = count_error(errors.backward);
    }
  }
  for (const auto& [name, labels] : report.zones) {
    json& zone = object["zones"][name];
    for (const auto& [label, errors] : labels) {
      json figures = count_error(errors);
      if (label.empty()) {
        zone.update(figures);
      } else {
        zone["classes"][label] = std::move(figures);
      }
    }
  }
  return object;
}

json rules_json(const Rules& rules) {
  json object = {
      {"min_height_px", rules.min_height_px}, {"min_visible", rules.min_visible}, {"min_in_frame", rules.min_in_frame}};
  if (!rules.classes.empty()) {
    object["classes"] = rules.classes;
  }
  if (rules.model_labels) {
    object["model_labels"] = *rules.model_labels;
  }
  return object;
}

std::string or_dash(const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "-"; }

std::string sums(const std::map<std::string, std::size_t>& counts) {
  std::vector<std::string> parts;
  for (const auto& [label, number] : counts) {
    parts.push_back(fmt::format("{} {}", label, number));
  }
  return fmt::to_string(fmt::join(parts, ", "));
}

std::string bins_text(const char* title, const std::vector<RecallBin>& all) {
  std::string text = fmt::format("  {:<20}", title);
  for (const RecallBin& bin : all) {
    const auto to = upper_end(bin);
    const std::string range = to ? fmt::format("{:g}-{:g}", bin.from, *to) : fmt::format("{:g}+", bin.from);
    text += bin.truth == 0
                ? fmt::format("  {} -", range)
                : fmt::format("  {} {:.3f} ({}/{})", range,
                              static_cast<double>(bin.found) / static_cast<double>(bin.truth), bin.found, bin.truth);
  }
  return text + "\n";
}

std::string detection_text(const DetectionReport& detection) {
  std::string text = fmt::format("\nDetection             AP50      AP    truth  results     hits\n");
  std::size_t truth = 0;
  std::size_t results = 0;
  std::size_t hits = 0;
  for (const ClassDetection& figures : detection.classes) {
    text += fmt::format("  {:<16} {:>7.4f} {:>7.4f} {:>8} {:>8} {:>8}\n", figures.label, figures.ap50, figures.ap,
                        figures.truth, figures.results, figures.hits);
    truth += figures.truth;
    results += figures.results;
    hits += figures.hits;
  }
  text +=
      fmt::format("  {:<16} {:>7} {:>7} {:>8} {:>8} {:>8}   precision {}, recall {}\n", "all", or_dash(detection.ap50),
                  or_dash(detection.ap), truth, results, hits, or_dash(detection.precision), or_dash(detection.recall));
  text += bins_text("recall by height/px", detection.by_height);
  text += bins_text("recall by visible", detection.by_visible);
  if (!detection.without_truth.empty()) {
    text += fmt::format("  labels the truth never holds, not judged: {}\n", sums(detection.without_truth));
  }
  return text;
}

std::string tracking_row(const std::string& label, const TrackingCounts& counts) {
  return fmt::format("  {:<16} {:>7} {:>7} {:>7} {:>8} {:>6} {:>7} {:>7} {:>7}\n", label, or_dash(counts.mota()),
                     or_dash(counts.idf1()), or_dash(counts.motp()), counts.id_switches, counts.fragmentations,
                     counts.tracks, counts.mostly_tracked, counts.mostly_lost);
}

std::string tracking_text(const TrackingReport& tracking) {
  std::string text = "\nTracking             MOTA    IDF1    MOTP switches  frags  tracks  mostly  mostly\n";
  text += fmt::format("{:>74} {:>7}\n", "tracked", "lost");
  for (const auto& [label, counts] : tracking.classes) {
    text += tracking_row(label, counts);
  }
  return text + tracking_row("all", tracking.pooled);
}

std::string attribute_text(const std::string& name, const AttributeReport& report) {
  std::string text = fmt::format("\nAttribute {:<10} accuracy {:.4f} over {} objects, {} answered\n", name,
                                 report.all.accuracy(), report.all.objects, report.all.answered);
  std::set<std::string> answers;
  for (const auto& [truth, row] : report.confusion) {
    for (const auto& [answer, number] : row) {
      answers.insert(answer);
    }
  }
  text += fmt::format("  {:<12}", "truth\\answer");
  for (const std::string& answer : answers) {
    text += fmt::format(" {:>8.8}", answer);
  }
  text += "\n";
  for (const auto& [truth, row] : report.confusion) {
    text += fmt::format("  {:<12.12}", truth);
    for (const std::string& answer : answers) {
      const auto found = row.find(answer);
      text += fmt::format(" {:>8}", found == row.end() ? 0 : found->second);
    }
    text += "\n";
  }
  return text;
}

std::string segmentation_text(const SegmentationReport& segmentation) {
  std::string text = fmt::format("\nSegmentation  mIoU {} over {} classes, {} frames\n", or_dash(segmentation.miou),
                                 segmentation.classes.size(), segmentation.frames);
  for (const ClassIou& figures : segmentation.classes) {
    text += fmt::format("  {:<16} {:.4f}\n", figures.label, figures.iou);
  }
  if (!segmentation.not_in_model.empty()) {
    text += fmt::format("  not among the model's labels: {}\n", fmt::join(segmentation.not_in_model, ", "));
  }
  return text;
}

std::string count_row(const std::string& what, const CountError& figures) {
  const auto relative = figures.relative();
  return fmt::format("  {:<28} {:>6} {:>8} {:>6} {:>9}\n", what, figures.truth, figures.counted, figures.error(),
                     relative ? fmt::format("{:.1f} %", *relative * 100) : "-");
}

std::string counting_text(const CountingReport& report) {
  std::string text = "\nCounting                         true  counted  error\n";
  for (const auto& [name, labels] : report.lines) {
    for (const auto& [label, errors] : labels) {
      text += count_row(fmt::format("{} {} forward", name, label.empty() ? "all" : label), errors.forward);
      text += count_row(fmt::format("{} {} backward", name, label.empty() ? "all" : label), errors.backward);
    }
  }
  for (const auto& [name, labels] : report.zones) {
    for (const auto& [label, errors] : labels) {
      text += count_row(fmt::format("{} {}", name, label.empty() ? "all" : label), errors);
    }
  }
  return text;
}

}  // namespace

json to_json(const Report& report, const Rules& rules) {
  json root = {{"schema", "fovea.assess/1"},
               {"sequences", report.sequences},
               {"frames", report.frames},
               {"dropped", report.dropped},
               {"skipped", report.skipped},
               {"rules", rules_json(rules)},
               {"truth", {{"counted", report.truth_counted}, {"ignored", report.truth_ignored}}}};
  if (!report.truth_not_judged.empty()) {
    root["not_judged"]["truth"] = report.truth_not_judged;
  }
  if (report.detection) {
    add_detection(root, *report.detection);
  }
  if (report.tracking) {
    add_tracking(root, report.tracking->pooled);
    for (const auto& [label, counts] : report.tracking->classes) {
      add_tracking(root["classes"][label], counts);
    }
  }
  for (const auto& [name, figures] : report.attributes) {
    json& attribute = root["attributes"][name];
    attribute = score(figures.all);
    for (const auto& [label, part] : figures.by_label) {
      attribute["classes"][label] = score(part);
    }
    attribute["confusion"] = figures.confusion;
  }
  if (report.segmentation) {
    set(root, "miou", report.segmentation->miou);
    json& segmentation = root["segmentation"];
    segmentation = {{"frames", report.segmentation->frames}, {"not_in_model", report.segmentation->not_in_model}};
    for (const ClassIou& figures : report.segmentation->classes) {
      segmentation["classes"][figures.label] = {
          {"iou", figures.iou}, {"truth", figures.truth}, {"result", figures.result}, {"both", figures.both}};
    }
  }
  if (report.counting) {
    root["counting"] = counting(*report.counting);
  }
  for (const auto& [p, value] : report.latency_ms) {
    root["latency_ms"][fmt::format("p{:g}", p * 100)] = value;
  }
  return root;
}

std::string to_text(const Report& report, const Rules& rules) {
  std::string text =
      fmt::format("Frames   {} in {} sequence{}, {} dropped, {} skipped (without inference)\n", report.frames,
                  report.sequences, report.sequences == 1 ? "" : "s", report.dropped, report.skipped);
  text += fmt::format(
      "Truth    {} boxes count, {} ignored (height below {:g} px, visible below {:g}, in frame below {:g})\n",
      report.truth_counted, report.truth_ignored, rules.min_height_px, rules.min_visible, rules.min_in_frame);
  if (!report.truth_not_judged.empty()) {
    text += fmt::format("         not judged, as the model or --class does not name them: {}\n",
                        sums(report.truth_not_judged));
  }
  text += report.detection ? detection_text(*report.detection)
                           : "\nDetection     not measured: nothing in the pipeline detects\n";
  text += report.tracking ? tracking_text(*report.tracking)
                          : "\nTracking      not measured: no tracks, or truth without ids\n";
  for (const auto& [name, figures] : report.attributes) {
    text += attribute_text(name, figures);
  }
  text += report.attributes.empty() ? "\nAttributes    not measured: nothing in the pipeline names any\n" : "";
  text += report.segmentation ? segmentation_text(*report.segmentation)
                              : "\nSegmentation  not measured: no masks, or truth without them\n";
  text += report.counting ? counting_text(*report.counting)
                          : "\nCounting      not measured: no --line or --zone, or no tracks\n";
  std::vector<std::string> latencies;
  for (const auto& [p, value] : report.latency_ms) {
    latencies.push_back(fmt::format("p{:g} {:.1f} ms", p * 100, value));
  }
  return text + fmt::format("\nLatency       {}\n", fmt::join(latencies, ", "));
}

}  // namespace fovea::assess
