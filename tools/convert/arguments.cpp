#include "tools/convert/arguments.hpp"

#include <algorithm>
#include <cmath>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea::tools {
namespace {

[[noreturn]] void refuse(std::string_view option, std::string_view entry, std::string_view expected) {
  fail(ErrorCode::kInvalidArgument, "{}: '{}': expected {}", option, entry, expected);
}

/// Parts between commas that stand in no bracket.
std::vector<std::string> split_entries(std::string_view text, std::string_view option) {
  std::vector<std::string> entries;
  std::string entry;
  int depth = 0;
  for (const char c : text) {
    depth += c == '[' || c == '(' || c == '{' ? 1 : 0;
    depth -= c == ']' || c == ')' || c == '}' ? 1 : 0;
    if (depth < 0) {
      break;
    }
    if (c == ',' && depth == 0) {
      entries.emplace_back(trim(entry));
      entry.clear();
    } else {
      entry += c;
    }
  }
  if (depth != 0) {
    refuse(option, text, "brackets in pairs");
  }
  entries.emplace_back(trim(entry));
  return entries;
}

/// "1, 3,224" or "1 3 224".
std::vector<std::string> list_items(std::string text) {
  std::ranges::replace(text, ' ', ',');
  std::vector<std::string> items;
  for (std::string& item : split(text, ',')) {
    if (!item.empty()) {
      items.push_back(std::move(item));
    }
  }
  return items;
}

/// Takes "[…]" (or "(…)") off the front of `rest`; nullopt when it starts otherwise.
std::optional<std::string> take_brackets(std::string_view& rest) {
  if (rest.empty() || (rest[0] != '[' && rest[0] != '(')) {
    return std::nullopt;
  }
  const std::size_t close = rest.find(rest[0] == '[' ? ']' : ')');
  if (close == std::string_view::npos) {
    return std::nullopt;
  }
  std::string inside(rest.substr(1, close - 1));
  rest = trim(rest.substr(close + 1));
  return inside;
}

PortArgument parse_port(std::string_view entry, std::string_view option) {
  PortArgument argument;
  const std::size_t end =
      std::min(std::min(entry.find('['), entry.find('(')), std::min(entry.find('{'), entry.find("->")));
  argument.name = trim(entry.substr(0, end));
  std::string_view rest = end == std::string_view::npos ? std::string_view() : trim(entry.substr(end));
  if (const auto list = take_brackets(rest)) {
    argument.list = list_items(*list);
  }
  if (rest.starts_with('{')) {
    const std::size_t close = rest.find('}');
    argument.type = close == std::string_view::npos ? std::nullopt : parse_data_type(trim(rest.substr(1, close - 1)));
    if (!argument.type) {
      refuse(option, entry, "an element type in braces, as in {f32}");
    }
    rest = trim(rest.substr(close + 1));
  }
  if (rest.starts_with("->")) {
    rest = trim(rest.substr(2));
    const auto list = take_brackets(rest);
    argument.frozen = list_items(list ? *list : std::string(rest));
    rest = list ? rest : std::string_view();
    if (argument.frozen->empty()) {
      refuse(option, entry, "a value behind ->");
    }
  }
  if (!rest.empty()) {
    refuse(option, entry, "name[1,3,224,224]{f32}->value, each part where needed");
  }
  return argument;
}

std::string layout_letters(std::string_view text, std::string_view entry) {
  std::string letters;
  for (const char c : trim(text)) {
    const bool lower = c >= 'a' && c <= 'z';
    const char letter = lower ? static_cast<char>(c - 'a' + 'A') : c;
    if (letter < 'A' || letter > 'Z' || letters.find(letter) != std::string::npos) {
      refuse("--layout", entry, "one letter an axis, none twice, as in nhwc->nchw");
    }
    letters += letter;
  }
  if (letters.empty()) {
    refuse("--layout", entry, "a layout such as nchw");
  }
  return letters;
}

}  // namespace

std::vector<PortArgument> parse_port_arguments(std::string_view text, std::string_view option) {
  std::vector<PortArgument> arguments;
  for (const std::string& entry : split_entries(text, option)) {
    if (entry.empty()) {
      refuse(option, text, "no empty entries");
    }
    arguments.push_back(parse_port(entry, option));
  }
  return arguments;
}

Shape shape_of(const PortArgument& argument, std::string_view option) {
  if (!argument.list) {
    refuse(option, argument.name, "a shape in brackets, as in [1,3,224,224]");
  }
  Shape shape;
  for (const std::string& item : *argument.list) {
    const auto extent = item == "?" ? std::optional(kDynamic) : parse_int(item);
    if (!extent || *extent < kDynamic) {
      refuse(option, item, "an extent of 0 or more, or ? for any");
    }
    shape.push_back(*extent);
  }
  static_cast<void>(is_static(shape) ? element_count(shape) : 0);  // refuses what no tensor can have
  return shape;
}

std::vector<double> numbers_of(const std::vector<std::string>& list, std::string_view option) {
  std::vector<double> numbers;
  for (const std::string& item : list) {
    const auto number = parse_double(item);
    if (!number || !std::isfinite(*number)) {
      refuse(option, item, "a number");
    }
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<LayoutArgument> parse_layouts(std::string_view text) {
  std::vector<LayoutArgument> layouts;
  for (const std::string& entry : split_entries(text, "--layout")) {
    LayoutArgument layout;
    std::string_view rest = entry;
    const std::size_t open = entry.find_first_of("([");
    std::string inside;
    if (open != std::string::npos) {
      layout.name = trim(rest.substr(0, open));
      rest = rest.substr(open);
      inside = take_brackets(rest).value_or("");
      rest = inside;
    }
    const std::size_t arrow = rest.find("->");
    layout.from = layout_letters(rest.substr(0, arrow), entry);
    layout.to = arrow == std::string_view::npos ? layout.from : layout_letters(rest.substr(arrow + 2), entry);
    if (!std::ranges::is_permutation(layout.from, layout.to)) {
      refuse("--layout", entry, "the same letters on both sides");
    }
    layouts.push_back(std::move(layout));
  }
  return layouts;
}

}  // namespace fovea::tools
