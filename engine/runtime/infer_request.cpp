// InferRequest: one run's state machine between its owner, a lane and whoever waits.
#include <algorithm>
#include <condition_variable>

#include "engine/base/mutex.hpp"
#include "engine/runtime/compiled_model.hpp"

namespace fovea {

namespace {

using Clock = std::chrono::steady_clock;

void check_fits(const GraphPort& port, const Shape& declared, const Shape& shape) {
  bool fits = is_static(shape) && shape_fits(declared, shape);
  std::string bounds;
  for (std::size_t i = 0; fits && i < port.ranges.size() && i < shape.size(); ++i) {
    const ExtentRange& range = port.ranges[i];
    fits = shape[i] >= range.least && (range.most == kDynamic || shape[i] <= range.most);
    bounds = fits ? "" : fmt::format(" with axis {} from {} to {}", i, range.least, range.most);
  }
  if (!fits) {
    fail(ErrorCode::kInvalidArgument, "input '{}' takes {}{}, not {}", port.name, to_string(declared), bounds,
         to_string(shape));
  }
}

}  // namespace

struct InferRequest::State {
  std::shared_ptr<const CompiledModel::State> compiled;
  std::unique_ptr<Execution> execution;
  Prepare prepare;
  Callback callback;
  StreamId stream = kNoStream;
  double weight = 1;
  Clock::time_point deadline = Clock::time_point::max();
  Clock::time_point submitted;
  bool profiling = false;
  std::vector<StepProfile> profile;
  CancelFlag cancel{false};

  mutable Mutex mutex;
  std::condition_variable idle_changed;
  bool running FOVEA_GUARDED_BY(mutex) = false;
  int callbacks FOVEA_GUARDED_BY(mutex) = 0;  ///< Callbacks not returned yet; the next run may be under way.
  std::exception_ptr error FOVEA_GUARDED_BY(mutex);
  RequestTiming timing FOVEA_GUARDED_BY(mutex);

  /// \thread A lane.
  void run() {
    const auto begin = Clock::now();
    std::exception_ptr failure;
    try {
      if (prepare) {
        prepare();
      }
      execution->run(cancel, profiling ? &profile : nullptr);
    } catch (...) {
      failure = std::current_exception();
    }
    finish(std::move(failure), {.wait = begin - submitted, .work = Clock::now() - begin});
  }

