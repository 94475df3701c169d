// Writes ONNX files field by field, for tests: small, exact, and independent of the importer's own description of the
// format. Field numbers: https://onnx.ai/onnx/repo-docs/IR.html
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::test::onnx {

/// A message as bytes.
class Message {
 public:
  Message& number(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3U);
    varint(value);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint((static_cast<std::uint64_t>(field) << 3U) | 2U);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  Message& texts(int field, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      text(field, value);
    }
    return *this;
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) {
      bytes_ += static_cast<char>((value & 0x7FU) | 0x80U);
    }
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

inline constexpr int kFloat = 1;
inline constexpr int kInt64 = 7;

inline Message integer_attribute(std::string_view name, std::int64_t value) {
  return Message().text(1, name).number(3, static_cast<std::uint64_t>(value)).number(20, 2);
}

inline Message graph_attribute(std::string_view name, const Message& graph) {
  return Message().text(1, name).message(6, graph).number(20, 5);
}

inline Message node(std::string_view op, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs, const std::vector<Message>& attributes = {},
                    std::string_view name = "") {
  Message result;
  result.texts(1, inputs).texts(2, outputs).text(3, name).text(4, op);
  for (const Message& attribute : attributes) {
    result.message(5, attribute);
  }
  return result;
}

/// A negative extent is written as a symbol.
inline Message value_info(std::string_view name, const std::vector<std::int64_t>& shape, int type = kFloat) {
  Message dims;
  for (const std::int64_t extent : shape) {
    Message dim;
    extent < 0 ? dim.text(2, "N") : dim.number(1, static_cast<std::uint64_t>(extent));
    dims.message(1, dim);
  }
  const Message tensor = Message().number(1, static_cast<std::uint64_t>(type)).message(2, dims);
  return Message().text(1, name).message(2, Message().message(1, tensor));
}

/// With raw data.
inline Message tensor(std::string_view name, const std::vector<std::int64_t>& shape, int type, std::string_view raw) {
  Message result;
  for (const std::int64_t extent : shape) {
    result.number(1, static_cast<std::uint64_t>(extent));
  }
  return result.number(2, static_cast<std::uint64_t>(type)).text(8, name).text(9, raw);
}

inline Message integers(std::string_view name, const std::vector<std::int64_t>& values) {
  return tensor(name, {static_cast<std::int64_t>(values.size())}, kInt64,
                {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t)});
}

struct GraphParts {
  std::vector<Message> nodes;
  std::vector<Message> initializers;
  std::vector<Message> inputs;
  std::vector<Message> outputs;
};

inline Message graph(const GraphParts& parts) {
  Message result;
  for (const Message& each : parts.nodes) {
    result.message(1, each);
  }
  result.text(2, "g");
  for (const Message& each : parts.initializers) {
    result.message(5, each);
  }
  for (const Message& each : parts.inputs) {
    result.message(11, each);
  }
  for (const Message& each : parts.outputs) {
    result.message(12, each);
  }
  return result;
}

/// A whole file.
inline std::string model(const Message& graph_message, int opset = 13,
                         const std::vector<std::pair<std::string, std::string>>& metadata = {}) {
  Message result;
  result.number(1, 7).message(7, graph_message);
  result.message(8, Message().text(1, "").number(2, static_cast<std::uint64_t>(opset)));
  for (const auto& [key, value] : metadata) {
    result.message(14, Message().text(1, key).text(2, value));
  }
  return result.bytes();
}

}  // namespace fovea::test::onnx
