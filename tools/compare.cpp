// `fovea compare`: one model on two devices, or two models, node by node; names the first node that is wrong.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/ops/shape_inference.hpp"
#include "engine/runtime/core.hpp"
#include "tools/compare/lock_step.hpp"
#include "tools/model_inputs.hpp"
#include "tools/subcommand.hpp"
#include "vision/model_files.hpp"

namespace fovea::tools {
namespace {

constexpr int kExceeded = 1;

struct Options {
  std::vector<std::filesystem::path> models;
  std::vector<std::string> devices;
  InputOptions inputs;
  std::filesystem::path reproducer;
  std::uint32_t seed = 1;
  double tolerance = 0;
  bool json = false;
};

/// Names of converted models grow long; both ends tell most.
std::string shortened(const std::string& name) {
  constexpr std::size_t kWidth = 40;
  if (name.size() <= kWidth) {
    return name;
  }
  return name.substr(0, kWidth / 2 - 2) + "..." + name.substr(name.size() - kWidth / 2 + 1);
}

void print_summary(const DeviceComparison& comparison) {
  std::size_t exceeded = 0;
  std::size_t judged = 0;
  for (const NodeComparison& node : comparison.nodes) {
    exceeded += node.exceeded ? 1 : 0;
    judged += node.not_run.empty() && !std::isinf(node.bound) ? 1 : 0;
  }
  fmt::print("{} nodes compared, {} of them judged by a tolerance, {} beyond it\n", comparison.nodes.size(), judged,
             exceeded);
  if (judged * 2 < comparison.nodes.size()) {
    fmt::print("for most nodes no tolerance is known; --tolerance 1e-3 judges all by a share of their magnitude\n");
  }
}

void print_comparison(const DeviceComparison& comparison) {
  for (const NodeComparison& node : comparison.nodes) {
    if (!node.not_run.empty()) {
      fmt::print("{:<40} {:<20} not compared: {}\n", shortened(node.node), node.op, node.not_run);
      continue;
    }
    fmt::print("{:<40} {:<20} {:<24} error {:<10.3g} {} size {:.3g}{}\n", shortened(node.node), node.op, node.type,
               node.error, std::isinf(node.bound) ? "no bound derived  " : fmt::format("allowed {:<10.3g}", node.bound),
               node.size,
               node.healed     ? "  EXCEEDED, what reads it agrees"
               : node.exceeded ? "  EXCEEDED"
                               : "");
  }
  for (const auto& [name, error] : comparison.output_errors) {
    fmt::print("whole model, output '{}': {}\n", name,
               std::isinf(error) ? "shapes differ, or values are finite on one side only"
                                 : fmt::format("largest error {:.3g}", error));
  }
  print_summary(comparison);
  if (comparison.first_exceeded < comparison.nodes.size()) {
    const NodeComparison& node = comparison.nodes[comparison.first_exceeded];
    fmt::print(
        "first node beyond its tolerance: '{}' ({}), error {:.3g}, allowed {:.3g}{}\n", node.node, node.op, node.error,
        node.bound,
        node.healed ? "; what is computed from it agrees again, as where models order their steps otherwise" : "");
  }
}

void print_json(const DeviceComparison& comparison) {
  nlohmann::json nodes = nlohmann::json::array();
  // JSON knows no infinity: null.
  const auto number = [](double value) { return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(); };
  for (const NodeComparison& node : comparison.nodes) {
    nodes.push_back({{"node", node.node},
                     {"op", node.op},
                     {"output", node.type},
                     {"error", number(node.error)},
                     {"allowed", number(node.bound)},
                     {"size", node.size},
                     {"exceeded", node.exceeded},
                     {"healed", node.healed},
                     {"not_run", node.not_run}});
  }
  nlohmann::json json = {{"nodes", nodes}, {"outputs", nlohmann::json::object()}, {"first_exceeded", nullptr}};
  for (const auto& [name, error] : comparison.output_errors) {
    json["outputs"][name] = number(error);
  }
  if (comparison.first_exceeded < comparison.nodes.size()) {
    json["first_exceeded"] = comparison.nodes[comparison.first_exceeded].node;
  }
  fmt::print("{}\n", json.dump(2));
}

/// Extents that the second model leaves open are those of the first.
void adopt_shapes(const Model& first, Model& second) {
  std::map<std::string, Shape> closed;
  for (std::size_t i = 0; i < std::min(first.graph.inputs.size(), second.graph.inputs.size()); ++i) {
    if (!is_static(second.graph.value(second.graph.inputs[i].value).type.shape)) {
      closed[second.graph.inputs[i].name] = first.graph.value(first.graph.inputs[i].value).type.shape;
    }
  }
  if (!closed.empty()) {
    reshape(second.graph, closed);
  }
}

int run(const Options& options) {
  if (options.devices.size() > 2) {
    fail(ErrorCode::kInvalidArgument, "--device: {} devices, expected two at most", options.devices.size());
  }
  Core core;
  Model first = core.read_model(resolve_model(options.models[0]));
  const GivenInputs given = prepare_inputs(first, options.inputs);
  ModelInputs inputs = random_inputs(first.graph, options.seed);
  for (const auto& [index, tensor] : given) {
    inputs[index] = tensor.cast(inputs[index].data_type());
  }
  const bool two_models = options.models.size() == 2;
  const std::string a = options.devices.empty() ? "REFERENCE" : options.devices[0];
  const std::string b = options.devices.size() == 2 ? options.devices[1] : two_models ? a : "CPU";
  DeviceComparison comparison;
  if (two_models) {
    Model second = core.read_model(resolve_model(options.models[1]));
    adopt_shapes(first, second);
    comparison = compare_models(core, first, second, a, b, inputs, options.tolerance);
  } else {
    comparison = compare_devices(core, first, a, b, inputs, options.tolerance, options.reproducer);
  }
  options.json ? print_json(comparison) : print_comparison(comparison);
  return comparison.first_exceeded < comparison.nodes.size() ? kExceeded : 0;
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("models,-m,--model", options->models, "One model, or two to compare with each other")
      ->required()
      ->expected(1, 2);
  app.add_option("-d,--device", options->devices, "Twice: the devices to compare; the first gives the inputs of nodes")
      ->take_all()
      ->allow_extra_args(false);
  add_input_options(app, options->inputs);
  app.add_option("--seed", options->seed, "Of the random inputs that fill what is not given")->capture_default_str();
  app.add_option("--tolerance", options->tolerance, "Allowed share of each output's largest magnitude; 0: derived")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--reproducer", options->reproducer, "Write the first node beyond its tolerance into this folder");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand compare_subcommand;
const Subcommand compare_subcommand{
    .name = "compare", .summary = "Find the node where two devices or two models differ", .setup = setup};

}  // namespace fovea::tools
