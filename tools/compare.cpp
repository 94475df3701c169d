// `fovea compare`: one model on two devices, or two models, node by node; names the first node that is wrong.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/runtime/core.hpp"
#include "tools/compare/lock_step.hpp"
#include "tools/npy.hpp"
#include "tools/subcommand.hpp"
#include "vision/image_file.hpp"
#include "vision/model_files.hpp"
#include "vision/model_spec_resolve.hpp"
#include "vision/picture_input.hpp"

namespace fovea::tools {
namespace {

constexpr int kExceeded = 1;

struct Options {
  std::vector<std::filesystem::path> models;
  std::vector<std::string> devices;
  std::vector<std::string> inputs;
  std::filesystem::path image;
  std::filesystem::path reproducer;
  std::uint32_t seed = 1;
  double tolerance = 0;
  bool json = false;
};

void feed_image(const Options& options, const Model& model, ModelInputs& inputs) {
  const ModelSpec spec = resolve_model_spec(model);
  const std::size_t index = find_picture_input(model.graph.inputs, spec);
  Tensor& target = inputs[index];
  const PreProcessSpec preprocess =
      resolve_preprocess(spec, target.type(), picture_layout(model.graph.inputs[index], target.shape()));
  const Image image = read_image(options.image);
  PreProcess(preprocess).run(image.view(), {0, 0, 1, 1}, target.mutable_view());
  for (const ExtraInput& extra : spec.extra_inputs) {
    fill_extra_input(extra, preprocess, inputs[find_port(model.graph.inputs, extra.input, "input")].mutable_view());
  }
}

void feed_arrays(const Options& options, const Model& model, ModelInputs& inputs) {
  for (const std::string& text : options.inputs) {
    const auto equals = text.find('=');
    const std::string name = equals == std::string::npos ? "" : text.substr(0, equals);
    const std::size_t index = find_port(model.graph.inputs, name, "input");
    const Tensor tensor = read_npy(equals == std::string::npos ? text : text.substr(equals + 1));
    if (tensor.shape() != inputs[index].shape()) {
      fail(ErrorCode::kInvalidArgument, "'{}' is {}, input '{}' takes {}", text, to_string(tensor.type()),
           model.graph.inputs[index].name, to_string(inputs[index].type()));
    }
    inputs[index] = tensor.cast(inputs[index].data_type());
  }
}

void print_comparison(const DeviceComparison& comparison) {
  for (const NodeComparison& node : comparison.nodes) {
    if (!node.not_run.empty()) {
      fmt::print("{:<40} {:<20} not compared: {}\n", node.node, node.op, node.not_run);
      continue;
    }
    fmt::print("{:<40} {:<20} {:<24} error {:<10.3g} {} size {:.3g}{}\n", node.node, node.op, node.type, node.error,
               std::isinf(node.bound) ? "no bound derived  " : fmt::format("allowed {:<10.3g}", node.bound), node.size,
               node.exceeded ? "  EXCEEDED" : "");
  }
  for (const auto& [name, error] : comparison.output_errors) {
    fmt::print("whole model, output '{}': largest error {:.3g}\n", name, error);
  }
  if (comparison.first_exceeded < comparison.nodes.size()) {
    const NodeComparison& node = comparison.nodes[comparison.first_exceeded];
    fmt::print("first node beyond its tolerance: '{}' ({}), error {:.3g}, allowed {:.3g}\n", node.node, node.op,
               node.error, node.bound);
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

int run(const Options& options) {
  if (options.devices.size() > 2) {
    fail(ErrorCode::kInvalidArgument, "--device: {} devices, expected two at most", options.devices.size());
  }
  Core core;
  const Model first = core.read_model(resolve_model(options.models[0]));
  ModelInputs inputs = random_inputs(first.graph, options.seed);
  feed_arrays(options, first, inputs);
  if (!options.image.empty()) {
    feed_image(options, first, inputs);
  }
  const bool two_models = options.models.size() == 2;
  const std::string a = options.devices.empty() ? "REFERENCE" : options.devices[0];
  const std::string b = options.devices.size() == 2 ? options.devices[1] : two_models ? a : "CPU";
  DeviceComparison comparison;
  if (two_models) {
    const Model second = core.read_model(resolve_model(options.models[1]));
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
  app.add_option("-i,--input", options->inputs, "NAME=FILE.npy; NAME= may be left out")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--image", options->image, "PNG, JPEG or BMP, fed as the model's description says");
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
