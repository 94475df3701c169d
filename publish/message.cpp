// Choice of the frame format and the small conversions all messages share.
#include "publish/message.hpp"

#include <fmt/chrono.h>

#include "engine/base/error.hpp"
#include "publish/json_text.hpp"

namespace fovea {

std::optional<std::string> frame_message(const FrameAnalysis& analysis, const MessageContext& context,
                                         const FrameFormat& format) {
  if (!format.add_empty_results && json_text::is_empty(analysis)) {
    return std::nullopt;
  }
  return json_text::dump(format.format == MessageFormat::kGva ? json_text::gva_frame(analysis, context, format)
                                                              : json_text::native_frame(analysis, context, format));
}

void check_frame_format(const FrameFormat& format) { json_text::check_gva_format(format); }

std::string rfc3339(WallTime time) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                     (since_epoch - seconds).count());
}

std::string without_credentials(std::string_view uri) {
  const auto scheme_end = uri.find("://");
  const std::string_view scheme = scheme_end == std::string_view::npos ? "" : uri.substr(0, scheme_end + 3);
  if (scheme == "file://" || scheme.empty()) {
    return std::string(uri);  // Paths may contain any character and hold no credentials.
  }
  std::string_view rest = uri.substr(scheme.size());
  // Up to the last '@', since people write passwords with '/' and '@' unescaped; cameras take passwords in the query.
  rest = rest.substr(0, rest.find_first_of("?#"));
  const auto at = rest.rfind('@');
  return std::string(scheme) + std::string(at == std::string_view::npos ? rest : rest.substr(at + 1));
}

namespace json_text {
namespace {

template <class T>
Json numbers(const Tensor& tensor) {
  Json values = Json::array();
  for (const T value : tensor.data<T>()) {
    values.push_back(value);
  }
  return values;
}

}  // namespace

Json tensor_values(const Tensor& tensor) {
  switch (tensor.data_type()) {
    case DataType::kF32:
      return numbers<float>(tensor);
    case DataType::kI64:
      return numbers<std::int64_t>(tensor);
    case DataType::kI32:
      return numbers<std::int32_t>(tensor);
    case DataType::kU8:
      return numbers<std::uint8_t>(tensor);
    default:
      return numbers<float>(tensor.cast(DataType::kF32));
  }
}

}  // namespace json_text
}  // namespace fovea
