// `fovea convert`: reads a model of any format, changes it as asked, simplifies it and writes it as OpenVINO IR.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "tools/convert/convert_model.hpp"
#include "tools/subcommand.hpp"
#include "vision/model_files.hpp"

namespace fovea::tools {
namespace {

struct Options {
  std::filesystem::path model;
  std::filesystem::path output_path;
  std::string model_name;
  ConvertRequest request;
  int ir_version = 11;
  bool compress_to_fp16 = false;
  bool disable_fusing = false;
  bool json = false;
  bool verbose = false;
};

/// Names the step on stderr once the work has lasted a second: who waits shall know for what.
class Progress {
 public:
  void operator()(std::string_view step) const {
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    if (seconds > 1) {
      fmt::print(stderr, "{:6.1f} s  {}\n", seconds, step);
    }
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// More bytes of f16 than of all other constants.
bool mostly_f16(const Graph& graph) {
  std::size_t halves = 0;
  for (const Value& value : graph.values) {
    halves += value.constant && value.type.data_type == DataType::kF16 ? byte_size(value.type) : 0;
  }
  return 2 * halves > weight_bytes(graph);
}

std::filesystem::path output_file(const Options& options, const Model& model) {
  std::filesystem::path output = options.output_path;
  if (output.extension() != ".xml") {
    std::filesystem::create_directories(output);
    output /= model.name + ".xml";
  }
  if (std::filesystem::exists(output) && std::filesystem::exists(model.path) &&
      std::filesystem::equivalent(output, model.path)) {
    fail(ErrorCode::kInvalidArgument, "'{}' would be written over itself", output.string());
  }
  return output;
}

void print_report(const ConvertReport& report, bool verbose) {
  for (const std::string& change : report.changes) {
    fmt::print("  {}\n", change);
  }
  for (const std::string& kept : report.kept) {
    fmt::print("  {}\n", kept);
  }
  for (const PassReport& pass : report.passes) {
    fmt::print("  {}: {} ({} nodes gone, {} new)\n", pass.pass, pass.effect, pass.gone.size(), pass.came.size());
    if (verbose) {
      for (const std::string& name : pass.gone) {
        fmt::print("    - {}\n", name);
      }
      for (const std::string& name : pass.came) {
        fmt::print("    + {}\n", name);
      }
    }
  }
  fmt::print("  {} nodes instead of {}\n", report.nodes_after, report.nodes_before);
}

void print_json(const ConvertReport& report, const std::filesystem::path& output, std::uintmax_t bytes) {
  nlohmann::json passes = nlohmann::json::array();
  for (const PassReport& pass : report.passes) {
    passes.push_back({{"pass", pass.pass}, {"effect", pass.effect}, {"gone", pass.gone}, {"came", pass.came}});
  }
  const nlohmann::json json = {{"output", output.string()},
                               {"nodes", {{"before", report.nodes_before}, {"after", report.nodes_after}}},
                               {"weight_bytes", {{"before", report.weight_bytes_before}, {"written", bytes}}},
                               {"changes", report.changes},
                               {"kept", report.kept},
                               {"passes", passes}};
  fmt::print("{}\n", json.dump(2));
}

int run(const Options& options) {
  const Progress progress;
  Model model = read_model(resolve_model(options.model));
  ConvertRequest request = options.request;
  request.simplify = !options.disable_fusing;
  const bool halves = !options.compress_to_fp16 && request.simplify && mostly_f16(model.graph);
  ConvertReport report = convert_model(model, request, progress);
  if (halves) {
    report.changes.emplace_back("note: weights were f16 and are f32 now; --compress-to-fp16 stores them as f16 again");
  }
  if (!options.model_name.empty()) {
    model.name = options.model_name;
    model.graph.name = options.model_name;
  }
  const std::filesystem::path output = output_file(options, model);
  progress("write");
  write_openvino_ir(model, output,
                    {.version = options.ir_version == 10 ? IrVersion::k10 : IrVersion::k11,
                     .weights = options.compress_to_fp16 ? WeightPrecision::kF16 : WeightPrecision::kAsIs});
  std::filesystem::path weights = output;
  weights.replace_extension(".bin");
  const std::uintmax_t bytes = std::filesystem::file_size(weights);
  if (options.json) {
    print_json(report, output, bytes);
    return 0;
  }
  fmt::print("{}: {} nodes, {} bytes of weights\n", output.string(), report.nodes_after, bytes);
  print_report(report, options.verbose);
  return 0;
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  ConvertRequest& request = options->request;
  // Model Optimizer writes its options with underscores too.
  const auto both = [](const std::string& name) {
    std::string other = name;
    std::ranges::replace(other, '-', '_');
    return "--" + name + (other == name ? "" : ",--" + other);
  };
  app.add_option("model,-m,--model,--input-model,--input_model", options->model, "Model file")->required();
  app.add_option("output_path,-o,--output-dir,--output_dir", options->output_path,
                 "An .xml file, or a folder for <model>.xml")
      ->required();
  app.add_option(both("model-name"), options->model_name, "Name of the model, and of the file in a folder");
  app.add_option("--input", request.input, "Inputs to keep, or to cut at: NAME[SHAPE]{TYPE}->VALUE,…; -> freezes one");
  app.add_option("--output", request.output, "Outputs to keep, or to cut at: NAME,NODE:1,…");
  app.add_option(both("input-shape"), request.input_shape, "[1,3,224,224] or NAME[…],NAME[…]");
  app.add_option("-b,--batch", request.batch, "First extent of all inputs")->check(CLI::PositiveNumber);
  app.add_option("--layout", request.layout, "nhwc->nchw, NAME(nhwc->nchw),… or NAME(nchw)");
  app.add_option(both("mean-values"), request.mean_values, "Subtracted from the channels: [R,G,B] or NAME[R,G,B],…");
  app.add_option(both("scale-values") + ",-s,--scale", request.scale_values,
                 "The channels are divided by them: [R,G,B] or NAME[R,G,B],…");
  app.add_flag(both("reverse-input-channels"), request.reverse_input_channels,
               "Inputs of three channels take BGR instead of RGB, or the other way round");
  app.add_option(both("ir-version"), options->ir_version, "10 is read by OpenVINO from 2020.1 on, 11 from 2022.1 on")
      ->check(CLI::IsMember({10, 11}))
      ->capture_default_str();
  app.add_flag(both("compress-to-fp16"), options->compress_to_fp16, "Store f32 constants as f16");
  app.add_flag(both("disable-fusing"), options->disable_fusing, "Write the nodes as they are");
  app.add_flag("-v,--verbose", options->verbose, "List the nodes each pass removed and added");
  app.add_flag("--json", options->json, "Print the summary as JSON");
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand convert_subcommand;
const Subcommand convert_subcommand{
    .name = "convert", .summary = "Write a model as OpenVINO IR, changed and simplified", .setup = setup};

}  // namespace fovea::tools
