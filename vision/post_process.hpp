// PostProcess: a network's outputs become objects, attributes, masks or tensors. One file and one list line a decoder.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/tensor.hpp"
#include "vision/analysis.hpp"
#include "vision/model_spec.hpp"

namespace fovea {

/// An output as the engine hands it over. The view is valid during the call only.
struct NamedView {
  std::string_view name;
  ConstTensorView tensor;
};

/// Name and type of an output, known when the decoder is made.
struct OutputInfo {
  std::string name;
  TensorType type;
};

/// What decoders may need besides the outputs.
struct DecodeContext {
  Mapping mapping;         ///< Network input → frame.
  float threshold = 0.5F;  ///< Detections below are dropped.
  /// Network input size, for models that say boxes in its pixels (boxes_labels); 0: they are normalised already.
  int input_width_px = 0;
  int input_height_px = 0;
};

/// What one run of a model said. For a run on an object's region, `attributes`, `keypoints` and `tensors` belong to
/// that object.
struct Decoded {
  std::vector<Object> objects;
  std::vector<Attribute> attributes;
  std::vector<Keypoint> keypoints;
  std::vector<SegmentationMask> masks;
  std::vector<NamedTensor> tensors;
};

/// Reads outputs in place. Immutable after construction: thread-safe.
class PostProcess {
 public:
  PostProcess() = default;
  PostProcess(const PostProcess&) = delete;
  PostProcess& operator=(const PostProcess&) = delete;
  virtual ~PostProcess() = default;

  /// Appends to `decoded`. Values that are NaN or absurd are skipped, never thrown on.
  virtual void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const = 0;
};

/// A decoder: a line of decoders.inc and a file of the same name.
struct DecoderDef {
  std::string_view name;
  std::string_view summary;  ///< One line for documentation.
  /// DL Streamer's names for the same; unused places are empty.
  std::array<std::string_view, 4> aliases{};
  /// Keeps the surest of overlapping boxes itself, by ModelSpec::iou_threshold.
  bool suppresses = false;
  /// True when the decoder is the natural choice for these outputs and task, if the spec names none.
  bool (*fits)(const ModelSpec& spec, std::span<const OutputInfo> outputs) = nullptr;
  /// \throws Error{kInvalidConfig} when the outputs or the OutputSpec do not suit the decoder.
  std::unique_ptr<PostProcess> (*make)(const ModelSpec& spec, const OutputSpec& output,
                                       std::span<const OutputInfo> outputs) = nullptr;
};

/// All decoders, in the order of decoders.inc (which is the order `fits` is asked in).
std::span<const DecoderDef* const> all_decoders();

/// By name or alias; nullptr when there is none.
const DecoderDef* find_decoder(std::string_view name);

/// The decoder `output` names or, where it names none, the first that fits the output it means.
/// \throws Error{kInvalidConfig} for an unknown name, the nearest suggested.
const DecoderDef& decoder_of(const ModelSpec& spec, const OutputSpec& output, std::span<const OutputInfo> outputs);

/// All decoders a spec asks for, as one. With no outputs in the spec, the first decoder that fits.
/// \throws Error{kInvalidConfig} for an unknown decoder (nearest suggested) or output name.
std::unique_ptr<PostProcess> make_post_process(const ModelSpec& spec, std::span<const OutputInfo> outputs);

}  // namespace fovea
