// The one exception type of the project and the helper that formats its message.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace fovea {

enum class ErrorCode {
  kInvalidArgument,  ///< The caller asked for something that makes no sense.
  kInvalidModel,     ///< A model file contradicts its format.
  kInvalidConfig,    ///< A configuration, pipeline or model description is wrong.
  kUnsupported,      ///< Legal, but not implemented here.
  kNotFound,         ///< A file, device, name or port does not exist.
  kDevice,           ///< A device refused or failed.
  kCancelled,        ///< The request was cancelled before it finished.
  kInternal,         ///< A bug of ours.
};

/// "invalid model", "unsupported", … as printed in front of messages for people.
std::string_view to_string(ErrorCode code);

/// An operation could not do what its name says. The message names file, place, value and expectation.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

  /// The same error with "`context`: " in front, for the way up.
  [[nodiscard]] Error with_context(std::string_view context) const {
    return {code_, fmt::format("{}: {}", context, what())};
  }

 private:
  ErrorCode code_;
};

/// Throws Error{code, fmt::format(format, args...)}.
template <class... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace fovea
