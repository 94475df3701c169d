// The OpenVINO IR reader against files that are wrong: each message names file, place and value, and nothing crashes,
// hangs or takes memory out of proportion.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <random>

#include "engine/frontends/frontend.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/ir_writer.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

/// Largest memory this process ever held, in bytes.
std::int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

class BadIr : public ::testing::Test {
 protected:
  /// Reading m.xml and m.bin fails with this code; the message starts with the path and contains the parts.
  void refuses(const std::string& xml, const std::string& weights, ErrorCode code,
               std::initializer_list<std::string_view> parts) {
    dir_.write("m.bin", weights);
    refuses_file(dir_.write("m.xml", xml), code, parts);
  }

  static void refuses_file(const std::filesystem::path& path, ErrorCode code,
                           std::initializer_list<std::string_view> parts) {
    expect_error(code, parts, [&] { read_model(path); });
    expect_error(code, {"model '" + path.string() + "': "}, [&] { read_model(path); });
  }

  void refuses_layers(const std::string& layers, const std::string& edges,
                      std::initializer_list<std::string_view> parts) {
    refuses(ir_net(layers, edges), tiny_.weights, ErrorCode::kInvalidModel, parts);
  }

  /// The tiny model with one piece of its XML replaced.
  std::string with(const std::string& from, const std::string& to) const {
    std::string xml = ir_net(tiny_.layers, tiny_.edges);
    const auto at = xml.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return xml.replace(at, from.size(), to);
  }

  TinyIr tiny_;
  TempDir dir_;
};

constexpr auto kModel = ErrorCode::kInvalidModel;

TEST_F(BadIr, MissingEmptyOrForeignFiles) {
  refuses_file(dir_ / "none.xml", ErrorCode::kNotFound, {"cannot open", "none.xml", "No such file"});
  refuses_file(dir_.path(), ErrorCode::kInvalidArgument, {"not a regular file"});
  refuses_file(dir_.write("e.xml", ""), kModel, {"the file is empty"});
  refuses_file(dir_.write("t.model", "something else"), ErrorCode::kUnsupported,
               {"not a model format known here; known: OpenVINO IR"});
  refuses_file(dir_.write("t.xml", "plain text"), kModel, {"line 1", "malformed XML"});
  refuses_file(dir_.write("o.xml", "<other/>"), kModel, {"no <net> element"});
  refuses_file(dir_.write("z.xml", std::string(100, '\0')), kModel, {"malformed XML"});
}

TEST_F(BadIr, TruncatedAtEveryByte) {
  const std::string xml = ir_net(tiny_.layers, tiny_.edges);
  dir_.write("m.bin", tiny_.weights);
  const auto end = xml.rfind("</net>") + 6;
  for (std::size_t size = 1; size < end; size += 7) {
    const auto path = dir_.write("m.xml", xml.substr(0, size));
    EXPECT_THROW(read_model(path), Error) << size;
  }
  refuses(xml.substr(0, xml.find("<edges>")), tiny_.weights, kModel, {"line ", "malformed XML"});
}

TEST_F(BadIr, VersionsOtherThan10And11) {
  for (const std::string version : {"7", "9", "12", "0", "-11", "4294967307"}) {
    refuses(ir_net(tiny_.layers, tiny_.edges, version), tiny_.weights, ErrorCode::kUnsupported,
            {"IR version " + version, "expected 10 or 11"});
  }
  refuses(ir_net(tiny_.layers, tiny_.edges, "eleven"), "", kModel, {"line 2", "version='eleven'", "an integer"});
  refuses(with(" version=\"11\"", ""), "", kModel, {"<net> has version=''"});
}

