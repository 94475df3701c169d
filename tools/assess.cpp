// `fovea assess`: how good a pipeline is, measured against known truth.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/service.hpp"
#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "tools/assess/gates.hpp"
#include "tools/assess/pipeline_run.hpp"
#include "tools/assess/report.hpp"
#include "tools/seed_range.hpp"
#include "tools/subcommand.hpp"
#include "vision/metrics/comparison.hpp"

namespace fovea::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kStreetFrames = 300;

struct Options {
  ServiceOptions service;
  std::filesystem::path pipeline;
  assess::RunSettings run;
  std::string light = "mixed";
  std::string seeds;
  std::filesystem::path truth;
  assess::Rules rules;
  std::vector<std::string> classes;
  std::vector<std::string> maps;
  std::vector<std::string> mask_maps;
  std::vector<std::string> lines;
  std::vector<std::string> zones;
  std::filesystem::path worst;
  std::string fail_below;
  std::string fail_above;
  bool json = false;
};

/// "name=a,b,c,d,…" as a name and points.
std::pair<std::string, std::vector<Point>> parse_points(const std::string& text, const char* option) {
  const auto equals = text.find('=');
  std::vector<Point> points;
  if (equals != std::string::npos && equals > 0) {
    const auto numbers = split(text.substr(equals + 1), ',');
    for (std::size_t i = 0; i + 1 < numbers.size() && numbers.size() % 2 == 0; i += 2) {
      const auto x = parse_double(numbers[i]);
      const auto y = parse_double(numbers[i + 1]);
      if (!x || !y) {
        points.clear();
        break;
      }
      points.push_back({static_cast<float>(*x), static_cast<float>(*y)});
    }
  }
  if (points.empty()) {
    fail(ErrorCode::kInvalidArgument, "{} '{}': expected NAME=x,y,x,y,… with coordinates in [0,1]", option, text);
  }
  return {text.substr(0, equals), std::move(points)};
}

/// Each of "NAME=NAME,NAME=NAME", of each text, in every map.
void unite(std::string_view option, const std::vector<std::string>& texts, std::initializer_list<NameMap*> maps) {
  for (const std::string& text : texts) {
    for (const std::string& pair : split(text, ',')) {
      const auto equals = pair.find('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == pair.size()) {
        fail(ErrorCode::kInvalidArgument, "{} '{}': expected NAME=NAME", option, pair);
      }
      for (NameMap* map : maps) {
        map->unite(pair.substr(0, equals), pair.substr(equals + 1));
      }
    }
  }
}

void read_rules(const Options& options, const PipelineConfig& pipeline, assess::Rules& rules) {
  unite("--map", options.maps, {&rules.names, &rules.mask_names});
  unite("--map-mask", options.mask_maps, {&rules.mask_names});
  for (const std::string& name : options.classes) {
    rules.classes.insert(rules.names.canonical(name));
  }
  if (const auto labels = assess::known_labels(pipeline)) {
    rules.model_labels.emplace();
    for (const std::string& label : *labels) {
      rules.model_labels->insert(rules.names.canonical(label));
    }
  }
  for (const std::string& text : options.lines) {
    auto [name, points] = parse_points(text, "--line");
    if (points.size() != 2) {
      fail(ErrorCode::kInvalidArgument, "--line '{}': found {} points, expected 2", text, points.size());
    }
    rules.lines.push_back({name, points[0], points[1]});
  }
  for (const std::string& text : options.zones) {
    auto [name, points] = parse_points(text, "--zone");
    rules.zones.push_back({name, std::move(points)});
  }
}

void check_source(const Options& options) {
  if (options.run.video.empty() != options.truth.empty()) {
    fail(ErrorCode::kInvalidArgument, "--video and --truth belong together");
  }
  if (!options.run.video.empty() && !std::filesystem::is_regular_file(options.run.video)) {
    fail(ErrorCode::kNotFound, "video '{}' does not exist", options.run.video.string());
  }
  if (!options.run.video.empty() && !options.seeds.empty()) {
    fail(ErrorCode::kInvalidArgument, "--seeds is for the street, not for --video");
  }
}

/// Frames judged, on standard error: one line that changes on a terminal, else one a sequence.
class Progress {
 public:
  explicit Progress(std::string what) : what_(std::move(what)), terminal_(::isatty(STDERR_FILENO) == 1) {}
  void show(std::uint64_t frames) const {
    if (terminal_) {
      fmt::print(stderr, "\r{}: {} frames", what_, frames);
    }
  }
  void finish() const {
    const std::chrono::duration<double> seconds = Clock::now() - begin_;
    fmt::print(stderr, "{}{}: done in {:.1f} s          \n", terminal_ ? "\r" : "", what_, seconds.count());
  }

 private:
  std::string what_;
  bool terminal_;
  Clock::time_point begin_ = Clock::now();
};

void run_all(const Options& options, const PipelineConfig& pipeline, assess::Judge& judge, assess::WorstFrames* worst) {
  assess::RunSettings settings = options.run;
  assess::TruthFile truth;
  const auto [first, last] = parse_seed_range(options.seeds, options.run.street.seed);
  if (!options.truth.empty()) {
    truth = assess::TruthFile::read(options.truth);
    settings.truth = &truth;
  } else if (settings.frames == 0) {
    settings.frames = kStreetFrames;
  }
  for (std::uint64_t seed = first; seed < last; ++seed) {
    settings.street.seed = seed;
    const Progress progress(settings.truth != nullptr ? settings.video.filename().string()
                                                      : fmt::format("seed {}", seed));
    assess::run_sequence(pipeline, settings, seed, judge, worst, [&](std::uint64_t frames) { progress.show(frames); });
    progress.finish();
  }
}

