// ModelSpec: how to feed a model and how to read what it says. Read from a YAML file beside the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vision/preprocess.hpp"

namespace fovea {

/// How one output (or one group of outputs) becomes objects, attributes, a mask or tensors.
struct OutputSpec {
  std::string output;     ///< Model output name; empty: the only output, or those the decoder finds by shape.
  std::string decoder;    ///< A name of decoders.inc: "detection_output", "label", "raw", "segmentation", ….
  std::string attribute;  ///< Attribute name for label-like decoders; defaults to the output name.
  std::vector<std::string> labels;
  std::string method = "max";  ///< For "label": max, softmax, softmax_multi, compound, multi, index.
  float threshold = 0.5F;      ///< Compound and multi: a value counts from here on.
  float text_scale = 1;        ///< For "text": value · text_scale, printed with text_precision digits.
  int text_precision = 2;
  std::vector<std::string> point_names;  ///< For "keypoints".
  bool operator==(const OutputSpec&) const = default;
};

/// Preprocessing as a description states it; what is absent is taken from the model or the defaults.
struct InputSpec {
  std::string input;  ///< Model input name; empty: the only image input.
  ChannelOrder channels = ChannelOrder::kBgr;
  ResizeMode resize = ResizeMode::kStretch;
  std::vector<float> mean;  ///< 0, 1 or 3 values.
  std::vector<float> scale;
  float pad_value = 0;
  bool operator==(const InputSpec&) const = default;
};

/// A second input that is no picture, known to old models.
enum class ExtraInputKind : std::uint8_t {
  kSequenceIndex,  ///< 0, 1, 1, …: where CTC and LSTM models begin a sequence.
  kImageInfo,      ///< Height, width and scale 1 of the network's picture, in the first three values; the rest 1.
};

struct ExtraInput {
  std::string input;  ///< Model input name.
  ExtraInputKind kind = ExtraInputKind::kSequenceIndex;
  bool operator==(const ExtraInput&) const = default;
};

/// Who set a field: the field by its YAML key ("input.mean"), then "people.yaml", "model_info/mean_values", ….
using SpecOrigins = std::map<std::string, std::string, std::less<>>;

struct ModelSpec {
  std::string name;             ///< Defaults to the model file's stem.
  std::filesystem::path model;  ///< Model file, absolute or relative to the description.
  std::string task;             ///< "detect", "classify", "segment", "embed", "raw", or empty.
  InputSpec input;
  std::vector<ExtraInput> extra_inputs;
  std::vector<OutputSpec> outputs;  ///< Empty: decided from the task and the outputs' shapes.
  std::vector<std::string> labels;  ///< For all outputs that have none of their own.
  std::optional<float> threshold;   ///< Detection confidence the model's makers recommend.
  float iou_threshold = 0.45F;      ///< NMS; 0.45 is what SSD and YOLOv5 exports use.
  /// False: what the model file says about itself, and model.yml, are not looked at.
  bool use_metadata = true;
  SpecOrigins origins;               ///< Fields that something set; those absent have their default.
  std::vector<std::string> sources;  ///< Descriptions that were read, strongest first, for people.
  bool operator==(const ModelSpec&) const = default;
};

/// Reads a description ("model-spec version 1" YAML). What it says replaces what `base` says.
/// \throws Error{kInvalidConfig} "file:line:column: message" for unknown keys (nearest name suggested), wrong types and
///         values out of range; Error{kNotFound} when the file does not exist.
ModelSpec read_model_spec(const std::filesystem::path& yaml, ModelSpec base = {});

/// One label a line; blank lines at the end are ignored. Bounded to 100,000 labels of 4 KiB.
std::vector<std::string> read_labels(const std::filesystem::path& file);

/// What the model's input type says (size, channels, data type) joined with what the spec says (colour, resize, mean,
/// scale).
/// \throws Error{kInvalidConfig} when they contradict each other, Error{kUnsupported} when the input is no picture of
/// f32
///         or u8: not 4-dimensional, dynamic, channels other than 1 or 3.
PreProcessSpec resolve_preprocess(const ModelSpec& spec, const TensorType& input, TensorLayout layout);

/// Fills an extra input. \param picture  What resolve_preprocess gave for the picture.
/// \throws Error{kInvalidConfig} when the input is not f32 or has fewer values than its kind needs.
void fill_extra_input(const ExtraInput& extra, const PreProcessSpec& picture, const TensorView& input);

}  // namespace fovea
