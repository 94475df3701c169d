// Small text helpers shared by readers of models, configurations and command lines.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

/// Parts between `separator`, blanks at both ends removed. An empty text gives no parts.
std::vector<std::string> split(std::string_view text, char separator);

/// Without blanks, tabs and line ends at both ends.
std::string_view trim(std::string_view text);

std::string to_lower(std::string_view text);

/// The whole of `text` as an integer; "1.0" is accepted since IR files write integers so. Locale independent.
std::optional<std::int64_t> parse_int(std::string_view text);

/// The whole of `text` as a number, inf and nan included. Locale independent.
std::optional<double> parse_double(std::string_view text);

/// true/false/1/0/yes/no/on/off in any case.
std::optional<bool> parse_bool(std::string_view text);

/// The candidate with the smallest edit distance, if it is near enough to be a likely misspelling.
std::optional<std::string_view> nearest_name(std::string_view name, std::span<const std::string_view> candidates);

/// "; did you mean 'x'?" or nothing: for the end of messages about unknown names.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace fovea
