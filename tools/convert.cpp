// `fovea convert`: reads a model and writes it as OpenVINO IR.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "engine/base/error.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "tools/subcommand.hpp"
#include "vision/model_files.hpp"

namespace fovea::tools {
namespace {

struct Options {
  std::filesystem::path model;
  std::filesystem::path output;
  int ir_version = 11;
  bool compress_to_fp16 = false;
};

int run(const Options& options) {
  const Model model = read_model(resolve_model(options.model));
  std::filesystem::path output = options.output;
  if (output.extension() != ".xml") {
    std::filesystem::create_directories(output);
    output /= model.name + ".xml";
  }
  if (std::filesystem::exists(output) && std::filesystem::equivalent(output, options.model)) {
    fail(ErrorCode::kInvalidArgument, "'{}' would be written over itself", output.string());
  }
  write_openvino_ir(model, output,
                    {.version = options.ir_version == 10 ? IrVersion::k10 : IrVersion::k11,
                     .weights = options.compress_to_fp16 ? WeightPrecision::kF16 : WeightPrecision::kAsIs});
  std::filesystem::path weights = output;
  weights.replace_extension(".bin");
  fmt::print("{}: {} nodes, {} bytes of weights\n", output.string(), model.graph.nodes.size(),
             std::filesystem::file_size(weights));
  return 0;
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model,-m,--model", options->model, "Model file")->required();
  app.add_option("output,-o,--output", options->output, "An .xml file, or a folder for <model>.xml")->required();
  app.add_option("--ir-version", options->ir_version, "10 is read by OpenVINO from 2020.1 on, 11 from 2022.1 on")
      ->check(CLI::IsMember({10, 11}))
      ->capture_default_str();
  app.add_flag("--compress-to-fp16", options->compress_to_fp16, "Store f32 constants as f16");
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand convert_subcommand;
const Subcommand convert_subcommand{.name = "convert", .summary = "Write a model as OpenVINO IR", .setup = setup};

}  // namespace fovea::tools
