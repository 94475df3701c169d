// What a whole model costs beside its convolutions and matrix products: each of these as a model of its own, with its
// data in the caches, on one thread, against the whole model.
//   kernels_alone MODEL…
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <vector>

#include "engine/ops/op_def.hpp"
#include "engine/runtime/core.hpp"

namespace fovea::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;
constexpr int kRuns = 15;      // of a kernel
constexpr int kRounds = 5;     // through all kernels, with the whole model in between
constexpr int kWholeRuns = 9;  // in each round

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

bool is_product(const Graph& graph, const Node& node) {
  static const std::set<std::string_view> kOps = {"Convolution", "GroupConvolution", "ConvolutionBackpropData",
                                                  "GroupConvolutionBackpropData", "MatMul"};
  return kOps.contains(node.op->name) && graph.is_constant(node.inputs[1]) && !graph.is_constant(node.inputs[0]);
}

/// The node with its weights and nothing else.
Model alone(const Graph& graph, const Node& node) {
  Model model;
  Node copy = node;
  copy.inputs = {model.graph.add_input("x", graph.value(node.inputs[0]).type),
                 model.graph.add_constant("weights", *graph.constant(node.inputs[1]))};
  copy.outputs.clear();
  copy.post_ops.clear();
  const NodeId id = model.graph.add_node(std::move(copy), {graph.value(node.outputs[0]).type});
  model.graph.add_output(model.graph.node(id).outputs[0], "y");
  return model;
}

void fill(InferRequest& request, const Graph& graph) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const TensorView input = request.input(i);
    std::vector<double> values(element_count(input.shape()));
    std::ranges::generate(values, [&] { return normal(random); });
    store(input, values);
  }
}

/// A model of one node; only the step that computes it counts, not what brings its data into their layout.
class Kernel {
 public:
  Kernel(Core& core, const Model& model)
      : op_(model.graph.nodes[0].op->name),
        request_(
            core.compile_model(model, "CPU",
                               {{"PERFORMANCE_HINT", "LATENCY"}, {"INFERENCE_NUM_THREADS", "1"}, {"PERF_COUNT", "YES"}})
                .create_infer_request()) {
    fill(request_, model.graph);
  }

  double milliseconds() {
    std::vector<double> times;
    for (int run = 0; run < kRuns; ++run) {
      request_.infer();
      Milliseconds time{0};
      for (const StepProfile& step : request_.profile()) {
        time += step.op == op_ ? Milliseconds(step.time) : Milliseconds(0);
      }
      times.push_back(time.count());
    }
    return median(times);
  }

 private:
  std::string op_;
  InferRequest request_;
};

void measure(const std::filesystem::path& file) {
  Core core;
  const Model model = core.read_model(file);
  std::vector<Kernel> kernels;
  for (const Node& node : model.graph.nodes) {
    if (is_product(model.graph, node)) {
      kernels.emplace_back(core, alone(model.graph, node));
    }
  }
  InferRequest whole =
      core.compile_model(model, "CPU", {{"PERFORMANCE_HINT", "LATENCY"}, {"INFERENCE_NUM_THREADS", "1"}})
          .create_infer_request();
  fill(whole, model.graph);
  std::vector<double> sums;
  std::vector<double> wholes;
  for (int round = 0; round < kRounds; ++round) {
    double sum = 0;
    for (Kernel& kernel : kernels) {
      sum += kernel.milliseconds();
    }
    sums.push_back(sum);
    std::vector<double> times;
    for (int run = 0; run < kWholeRuns; ++run) {
      const Clock::time_point begin = Clock::now();
      whole.infer();
      times.push_back(Milliseconds(Clock::now() - begin).count());
    }
    wholes.push_back(median(times));
  }
  fmt::print("{:<24} {:8.2f} ms, its {:3} kernels alone {:8.2f} ms: {:.2f}\n", file.stem().string(), median(wholes),
             kernels.size(), median(sums), median(wholes) / median(sums));
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  try {
    if (argc < 2) {
      fmt::print(stderr, "usage: kernels_alone MODEL…\n");
      return 2;
    }
    for (int i = 1; i < argc; ++i) {
      fovea::bench::measure(argv[i]);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
