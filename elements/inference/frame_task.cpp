#include "elements/inference/frame_task.hpp"

#include <algorithm>

#include "elements/analysis_meta.hpp"
#include "elements/frame_map.hpp"
#include "elements/inference/faults.hpp"
#include "vision/model_spec_resolve.hpp"
#include "vision/picture_input.hpp"

namespace fovea {
namespace {

constexpr float kDefaultThreshold = 0.5F;

std::string_view task_of(InferenceKind kind) {
  switch (kind) {
    case InferenceKind::kDetect:
      return "detect";
    case InferenceKind::kClassify:
      return "classify";
    case InferenceKind::kSegment:
      return "segment";
    case InferenceKind::kInference:
      return "raw";
  }
  return "raw";
}

/// The description of the model with what the properties add.
ModelSpec resolve_spec(const InferenceSettings& settings, const Model& model) {
  ModelSpec spec = resolve_model_spec(model, {.model_spec = settings.model_spec,
                                              .model_proc = settings.model_proc,
                                              .labels_file = settings.labels_file,
                                              .labels = settings.labels});
  if (spec.task.empty()) {
    spec.task = task_of(settings.kind);
  }
  if (settings.kind == InferenceKind::kInference) {
    OutputSpec raw;
    raw.decoder = "raw";
    spec.outputs = {std::move(raw)};
  }
  return spec;
}

}  // namespace

ModelUser::ModelUser(const InferenceSettings& settings)
    : settings_(settings), model_(acquire_model(settings)), spec_(resolve_spec(settings, model_->compiled.model())) {
  const Graph& graph = model_->compiled.model().graph;
  image_input_ = find_picture_input(graph.inputs, spec_);
  // Compiled inputs are f32 also where the file says f16.
  TensorType type = graph.value(graph.inputs[image_input_].value).type;
  type.data_type = is_float(type.data_type) ? DataType::kF32 : type.data_type;
  preprocess_ = resolve_preprocess(spec_, type, picture_layout(graph.inputs[image_input_], type.shape));
  std::vector<OutputInfo> outputs;
  for (const GraphPort& port : graph.outputs) {
    outputs.push_back({port.name, graph.value(port.value).type});
    output_names_.push_back(port.name);
  }
  post_process_ = make_post_process(spec_, outputs);
  threshold_ =
      settings.threshold >= 0 ? static_cast<float>(settings.threshold) : spec_.threshold.value_or(kDefaultThreshold);
}

ModelUse ModelUser::use() const {
  return {.name = spec_.name, .hash = model_->compiled.model().hash, .device = model_->compiled.device()};
}

Mapping ModelUser::feed(InferRequest& request, const FrameView& frame, const Box& region) {
  std::optional<PreProcess> preprocess;
  {
    const MutexLock lock(mutex_);
    if (!idle_preprocess_.empty()) {
      preprocess = std::move(idle_preprocess_.back());
      idle_preprocess_.pop_back();
    }
  }
  if (!preprocess) {
    preprocess.emplace(preprocess_);
  }
  const Mapping mapping = preprocess->run(frame, region, request.input(image_input_));
  for (const ExtraInput& extra : spec_.extra_inputs) {
    fill_extra_input(extra, preprocess_, request.input(extra.input));
  }
  const MutexLock lock(mutex_);
  idle_preprocess_.push_back(std::move(*preprocess));
  return mapping;
}

Decoded ModelUser::read(const InferRequest& request, const Mapping& mapping) const {
  std::vector<NamedView> views;
  for (std::size_t i = 0; i < output_names_.size(); ++i) {
    views.push_back({output_names_[i], request.output(i)});
  }
  Decoded decoded;
  const DecodeContext context{.mapping = mapping,
                              .threshold = threshold_,
                              .input_width_px = preprocess_.width_px,
                              .input_height_px = preprocess_.height_px};
  post_process_->decode(views, context, decoded);
  if (settings_.keep_tensors && settings_.kind != InferenceKind::kInference) {
    for (const NamedView& view : views) {
      const Tensor borrowed(view.tensor.type, view.tensor.bytes, nullptr);
      decoded.tensors.push_back({std::string(view.name), spec_.name, borrowed.clone()});
    }
  }
  return decoded;
}

FrameTask::FrameTask(GstBuffer* buffer, const GstVideoInfo& info, std::uint64_t number)
    : buffer_(buffer), info_(info), number_(number) {}

FrameTask::~FrameTask() {
  unmap();
  if (buffer_ != nullptr) {
    gst_buffer_unref(buffer_);
  }
}

void FrameTask::unmap() {
  if (mapped_) {
    gst_video_frame_unmap(&frame_);
    mapped_ = false;
  }
}

void FrameTask::expect(std::size_t runs, CompletionSignal& signal) {
  runs_.resize(runs);
  pending_ = runs;
  signal.inferring += runs > 0 ? 1U : 0U;
}

void FrameTask::start(const std::shared_ptr<FrameTask>& self, ModelUser& user, StreamId stream,
                      std::vector<RegionTask> regions, const std::shared_ptr<CompletionSignal>& signal) {
  if (regions.empty()) {
    return;
  }
  // The task owns the buffer; a second reference would make it unwritable when the results are attached.
  constexpr auto kFlags =
      static_cast<GstMapFlags>(static_cast<int>(GST_MAP_READ) | static_cast<int>(GST_VIDEO_FRAME_MAP_FLAG_NO_REF));
  if (gst_video_frame_map(&self->frame_, &self->info_, self->buffer_, kFlags) == FALSE) {
    const MutexLock lock(signal->mutex);
    for (Run& run : self->runs_) {
      run.error = std::make_exception_ptr(Error(ErrorCode::kDevice, "cannot map the buffer for reading"));
    }
    self->finish_runs(self->runs_.size(), *signal);
    return;
  }
  self->mapped_ = true;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    self->runs_[i].region = regions[i];
  }
  for (std::size_t i = 0; i < regions.size(); ++i) {
    RequestPool::Job job;
    job.stream = stream;
    job.prepare = [self, &user, i](InferRequest& request) {
      Run& run = self->runs_[i];
      run.mapping = user.feed(request, view_of(self->frame_), run.region.region);
    };
    job.done = [self, &user, signal, i](InferRequest* request, std::exception_ptr error) {
      Run& run = self->runs_[i];
      run.error = std::move(error);
      if (!run.error) {
        try {
          run.timing = request->timing();
          run.decoded = user.read(*request, run.mapping);
          inject_faults();
        } catch (...) {
          run.error = std::current_exception();
        }
      }
      const MutexLock lock(signal->mutex);
      self->finish_runs(1, *signal);
    };
    user.model().pool->submit(std::move(job));
  }
}

