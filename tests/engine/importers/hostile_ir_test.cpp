// OpenVINO IR files made to hurt: each is refused with a message that names place, value and expectation, at little
// cost.
#include <gtest/gtest.h>

#include "tests/engine/importers/limited_child.hpp"
#include "tests/engine/ir_writer.hpp"

namespace fovea::test {
namespace {

constexpr const char* kHuge = "1152921504606846976";  // 2^60

std::string repeated(std::string_view text, int count) {
  std::string all;
  all.reserve(text.size() * static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

class HostileIr : public ::testing::Test {
 protected:
  void refuses(const std::string& xml, std::initializer_list<std::string_view> parts) {
    dir_.write("m.bin", weights_);
    expect_refused_cheaply(dir_.write("m.xml", xml), parts);
  }
  void refuses_layers(const std::string& layers, const std::string& edges,
                      std::initializer_list<std::string_view> parts) {
    refuses(ir_net(layers, edges), parts);
  }

  TempDir dir_;
  std::string weights_ = std::string(64, '\1');
};

TEST_F(HostileIr, Shapes) {
  refuses_layers(ir_parameter(0, kHuge) + ir_result(1), ir_edge(0, 0, 1, 0), {"layer 'x0'", kHuge, "2^40"});
  refuses_layers(ir_const(0, kHuge, "f32", "0", "64") + ir_result(1), ir_edge(0, 0, 1, 0), {"layer 'c0'", "2^40"});
  refuses_layers(ir_const(0, "1099511627776", "f32", "0", "64") + ir_result(1), ir_edge(0, 0, 1, 0),
                 {"constant 'c0' of f32[1099511627776] needs 4398046511104 bytes, size is 64"});
  // The product of a broadcast.
  refuses_layers(ir_parameter(0, "1099511627776,1") + ir_parameter(1, "1,1099511627776") +
                     ir_layer(2, "sum", "Add", "opset1", "", ir_port(0, "1") + ir_port(1, "1"), ir_port(2, "1")) +
                     ir_result(3),
                 ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 2, 3, 0), {"node 'sum'", "2^40"});
}

TEST_F(HostileIr, OffsetsAndSizes) {
  const auto constant = [&](const char* offset, const char* size, std::initializer_list<std::string_view> parts) {
    refuses_layers(ir_const(0, "4", "f32", offset, size) + ir_result(1), ir_edge(0, 0, 1, 0), parts);
  };
  constant("9223372036854775807", "16", {"constant 'c0' needs bytes 9223372036854775807 to", "which has 64"});
  constant("18446744073709551615", "16", {"constant 'c0'", "offset '18446744073709551615'", "≥ 0"});
  constant("9223372036854775800", "9223372036854775807", {"constant 'c0' needs bytes 9223372036854775800"});
  constant("52", "16", {"constant 'c0' needs bytes 52 to 68", "which has 64"});
}

TEST_F(HostileIr, ConstantsOverEachOther) {
  weights_ = std::string(1 << 20, '\1');
  std::string layers;
  for (int i = 0; i < 2000; ++i) {
    layers += ir_const(i, "262000", "f32", std::to_string(2 * i + 1), "1048000");
  }
  layers += ir_layer(2000, "all", "Concat", "opset1", "axis=\"0\"", "", ir_port(2000, "1"));
  std::string ports;
  std::string edges;
  for (int i = 0; i < 2000; ++i) {
    ports += ir_port(i, "1");
    edges += ir_edge(i, 0, 2000, i);
  }
  layers.replace(layers.rfind("<data axis"), 0, "<input>" + ports + "</input>");
  refuses_layers(layers + ir_result(2001), edges + ir_edge(2000, 2000, 2001, 0),
                 {"constant 'c", "unaligned constants take", "'m.bin' has 1048576"});
}

TEST_F(HostileIr, NestingAndRepetition) {
  refuses(repeated("<a>", 1'000'000), {"3000000 bytes with 1000000 elements and attributes", "at most"});
  refuses(repeated("<a>", 400'000), {"malformed XML"});
  refuses(ir_net(repeated("<a/>", 2'000'000), ""), {"elements and attributes", "at most"});
  refuses(ir_net("<layer " + repeated("a='' ", 2'000'000) + "/>", ""), {"elements and attributes", "at most"});
  refuses(ir_net(repeated("<layer id='1' name='a' type='b'/>", 100'000), ""), {"layer id 1 occurs twice"});
  // Nested in the middle of a legal file, with nothing that reads it.
  const std::string deep = repeated("<a>", 200'000) + repeated("</a>", 200'000);
  refuses(ir_net(deep, ""), {"no Result layer"});
}

TEST_F(HostileIr, Entities) {
  std::string dtd = "<!DOCTYPE net [<!ENTITY a0 \"1\">";
  for (int i = 1; i < 60; ++i) {
    dtd += "<!ENTITY a" + std::to_string(i) + " \"" + repeated("&a" + std::to_string(i - 1) + ";", 10) + "\">";
  }
  refuses(dtd + "]><net name=\"n\" version=\"11\"><layers><layer id=\"&a59;\" type=\"b\"/></layers><edges/></net>",
          {"<layer> has id='&a59;', expected an integer"});
}

TEST_F(HostileIr, LongCycle) {
  constexpr int kCount = 10'000;
  std::string layers;
  std::string edges;
  for (int i = 0; i < kCount; ++i) {
    layers += "<layer id=\"" + std::to_string(i) + "\" name=\"n\" type=\"ReLU\" version=\"opset1\">" +
              "<input><port id=\"0\"/></input><output><port id=\"1\"/></output></layer>";
    edges += ir_edge(i, 1, (i + 1) % kCount, 0);
  }
  refuses_layers(layers + ir_result(kCount), edges + ir_edge(0, 1, kCount, 0), {"cycle through layers 'n' and 'n'"});
}

TEST_F(HostileIr, LongChainOfKnownValues) {
  // Each sum is small enough to be known while types are inferred; all together are not.
  weights_ = std::string(32768, '\1');
  constexpr int kCount = 12'000;
  std::string layers = ir_const(0, "4096", "i64", "0", "32768");
  std::string edges;
  for (int i = 1; i <= kCount; ++i) {
    layers += "<layer id=\"" + std::to_string(i) + "\" name=\"n\" type=\"Add\" version=\"opset1\"><input>" +
              "<port id=\"0\"/><port id=\"1\"/></input><output><port id=\"2\"/></output></layer>";
    edges += ir_edge(i - 1, i == 1 ? 0 : 2, i, 0) + ir_edge(0, 0, i, 1);
  }
  refuses_layers(layers + ir_result(kCount + 1), edges + ir_edge(kCount, 2, kCount + 1, 0),
                 {"node 'n", "bytes of values are known"});
}

TEST_F(HostileIr, LongNamesStayOutOfTheMessage) {
  const std::string name(4'000'000, 'n');
  refuses_layers(
      ir_layer(0, name, "Parameter", "opset1", "shape=\"-7\" element_type=\"f32\"", "", ir_port(0, "1")) + ir_result(1),
      ir_edge(0, 0, 1, 0), {"layer 'nnn", "…"});
}

}  // namespace
}  // namespace fovea::test
