#include "engine/frontends/mxnet/files.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "engine/frontends/common/graph_builder.hpp"

namespace fovea::mxnet {
namespace {

using Json = nlohmann::json;

const Json& member(const Json& object, const char* key, const std::string& where) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end()) {
    fail(ErrorCode::kInvalidModel, "{}: '{}' is missing", where, key);
  }
  return *found;
}

std::string text(const Json& value, const std::string& where) {
  if (!value.is_string()) {
    fail(ErrorCode::kInvalidModel, "{}: a {}, expected a text", where, value.type_name());
  }
  return value.get<std::string>();
}

/// [node, output, version]: the version came later and means nothing here.
SymbolNode::Input read_input(const Json& value, std::size_t limit, const std::string& where) {
  constexpr std::uint64_t kMostOutputs = 4096;
  const bool pair = value.is_array() && value.size() >= 2 && value[0].is_number_unsigned() &&
                    value[1].is_number_unsigned() && value[0].get<std::uint64_t>() < limit &&
                    value[1].get<std::uint64_t>() < kMostOutputs;
  if (!pair) {
    fail(ErrorCode::kInvalidModel, "{}: '{}', expected [node below {}, output]", where, value.dump().substr(0, 40),
         limit);
  }
  return {value[0].get<std::size_t>(), value[1].get<std::size_t>()};
}

SymbolNode read_node(const Json& value, std::size_t index) {
  SymbolNode node;
  const std::string where = fmt::format("node {}", index);
  node.op = text(member(value, "op", where), where + ": op");
  node.name = text(member(value, "name", where), where + ": name");
  for (const char* key : {"param", "attr", "attrs"}) {  // what versions called it
    if (const auto found = value.find(key); found != value.end() && found->is_object()) {
      for (const auto& [name, content] : found->items()) {
        node.attributes[name] = text(content, fmt::format("node '{}': {}", node.name, name));
      }
    }
  }
  const Json& inputs = member(value, "inputs", where);
  for (const Json& input : inputs) {
    node.inputs.push_back(read_input(input, index, fmt::format("node '{}': an input", node.name)));
  }
  return node;
}

/// Numbers of a parameter file, checked against its end.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    T value{};
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size() - place_) {
      fail(ErrorCode::kInvalidModel, "the parameters end at byte {}, {} more are wanted at {}", bytes_.size(), count,
           place_);
    }
    const auto part = bytes_.subspan(place_, count);
    place_ += count;
    return part;
  }

  [[nodiscard]] std::size_t place() const { return place_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - place_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t place_ = 0;
};

DataType element_type(std::int32_t flag, std::size_t place) {
  static constexpr std::array kTypes = {DataType::kF32, DataType::kF64, DataType::kF16, DataType::kU8,
                                        DataType::kI32, DataType::kI8,  DataType::kI64};
  if (flag < 0 || static_cast<std::size_t>(flag) >= kTypes.size()) {
    fail(ErrorCode::kUnsupported, "the parameters have the element type {} at byte {}", flag, place);
  }
  return kTypes[static_cast<std::size_t>(flag)];
}

/// Three generations: a rank and 32-bit extents; a mark, a rank and 64-bit extents; a mark, a kind of storage and the
/// same.
Tensor read_array(Reader& reader) {
  constexpr std::uint32_t kMark1 = 0xF993FAC8;
  constexpr std::uint32_t kMark2 = 0xF993FAC9;
  constexpr std::uint32_t kMark3 = 0xF993FACA;
  constexpr std::uint32_t kMaxRank = 16;
  const std::size_t start = reader.place();
  const auto mark = reader.number<std::uint32_t>();
  const bool wide = mark >= kMark1 && mark <= kMark3;
  if (mark == kMark2 || mark == kMark3) {
    if (const auto storage = reader.number<std::int32_t>(); storage > 0) {
      fail(ErrorCode::kUnsupported, "the parameters have sparse storage ({}) at byte {}", storage, start);
    }
  }
  const std::uint32_t rank = wide ? reader.number<std::uint32_t>() : mark;
  if (rank > kMaxRank) {
    fail(ErrorCode::kInvalidModel, "the parameters have an array of {} axes at byte {}", rank, start);
  }
  importer::Ints dims;
  for (std::uint32_t i = 0; i < rank; ++i) {
    dims.push_back(wide ? reader.number<std::int64_t>() : std::int64_t{reader.number<std::uint32_t>()});
  }
  if (rank == 0) {
    return {};
  }
  reader.number<std::int32_t>();  // device type
  reader.number<std::int32_t>();  // device number
  TensorType type{element_type(reader.number<std::int32_t>(), start),
                  importer::checked_shape(dims, fmt::format("the array at byte {}", start))};
  const auto bytes = reader.take(byte_size(type));  // before memory is taken for it
  Tensor tensor(std::move(type));
  std::memcpy(tensor.mutable_view().bytes, bytes.data(), bytes.size());
  return tensor;
}