TEST_F(BadIr, Weights) {
  refuses_file(dir_.write("m.xml", ir_net(tiny_.layers, tiny_.edges)), ErrorCode::kNotFound,
               {"the weights file 'm.bin' does not exist"});
  refuses(ir_net(tiny_.layers, tiny_.edges), "", kModel, {"constant 'c1' needs bytes 0 to 24 of 'm.bin', which has 0"});
  refuses(ir_net(tiny_.layers, tiny_.edges), tiny_.weights.substr(0, 23), kModel, {"0 to 24", "which has 23"});
  refuses(with("size=\"24\"", "size=\"20\""), tiny_.weights, kModel,
          {"constant 'c1' of f32[2,3] needs 24 bytes, size is 20"});
  refuses(with("offset=\"0\"", "offset=\"4\""), tiny_.weights, kModel, {"bytes 4 to 28 of 'm.bin', which has 24"});
  refuses(with("offset=\"0\"", "offset=\"9223372036854775807\""), tiny_.weights, kModel,
          {"constant 'c1' needs bytes 9223372036854775807"});
  refuses(with("offset=\"0\"", "offset=\"-1\""), tiny_.weights, kModel, {"constant 'c1'", "offset '-1'", "≥ 0"});
  refuses(with("size=\"24\"", "size=\"-24\""), tiny_.weights, kModel, {"constant 'c1'", "size '-24'"});
  refuses(with("size=\"24\"", "size=\"lots\""), tiny_.weights, kModel, {"constant 'c1'", "size 'lots'"});
  refuses(with("offset=\"0\"", "start=\"0\""), tiny_.weights, kModel,
          {"layer 'c1' (Const): attribute offset is missing"});
}

TEST_F(BadIr, ShapesAndTypes) {
  const std::string shape = "shape=\"2,3\" element_type=\"f32\"";
  refuses(with(shape, "shape=\"1152921504606846976,2\" element_type=\"f32\""), tiny_.weights, kModel,
          {"layer 'x0'", "1152921504606846976", "2^40"});
  refuses(with(shape, "shape=\"0,1152921504606846976,1152921504606846976\" element_type=\"f32\""), tiny_.weights,
          kModel, {"layer 'x0'", "2^40"});
  refuses(with(shape, "shape=\"99999999999999999999\" element_type=\"f32\""), tiny_.weights, kModel,
          {"layer 'x0'", "shape is '99999999999999999999'"});
  refuses(with(shape, "shape=\"2,-3\" element_type=\"f32\""), tiny_.weights, kModel, {"'x0'", "'2,-3'", "≥ 0"});
  refuses(with(shape, "shape=\"2,,3\" element_type=\"f32\""), tiny_.weights, kModel, {"'x0'", "'2,,3'"});
  refuses(with(shape, "shape=\"two\" element_type=\"f32\""), tiny_.weights, kModel, {"'x0'", "'two'"});
  refuses(with(shape, "shape=\"1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\" element_type=\"f32\""), tiny_.weights, kModel,
          {"'x0'", "more than 16 axes"});
  refuses(with(shape, "shape=\"...\" element_type=\"f32\""), tiny_.weights, ErrorCode::kUnsupported,
          {"'x0'", "dynamic rank"});
  refuses(with(shape, "shape=\"2,3\" element_type=\"u4\""), tiny_.weights, ErrorCode::kUnsupported,
          {"'x0'", "element type 'u4'"});
  refuses(with(shape, "shape=\"2,3\""), tiny_.weights, kModel, {"'x0' (Parameter)", "element_type is missing"});
  refuses(with(shape, "shape=\"5,7\" element_type=\"f32\""), tiny_.weights, kModel, {"node 'sum' (Add)"});
  refuses(with("element_type=\"f32\" shape=\"2,3\"", "element_type=\"f32\" shape=\"?,3\""), tiny_.weights, kModel,
          {"constant 'c1'", "dynamic shape [?,3]"});
  refuses(with("element_type=\"f32\" shape=\"2,3\"", "element_type=\"f32\" shape=\"1048576,1048576\""), tiny_.weights,
          kModel, {"constant 'c1' of f32[1048576,1048576] needs 4398046511104 bytes, size is 24"});
}

