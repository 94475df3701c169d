#include "engine/ops/string_source.hpp"

namespace fovea {
namespace {

/// Longest list an attribute may hold; real ones have at most some dozens of entries.
constexpr std::size_t kMaxListLength = 65536;

template <class T, class Parse>
T parse_one(const StringSource& source, std::string_view attribute, std::string_view text, std::string_view expected,
            Parse parse) {
  const auto value = parse(text);
  if (!value) {
    fail(ErrorCode::kInvalidModel, "{}: attribute {} is '{}', expected {}", source.where(), attribute,
         text.substr(0, 80), expected);
  }
  return *value;
}

template <class T, class Parse>
std::vector<T> parse_list(const StringSource& source, std::string_view attribute, std::string_view text,
                          std::string_view expected, Parse parse) {
  std::vector<T> list;
  for (const std::string& part : split(text, ',')) {
    if (list.size() == kMaxListLength) {
      fail(ErrorCode::kInvalidModel, "{}: attribute {} has more than {} entries", source.where(), attribute,
           kMaxListLength);
    }
    list.push_back(parse_one<T>(source, attribute, part, expected, parse));
  }
  return list;
}

}  // namespace

const std::string* StringSource::find(std::string_view attribute) const {
  const auto found = values_.find(attribute);
  return found == values_.end() ? nullptr : &found->second;
}

bool StringSource::read(std::string_view attribute, std::int64_t& value) const {
  const std::string* text = find(attribute);
  if (text != nullptr) {
    value = parse_one<std::int64_t>(*this, attribute, *text, "an integer", parse_int);
  }
  return text != nullptr;
}

bool StringSource::read(std::string_view attribute, double& value) const {
  const std::string* text = find(attribute);
  if (text != nullptr) {
    value = parse_one<double>(*this, attribute, *text, "a number", parse_double);
  }
  return text != nullptr;
}

bool StringSource::read(std::string_view attribute, bool& value) const {
  const std::string* text = find(attribute);
  if (text != nullptr) {
    value = parse_one<bool>(*this, attribute, *text, "true or false", parse_bool);
  }
  return text != nullptr;
}

bool StringSource::read(std::string_view attribute, std::string& value) const {
  const std::string* text = find(attribute);
  if (text != nullptr) {
    value = *text;
  }
  return text != nullptr;
}

bool StringSource::read(std::string_view attribute, std::vector<std::int64_t>& value) const {
  const std::string* text = find(attribute);
  if (text != nullptr) {
    value = parse_list<std::int64_t>(*this, attribute, *text, "integers", parse_int);
  }
  return text != nullptr;
}

bool StringSource::read(std::string_view attribute, std::vector<double>& value) const {
  const std::string* text = find(attribute);
  if (text != nullptr) {
    value = parse_list<double>(*this, attribute, *text, "numbers", parse_double);
  }
  return text != nullptr;
}

bool StringSource::read(std::string_view attribute, DataType& value) const {
  const std::string* text = find(attribute);
  if (text != nullptr) {
    value = parse_one<DataType>(*this, attribute, *text, "an element type", parse_data_type);
  }
  return text != nullptr;
}

}  // namespace fovea
