#include "engine/frontends/onnx/weight_places.hpp"

#include <cstdint>

namespace fovea::onnx {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kLeastBytes = 16384;  // smaller ones are cheaper to copy than to look up
constexpr int kMaxDepth = 100;              // the parser's own limit
constexpr std::uint32_t kLengthDelimited = 2;

/// Field numbers of onnx_model.proto that lead to tensors.
enum class Kind : std::uint8_t { kModel, kGraph, kNode, kAttribute, kTensor };
constexpr std::uint32_t kRawData = 9;
constexpr std::uint32_t kRawPlace = 1000;
constexpr std::uint32_t kRawBytes = 1001;

/// What a field of a message of this kind holds, if tensors may be inside.
std::optional<Kind> inside(Kind kind, std::uint32_t field) {
  switch (kind) {
    case Kind::kModel:
      return field == 7 ? std::optional(Kind::kGraph) : std::nullopt;
    case Kind::kGraph:
      return field == 1 ? std::optional(Kind::kNode) : field == 5 ? std::optional(Kind::kTensor) : std::nullopt;
    case Kind::kNode:
      return field == 5 ? std::optional(Kind::kAttribute) : std::nullopt;
    case Kind::kAttribute:
      return field == 5 ? std::optional(Kind::kTensor) : field == 6 ? std::optional(Kind::kGraph) : std::nullopt;
    case Kind::kTensor:
      break;
  }
  return std::nullopt;
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) {
    out.push_back(static_cast<char>(value | 0x80U));
  }
  out.push_back(static_cast<char>(value));
}

/// Reads from the front of some bytes.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  [[nodiscard]] Bytes rest() const { return rest_; }

  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(rest_[0]);
      rest_ = rest_.subspan(1);
      value |= (byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        return true;
      }
    }
    return false;
  }

  bool take(std::uint64_t count, Bytes& part) {
    if (count > rest_.size()) {
      return false;
    }
    part = rest_.first(count);
    rest_ = rest_.subspan(count);
    return true;
  }

  /// The content of a field of this wire type; `content` is set for length-delimited ones.
  bool skip(std::uint32_t wire_type, Bytes& content) {
    std::uint64_t number = 0;
    switch (wire_type) {
      case 0:
        return varint(number);
      case 1:
        return take(sizeof(std::uint64_t), content);
      case kLengthDelimited:
        return varint(number) && take(number, content);
      case 5:
        return take(sizeof(std::uint32_t), content);
      default:
        return false;  // groups, which no ONNX file has
    }
  }

 private:
  Bytes rest_;
};

class Rewriter {
 public:
  explicit Rewriter(Bytes model) : model_(model) {}

  bool rewrite(Kind kind, Bytes message, int depth, std::string& out) {
    Reader reader(message);
    while (!reader.rest().empty()) {
      const Bytes from_here = reader.rest();
      std::uint64_t tag = 0;
      Bytes content;
      if (!reader.varint(tag) || tag >> 3U > 0x1FFFFFFFU ||
          !reader.skip(static_cast<std::uint32_t>(tag & 7U), content)) {
        return false;
      }
      const auto field = static_cast<std::uint32_t>(tag >> 3U);
      const bool delimited = (tag & 7U) == kLengthDelimited;
      const std::optional<Kind> nested = delimited ? inside(kind, field) : std::nullopt;
      if (nested) {
        std::string part;
        if (depth > kMaxDepth || !rewrite(*nested, content, depth + 1, part)) {
          return false;
        }
        append_varint(out, tag);
        append_varint(out, part.size());
        out += part;
      } else if (kind == Kind::kTensor && (field == kRawPlace || field == kRawBytes)) {
        continue;  // ours to say, not the file's
      } else if (kind == Kind::kTensor && field == kRawData && delimited && content.size() >= kLeastBytes) {
        append_number(out, kRawPlace, static_cast<std::uint64_t>(content.data() - model_.data()));
        append_number(out, kRawBytes, content.size());
      } else {
        const auto length = from_here.size() - reader.rest().size();
        out.append(reinterpret_cast<const char*>(from_here.data()), length);
      }
    }
    return true;
  }

 private:
  static void append_number(std::string& out, std::uint32_t field, std::uint64_t value) {
    append_varint(out, std::uint64_t{field} << 3U);
    append_varint(out, value);
  }

  Bytes model_;
};

}  // namespace

std::optional<std::string> without_weights(std::span<const std::byte> model) {
  std::string out;
  return Rewriter(model).rewrite(Kind::kModel, model, 0, out) ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace fovea::onnx
