// Our own engine as a peer. EXTRA: compile properties, KEY=VALUE,….
#include <algorithm>

#include "bench/peers/peer.hpp"
#include "engine/runtime/core.hpp"
#include "engine/runtime/properties.hpp"

namespace fovea::bench {
namespace {

/// One thread and one request stand for what the other peers do on a caller's thread.
struct Loaded {
  Core core;
  std::vector<InferRequest> requests;
  std::size_t outputs = 0;
};

Peer load(const Arguments& arguments) {
  auto loaded = std::make_shared<Loaded>();
  Properties properties = arguments.extra.empty() ? Properties() : parse_properties(arguments.extra);
  properties["NUM_STREAMS"] = std::to_string(arguments.streams);
  properties["INFERENCE_NUM_THREADS"] = std::to_string(arguments.threads * arguments.streams);
  const CompiledModel compiled = loaded->core.compile_model(std::filesystem::path(arguments.model), "CPU", properties);
  loaded->outputs = compiled.model().graph.outputs.size();
  for (int stream = 0; stream < arguments.streams; ++stream) {
    loaded->requests.push_back(compiled.create_infer_request());
    for (std::size_t i = 0; i < compiled.model().graph.inputs.size(); ++i) {
      const std::span<float> input = loaded->requests.back().input(i).data<float>();
      std::ranges::copy(noise(input.size()), input.begin());
    }
  }
  return {.version = "Fovea",
          .run = [loaded](int stream) { loaded->requests[static_cast<std::size_t>(stream)].infer(); },
          .outputs =
              [loaded] {
                std::vector<std::vector<float>> outputs;
                for (std::size_t i = 0; i < loaded->outputs; ++i) {
                  const std::vector<double> values = to_doubles(loaded->requests[0].output(i));
                  outputs.emplace_back(values.begin(), values.end());
                }
                return outputs;
              }};
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  const auto arguments = fovea::bench::parse_arguments(argc, argv);
  return fovea::bench::serve(arguments.streams, [&] { return fovea::bench::load(arguments); });
}