  void finish(std::exception_ptr failure, RequestTiming measured) {
    {
      const MutexLock lock(mutex);
      error = failure;
      timing = measured;
      running = false;
      ++callbacks;
    }
    if (callback) {
      callback(failure);
    }
    // Let go before a waiter goes on: it frees the error on its own thread, by a count that sanitizers do not see.
    failure = nullptr;
    {
      // Notifying under the lock: a waiter may destroy this right after seeing the request idle.
      const MutexLock lock(mutex);
      --callbacks;
      idle_changed.notify_all();
    }
  }
};

InferRequest CompiledModel::create_infer_request() const {
  auto state = std::make_shared<InferRequest::State>();
  state->compiled = state_;
  state->execution = state_->executable->create_execution();
  state->profiling = state_->properties.at("PERF_COUNT") == "YES";
  return InferRequest(std::move(state));
}

InferRequest::InferRequest(InferRequest&&) noexcept = default;

InferRequest& InferRequest::operator=(InferRequest&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

InferRequest::~InferRequest() {
  if (state_ == nullptr) {
    return;
  }
  MutexLock lock(state_->mutex);
  while (state_->running || state_->callbacks > 0) {
    lock.wait(state_->idle_changed);
  }
}

TensorView InferRequest::input(std::size_t index) {
  const auto& inputs = state_->compiled->model.graph.inputs;
  if (index >= inputs.size()) {
    fail(ErrorCode::kNotFound, "input {} of {}", index, inputs.size());
  }
  const TensorView view = state_->execution->input(index);
  if (!is_static(view.shape())) {
    fail(ErrorCode::kInvalidArgument, "input '{}' has the open shape {}: give it one first", inputs[index].name,
         to_string(view.shape()));
  }
  return view;
}

TensorView InferRequest::input(std::string_view name) {
  return input(find_port(state_->compiled->model.graph.inputs, name, "input"));
}

ConstTensorView InferRequest::output(std::size_t index) const {
  const auto& outputs = state_->compiled->model.graph.outputs;
  if (index >= outputs.size()) {
    fail(ErrorCode::kNotFound, "output {} of {}", index, outputs.size());
  }
  return state_->execution->output(index);
}

ConstTensorView InferRequest::output(std::string_view name) const {
  return output(find_port(state_->compiled->model.graph.outputs, name, "output"));
}

void InferRequest::set_input_shape(std::string_view name, const Shape& shape) {
  const Graph& graph = state_->compiled->model.graph;
  const std::size_t index = find_port(graph.inputs, name, "input");
  const GraphPort& port = graph.inputs[index];
  check_fits(port, graph.value(port.value).type.shape, shape);
  state_->execution->reshape_input(index, shape);
}

void InferRequest::set_input_tensor(std::string_view name, const Tensor& tensor) {
  const Graph& graph = state_->compiled->model.graph;
  const std::size_t index = find_port(graph.inputs, name, "input");
  const Shape& declared = graph.value(graph.inputs[index].value).type.shape;
  Shape shape = tensor.shape();
  if (shape.size() + 1 == declared.size() && (declared[0] == 1 || declared[0] == kDynamic)) {
    shape.insert(shape.begin(), 1);
  }
  if (!is_static(declared)) {
    set_input_shape(name, shape);
  }
  const TensorView view = input(index);
  if (shape != view.shape()) {
    fail(ErrorCode::kInvalidArgument, "input '{}' takes {}, not {}", name, to_string(view.shape()),
         to_string(tensor.shape()));
  }
  const Tensor converted = tensor.cast(view.type.data_type);
  std::ranges::copy(converted.bytes(), view.bytes);
}

void InferRequest::set_prepare(Prepare prepare) { state_->prepare = std::move(prepare); }
void InferRequest::set_callback(Callback callback) { state_->callback = std::move(callback); }

void InferRequest::set_stream(StreamId stream, double weight) {
  state_->stream = stream;
  state_->weight = weight;
}

void InferRequest::set_deadline(Clock::time_point deadline) { state_->deadline = deadline; }

void InferRequest::start_async() {
  {
    const MutexLock lock(state_->mutex);
    if (state_->running) {
      fail(ErrorCode::kInvalidArgument, "the request is running already");
    }
    state_->cancel = false;  // before others may see it running, or a cancel of theirs could be lost
    state_->running = true;
    state_->error = nullptr;
  }
  state_->submitted = Clock::now();
  // Not shared: a lane that held the last reference would have to join itself. The destructor waits for the run.
  State* state = state_.get();
  state->compiled->scheduler->submit(
      state->compiled->device,
      {.stream = state->stream,
       .weight = state->weight,
       .threads = state->compiled->lane_use.threads,
       .deadline = state->deadline,
       .run = [state] { state->run(); },
       .reject =
           [state] {
             state->finish(std::make_exception_ptr(Error(ErrorCode::kCancelled, "the engine is shutting down")), {});
           }});
}

void InferRequest::wait() {
  MutexLock lock(state_->mutex);
  while (state_->running || state_->callbacks > 0) {
    lock.wait(state_->idle_changed);
  }
  if (state_->error) {
    std::rethrow_exception(state_->error);
  }
}

bool InferRequest::wait_for(std::chrono::nanoseconds timeout) {
  // Years are long enough, and do not overflow when added to now.
  const auto deadline = Clock::now() + std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24 * 365));
  MutexLock lock(state_->mutex);
  while (state_->running || state_->callbacks > 0) {
    if (!lock.wait_until(state_->idle_changed, deadline) && (state_->running || state_->callbacks > 0)) {
      return false;
    }
  }
  if (state_->error) {
    std::rethrow_exception(state_->error);
  }
  return true;
}

void InferRequest::infer() {
  start_async();
  wait();
}

void InferRequest::cancel() { state_->cancel = true; }

RequestTiming InferRequest::timing() const {
  const MutexLock lock(state_->mutex);
  return state_->timing;
}

const std::vector<StepProfile>& InferRequest::profile() const { return state_->profile; }

}  // namespace fovea
