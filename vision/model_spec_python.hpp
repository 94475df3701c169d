// Labels in the text form of Python's values, as exporters write them into metadata.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vision/yaml_reader.hpp"

namespace fovea {

/// Labels from a dict with ids or from a list: "{0: 'person', 1: 'bicycle'}", "['no', \"it's\"]". Ids may have gaps,
/// whose labels are empty.
/// \throws Error{kInvalidConfig} saying what is expected, without file and key: another form, a label of more than
///         4 KiB, an id of 100,000 or more.
std::vector<std::string> parse_python_labels(std::string_view text);

/// A YAML map or list of texts in that form; a text as it is.
/// \throws Error{kInvalidConfig} with its place for other values.
std::string to_python(const YamlValue& value);

}  // namespace fovea
