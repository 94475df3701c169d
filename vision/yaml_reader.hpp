// Reading YAML from outside: every complaint says file, line and column, and unknown keys suggest the nearest known
// one.
//
//   const YamlDocument document = YamlDocument::read(path);
//   YamlMap map = document.root().as_map("a model description");
//   map.require("name").read(spec.name);
//   map.read("threshold", spec.threshold, 0, 1);
//   map.finish();                              // complains about keys nobody asked for
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

/// Files larger than this are refused, as are trees deeper than kMaxYamlDepth, aliases (which could make a small file a
/// huge tree), duplicate keys and second documents.
inline constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20U;
inline constexpr int kMaxYamlDepth = 32;

/// One node of a parsed file. Plain value; readers use YamlValue.
struct YamlNode {
  enum class Kind : std::uint8_t { kNothing, kScalar, kList, kMap };
  Kind kind = Kind::kNothing;
  bool quoted = false;  ///< Scalar written in quotes: never a number or truth value.
  int line = 1;
  int column = 1;
  std::string text;             ///< Scalars.
  std::vector<YamlNode> items;  ///< List items, or a map's values …
  std::vector<YamlNode> keys;   ///< … and its keys, in the same order.
};

class YamlMap;

/// A node and the name of its file. Borrows from the YamlDocument. All readers throw Error{kInvalidConfig}
/// "file:line:column: message" when the node is not what was asked for.
class YamlValue {
 public:
  YamlValue(const YamlNode& node, const std::string& file) : node_(&node), file_(&file) {}

  /// \throws Error{kInvalidConfig} with this node's place in front of `message`.
  [[noreturn]] void complain(std::string_view message) const;

  [[nodiscard]] YamlNode::Kind kind() const { return node_->kind; }
  [[nodiscard]] bool is_nothing() const { return node_->kind == YamlNode::Kind::kNothing; }

  [[nodiscard]] std::string as_text() const;
  [[nodiscard]] bool as_bool() const;
  [[nodiscard]] std::int64_t as_integer(std::int64_t least, std::int64_t most) const;
  /// Finite and in [least, most].
  [[nodiscard]] double as_number(double least, double most) const;
  /// "250ms", "30s", "5m", "2h", "1d"; a bare number other than 0 is refused, since its unit would be a guess.
  [[nodiscard]] std::chrono::nanoseconds as_duration(std::chrono::nanoseconds least,
                                                     std::chrono::nanoseconds most) const;
  /// Nothing after the colon counts as an empty list or map.
  [[nodiscard]] std::vector<YamlValue> as_list() const;
  [[nodiscard]] std::vector<std::string> as_texts() const;
  /// \param what  For messages: "a model description".
  [[nodiscard]] YamlMap as_map(std::string_view what) const;

  /// One of `names`; the nearest is suggested otherwise. Returns its index.
  [[nodiscard]] std::size_t as_one_of(std::span<const std::string_view> names) const;

 private:
  friend class YamlMap;
  const YamlNode* node_;
  const std::string* file_;
};

/// Looks up keys and remembers which were asked for. Not thread-safe.
class YamlMap {
 public:
  /// The value, if the key is there with something after its colon.
  [[nodiscard]] std::optional<YamlValue> find(std::string_view key);
  /// \throws Error{kInvalidConfig} when the key is missing.
  [[nodiscard]] YamlValue require(std::string_view key);

  /// Each leaves `target` alone when the key is absent.
  void read(std::string_view key, std::string& target);
  void read(std::string_view key, bool& target);
  void read(std::string_view key, std::vector<std::string>& target);
  void read(std::string_view key, int& target, int least, int most);
  void read(std::string_view key, float& target, double least, double most);
  void read(std::string_view key, double& target, double least, double most);
  void read(std::string_view key, std::chrono::nanoseconds& target, std::chrono::nanoseconds least,
            std::chrono::nanoseconds most);

  /// All entries in file order, for maps whose keys are names of the user's choice; all count as asked for.
  [[nodiscard]] std::vector<std::pair<std::string, YamlValue>> entries();

  /// \throws Error{kInvalidConfig} for the first key that was not asked for, the nearest of those asked for suggested.
  void finish() const;

  [[nodiscard]] const YamlValue& value() const { return value_; }

 private:
  friend class YamlValue;
  YamlMap(YamlValue value, std::string_view what) : value_(value), what_(what) {}

  YamlValue value_;
  std::string what_;
  std::set<std::string, std::less<>> asked_;
};

/// A parsed file. Immutable; YamlValues borrow from it.
class YamlDocument {
 public:
  /// \throws Error{kNotFound} when the file cannot be opened, Error{kInvalidConfig} when it is too large or no YAML.
  static YamlDocument read(const std::filesystem::path& path);
  /// \param name  Stands in messages where a file name would.
  static YamlDocument parse(std::string_view text, std::string name);

  [[nodiscard]] YamlValue root() const { return {*root_, *file_}; }

 private:
  YamlDocument(std::unique_ptr<const YamlNode> root, std::unique_ptr<const std::string> file)
      : root_(std::move(root)), file_(std::move(file)) {}
  std::unique_ptr<const YamlNode> root_;
  std::unique_ptr<const std::string> file_;
};

/// The whole of a text file of at most `most_bytes` bytes.
/// \throws Error{kNotFound}, Error{kInvalidConfig}
std::string read_text_file(const std::filesystem::path& path, std::size_t most_bytes);

}  // namespace fovea
