#include "engine/frontends/common/wire_size.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <map>

namespace fovea::importer {
namespace {

using Bytes = std::span<const std::byte>;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int kMaxDepth = 100;               // the parser's own limit
constexpr std::uint64_t kBookkeeping = 32;   // of the allocator and of the list that holds a message or text
constexpr std::uint64_t kMapNode = 160;      // an entry of a map with its key
constexpr std::uint64_t kUnknownField = 32;  // what is not known is kept, too
constexpr std::uint64_t kStringObject = 32;  // std::string
constexpr std::size_t kInlineString = 15;    // characters that need no memory of their own
constexpr std::uint64_t kListGrowth = 2;     // lists double

/// Walks through the bytes as the parser will.
class Meter {
 public:
  explicit Meter(std::uint64_t most) : most_(most) {}

  void message(const Descriptor& type, Bytes bytes, int depth) {
    used_ += size_of(type) + kBookkeeping;
    while (!bytes.empty() && used_ <= most_ && !broken_) {
      const std::uint64_t tag = varint(bytes);
      const FieldDescriptor* const field = type.FindFieldByNumber(static_cast<int>((tag >> 3U) & 0x1FFFFFFFU));
      switch (tag & 7U) {
        case 0:
          varint(bytes);
          number(field);
          break;
        case 1:
          skip(bytes, sizeof(std::uint64_t));
          number(field);
          break;
        case 2:
          content(field, take(bytes, varint(bytes)), depth);
          break;
        case 5:
          skip(bytes, sizeof(std::uint32_t));
          number(field);
          break;
        default:
          used_ += kUnknownField;  // begin and end of a group, which no format here knows
      }
    }
  }

  [[nodiscard]] std::uint64_t used() const { return used_; }

 private:
  std::uint64_t varint(Bytes& bytes) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(bytes[0]);
      bytes = bytes.subspan(1);
      value |= (byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        return value;
      }
    }
    broken_ = true;
    return 0;
  }

  Bytes take(Bytes& bytes, std::uint64_t count) {
    if (count > bytes.size()) {
      broken_ = true;
      count = 0;
    }
    const Bytes part = bytes.first(count);
    bytes = bytes.subspan(count);
    return part;
  }

  void skip(Bytes& bytes, std::uint64_t count) { static_cast<void>(take(bytes, count)); }

  void number(const FieldDescriptor* field) {
    used_ += field == nullptr ? kUnknownField : field->is_repeated() ? kListGrowth * sizeof(std::uint64_t) : 0;
  }

  void content(const FieldDescriptor* field, Bytes bytes, int depth) {
    if (field == nullptr) {
      used_ += kUnknownField + kStringObject + kBookkeeping + bytes.size();
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (depth < kMaxDepth) {
        message(*field->message_type(), bytes, depth + 1);
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      used_ += kStringObject + kBookkeeping + (bytes.size() > kInlineString ? bytes.size() + 1 : 0);
    } else {
      used_ += packed(*field, bytes);
    }
  }

  /// A list of numbers: of fixed size, or varints, each of which ends in a byte below 0x80.
  static std::uint64_t packed(const FieldDescriptor& field, Bytes bytes) {
    switch (field.type()) {
      case FieldDescriptor::TYPE_FLOAT:
      case FieldDescriptor::TYPE_DOUBLE:
      case FieldDescriptor::TYPE_FIXED32:
      case FieldDescriptor::TYPE_FIXED64:
      case FieldDescriptor::TYPE_SFIXED32:
      case FieldDescriptor::TYPE_SFIXED64:
        return bytes.size();
      default: {
        const bool wide =
            field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 || field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
        const auto ends_number = [](std::byte b) { return (b & std::byte{0x80}) == std::byte{0}; };
        return kListGrowth * (wide ? sizeof(std::uint64_t) : sizeof(std::uint32_t)) *
               static_cast<std::uint64_t>(std::ranges::count_if(bytes, ends_number));
      }
    }
  }

  std::uint64_t size_of(const Descriptor& type) {
    if (type.options().map_entry()) {
      return kMapNode;
    }
    const auto [found, added] = sizes_.try_emplace(&type, 0);
    if (added) {
      found->second = google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->SpaceUsedLong();
    }
    return found->second;
  }

  std::uint64_t most_;
  std::uint64_t used_ = 0;
  bool broken_ = false;
  std::map<const Descriptor*, std::uint64_t> sizes_;
};

}  // namespace

std::uint64_t memory_of_message(const google::protobuf::Descriptor& type, std::span<const std::byte> bytes,
                                std::uint64_t most) {
  Meter meter(most);
  meter.message(type, bytes, 0);
  return meter.used();
}

}  // namespace fovea::importer
