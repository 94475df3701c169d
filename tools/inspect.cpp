// `fovea inspect`: what a model takes, gives and consists of, (--explain) how pictures get in and results out, and
// (--why, --memory) how a device would run it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/frontends/common/unsupported.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "engine/runtime/properties.hpp"
#include "tools/inspect/explain.hpp"
#include "tools/inspect/figures.hpp"
#include "tools/inspect/memory.hpp"
#include "tools/subcommand.hpp"
#include "vision/model_files.hpp"
#include "vision/model_spec_resolve.hpp"

namespace fovea::tools {
namespace {

struct Options {
  std::filesystem::path model;
  std::string why;
  std::string memory;
  std::string properties;  ///< KEY=VALUE,… for compiling, over the latency hint.
  SpecRequest request;
  std::string task;
  std::filesystem::path image;
  std::filesystem::path output_image;
  bool explain = false;
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

Properties properties_of(const Options& options) {
  Properties properties = options.properties.empty() ? Properties() : parse_properties(options.properties);
  properties.try_emplace("PERFORMANCE_HINT", "LATENCY");
  return properties;
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

/// "f32 120, i64 14": most first.
std::string precisions(const std::map<std::string, int>& counts) {
  std::vector<std::pair<int, std::string>> sorted;
  for (const auto& [type, count] : counts) {
    sorted.emplace_back(-count, type);
  }
  std::ranges::sort(sorted);
  std::string text;
  for (const auto& [count, type] : sorted) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", type, -count);
  }
  return text;
}

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
  fmt::print("  nodes by precision of their result: {}\n", precisions(figures.nodes_by_precision));
  if (figures.quantised_operations > 0) {
    fmt::print("  {:.1f} % of the operations read values that FakeQuantize brought to 8 bit or fewer\n",
               100 * figures.quantised_operations / figures.operations);
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
                         {"nodes_by_precision", figures.nodes_by_precision},
                         {"quantised_gflops", figures.quantised_operations / 1e9},
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

/// All operators that keep the model from being read, with all their nodes.
int report_unsupported(const importer::UnsupportedOperators& error, const Options& options) {
  if (options.json) {
    nlohmann::json list = nlohmann::json::array();
    for (const importer::UnsupportedOperator& op : error.operators()) {
      list.push_back({{"operator", op.name}, {"needed", op.needed}, {"nodes", op.nodes}});
    }
    fmt::print("{}\n", nlohmann::json({{"loads", false}, {"unsupported", list}}).dump(2));
    return 1;
  }
  fmt::print("{} cannot be read: {} operator{} not supported\n", options.model.string(), error.operators().size(),
             error.operators().size() == 1 ? " is" : "s are");
  for (const importer::UnsupportedOperator& op : error.operators()) {
    fmt::print("  {}: {} node{}, {}\n", op.name, op.nodes.size(), op.nodes.size() == 1 ? "" : "s", op.needed);
    for (const std::string& node : op.nodes) {
      fmt::print("    {}\n", node);
    }
  }
  return 1;
}

int run_explain(const Options& options, const Model& model) {
  ModelSpec spec = resolve_model_spec(model, options.request);
  if (spec.task.empty() && !options.task.empty()) {
    spec.task = options.task;
    spec.origins["task"] = "--task";
  }
  const Plan plan = explain_plan(model, spec);
  std::vector<std::string> lines = plan.lines;
  if (!options.image.empty() && plan.preprocess) {
    const SeenPicture seen = see_picture(*plan.preprocess, read_image(options.image));
    lines.emplace_back("as the network sees the picture:");
    for (const std::string& line : seen.lines) {
      lines.push_back("  " + line);
    }
    if (!options.output_image.empty()) {
      write_image(options.output_image, seen.image);
      lines.push_back(
          fmt::format("  written to {}: the input's values turned back into pixels of 8 bit (times scale, plus mean)",
                      options.output_image.string()));
    }
  }
  if (options.json) {
    fmt::print("{}\n",
               nlohmann::json(
                   {{"complete", plan.complete}, {"plan", lines}, {"sources", spec.sources}, {"origins", spec.origins}})
                   .dump(2));
  } else {
    fmt::print("{}\n", fmt::join(lines, "\n"));
  }
  return plan.complete ? 0 : 1;
}

void print_report(Core& core, const Model& model, const Options& options, const std::vector<StepInfo>& steps) {
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
  } else if (!options.why.empty()) {
    print_steps(steps);
  } else if (options.graph) {
    fmt::print("{}", to_text(model.graph));
  } else {
    print_model(model);
    for (const auto& [device, reason] : refusals(core, model)) {
      fmt::print("  {}: {}\n", device, reason.empty() ? "runs" : reason);
    }
  }
}

int run_memory(Core& core, const Options& options) {
  const MemoryReport report =
      memory_report(core.compile_model(resolve_model(options.model), options.memory, properties_of(options)));
  if (options.json) {
    fmt::print("{}\n", memory_json(report).dump(2));
  } else {
    print_memory(report);
  }
  return 0;
}

int run(const Options& options) {
  if (!options.explain && !(options.image.empty() && options.output_image.empty())) {
    fail(ErrorCode::kInvalidArgument, "--image and --output-image belong to --explain");
  }
  if (options.image.empty() && !options.output_image.empty()) {
    fail(ErrorCode::kInvalidArgument, "--output-image needs --image, the picture to show");
  }
  Core core;
  try {
    if (!options.memory.empty()) {
      return run_memory(core, options);
    }
    const Model model = core.read_model(resolve_model(options.model));
    if (options.explain) {
      return run_explain(options, model);
    }
    std::vector<StepInfo> steps;
    if (!options.why.empty()) {
      steps = core.compile_model(model, options.why, properties_of(options)).steps();
    }
    print_report(core, model, options, steps);
    return 0;
  } catch (const importer::UnsupportedOperators& error) {
    return report_unsupported(error, options);
  }
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("model,-m,--model", options->model, "Model file")->required();
  app.add_option("--why", options->why,
                 "Show the kernel chosen for each node on this device, and why better ones refused")
      ->type_name("DEVICE");
  app.add_option("--config", options->properties, "KEY=VALUE,… for compiling with --why and --memory");
  app.add_option("--memory", options->memory, "Show what the compiled model and its requests take on this device")
      ->type_name("DEVICE");
  app.add_flag("--explain", options->explain,
               "Show how pictures are prepared and answers read, step by step, and who says so");
  app.add_option("--image", options->image, "With --explain: a PNG or JPEG to prepare");
  app.add_option("--output-image", options->output_image,
                 "With --explain: write the picture as the network sees it, turned back into 8 bit");
  app.add_option("--task", options->task, "With --explain: what to assume where the model does not say")
      ->check(CLI::IsMember({"detect", "classify", "segment", "embed", "raw"}));
  app.add_option("--model-spec", options->request.model_spec, "With --explain: as the elements' property");
  app.add_option("--model-proc", options->request.model_proc, "With --explain: as the elements' property");
  app.add_option("--labels-file", options->request.labels_file, "With --explain: as the elements' property");
  app.add_option("--labels", options->request.labels, "With --explain: as the elements' property");
  app.add_flag("--graph", options->graph, "Print the graph in text form");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand inspect_subcommand;
const Subcommand inspect_subcommand{
    .name = "inspect", .summary = "Describe a model and how a device would run it", .setup = setup};

}  // namespace fovea::tools
