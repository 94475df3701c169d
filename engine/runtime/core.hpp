// The public face of the engine: Core reads and compiles models, InferRequest runs them.
//
//   fovea::Core core;
//   auto compiled = core.compile_model(core.read_model("model.xml"), "CPU", {{"PERFORMANCE_HINT", "LATENCY"}});
//   auto request = compiled.create_infer_request();
//   request.set_input_tensor(image);
//   request.infer();
//   fovea::ConstTensorView result = request.output(0);
#pragma once

#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/model.hpp"
#include "engine/runtime/plugin.hpp"
#include "engine/runtime/scheduler.hpp"

namespace fovea {

class InferRequest;

/// A model compiled for a device. Copies share the compiled model. Thread-safe.
class CompiledModel {
 public:
  /// Names, metadata, inputs and outputs with their types. Nodes and constants are gone: the caller's Model has them.
  [[nodiscard]] const Model& model() const;
  [[nodiscard]] const std::string& device() const;
  /// Of a model with open input shapes: those of the variant used last; none before the first run.
  [[nodiscard]] std::vector<StepInfo> steps() const;

  /// Of a model with open input shapes: that of the variant used last.
  [[nodiscard]] MemoryUse memory() const;

  /// Read-only properties by OpenVINO's names, OPTIMAL_NUMBER_OF_INFER_REQUESTS among them.
  /// \throws Error{kNotFound} for an unknown name, the nearest suggested.
  [[nodiscard]] std::string get_property(std::string_view name) const;

  /// A request with memory of its own. Requests are independent of each other.
  [[nodiscard]] InferRequest create_infer_request() const;

 private:
  friend class Core;
  friend class InferRequest;
  struct State;
  explicit CompiledModel(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Where a request's time went, for the run that finished last.
struct RequestTiming {
  std::chrono::nanoseconds wait{0};  ///< Submitted until a lane took it.
  std::chrono::nanoseconds work{0};  ///< On the lane: prepare, model, without the callback.
};

/// One run at a time. Not thread-safe, except `cancel` and `wait`. Movable; destroying it waits for the run in flight.
class InferRequest {
 public:
  /// \thread A lane. Runs before the model, may write the inputs. What it throws reaches the callback.
  using Prepare = std::function<void()>;
  /// \thread A lane. Called exactly once per start_async, with nullptr on success; the request may be started again
  /// from inside. Must not throw and must not destroy the request.
  using Callback = std::function<void(std::exception_ptr)>;

  InferRequest(InferRequest&&) noexcept;
  InferRequest& operator=(InferRequest&&) noexcept;
  ~InferRequest();

  /// Memory the model reads; fill it before starting. Row-major.
  /// \throws Error{kInvalidArgument} for an input of open shape that was given none yet.
  [[nodiscard]] TensorView input(std::size_t index = 0);
  [[nodiscard]] TensorView input(std::string_view name);
  /// Chooses the shape of an input whose declared shape is open, for this and the coming runs. The first run with a
  /// combination of shapes compiles the model for it (on the lane); SHAPE_CACHE_SIZE such variants are kept.
  /// \throws Error{kInvalidArgument} for a shape the declared one does not allow.
  void set_input_shape(std::string_view name, const Shape& shape);
  /// Copies values into the input, converting the element type. An input of open shape takes the tensor's.
  /// \throws Error{kInvalidArgument} when the shapes differ (a missing leading 1 is forgiven).
  void set_input_tensor(std::string_view name, const Tensor& tensor);
  void set_input_tensor(const Tensor& tensor) { set_input_tensor({}, tensor); }

  /// Memory the model wrote; valid until the next start. Row-major. The type may differ from run to run where the
  /// model's says '?'; before the first run such an output has no memory.
  [[nodiscard]] ConstTensorView output(std::size_t index = 0) const;
  [[nodiscard]] ConstTensorView output(std::string_view name) const;

  void set_prepare(Prepare prepare);
  void set_callback(Callback callback);
  /// Scheduling of the coming runs; see Job.
  void set_stream(StreamId stream, double weight = 1);
  void set_deadline(std::chrono::steady_clock::time_point deadline);

  /// Queues a run. \throws Error{kInvalidArgument} when one is in flight already.
  void start_async();
  /// Waits for the run in flight and throws what it failed with. Returns at once when none was started.
  void wait();
  /// \return false when `timeout` passed first.
  bool wait_for(std::chrono::nanoseconds timeout);
  /// Runs on a lane and waits.
  void infer();
  /// Asks the run in flight to stop between steps; it then ends with Error{kCancelled}. Harmless when idle.
  void cancel();

  [[nodiscard]] RequestTiming timing() const;
  /// Per-step times of the last run; empty unless compiled with PERF_COUNT=YES.
  [[nodiscard]] const std::vector<StepProfile>& profile() const;

 private:
  friend class CompiledModel;
  struct State;
  explicit InferRequest(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// Owns devices and the scheduler. Thread-safe. Compiled models and requests keep what they need of it alive.
class Core {
 public:
  Core();
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Reads a model file; the format is told from the content.
  /// \throws Error{kNotFound, kInvalidModel, kUnsupported}
  [[nodiscard]] Model read_model(const std::filesystem::path& path) const;

  /// \param device  "CPU", "REFERENCE"; later AUTO, MULTI:…, ….
  /// \throws Error{kNotFound} for an unknown device (nearest suggested), Error{kInvalidArgument} for an unknown
  ///         property, Error{kUnsupported} listing all nodes the device cannot run. A model with open input shapes is
  ///         compiled when a request has shapes for all inputs.
  /// \param model  Given away (std::move) its memory is free earlier: constants are let go of as they are used.
  [[nodiscard]] CompiledModel compile_model(Model model, std::string_view device, const Properties& properties = {});

  /// Reads and compiles; with the property CACHE_DIR what was compiled before is taken from there (docs/models.md).
  [[nodiscard]] CompiledModel compile_model(const std::filesystem::path& path, std::string_view device,
                                            const Properties& properties = {});

  struct DeviceInfo {
    std::string name;
    std::string description;
  };
  [[nodiscard]] std::vector<DeviceInfo> devices() const;

  [[nodiscard]] Scheduler& scheduler();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace fovea