int run(Options options) {
  const auto light = parse_street_light(options.light);
  if (!light) {
    fail(ErrorCode::kInvalidArgument, "--light is '{}', expected mixed, day, dusk, night or rain", options.light);
  }
  options.run.street.light = *light;
  check_source(options);
  auto gates = assess::parse_gates(options.fail_below, assess::Gate::Kind::kAtLeast, "--fail-below");
  const auto upper = assess::parse_gates(options.fail_above, assess::Gate::Kind::kAtMost, "--fail-above");
  gates.insert(gates.end(), upper.begin(), upper.end());
  options.service.pipelines = {options.pipeline};
  const LoadedConfig loaded = load_config(options.service);
  if (!loaded.broken.empty()) {
    fail(ErrorCode::kInvalidConfig, "{}", loaded.broken.front().message);
  }
  const PipelineConfig& pipeline = loaded.pipelines.front();
  read_rules(options, pipeline, options.rules);
  assess::initialise();
  assess::Judge judge(options.rules);
  assess::WorstFrames worst;
  run_all(options, pipeline, judge, options.worst.empty() ? nullptr : &worst);
  const assess::Report report = judge.report();
  const nlohmann::json figures = assess::to_json(report, judge.rules());
  if (options.json) {
    fmt::print("{}\n", figures.dump(2));
  } else {
    fmt::print("{}", assess::to_text(report, judge.rules()));
  }
  if (const auto pictures = worst.pictures(); !pictures.empty()) {
    write_image(options.worst, tile(pictures));
  } else if (!options.worst.empty()) {
    fmt::print(stderr, "fovea assess: nothing was wrong in any frame; '{}' is not written\n", options.worst.string());
  }
  const std::vector<std::string> failed = assess::failed_gates(gates, figures);
  for (const std::string& sentence : failed) {
    fmt::print(stderr, "fovea assess: {}\n", sentence);
  }
  return failed.empty() ? 0 : 1;
}

void add_source_options(CLI::App& app, Options& options) {
  StreetSettings& street = options.run.street;
  app.add_option("--frames", options.run.frames, "Frames a sequence; 300 of the street, all of a video");
  CLI::Option* seed = app.add_option("--seed", street.seed, "Scene of the street")->capture_default_str();
  app.add_option("--seeds", options.seeds, "A:B runs scenes A, A+1, … B-1; all are pooled")->excludes(seed);
  app.add_option("--light", options.light, "mixed, day, dusk, night or rain")->capture_default_str();
  app.add_option("--density", street.density, "Traffic, 0 to 1")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  app.add_option("--width", street.width_px, "Pixels")->capture_default_str()->check(CLI::Range(16, 4096));
  app.add_option("--height", street.height_px, "Pixels")->capture_default_str()->check(CLI::Range(16, 4096));
  app.add_option("--fps", street.fps, "Frames a second of street time")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 240.0));
  app.add_option("--video", options.run.video, "A recording instead of the street");
  app.add_option("--truth", options.truth, "What is in the video: MOTChallenge gt.txt or COCO .json");
  app.add_flag("--live", options.run.live, "Keep to the clock and drop late frames, as with a camera");
  app.add_option("-d,--device", options.run.device, "Device of every inference stage, instead of the pipeline's");
  app.add_option("--threshold", options.run.threshold, "Least confidence of every detector, instead of the pipeline's")
      ->check(CLI::Range(0.0, 1.0));
}

void add_rule_options(CLI::App& app, Options& options) {
  assess::Rules& rules = options.rules;
  app.add_option("--min-height", rules.min_height_px, "Truth below so many pixels is ignored")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 32768.0));
  app.add_option("--min-visible", rules.min_visible, "Truth less visible is ignored, 0 to 1")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--min-in-frame", rules.min_in_frame, "Truth further out of the frame is ignored, 0 to 1")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--class", options.classes, "Judge these labels only; may be repeated")->allow_extra_args(false);
  app.add_option("--map", options.maps, "NAME=NAME,…: both names mean the same; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--map-mask", options.mask_maps, "The same for the classes of masks only")->allow_extra_args(false);
  app.add_option("--line", options.lines, "NAME=x1,y1,x2,y2 in [0,1]: count crossings; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--zone", options.zones, "NAME=x,y,x,y,x,y,… in [0,1]: count visitors; may be repeated")
      ->allow_extra_args(false);
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("pipeline", options->pipeline, "Pipeline file; its source, publishers and outputs are left out")
      ->required();
  app.add_option("-c,--config", options->service.config, "Node configuration (fovea.yaml): where models are");
  add_source_options(app, *options);
  add_rule_options(app, *options);
  app.add_flag("--json", options->json, "The report as JSON");
  app.add_option("--worst", options->worst, "Write a picture of the four worst frames: .png or .jpg");
  app.add_option("--fail-below", options->fail_below, "FIGURE=NUMBER,…: exit code 1 when a figure is lower");
  app.add_option("--fail-above", options->fail_above, "FIGURE=NUMBER,…: exit code 1 when a figure is higher");
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand assess_subcommand;
const Subcommand assess_subcommand{
    .name = "assess", .summary = "Measure a pipeline against known truth", .setup = setup};

}  // namespace fovea::tools
