// `fovea bench`: latency and throughput of a model on a device, with the options and lines of OpenVINO's benchmark_app.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "engine/base/text.hpp"
#include "engine/runtime/properties.hpp"
#include "tools/bench/layers.hpp"
#include "tools/subcommand.hpp"
#include "vision/model_files.hpp"

namespace fovea::tools {
namespace {

struct Options {
  std::filesystem::path model;
  std::string device = "CPU";
  InputOptions inputs;
  std::string hint;  ///< A value of PERFORMANCE_HINT; empty: what `api` asks for.
  std::string api = "async";
  std::uint64_t streams = 0;
  std::uint64_t threads = 0;
  std::uint64_t requests = 0;
  std::uint64_t iterations = 0;
  double seconds = 10;
  std::string properties;
  bool per_layer = false;
  bool json = false;
};

Properties properties_of(const Options& options) {
  Properties properties = options.properties.empty() ? Properties() : parse_properties(options.properties);
  if (!options.hint.empty()) {
    properties["PERFORMANCE_HINT"] = options.hint;
  }
  properties.try_emplace("PERFORMANCE_HINT", options.api == "sync" ? "LATENCY" : "THROUGHPUT");
  if (options.streams > 0) {
    properties["NUM_STREAMS"] = std::to_string(options.streams);
  }
  if (options.threads > 0) {
    properties["INFERENCE_NUM_THREADS"] = std::to_string(options.threads);
  }
  if (options.per_layer) {
    properties["PERF_COUNT"] = "YES";
  }
  return properties;
}

/// Pictures in one run: the extent of axis N where the layout names one, else of a rank-4 input's first axis.
std::int64_t batch_of(const Graph& graph) {
  for (const GraphPort& port : graph.inputs) {
    const Shape& shape = graph.value(port.value).type.shape;
    const std::size_t axis = port.layout.empty() && shape.size() == 4 ? 0 : port.layout.find('N');
    if (axis < shape.size() && shape[axis] > 0) {
      return shape[axis];
    }
  }
  return 1;
}

std::chrono::nanoseconds nanoseconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

struct Report {
  double read_ms = 0;
  double compile_ms = 0;
  std::size_t requests = 0;
  std::int64_t batch = 1;
  BenchResult runs;
  std::optional<LayerReport> layers;

