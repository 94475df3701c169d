// Helpers shared by the files that write JSON. Included by publish/*.cpp only.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "publish/message.hpp"

namespace fovea::json_text {

/// Keys keep the order in which they were written, so that messages read like the documentation.
using Json = nlohmann::ordered_json;

/// One line; broken UTF-8 becomes U+FFFD instead of an exception.
inline std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Five digits after the point: a tenth of a pixel at 8K, and no more bytes than that is worth.
inline double rounded(double value) { return std::round(value * 1e5) / 1e5; }

inline Json schema(std::string_view name_and_version) {
  const auto slash = name_and_version.find('/');
  return {{"name", name_and_version.substr(0, slash)},
          {"version", std::stoi(std::string(name_and_version.substr(slash + 1)))}};
}

/// Box and confidence can be written as JSON numbers.
inline bool is_finite(const Object& object) {
  return std::isfinite(object.box.x) && std::isfinite(object.box.y) && std::isfinite(object.box.width) &&
         std::isfinite(object.box.height) && std::isfinite(object.confidence);
}

inline bool is_empty(const FrameAnalysis& analysis) {
  return analysis.objects.empty() && analysis.attributes.empty() && analysis.masks.empty() && analysis.tensors.empty();
}

/// The tensor's values as a flat array of numbers; values that are not finite become null.
Json tensor_values(const Tensor& tensor);

/// Payload of one frame in the two formats.
Json native_frame(const FrameAnalysis& analysis, const MessageContext& context, const FrameFormat& format);
Json gva_frame(const FrameAnalysis& analysis, const MessageContext& context, const FrameFormat& format);

/// \throws Error{kInvalidArgument} when the tags are no JSON object.
void check_gva_format(const FrameFormat& format);

}  // namespace fovea::json_text
