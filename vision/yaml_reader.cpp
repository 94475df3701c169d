// YAML text to a bounded tree (yaml-cpp's event parser), and typed reading of that tree.
#include "vision/yaml_reader.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <sstream>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea {
namespace {

[[noreturn]] void complain_at(const std::string& file, int line, int column, std::string_view message) {
  fail(ErrorCode::kInvalidConfig, "{}:{}:{}: {}", file, line, column, message);
}

/// Builds the tree and stops at the first thing that is out of bounds.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(YamlNode& root, const std::string& file) : root_(root), file_(file) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    refuse(mark, fmt::format("anchors are not accepted ('&{}')", name));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    refuse(mark, "aliases are not accepted; write the value again");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override { add(mark, YamlNode::Kind::kNothing); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    const bool plain = tag == "?";
    const bool nothing = plain && (value.empty() || value == "~" || value == "null");
    YamlNode& node = add(mark, nothing ? YamlNode::Kind::kNothing : YamlNode::Kind::kScalar);
    node.text = value;
    node.quoted = !plain;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  [[noreturn]] void refuse(const YAML::Mark& mark, std::string_view message) const {
    complain_at(file_, mark.line + 1, mark.column + 1, message);
  }

  YamlNode& add(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    if (open_.empty()) {
      root_ = std::move(node);
      return root_;
    }
    YamlNode& parent = *open_.back();
    const bool key = parent.kind == YamlNode::Kind::kMap && parent.keys.size() == parent.items.size();
    if (key && kind != YamlNode::Kind::kScalar) {
      refuse(mark, "a key must be a plain text");
    }
    std::vector<YamlNode>& siblings = key ? parent.keys : parent.items;
    siblings.push_back(std::move(node));
    return siblings.back();
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (open_.size() >= static_cast<std::size_t>(kMaxYamlDepth)) {
      refuse(mark, fmt::format("nested deeper than {} levels", kMaxYamlDepth));
    }
    // A parent's vector does not grow while its child is open, so the pointers on the stack stay valid.
    open_.push_back(&add(mark, kind));
  }

  void close() {
    const YamlNode& node = *open_.back();
    std::set<std::string_view> seen;
    for (const YamlNode& key : node.keys) {
      if (!seen.insert(key.text).second) {
        complain_at(file_, key.line, key.column, fmt::format("key '{}' appears twice", key.text));
      }
    }
    open_.pop_back();
  }

  YamlNode& root_;
  const std::string& file_;
  std::vector<YamlNode*> open_;
};

std::string_view kind_name(YamlNode::Kind kind) {
  constexpr std::array<std::string_view, 4> kNames = {"nothing", "a text", "a list", "a map"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// What stands there, for messages; long texts are cut.
std::string found(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kScalar) {
    return std::string(kind_name(node.kind));
  }
  constexpr std::size_t kShown = 60;
  return node.text.size() <= kShown ? fmt::format("'{}'", node.text)
                                    : fmt::format("'{}…'", std::string_view(node.text).substr(0, kShown));
}

}  // namespace

void YamlValue::complain(std::string_view message) const { complain_at(*file_, node_->line, node_->column, message); }

std::string YamlValue::as_text() const {
  if (node_->kind != YamlNode::Kind::kScalar) {
    complain(fmt::format("expected a text, found {}", found(*node_)));
  }
  return node_->text;
}

bool YamlValue::as_bool() const {
  const auto value = node_->kind == YamlNode::Kind::kScalar && !node_->quoted ? parse_bool(node_->text) : std::nullopt;
  if (!value) {
    complain(fmt::format("expected true or false, found {}", found(*node_)));
  }
  return *value;
}

std::int64_t YamlValue::as_integer(std::int64_t least, std::int64_t most) const {
  const auto value = node_->kind == YamlNode::Kind::kScalar && !node_->quoted ? parse_int(node_->text) : std::nullopt;
  if (!value || *value < least || *value > most) {
    complain(fmt::format("expected an integer from {} to {}, found {}", least, most, found(*node_)));
  }
  return *value;
}

double YamlValue::as_number(double least, double most) const {
  const auto value =
      node_->kind == YamlNode::Kind::kScalar && !node_->quoted ? parse_double(node_->text) : std::nullopt;
  if (!value || !std::isfinite(*value) || *value < least || *value > most) {
    complain(fmt::format("expected a number from {} to {}, found {}", least, most, found(*node_)));
  }
  return *value;
}