  [[nodiscard]] double average_ms() const {
    return std::accumulate(runs.latencies_ms.begin(), runs.latencies_ms.end(), 0.0) /
           static_cast<double>(runs.latencies_ms.size());
  }
  [[nodiscard]] double fps() const { return runs.throughput() * static_cast<double>(batch); }
};

Report measure_model(const Options& options) {
  const auto ms_since = [](std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  };
  Core core;
  Report report;
  const auto read_begin = std::chrono::steady_clock::now();
  Model model = core.read_model(resolve_model(options.model));
  report.read_ms = ms_since(read_begin);
  const GivenInputs given = prepare_inputs(model, options.inputs);
  const auto compile_begin = std::chrono::steady_clock::now();
  const Properties properties = properties_of(options);
  // A cache is for models as their files have them.
  const CompiledModel compiled = properties.contains("CACHE_DIR") && options.inputs.shapes.empty()
                                     ? core.compile_model(resolve_model(options.model), options.device, properties)
                                     : core.compile_model(model, options.device, properties);
  report.compile_ms = ms_since(compile_begin);
  report.batch = batch_of(model.graph);
  report.requests = options.requests;
  if (report.requests == 0) {
    const auto optimal = parse_int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")).value_or(1);
    report.requests = options.api == "sync" ? 1 : static_cast<std::size_t>(optimal);
  }
  report.runs =
      measure(compiled, given,
              {.requests = report.requests,
               .duration = options.iterations == 0 ? nanoseconds(options.seconds) : std::chrono::nanoseconds(),
               .iterations = options.iterations});
  if (options.per_layer) {
    report.layers = measure_layers(compiled, model.graph, given, nanoseconds(std::min(options.seconds, 10.0) / 2));
  }
  return report;
}

void print_layers(const LayerReport& report) {
  double sum = 0;
  for (const Layer& layer : report.layers) {
    sum += layer.time.median_ms;
  }
  fmt::print("[ INFO ] Machine: {:.0f} GFLOP/s, {:.0f} GB/s from memory\n", report.peaks.gflops,
             report.peaks.gigabytes_s);
  fmt::print("{:>9} {:>6} {:>8} {:>6} {:>8} {:>6}  {:<44} {:<26} {}\n", "ms", "%", "GFLOP/s", "peak%", "GB/s", "peak%",
             "kernel", "output", "node");
  for (const Layer& layer : report.layers) {
    const StepTime& time = layer.time;
    fmt::print("{:>9.4f} {:>6.2f} {:>8.1f} {:>6.1f} {:>8.1f} {:>6.1f}  {:<44} {:<26} {}\n", time.median_ms,
               100 * time.median_ms / sum, layer.gflops(), 100 * layer.gflops() / report.peaks.gflops,
               layer.gigabytes_s(), 100 * layer.gigabytes_s() / report.peaks.gigabytes_s, time.step.kernel,
               time.step.output, time.step.node);
  }
  fmt::print("{:>9.4f} sum of medians\n", sum);
}

void print(const Options& options, const Report& report) {
  fmt::print("[ INFO ] Read model took {:.2f} ms\n[ INFO ] Compile model took {:.2f} ms\n", report.read_ms,
             report.compile_ms);
  fmt::print("[ INFO ] Device: {}, infer requests: {}, batch: {}\n", options.device, report.requests, report.batch);
  if (report.layers) {
    print_layers(*report.layers);
  }
  fmt::print("[ INFO ] Count:               {} iterations\n", report.runs.latencies_ms.size());
  fmt::print("[ INFO ] Duration:            {:.2f} ms\n", report.runs.seconds * 1000);
  fmt::print("[ INFO ] Latency:\n");
  const std::pair<std::string_view, double> lines[] = {
      {"Median", report.runs.percentile_ms(0.5)}, {"Average", report.average_ms()},
      {"Min", report.runs.latencies_ms.front()},  {"Max", report.runs.latencies_ms.back()},
      {"90 %", report.runs.percentile_ms(0.9)},   {"95 %", report.runs.percentile_ms(0.95)},
      {"99 %", report.runs.percentile_ms(0.99)}};
  for (const auto& [name, value] : lines) {
    fmt::print("[ INFO ]    {:<18}{:.2f} ms\n", fmt::format("{}:", name), value);
  }
  fmt::print("[ INFO ] Throughput:          {:.2f} FPS\n", report.fps());
}

nlohmann::json as_json(const LayerReport& report) {
  nlohmann::json layers = nlohmann::json::array();
  for (const Layer& layer : report.layers) {
    layers.push_back({{"node", layer.time.step.node},
                      {"op", layer.time.step.op},
                      {"kernel", layer.time.step.kernel},
                      {"output", layer.time.step.output},
                      {"ms", layer.time.median_ms},
                      {"gflops", layer.gflops()},
                      {"gb_s", layer.gigabytes_s()}});
  }
  return layers;
}

nlohmann::json as_json(const Options& options, const Report& report) {
  nlohmann::json json = {{"model", options.model.string()},
                         {"device", options.device},
                         {"requests", report.requests},
                         {"batch", report.batch},
                         {"iterations", report.runs.latencies_ms.size()},
                         {"duration_ms", report.runs.seconds * 1000},
                         {"read_ms", report.read_ms},
                         {"compile_ms", report.compile_ms},
                         {"throughput_fps", report.fps()},
                         {"latency_ms",
                          {{"average", report.average_ms()},
                           {"min", report.runs.latencies_ms.front()},
                           {"max", report.runs.latencies_ms.back()},
                           {"p50", report.runs.percentile_ms(0.5)},
                           {"p90", report.runs.percentile_ms(0.9)},
                           {"p95", report.runs.percentile_ms(0.95)},
                           {"p99", report.runs.percentile_ms(0.99)}}}};
  if (report.layers) {
    json["machine"] = {{"gflops", report.layers->peaks.gflops}, {"gb_s", report.layers->peaks.gigabytes_s}};
    json["layers"] = as_json(*report.layers);
  }
  return json;
}

int run(const Options& options) {
  const Report report = measure_model(options);
  if (options.json) {
    fmt::print("{}\n", as_json(options, report).dump(2));
  } else {
    print(options, report);
  }
  return 0;
}

std::function<int()> setup(CLI::App& app) {
  static const std::map<std::string, std::string> kHints = {
      {"latency", "LATENCY"}, {"throughput", "THROUGHPUT"}, {"tput", "THROUGHPUT"}};
  auto options = std::make_shared<Options>();
  app.add_option("model,-m,--model", options->model, "Model file, or the name of an installed model")->required();
  app.add_option("-d,--device", options->device, "Device, see `fovea devices`")->capture_default_str();
  app.add_option("--hint", options->hint, "latency, throughput or tput; default: throughput, latency with --api sync")
      ->transform(CLI::CheckedTransformer(kHints, CLI::ignore_case));
  app.add_option("--api", options->api, "sync (one request after the other) or async (several in flight)")
      ->check(CLI::IsMember({"sync", "async"}))
      ->capture_default_str();
  app.add_option("--nstreams", options->streams, "Requests that run at the same time; 0: as the hint says")
      ->check(CLI::Range(0, 4096));
  app.add_option("--nthreads", options->threads, "Cores for all requests together; 0: all")->check(CLI::Range(0, 4096));
  app.add_option("--nireq", options->requests, "Requests in flight; 0: what suits the device")
      ->check(CLI::Range(0, 4096));
  app.add_option("--niter", options->iterations, "Runs; 0: as many as the time allows")
      ->check(CLI::Range(0, 100'000'000));
  app.add_option("-t,--time", options->seconds, "Seconds to measure unless --niter is given")
      ->check(CLI::Range(0.01, 86400.0))
      ->capture_default_str();
  add_input_options(app, options->inputs);
  app.add_option("--config", options->properties, "KEY=VALUE,… for compiling");
  app.add_flag("--per-layer", options->per_layer, "Time, GFLOP/s and GB/s of each step beside the machine's own");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand bench_subcommand;
const Subcommand bench_subcommand{
    .name = "bench", .summary = "Measure a model's latency and throughput", .setup = setup};

}  // namespace fovea::tools