void FrameTask::finish_runs(std::size_t count, CompletionSignal& signal) {
  pending_ -= count;
  if (pending_ == 0) {
    ready_ = Clock::now();
    --signal.inferring;
  }
  signal.changed.notify_all();
}

std::exception_ptr FrameTask::failure() const {
  const auto failed = std::ranges::find_if(runs_, [](const Run& run) { return run.error != nullptr; });
  return failed == runs_.end() ? nullptr : failed->error;
}

GstBuffer* FrameTask::release(const ModelUser& user, RegionPlanner& planner) {
  unmap();
  buffer_ = gst_buffer_make_writable(buffer_);
  FrameAnalysis analysis = read_analysis(buffer_, info_);
  RequestTiming total;
  bool succeeded = false;
  for (Run& run : runs_) {
    total.wait = std::max(total.wait, run.timing.wait);
    total.work += run.timing.work;
    if (!run.error) {
      succeeded = true;
      planner.merge(analysis, run.region, std::move(run.decoded));
    }
  }
  planner.recall(analysis, number_);
  if (user.settings().kind == InferenceKind::kDetect) {
    analysis.inferred = succeeded;
  }
  if (succeeded) {
    analysis.latency.push_back({.stage = user.settings().element, .wait = total.wait, .work = total.work});
  }
  analysis.models.push_back(user.use());
  write_analysis(buffer_, std::move(analysis));
  return std::exchange(buffer_, nullptr);
}

}  // namespace fovea