TEST_F(BadIr, LayersAndEdges) {
  refuses_layers(tiny_.layers + ir_result(2), tiny_.edges, {"line ", "layer id 2 occurs twice", "second: 'r2'"});
  refuses_layers(tiny_.layers, tiny_.edges + ir_edge(77, 0, 4, 0), {"edge 77:0 → 4:0 refers to layer 77"});
  refuses_layers(tiny_.layers, tiny_.edges + ir_edge(3, 1, 77, 0), {"refers to layer 77, which does not exist"});
  refuses_layers(tiny_.layers, tiny_.edges + ir_edge(0, 9, 3, 0), {"edge 0:9 → 3:0", "'x0' or 'relu' does not have"});
  refuses_layers(tiny_.layers, tiny_.edges + ir_edge(0, 0, 3, 9), {"edge 0:0 → 3:9", "'x0' or 'relu' does not have"});
  refuses_layers(tiny_.layers, tiny_.edges + ir_edge(0, 0, 3, 0), {"port 0 of layer 'relu' has two incoming edges"});
  refuses_layers(tiny_.layers, ir_edge(0, 0, 2, 0) + ir_edge(2, 2, 3, 0) + ir_edge(3, 1, 4, 0),
                 {"port 1 of layer 'sum' (Add) has no incoming edge"});
  refuses_layers(tiny_.layers, ir_edge(0, 0, 2, 0) + ir_edge(3, 1, 2, 1) + ir_edge(2, 2, 3, 0) + ir_edge(3, 1, 4, 0),
                 {"cycle through layers", "'sum'", "'relu'"});
  refuses_layers(ir_parameter(0, "2"), "", {"the model has no Result layer"});
  refuses_layers("", "", {"the model has no Result layer"});
  refuses_layers(ir_layer(0, "odd", "", "opset1", "", "", ""), "", {"line 4", "layer 'odd' has no type"});
  refuses_layers("<layer id=\"zero\" name=\"a\" type=\"b\"/>", "",
                 {"line 4", "<layer> has id='zero', expected an integer"});
  refuses(with("<edges>", "<edgez>"), "", kModel, {"malformed XML"});
  refuses("<net name=\"n\" version=\"11\"><edges/></net>", "", kModel, {"<net> has no <layers>"});
  refuses("<net name=\"n\" version=\"11\"><layers/></net>", "", kModel, {"<net> has no <edges>"});
  refuses(with("from-port=\"0\"", "from-port=\"x\""), "", kModel, {"line ", "<edge> has from-port='x'"});
}

TEST_F(BadIr, OddRoles) {
  // A Result with an output port that another layer reads; a Parameter without port; an operation without port.
  const std::string result = ir_layer(2, "r2", "Result", "opset1", "", ir_port(0, "2"), ir_port(1, "2"));
  refuses_layers(ir_parameter(0, "2") + result +
                     ir_layer(3, "again", "ReLU", "opset1", "", ir_port(0, "2"), ir_port(1, "2")) + ir_result(4),
                 ir_edge(0, 0, 2, 0) + ir_edge(2, 1, 3, 0) + ir_edge(3, 1, 4, 0), {"layer 'r2' produces nothing"});
  refuses_layers(tiny_.layers + ir_layer(9, "x", "Parameter", "opset1", "shape=\"2\" element_type=\"f32\"", "", ""),
                 tiny_.edges, {"layer 'x' (Parameter) has 0 output ports"});
  refuses_layers(ir_parameter(0, "2") + ir_layer(1, "r", "Result", "opset1", "", "", ""), "",
                 {"Result 'r' has 0 input ports"});
  refuses(with("<output><port id=\"1\" precision=\"FP32\"><dim>2</dim><dim>3</dim></port></output>",
               "<output><port id=\"1\"/><port id=\"2\"/></output>"),
          tiny_.weights, kModel, {"node 'relu' (Relu)", "has 2 outputs, expected at most 1"});
}

TEST_F(BadIr, UnknownOperatorsAreListedAtOnce) {
  const auto op = [](int id, std::string_view name, std::string_view type, std::string_view version) {
    return ir_layer(id, name, type, version, "", ir_port(0, "2"), ir_port(1, "2"));
  };
  std::string layers = ir_parameter(0, "2") + op(1, "first", "Frobnicate", "opset9") +
                       op(2, "second", "Frobnicate", "opset9") + op(3, "third", "Quux", "extension") +
                       op(4, "late", "ReLU", "opset99") + op(5, "huge", "ReLU", "opset4294967297") +
                       op(6, "blank", "ReLU", "");
  std::string edges;
  for (int i = 1; i <= 6; ++i) {
    edges += ir_edge(i - 1, i == 1 ? 0 : 1, i, 0);
  }
  refuses(ir_net(layers + ir_result(7), edges + ir_edge(6, 1, 7, 0)), "", ErrorCode::kUnsupported,
          {"5 operators are not supported", "Frobnicate-9: 2 nodes: 'first', 'second'",
           "Quux-extension: 1 node: 'third'", "ReLU of 'opset99' (known: 1): 1 node: 'late'", "'huge'", "'blank'"});
}

