// What decoders share: finding outputs and labels. Internal to vision/.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vision/post_process.hpp"

namespace fovea::decoders {

/// The output an OutputSpec means: the named one, else the only one that suits.
/// \param expected  For messages: "[1,1,N,7]".
/// \throws Error{kInvalidConfig} for an unknown name (nearest suggested), an output that does not suit, or a choice.
const OutputInfo& choose_output(std::string_view decoder, const OutputSpec& spec, std::span<const OutputInfo> outputs,
                                const std::function<bool(const Shape&)>& suits, std::string_view expected);

/// \throws Error{kInternal} when the request has no such output.
const ConstTensorView& view_of(std::string_view name, std::span<const NamedView> outputs);

/// The OutputSpec's labels, else the model's.
std::vector<std::string> labels_of(const ModelSpec& spec, const OutputSpec& output);

/// Empty when there are fewer labels.
std::string label_text(const std::vector<std::string>& labels, int id);

/// The OutputSpec's attribute, else the output's name.
std::string attribute_name(const OutputSpec& spec, std::string_view output);

/// [1,C], [1,C,1,1], [1,C,1], [C]: one vector.
bool is_vector(const Shape& shape);

/// Labels of the ids up to the first that is negative or has no label, joined.
std::string join_labels(const std::vector<std::string>& labels, std::span<const double> ids);

/// Adds a detection unless it is below the threshold, not finite or outside the frame.
/// \param corners  Left, top, right, bottom, normalised to the network's input.
void add_object(Decoded& decoded, const DecodeContext& context, const std::array<double, 4>& corners, double confidence,
                double label_id, const std::vector<std::string>& labels, const std::string& model);

}  // namespace fovea::decoders
