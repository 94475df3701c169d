// Reading and writing Python's dicts and lists of texts.
#include "vision/model_spec_python.hpp"

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea {
namespace {

constexpr std::size_t kMaxLabels = 100'000;
constexpr std::size_t kMaxLabelBytes = 4096;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<std::string> run() {
    skip_blanks();
    const bool dict = take('{');
    if (!dict && !take('[')) {
      complain();
    }
    const char end = dict ? '}' : ']';
    std::vector<std::string> labels;
    for (skip_blanks(); !take(end); skip_blanks()) {
      const std::size_t id = dict ? read_id() : labels.size();
      if (id >= kMaxLabels) {
        fail(ErrorCode::kInvalidConfig, "ids below {}", kMaxLabels);
      }
      if (labels.size() <= id) {
        labels.resize(id + 1);
      }
      labels[id] = read_text();
      skip_blanks();
      if (!take(',') && (at_ >= text_.size() || text_[at_] != end)) {
        complain();
      }
    }
    skip_blanks();
    if (at_ != text_.size()) {
      complain();
    }
    return labels;
  }

 private:
  [[noreturn]] void complain() const {
    fail(ErrorCode::kInvalidConfig, "{{0: 'name', …}} or ['name', …] (character {} is not that)", at_ + 1);
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool take(char expected) {
    const bool there = at_ < text_.size() && text_[at_] == expected;
    at_ += there ? 1 : 0;
    return there;
  }

  /// "12:", the number perhaps in quotes.
  std::size_t read_id() {
    const std::size_t colon = text_.find(':', at_);
    constexpr std::size_t kLongest = 16;
    if (colon == std::string_view::npos || colon - at_ > kLongest) {
      complain();
    }
    std::string_view digits = trim(text_.substr(at_, colon - at_));
    if (digits.size() > 2 && (digits.front() == '\'' || digits.front() == '"') && digits.back() == digits.front()) {
      digits = digits.substr(1, digits.size() - 2);
    }
    const auto id = parse_int(digits);
    if (!id || *id < 0) {
      complain();
    }
    at_ = colon + 1;
    return static_cast<std::size_t>(*id);
  }

  std::string read_text() {
    skip_blanks();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) {
      complain();
    }
    const char quote = text_[at_++];
    std::string label;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;  // Only quotes and backslashes are written so; other escapes stay letters.
      }
      label += text_[at_];
      if (label.size() > kMaxLabelBytes) {
        fail(ErrorCode::kInvalidConfig, "labels of at most {} bytes", kMaxLabelBytes);
      }
    }
    if (!take(quote)) {
      complain();
    }
    return label;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string quoted(const std::string& label) {
  std::string result = "'";
  for (const char c : label) {
    result += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  }
  return result + "'";
}

}  // namespace

std::vector<std::string> parse_python_labels(std::string_view text) { return Parser(text).run(); }

std::string to_python(const YamlValue& value) {
  if (value.kind() == YamlNode::Kind::kScalar) {
    return value.as_text();
  }
  std::string text;
  if (value.kind() == YamlNode::Kind::kList) {
    for (const YamlValue& item : value.as_list()) {
      text += (text.empty() ? "" : ", ") + quoted(item.as_text());
    }
    return "[" + text + "]";
  }
  for (const auto& [key, item] : value.as_map("names by id").entries()) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", key, quoted(item.as_text()));
  }
  return "{" + text + "}";
}

}  // namespace fovea
