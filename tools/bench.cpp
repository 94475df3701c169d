// `fovea bench`: latency and throughput of a model on a device, with the options and lines of OpenVINO's benchmark_app.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/base/text.hpp"
#include "engine/runtime/properties.hpp"
#include "tools/bench/machine_peaks.hpp"
#include "tools/bench/measure.hpp"
#include "tools/inspect/figures.hpp"
#include "tools/subcommand.hpp"
#include "vision/model_files.hpp"

namespace fovea::tools {
namespace {

struct Options {
  std::filesystem::path model;
  std::string device = "CPU";
  std::string hint = "throughput";
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
  std::string hint = options.hint;
  std::ranges::transform(hint, hint.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  properties.try_emplace("PERFORMANCE_HINT", hint);
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

/// What a step costs, as far as the model's own nodes tell.
struct StepCost {
  double operations = 0;
  double bytes = 0;  ///< Inputs, weights and outputs, each once.
};

std::map<std::string, StepCost> step_costs(const Graph& graph) {
  std::map<std::string, StepCost> costs;
  for (const Node& node : graph.nodes) {
    StepCost cost{.operations = node_operations(graph, node).value_or(0)};
    for (const auto* values : {&node.inputs, &node.outputs}) {
      for (const ValueId id : *values) {
        if (id != kNone && is_static(graph.value(id).type.shape)) {
          cost.bytes += static_cast<double>(byte_size(graph.value(id).type));
        }
      }
    }
    costs[node.name] = cost;
  }
  return costs;
}

struct Layer {
  StepTime time;
  StepCost cost;
  [[nodiscard]] double gflops() const { return cost.operations / time.median_ms / 1e6; }
  [[nodiscard]] double gigabytes_s() const { return cost.bytes / time.median_ms / 1e6; }
};

struct PerLayer {
  std::vector<Layer> layers;  ///< In order of execution.
  MachinePeaks peaks;
};

PerLayer measure_layers(const CompiledModel& compiled, double seconds) {
  PerLayer result;
  const std::map<std::string, StepCost> costs = step_costs(compiled.model().graph);
  const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
  for (StepTime& step : measure_steps(compiled, time)) {
    const auto cost = costs.find(step.step.node);
    // Steps that move or finish another step's values bear its name, not its operations.
    const bool own = cost != costs.end() && step.step.op != "Reorder" && step.step.op != "PostOps";
    result.layers.push_back({std::move(step), own ? cost->second : StepCost()});
  }
  const auto streams = parse_int(compiled.get_property("NUM_STREAMS")).value_or(1);
  const auto threads = parse_int(compiled.get_property("INFERENCE_NUM_THREADS")).value_or(1);
  result.peaks =
      measure_peaks(static_cast<int>(std::max<std::int64_t>(1, threads / std::max<std::int64_t>(1, streams))));
  return result;
}

void print_layers(const PerLayer& report) {
  double sum = 0;
  for (const Layer& layer : report.layers) {
    sum += layer.time.median_ms;
  }
  fmt::print("[ INFO ] Machine: {:.0f} GFLOP/s, {:.0f} GB/s\n", report.peaks.gflops, report.peaks.gigabytes_s);
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

nlohmann::json as_json(const PerLayer& report) {
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

int run(const Options& options) {
  Core core;
  const auto read_begin = std::chrono::steady_clock::now();
  const Model model = core.read_model(resolve_model(options.model));
  const auto compile_begin = std::chrono::steady_clock::now();
  const CompiledModel compiled = core.compile_model(model, options.device, properties_of(options));
  const auto compile_end = std::chrono::steady_clock::now();
  const auto to_ms = [](auto time) { return std::chrono::duration<double, std::milli>(time).count(); };
  const double read_ms = to_ms(compile_begin - read_begin);
  const double compile_ms = to_ms(compile_end - compile_begin);

  BenchSettings settings;
  settings.requests =
      options.requests > 0
          ? options.requests
          : static_cast<std::size_t>(parse_int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")).value_or(1));
  settings.iterations = options.iterations;
  if (options.iterations == 0) {
    settings.duration =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(options.seconds));
  }
  const BenchResult result = measure(compiled, settings);
  double sum = 0;
  for (const double latency : result.latencies_ms) {
    sum += latency;
  }
  const double average = sum / static_cast<double>(result.latencies_ms.size());
  std::optional<PerLayer> layers;
  if (options.per_layer) {
    layers = measure_layers(compiled, options.seconds / 2);
  }
  if (options.json) {
    nlohmann::json json = {{"model", options.model.string()},
                           {"device", options.device},
                           {"requests", settings.requests},
                           {"iterations", result.latencies_ms.size()},
                           {"read_ms", read_ms},
                           {"compile_ms", compile_ms},
                           {"throughput_fps", result.throughput()},
                           {"latency_ms",
                            {{"median", result.percentile_ms(0.5)},
                             {"average", average},
                             {"min", result.latencies_ms.front()},
                             {"max", result.latencies_ms.back()},
                             {"p90", result.percentile_ms(0.9)},
                             {"p95", result.percentile_ms(0.95)},
                             {"p99", result.percentile_ms(0.99)}}}};
    if (layers) {
      json["machine"] = {{"gflops", layers->peaks.gflops}, {"gb_s", layers->peaks.gigabytes_s}};
      json["layers"] = as_json(*layers);
    }
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  fmt::print("[ INFO ] Read model took {:.2f} ms\n[ INFO ] Compile model took {:.2f} ms\n", read_ms, compile_ms);
  fmt::print("[ INFO ] {} with {} requests\n", options.device, settings.requests);
  if (layers) {
    print_layers(*layers);
  }
  fmt::print("[ INFO ] Count:               {} iterations\n", result.latencies_ms.size());
  fmt::print("[ INFO ] Duration:            {:.2f} ms\n", result.seconds * 1000);
  fmt::print("[ INFO ] Latency:\n");
  const std::pair<std::string_view, double> lines[] = {
      {"Median", result.percentile_ms(0.5)}, {"Average", average},
      {"Min", result.latencies_ms.front()},  {"Max", result.latencies_ms.back()},
      {"90 %", result.percentile_ms(0.9)},   {"95 %", result.percentile_ms(0.95)},
      {"99 %", result.percentile_ms(0.99)}};
  for (const auto& [name, value] : lines) {
    fmt::print("[ INFO ]    {:<18}{:.2f} ms\n", fmt::format("{}:", name), value);
  }
  fmt::print("[ INFO ] Throughput:          {:.2f} FPS\n", result.throughput());
  return 0;
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model,-m,--model", options->model, "Model file, or the name of an installed model")->required();
  app.add_option("-d,--device", options->device, "Device, see `fovea devices`")->capture_default_str();
  app.add_option("--hint", options->hint, "latency or throughput")
      ->check(CLI::IsMember({"latency", "throughput"}))
      ->capture_default_str();
  app.add_option("--nstreams", options->streams, "Requests that run at the same time; 0: as the hint says");
  app.add_option("--nthreads", options->threads, "Cores for all requests together; 0: all");
  app.add_option("--nireq", options->requests, "Requests in flight; 0: what suits the device")
      ->check(CLI::Range(0, 4096));
  app.add_option("--niter", options->iterations, "Runs; 0: as many as the time allows");
  app.add_option("-t,--time", options->seconds, "Seconds to measure unless --niter is given")
      ->check(CLI::Range(0.01, 86400.0))
      ->capture_default_str();
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