TEST_F(BadIr, WrongAttributeText) {
  const auto softmax = [&](const std::string& data) {
    return ir_net(ir_parameter(0, "2,3") +
                      ir_layer(1, "soft", "SoftMax", "opset8", data, ir_port(0, "2,3"), ir_port(1, "2,3")) +
                      ir_result(2),
                  ir_edge(0, 0, 1, 0) + ir_edge(1, 1, 2, 0));
  };
  refuses(softmax("axis=\"last\""), "", kModel,
          {"node 'soft' (SoftMax): attribute axis is 'last', expected an integer"});
  refuses(softmax("axis=\"7\""), "", kModel, {"node 'soft' (Softmax)", "7"});
  refuses(softmax("axis=\"-9223372036854775808\""), "", kModel, {"node 'soft' (Softmax)"});
  refuses(with("auto_broadcast=\"numpy\"", "auto_broadcast=\"cubist\""), tiny_.weights, kModel,
          {"'sum'", "auto_broadcast is 'cubist'", "numpy"});
}

TEST_F(BadIr, NestingAndRepetitionStayCheap) {
  const std::int64_t before = peak_memory();
  std::string nested;
  for (int i = 0; i < 100'000; ++i) {
    nested += "<a>";
  }
  for (int i = 0; i < 100'000; ++i) {
    nested += "</a>";
  }
  dir_.write("m.bin", tiny_.weights);
  const auto deep = dir_.write("m.xml", ir_net(tiny_.layers, tiny_.edges, "11", "<rt_info>" + nested + "</rt_info>"));
  EXPECT_NO_THROW(read_model(deep));
  // Every key repeats its path: 200 KiB of path times 2,000 entries would be 400 MB.
  std::string wide = "<rt_info><" + std::string(200'000, 'k') + ">";
  for (int i = 0; i < 2'000; ++i) {
    wide += "<v value=\"1\"/>";
  }
  wide += "</" + std::string(200'000, 'k') + "></rt_info>";
  refuses(ir_net(tiny_.layers, tiny_.edges, "11", wide), tiny_.weights, kModel, {"bytes of metadata"});
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(peak_memory() - before, 100 << 20);
#else
  (void)before;
#endif
}

/// One random edit of a text: a byte changed, removed, doubled, or a piece copied elsewhere.
void mutate(std::string& text, std::mt19937& random) {
  if (text.empty()) {
    return;
  }
  static constexpr std::string_view kBytes = "<>\"'/=&;-0123456789,.eE \n\0\xFFxaz";
  const auto at = random() % text.size();
  switch (random() % 5) {
    case 0:
      text[at] = kBytes[random() % kBytes.size()];
      break;
    case 1:
      text.erase(at, 1 + random() % 4);
      break;
    case 2:
      text.insert(at, 1, kBytes[random() % kBytes.size()]);
      break;
    case 3:
      text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
      break;
    default:
      text.insert(at, text.substr(random() % text.size(), 1 + random() % 30));
  }
}

TEST_F(BadIr, MutationsEndInAModelOrAnError) {
  const std::string xml = ir_net(tiny_.layers, tiny_.edges);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  std::mt19937 random(7);
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < 2000 && std::chrono::steady_clock::now() < deadline; ++i) {
    std::string text = xml;
    std::string weights = tiny_.weights;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      mutate(random() % 10 == 0 ? weights : text, random);
    }
    dir_.write("m.bin", weights);
    const auto path = dir_.write("m.xml", text);
    try {
      (void)read_model(path);
      ++accepted;
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what() << "\n" << text;
      ++refused;
    }
  }
  EXPECT_GT(accepted, refused / 50) << "names and stray text may change freely";
  EXPECT_GT(refused, accepted / 10);
}

}  // namespace
}  // namespace fovea::test