/// Depth and number of parts, told before parsing: a text of brackets takes some forty times its size in memory, and
/// the parser's own callback makes long lists take quadratic time.
void check_structure(std::string_view json) {
  constexpr int kMaxDepth = 16;
  constexpr std::size_t kMaxParts = 500'000;
  int depth = 0;
  std::size_t parts = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      i += c == '\\' ? 1 : 0;
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
    parts += c == '[' || c == '{' || c == ',' || c == ':' ? 1 : 0;
    if (depth > kMaxDepth) {
      fail(ErrorCode::kInvalidModel, "the JSON is nested more than {} deep at byte {}", kMaxDepth, i);
    }
  }
  if (parts > kMaxParts) {
    fail(ErrorCode::kInvalidModel, "the JSON has {} lists, objects and members, expected at most {}", parts, kMaxParts);
  }
}

}  // namespace

Symbol read_symbol(std::span<const std::byte> json) {
  const auto* begin = reinterpret_cast<const char*>(json.data());
  check_structure({begin, json.size()});
  Json document;
  try {
    document = Json::parse(begin, begin + json.size());
  } catch (const Json::exception& error) {
    fail(ErrorCode::kInvalidModel, "the JSON is wrong: {}", error.what());
  }
  Symbol symbol;
  const Json& nodes = member(document, "nodes", "the symbol");
  for (std::size_t i = 0; i < nodes.size() && nodes.is_array(); ++i) {
    symbol.nodes.push_back(read_node(nodes[i], i));
  }
  for (const Json& head : member(document, "heads", "the symbol")) {
    symbol.heads.push_back(read_input(head, symbol.nodes.size(), "a head"));
  }
  if (symbol.heads.empty()) {
    fail(ErrorCode::kInvalidModel, "the symbol has no heads");
  }
  return symbol;
}

std::map<std::string, Tensor, std::less<>> read_parameters(std::span<const std::byte> file) {
  constexpr std::uint64_t kMark = 0x112;
  constexpr std::size_t kLeastArray = 4;
  Reader reader(file);
  if (reader.number<std::uint64_t>() != kMark) {
    fail(ErrorCode::kInvalidModel, "the parameters do not start with MXNet's mark");
  }
  reader.number<std::uint64_t>();  // reserved
  const auto count = reader.number<std::uint64_t>();
  constexpr std::uint64_t kMostArrays = 100'000;
  if (count > std::min(reader.left() / kLeastArray, kMostArrays)) {
    fail(ErrorCode::kInvalidModel, "the parameters are said to have {} arrays in {} bytes", count, reader.left());
  }
  std::vector<Tensor> arrays;
  for (std::uint64_t i = 0; i < count; ++i) {
    arrays.push_back(read_array(reader));
  }
  if (const auto names = reader.number<std::uint64_t>(); names != count) {
    fail(ErrorCode::kInvalidModel, "the parameters have {} names for {} arrays", names, count);
  }
  std::map<std::string, Tensor, std::less<>> parameters;
  for (Tensor& array : arrays) {
    const auto bytes = reader.take(reader.number<std::uint64_t>());
    std::string name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (name.starts_with("arg:") || name.starts_with("aux:")) {
      name.erase(0, 4);
    }
    parameters[name] = std::move(array);
  }
  return parameters;
}

std::filesystem::path find_parameters(const std::filesystem::path& symbol) {
  constexpr std::string_view kEnd = "-symbol.json";
  std::string stem = symbol.filename().string();
  stem = stem.ends_with(kEnd) ? stem.substr(0, stem.size() - kEnd.size()) : symbol.stem().string();
  const std::filesystem::path folder = symbol.has_parent_path() ? symbol.parent_path() : ".";
  std::error_code unreadable;
  if (const auto first = folder / (stem + "-0000.params"); std::filesystem::exists(first, unreadable)) {
    return first;
  }
  std::vector<std::filesystem::path> found;
  for (auto entry = std::filesystem::directory_iterator(folder, unreadable);
       !unreadable && entry != std::filesystem::directory_iterator(); entry.increment(unreadable)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(".params") && name.starts_with(stem + "-")) {
      found.push_back(entry->path());
    }
  }
  if (found.size() > 1) {
    fail(ErrorCode::kNotFound, "there is no '{}-0000.params', and {} others lie beside it", stem, found.size());
  }
  return found.empty() ? std::filesystem::path() : found[0];
}

}  // namespace fovea::mxnet
