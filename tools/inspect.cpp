// `fovea inspect`: what a model takes, gives and consists of, and (--why) how a device would run it.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/ops/graph_text.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/runtime/core.hpp"
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

std::map<std::string, int> operator_counts(const Model& model) {
  std::map<std::string, int> counts;
  for (const Node& node : model.graph.nodes) {
    ++counts[std::string(node.op->name)];
  }
  return counts;
}

std::size_t constant_bytes(const Model& model) {
  std::size_t bytes = 0;
  for (const Value& value : model.graph.values) {
    bytes += value.constant ? value.constant->bytes().size() : 0;
  }
  return bytes;
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
  fmt::print("  {} nodes, {:.2f} MB of constants\n", model.graph.nodes.size(),
             static_cast<double>(constant_bytes(model)) / 1e6);
  for (const auto& [op, count] : operator_counts(model)) {
    fmt::print("  {:>6} {}\n", count, op);
  }
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
    nlohmann::json json = {{"name", model.name},
                           {"format", model.format},
                           {"hash", model.hash},
                           {"inputs", ports_json(model, model.graph.inputs)},
                           {"outputs", ports_json(model, model.graph.outputs)},
                           {"operators", operator_counts(model)},
                           {"constant_bytes", constant_bytes(model)},
                           {"metadata", model.metadata}};
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
