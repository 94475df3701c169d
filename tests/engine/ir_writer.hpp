// Writes tiny OpenVINO IR files for the reader's tests, legal or not.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace fovea::test {

/// Text of one port with an optional precision and further XML attributes: ` names="a"`.
inline std::string ir_port(int id, std::string_view extents, std::string_view precision = "FP32",
                           std::string_view more = "") {
  std::string dims;
  std::string_view rest = extents;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    dims += fmt::format("<dim>{}</dim>", rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  const std::string type = precision.empty() ? std::string() : fmt::format(" precision=\"{}\"", precision);
  return fmt::format("<port id=\"{}\"{}{}>{}</port>", id, type, more, dims);
}

/// Text of one layer. `data` is the inside of <data …/>, ports as ir_port makes them.
inline std::string ir_layer(int id, std::string_view name, std::string_view type, std::string_view version,
                            std::string_view data, std::string_view inputs, std::string_view outputs) {
  std::string text = fmt::format("<layer id=\"{}\" name=\"{}\" type=\"{}\" version=\"{}\">\n", id, name, type, version);
  text += data.empty() ? "" : fmt::format("<data {}/>\n", data);
  text += inputs.empty() ? "" : fmt::format("<input>{}</input>\n", inputs);
  text += outputs.empty() ? "" : fmt::format("<output>{}</output>\n", outputs);
  return text + "</layer>\n";
}

inline std::string ir_edge(int from, int from_port, int to, int to_port) {
  return fmt::format("<edge from-layer=\"{}\" from-port=\"{}\" to-layer=\"{}\" to-port=\"{}\"/>\n", from, from_port, to,
                     to_port);
}

inline std::string ir_net(std::string_view layers, std::string_view edges, std::string_view version = "11",
                          std::string_view more = "") {
  return fmt::format(
      "<?xml version=\"1.0\"?>\n<net name=\"tiny\" version=\"{}\">\n<layers>\n{}</layers>\n<edges>\n{}</edges>\n{}"
      "</net>\n",
      version, layers, edges, more);
}

template <class T>
std::string raw_bytes(const std::vector<T>& values) {
  std::string text(values.size() * sizeof(T), '\0');
  std::memcpy(text.data(), values.data(), text.size());
  return text;
}

inline std::string ir_parameter(int id, std::string_view shape, std::string_view type = "f32") {
  return ir_layer(id, fmt::format("x{}", id), "Parameter", "opset1",
                  fmt::format("shape=\"{}\" element_type=\"{}\"", shape, type), "", ir_port(0, shape));
}

inline std::string ir_const(int id, std::string_view shape, std::string_view type, std::string_view offset,
                            std::string_view size) {
  return ir_layer(id, fmt::format("c{}", id), "Const", "opset1",
                  fmt::format("element_type=\"{}\" shape=\"{}\" offset=\"{}\" size=\"{}\"", type, shape, offset, size),
                  "", ir_port(0, shape));
}

inline std::string ir_result(int id) {
  return ir_layer(id, fmt::format("r{}", id), "Result", "opset1", "", ir_port(0, "1"), "");
}

/// x0[2,3] + c1[2,3] → Relu → Result: layers 0 to 4, 24 bytes of weights at offset 0.
struct TinyIr {
  std::string layers = ir_parameter(0, "2,3") + ir_const(1, "2,3", "f32", "0", "24") +
                       ir_layer(2, "sum", "Add", "opset1", "auto_broadcast=\"numpy\"",
                                ir_port(0, "2,3") + ir_port(1, "2,3"), ir_port(2, "2,3")) +
                       ir_layer(3, "relu", "ReLU", "opset1", "", ir_port(0, "2,3"), ir_port(1, "2,3")) + ir_result(4);
  std::string edges = ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 2, 3, 0) + ir_edge(3, 1, 4, 0);
  std::string weights = raw_bytes(std::vector<float>{1, -2, 3, -4, 5, -6});
};

}  // namespace fovea::test
