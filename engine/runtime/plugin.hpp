// What a device implements: Plugin → Executable (compiled, immutable) → Execution (memory of one run).
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/graph.hpp"

namespace fovea {

/// Settings by OpenVINO's names: {"PERFORMANCE_HINT", "LATENCY"}, {"NUM_STREAMS", "2"}, ….
using Properties = std::map<std::string, std::string>;

/// One step of a compiled model, for --why and --per-layer.
struct StepInfo {
  std::string node;
  std::string op;
  std::string kernel;                 ///< "onednn_convolution (brgconv:avx512_core)".
  std::string output;                 ///< Type and layout: "f32[1,64,80,136] nhwc".
  std::vector<std::string> refusals;  ///< "winograd: stride is 2", one per better kernel.
};

/// Time of one step in the last run that was profiled.
struct StepProfile {
  std::string node;
  std::string op;
  std::string kernel;
  std::chrono::nanoseconds time{0};
};

/// Lets another thread ask a run to stop between two steps.
using CancelFlag = std::atomic<bool>;

/// Memory of one run on one device. Used by one thread at a time; create one per request.
class Execution {
 public:
  Execution() = default;
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  virtual ~Execution() = default;

  /// Row-major memory the device reads; written by the caller before `run`. Order of Graph::inputs.
  [[nodiscard]] virtual TensorView input(std::size_t index) = 0;
  /// Gives an input of open shape memory of this one for the coming runs; its content is lost. Devices compile for
  /// fixed shapes and refuse: the runtime compiles a variant for each.
  /// \throws Error{kInvalidArgument} for another shape than `input(index)` has.
  virtual void reshape_input(std::size_t index, const Shape& shape);
  /// Row-major memory the device wrote; valid until the next `run`. Order of Graph::outputs. Before the first run,
  /// outputs whose sizes depend on data have their declared type and no memory.
  [[nodiscard]] virtual ConstTensorView output(std::size_t index) const = 0;

  /// Runs all steps. Allocates nothing of our own in steady state.
  /// \param profile  Not null: filled with one entry a step.
  /// \throws Error{kCancelled} when `cancel` became true; Error{kDevice} when the device failed.
  virtual void run(const CancelFlag& cancel, std::vector<StepProfile>* profile) = 0;
};

/// Bytes a compiled model takes, as far as its device knows.
struct MemoryUse {
  std::size_t constants = 0;  ///< As the model has them, and packed ones that nothing shares or keeps in files.
  std::size_t packed = 0;     ///< Weights in the kernels' own order.
  std::size_t shared = 0;     ///< Of `packed`: used by other compiled models of this process, too.
  std::size_t mapped = 0;     ///< Of the first two: pages of files, which the system shares and takes back at need.
  std::size_t request = 0;    ///< Of each request: inputs and outputs.
  std::size_t arena = 0;      ///< Of each run under way, shared by all models: what lies between.
  std::size_t scratch = 0;    ///< Of `arena`: the most that one step needs beside its results.
};

/// What a device makes of a model, in a form that a file can keep: the graph after its passes and packed weights by
/// name.
struct CompiledParts {
  struct Blob {
    std::string name;
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;  ///< Of `bytes`.
    bool mapped = false;                ///< `bytes` are a part of a file.
  };
  Graph graph;
  std::vector<Blob> blobs;
};

/// A model compiled for a device. Immutable, thread-safe.
class Executable {
 public:
  Executable() = default;
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;
  virtual ~Executable() = default;

  /// The Execution keeps what it needs of the Executable alive by itself.
  [[nodiscard]] virtual std::unique_ptr<Execution> create_execution() const = 0;
  [[nodiscard]] virtual std::vector<StepInfo> steps() const = 0;
  /// Of this device's part; zeros where a device does not count.
  [[nodiscard]] virtual MemoryUse memory() const { return {}; }
};

/// Lanes a model wants on its device and the cores each run keeps busy.
struct LaneUse {
  int lanes = 1;
  int threads = 1;
};

/// A kind of device. Immutable after construction, thread-safe.
class Plugin {
 public:
  Plugin() = default;
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;
  virtual ~Plugin() = default;

  [[nodiscard]] virtual std::string name() const = 0;         ///< "CPU", "REFERENCE".
  [[nodiscard]] virtual std::string description() const = 0;  ///< "AMD EPYC, 2 cores, AVX-512".
  /// How requests of a model with these (validated) properties use the machine.
  [[nodiscard]] virtual LaneUse lane_use(const Properties& properties) const = 0;
  /// `compile` takes graphs with shapes that depend on data. The runtime interprets that part for other devices.
  [[nodiscard]] virtual bool sizes_at_run_time() const { return false; }
  /// \param graph      Shapes of inputs are static, see also sizes_at_run_time; not yet optimised: the device runs the
  ///                   passes it wants.
  /// \throws Error{kUnsupported} naming every node it cannot run.
  [[nodiscard]] virtual std::unique_ptr<Executable> compile(Graph graph, const Properties& properties) const = 0;

  /// All that a compiled model depends on beside the model: options, instruction set, versions of libraries. Empty:
  /// this device's compiled models cannot be kept in files, and the two functions below are not called.
  [[nodiscard]] virtual std::string cache_key(const Properties& /*properties*/) const { return {}; }
  /// As `compile`; `parts` is what `restore` needs to make the same again.
  [[nodiscard]] virtual std::unique_ptr<Executable> compile(Graph graph, const Properties& properties,
                                                            CompiledParts& /*parts*/) const {
    return compile(std::move(graph), properties);
  }
  /// \throws Error when the parts do not fit this device.
  [[nodiscard]] virtual std::unique_ptr<Executable> restore(CompiledParts parts, const Properties& properties) const {
    return compile(std::move(parts.graph), properties);
  }
};

/// Makes the plugins of this build, in the order of plugins.inc.
std::vector<std::unique_ptr<Plugin>> make_plugins();

}  // namespace fovea
