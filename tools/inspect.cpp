// `fovea inspect`: what a model takes, gives and consists of, and (--why) how a device would run it.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "tools/inspect/figures.hpp"
#include "tools/subcommand.hpp"
#include "vision/model_files.hpp"

namespace fovea::tools {
namespace {

struct Options {
  std::filesystem::path model;
  std::string why;
  bool graph = false;
  bool json = false;
};

nlohmann::json ports_json(const Model& model, const std::vector<GraphPort>& ports) {
  nlohmann::json list = nlohmann::json::array();
  for (const GraphPort& port : ports) {
    list.push_back(
        {{"name", port.name}, {"type", to_string(model.graph.value(port.value).type)}, {"layout", port.layout}});
  }
  return list;
}

/// Why the device cannot run the model as it is; empty when it can.
std::string refusal(Core& core, const Model& model, const std::string& device) {
  try {
    static_cast<void>(core.compile_model(model, device, {{"PERFORMANCE_HINT", "LATENCY"}}));
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

std::map<std::string, std::string> refusals(Core& core, const Model& model) {
  std::map<std::string, std::string> result;
  for (const Core::DeviceInfo& device : core.devices()) {
    result[device.name] = refusal(core, model, device.name);
  }
  return result;
}

std::string megabytes(std::size_t bytes) { return fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6); }

void print_figures(const ModelFigures& figures) {
  fmt::print("  {:.3f} GFLOPs{}, {:.3f} million parameters\n", figures.operations / 1e9,
             figures.unknown_nodes == 0 ? "" : fmt::format(" without {} nodes of dynamic shape", figures.unknown_nodes),
             static_cast<double>(figures.parameters) / 1e6);
  for (const auto& [type, bytes] : figures.weight_bytes) {
    fmt::print("  {} of {} constants\n", megabytes(bytes), type);
  }
  if (figures.peak_bytes) {
    fmt::print("  {} of tensors at most at once, {} as planned\n", megabytes(*figures.peak_bytes),
               megabytes(*figures.arena_bytes));
  }
  for (const auto& [op, count] : figures.operators) {
    const auto operations = figures.operations_by_type.find(op);
    fmt::print(
        "  {:>6} {}{}\n", count, op,
        operations == figures.operations_by_type.end() ? "" : fmt::format(", {:.3f} GFLOPs", operations->second / 1e9));
  }
}

void print_model(const Model& model) {
  fmt::print("{} ({}, hash {})\n", model.name, model.format, model.hash);
  const auto print_ports = [&](const char* what, const std::vector<GraphPort>& ports) {
    for (const GraphPort& port : ports) {
      fmt::print("  {} {}: {}{}\n", what, port.name, to_string(model.graph.value(port.value).type),
                 port.layout.empty() ? "" : " layout " + port.layout);
    }
  };
  print_ports("input ", model.graph.inputs);
  print_ports("output", model.graph.outputs);
  fmt::print("  {} nodes\n", model.graph.nodes.size());
  print_figures(model_figures(model.graph));
}

nlohmann::json model_json(const Model& model, const std::map<std::string, std::string>& devices) {
  const ModelFigures figures = model_figures(model.graph);
  nlohmann::json json = {{"name", model.name},
                         {"format", model.format},
                         {"hash", model.hash},
                         {"inputs", ports_json(model, model.graph.inputs)},
                         {"outputs", ports_json(model, model.graph.outputs)},
                         {"operators", figures.operators},
                         {"gflops", figures.operations / 1e9},
                         {"nodes_of_dynamic_shape", figures.unknown_nodes},
                         {"parameters", figures.parameters},
                         {"weight_bytes", figures.weight_bytes},
                         {"metadata", model.metadata}};
  if (figures.peak_bytes) {
    json["memory"] = {{"peak_bytes", *figures.peak_bytes}, {"arena_bytes", *figures.arena_bytes}};
  }
  std::size_t bytes = 0;
  for (const auto& [type, count] : figures.weight_bytes) {
    bytes += count;
  }
  json["constant_bytes"] = bytes;
  for (const auto& [device, reason] : devices) {
    json["devices"][device] = {{"runs", reason.empty()}, {"reason", reason}};
  }
  return json;
}

void print_steps(const std::vector<StepInfo>& steps) {
  for (const StepInfo& step : steps) {
    fmt::print("{} ({}): {} → {}\n", step.node, step.op, step.kernel, step.output);
    for (const std::string& refusal : step.refusals) {
      fmt::print("    not {}\n", refusal);
    }
  }
}

int run(const Options& options) {
  Core core;
  const Model model = core.read_model(resolve_model(options.model));
  std::vector<StepInfo> steps;
  if (!options.why.empty()) {
    steps = core.compile_model(model, options.why, {{"PERFORMANCE_HINT", "LATENCY"}}).steps();
  }
  if (options.json) {
    nlohmann::json json = model_json(model, refusals(core, model));
    for (const StepInfo& step : steps) {
      json["steps"].push_back({{"node", step.node},
                               {"op", step.op},
                               {"kernel", step.kernel},
                               {"output", step.output},
                               {"refusals", step.refusals}});
    }
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  if (!options.why.empty()) {
    print_steps(steps);
  } else if (options.graph) {
    fmt::print("{}", to_text(model.graph));
  } else {
    print_model(model);
    for (const auto& [device, reason] : refusals(core, model)) {
      fmt::print("  {}: {}\n", device, reason.empty() ? "runs" : reason);
    }
  }
  return 0;
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model,-m,--model", options->model, "Model file")->required();
  app.add_option("--why", options->why,
                 "Show the kernel chosen for each node on this device, and why better ones refused")
      ->type_name("DEVICE");
  app.add_flag("--graph", options->graph, "Print the graph in text form");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand inspect_subcommand;
const Subcommand inspect_subcommand{
    .name = "inspect", .summary = "Describe a model and how a device would run it", .setup = setup};

}  // namespace fovea::tools
