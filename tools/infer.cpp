// `fovea infer`: runs a model on arrays (or a picture) and writes its outputs as .npy files.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "engine/base/text.hpp"
#include "engine/runtime/core.hpp"
#include "engine/runtime/properties.hpp"
#include "tools/npy.hpp"
#include "tools/subcommand.hpp"
#include "vision/image_file.hpp"
#include "vision/model_files.hpp"
#include "vision/model_spec_resolve.hpp"
#include "vision/picture_input.hpp"

namespace fovea::tools {
namespace {

struct Options {
  std::filesystem::path model;
  std::string device = "CPU";
  std::vector<std::string> inputs;
  std::filesystem::path image;
  std::filesystem::path output_dir;
  std::string properties = "PERFORMANCE_HINT=LATENCY";
};

/// "/" and ":" stand in output names of other frameworks; files get "_" instead.
std::string file_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '/' || c == ':'; }, '_');
  return name + ".npy";
}

/// "NAME=FILE" or "FILE"; a '=' inside an existing file's name belongs to the name.
std::pair<std::string, std::filesystem::path> split_input(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || std::filesystem::exists(text)) {
    return {"", text};
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
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

/// Feeds a picture as the model's description says, and the extra inputs it explains.
void feed_image(const Options& options, const Model& model, InferRequest& request, std::vector<bool>& given) {
  const ModelSpec spec = resolve_model_spec(model);
  const Graph& graph = model.graph;
  const std::size_t index = find_picture_input(graph.inputs, spec);
  const PreProcessSpec preprocess = resolve_preprocess(
      spec, request.input(index).type, picture_layout(graph.inputs[index], request.input(index).shape()));
  const Image image = read_image(options.image);
  PreProcess(preprocess).run(image.view(), {0, 0, 1, 1}, request.input(index));
  given[index] = true;
  for (const ExtraInput& extra : spec.extra_inputs) {
    fill_extra_input(extra, preprocess, request.input(extra.input));
    given[find_port(graph.inputs, extra.input, "input")] = true;
  }
}

int run(const Options& options) {
  Core core;
  const Model model = core.read_model(resolve_model(options.model));
  const CompiledModel compiled = core.compile_model(model, options.device, parse_properties(options.properties));
  InferRequest request = compiled.create_infer_request();
  std::vector<bool> given(model.graph.inputs.size(), false);
  for (const std::string& text : options.inputs) {
    const auto [name, file] = split_input(text);
    const std::size_t index = find_port(model.graph.inputs, name, "input");
    request.set_input_tensor(model.graph.inputs[index].name, read_npy(file));
    given[index] = true;
  }
  if (!options.image.empty()) {
    feed_image(options, model, request, given);
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) {
      fail(ErrorCode::kInvalidArgument, "input '{}' of {} is not given; use --input {}=FILE.npy or --image FILE",
           model.graph.inputs[i].name, to_string(model.graph.value(model.graph.inputs[i].value).type),
           model.graph.inputs[i].name);
    }
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
  app.add_option("-i,--input", options->inputs, "NAME=FILE.npy, cast to the input's type; NAME= may be left out")
      ->take_all();
  app.add_option("--image", options->image, "PNG, JPEG or BMP, fed as the model's description says");
  app.add_option("-o,--output-dir", options->output_dir, "Write each output here as <name>.npy");
  app.add_option("--config", options->properties, "KEY=VALUE,… for compiling")->capture_default_str();
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand infer_subcommand;
const Subcommand infer_subcommand{
    .name = "infer", .summary = "Run a model on arrays and write its outputs", .setup = setup};

}  // namespace fovea::tools