std::chrono::nanoseconds YamlValue::as_duration(std::chrono::nanoseconds least, std::chrono::nanoseconds most) const {
  struct Unit {
    std::string_view suffix;
    double seconds;
  };
  constexpr std::array<Unit, 5> kUnits = {{{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
  const auto seconds = [](std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); };
  if (node_->kind == YamlNode::Kind::kScalar) {
    const std::string_view text = trim(node_->text);
    std::optional<double> value = text == "0" ? std::optional<double>(0) : std::nullopt;
    for (const Unit& unit : kUnits) {
      if (!value && text.ends_with(unit.suffix)) {
        value = parse_double(text.substr(0, text.size() - unit.suffix.size()));
        value = value ? std::optional<double>(*value * unit.seconds) : std::nullopt;
      }
    }
    if (value && *value >= seconds(least) && *value <= seconds(most)) {
      return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(*value));
    }
  }
  complain(fmt::format("expected a duration like 250ms, 30s, 5m or 2h from {}s to {}s, found {}", seconds(least),
                       seconds(most), found(*node_)));
}

std::vector<YamlValue> YamlValue::as_list() const {
  if (node_->kind != YamlNode::Kind::kList && !is_nothing()) {
    complain(fmt::format("expected a list, found {}", found(*node_)));
  }
  std::vector<YamlValue> values;
  values.reserve(node_->items.size());
  for (const YamlNode& item : node_->items) {
    values.emplace_back(item, *file_);
  }
  return values;
}

std::vector<std::string> YamlValue::as_texts() const {
  std::vector<std::string> texts;
  for (const YamlValue& value : as_list()) {
    texts.push_back(value.as_text());
  }
  return texts;
}

YamlMap YamlValue::as_map(std::string_view what) const {
  if (node_->kind != YamlNode::Kind::kMap && !is_nothing()) {
    complain(fmt::format("expected {} (a map of keys), found {}", what, found(*node_)));
  }
  return {*this, what};
}

std::size_t YamlValue::as_one_of(std::span<const std::string_view> names) const {
  const std::string text = as_text();
  const auto match = std::ranges::find(names, std::string_view(text));
  if (match == names.end()) {
    complain(fmt::format("expected one of {}, found {}{}", fmt::join(names, ", "), found(*node_),
                         did_you_mean(text, names)));
  }
  return static_cast<std::size_t>(match - names.begin());
}

std::optional<YamlValue> YamlMap::find(std::string_view key) {
  asked_.emplace(key);
  const YamlNode& node = *value_.node_;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (node.keys[i].text == key && node.items[i].kind != YamlNode::Kind::kNothing) {
      return YamlValue(node.items[i], *value_.file_);
    }
  }
  return std::nullopt;
}

YamlValue YamlMap::require(std::string_view key) {
  const auto value = find(key);
  if (!value) {
    value_.complain(fmt::format("{} needs the key '{}'", what_, key));
  }
  return *value;
}

void YamlMap::read(std::string_view key, std::string& target) {
  if (const auto value = find(key)) {
    target = value->as_text();
  }
}

void YamlMap::read(std::string_view key, bool& target) {
  if (const auto value = find(key)) {
    target = value->as_bool();
  }
}

void YamlMap::read(std::string_view key, std::vector<std::string>& target) {
  if (const auto value = find(key)) {
    target = value->as_texts();
  }
}

void YamlMap::read(std::string_view key, int& target, int least, int most) {
  if (const auto value = find(key)) {
    target = static_cast<int>(value->as_integer(least, most));
  }
}

void YamlMap::read(std::string_view key, float& target, double least, double most) {
  if (const auto value = find(key)) {
    target = static_cast<float>(value->as_number(least, most));
  }
}

void YamlMap::read(std::string_view key, double& target, double least, double most) {
  if (const auto value = find(key)) {
    target = value->as_number(least, most);
  }
}

void YamlMap::read(std::string_view key, std::chrono::nanoseconds& target, std::chrono::nanoseconds least,
                   std::chrono::nanoseconds most) {
  if (const auto value = find(key)) {
    target = value->as_duration(least, most);
  }
}

std::vector<std::pair<std::string, YamlValue>> YamlMap::entries() {
  std::vector<std::pair<std::string, YamlValue>> entries;
  const YamlNode& node = *value_.node_;
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    asked_.emplace(node.keys[i].text);
    entries.emplace_back(node.keys[i].text, YamlValue(node.items[i], *value_.file_));
  }
  return entries;
}

void YamlMap::finish() const {
  const std::vector<std::string_view> known(asked_.begin(), asked_.end());
  for (const YamlNode& key : value_.node_->keys) {
    if (!asked_.contains(key.text)) {
      YamlValue(key, *value_.file_)
          .complain(fmt::format("{} has no key {}{}", what_, found(key), did_you_mean(key.text, known)));
    }
  }
}

YamlDocument YamlDocument::parse(std::string_view text, std::string name) {
  auto file = std::make_unique<const std::string>(std::move(name));
  auto root = std::make_unique<YamlNode>();
  if (text.size() > kMaxYamlBytes) {
    fail(ErrorCode::kInvalidConfig, "{}: {} bytes, expected at most {}", *file, text.size(), kMaxYamlBytes);
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(*root, *file);
    YamlNode second;
    TreeBuilder rest(second, *file);
    if (parser.HandleNextDocument(builder) && parser.HandleNextDocument(rest)) {
      complain_at(*file, second.line, second.column, "a second document starts here, expected one");
    }
  } catch (const YAML::Exception& error) {
    complain_at(*file, error.mark.line + 1, error.mark.column + 1, error.msg);
  }
  return {std::move(root), std::move(file)};
}

YamlDocument YamlDocument::read(const std::filesystem::path& path) {
  return parse(read_text_file(path, kMaxYamlBytes), path.string());
}

std::string read_text_file(const std::filesystem::path& path, std::size_t most_bytes) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    fail(ErrorCode::kNotFound, "{}: no such file", path.string());
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    fail(ErrorCode::kNotFound, "{}: cannot be opened", path.string());
  }
  std::string text(most_bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > most_bytes) {
    fail(ErrorCode::kInvalidConfig, "{}: larger than {} bytes", path.string(), most_bytes);
  }
  return text;
}

}  // namespace fovea
