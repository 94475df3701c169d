// What the options of `fovea convert` mean: lists with names, shapes, types, values and layouts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/tensor.hpp"

namespace fovea::tools {

/// One entry of `--input`, `--input-shape`, `--mean-values` or `--scale-values`: `name[1,3,224,224]{f32}->7`, where
/// every part may be left out. Round brackets mean the same as square ones.
struct PortArgument {
  std::string name;                                ///< Empty: the only input, or the next one in order.
  std::optional<std::vector<std::string>> list;    ///< What stood in brackets, blanks removed.
  std::optional<DataType> type;                    ///< What stood in braces.
  std::optional<std::vector<std::string>> frozen;  ///< What stood behind `->`, one value or a list in brackets.
};

/// Entries are separated by commas outside brackets.
/// \param option  "--input", for messages.
/// \throws Error{kInvalidArgument} naming option and entry.
std::vector<PortArgument> parse_port_arguments(std::string_view text, std::string_view option);

/// The list as extents; "?" and "-1" are kDynamic.
/// \throws Error{kInvalidArgument} for anything else below 0 or no list at all.
Shape shape_of(const PortArgument& argument, std::string_view option);

/// Numbers of a list. \throws Error{kInvalidArgument} naming the one that is none, or not finite.
std::vector<double> numbers_of(const std::vector<std::string>& list, std::string_view option);

/// One entry of `--layout`: `nhwc->nchw`, `name(nhwc->nchw)`, `name(nchw)`.
struct LayoutArgument {
  std::string name;
  std::string from;  ///< Upper case, one letter an axis: how the model has it.
  std::string to;    ///< How the written model shall have it; as `from` when not given.
};

/// \throws Error{kInvalidArgument} for letters that repeat or differ between the two sides.
std::vector<LayoutArgument> parse_layouts(std::string_view text);

}  // namespace fovea::tools
