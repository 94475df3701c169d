// `fovea infer`: runs a model on arrays (or a picture) and writes its outputs as .npy files.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "engine/base/text.hpp"
#include "engine/runtime/core.hpp"
#include "engine/runtime/properties.hpp"
#include "tools/model_inputs.hpp"
#include "tools/npy.hpp"
#include "tools/subcommand.hpp"
#include "vision/model_files.hpp"

namespace fovea::tools {
namespace {

struct Options {
  std::filesystem::path model;
  std::string device = "CPU";
  InputOptions inputs;
  std::filesystem::path output_dir;
  std::string properties = "PERFORMANCE_HINT=LATENCY";
};

/// "/" and ":" stand in output names of other frameworks; files get "_" instead.
std::string file_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '/' || c == ':'; }, '_');
  return name + ".npy";
}

void print_summary(const std::string& name, const ConstTensorView& tensor) {
  const std::vector<double> values = to_doubles(tensor);
  if (values.empty()) {
    fmt::print("{}: {} (empty)\n", name, to_string(tensor.type));
    return;
  }
  const auto [least, most] = std::ranges::minmax_element(values);
  double sum = 0;
  for (const double value : values) {
    sum += value;
  }
  fmt::print("{}: {} min {:.6g} max {:.6g} mean {:.6g}\n", name, to_string(tensor.type), *least, *most,
             sum / static_cast<double>(values.size()));
}

int run(const Options& options) {
  Core core;
  Model model = core.read_model(resolve_model(options.model));
  const GivenInputs given = prepare_inputs(model, options.inputs);
  for (std::size_t i = 0; i < model.graph.inputs.size(); ++i) {
    if (!given.contains(i)) {
      const GraphPort& port = model.graph.inputs[i];
      fail(ErrorCode::kInvalidArgument, "input '{}' of {} is not given; use --input {}=FILE.npy or --image FILE",
           port.name, to_string(model.graph.value(port.value).type), port.name);
    }
  }
  const CompiledModel compiled = core.compile_model(model, options.device, parse_properties(options.properties));
  InferRequest request = compiled.create_infer_request();
  for (const auto& [index, tensor] : given) {
    request.set_input_tensor(model.graph.inputs[index].name, tensor);
  }
  request.infer();
  if (!options.output_dir.empty()) {
    std::filesystem::create_directories(options.output_dir);
  }
  for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
    const std::string& name = model.graph.outputs[i].name;
    print_summary(name, request.output(i));
    if (!options.output_dir.empty()) {
      write_npy(options.output_dir / file_name(name), request.output(i));
    }
  }
  return 0;
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model,-m,--model", options->model, "Model file")->required();
  app.add_option("-d,--device", options->device, "Device, see `fovea devices`")->capture_default_str();
  add_input_options(app, options->inputs);
  app.add_option("-o,--output-dir", options->output_dir, "Write each output here as <name>.npy");
  app.add_option("--config", options->properties, "KEY=VALUE,… for compiling")->capture_default_str();
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand infer_subcommand;
const Subcommand infer_subcommand{
    .name = "infer", .summary = "Run a model on arrays and write its outputs", .setup = setup};

}  // namespace fovea::tools
