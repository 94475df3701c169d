// TensorIterator, Loop and If: read from IR, run on both devices, written and read again.
#include <gtest/gtest.h>

#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/control_flow_fixture.hpp"
#include "tests/engine/ir_writer.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

using Doubles = std::vector<double>;

class ControlFlow : public ControlFlowFixture {
 protected:
  Model read(const std::string& xml, const std::string& weights = {}) {
    dir_.write("m.bin", weights);
    return core_.read_model(dir_.write("m.xml", xml));
  }
};

/// A layer with further elements inside.
std::string with(std::string layer, const std::string& more) { return layer.insert(layer.rfind("</layer>"), more); }

std::string map_line(std::string_view kind, int external, int internal, std::string_view more = "") {
  return fmt::format("<{} external_port_id=\"{}\" internal_layer_id=\"{}\" {}/>", kind, external, internal, more);
}

std::string body(std::string_view tag, const std::string& layers, const std::string& edges) {
  return fmt::format("<{0}><layers>{1}</layers><edges>{2}</edges></{0}>", tag, layers, edges);
}

/// x[1,3,2] by parts of axis 1 into a running sum that begins with s[1,1,2]: all sums [1,3,2], and the last.
std::string running_sum(const std::string& slicing) {
  const std::string inner =
      body("body",
           ir_parameter(0, "1,1,2") + ir_parameter(1, "1,1,2") +
               ir_layer(2, "sum", "Add", "opset1", "", ir_port(0, "1,1,2") + ir_port(1, "1,1,2"), ir_port(2, "1,1,2")) +
               ir_result(7) + ir_result(8),
           ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 2, 7, 0) + ir_edge(2, 2, 8, 0));
  const std::string maps = "<port_map>" + map_line("input", 0, 0, slicing) + map_line("input", 1, 1) +
                           map_line("output", 2, 8, slicing) + map_line("output", 3, 7) +
                           "</port_map><back_edges><edge from-layer=\"7\" to-layer=\"1\"/></back_edges>";
  return ir_parameter(0, "1,3,2") + ir_parameter(1, "1,1,2") +
         with(ir_layer(2, "steps", "TensorIterator", "opset1", "", ir_port(0, "1,3,2") + ir_port(1, "1,1,2"),
                       ir_port(2, "1,3,2") + ir_port(3, "1,1,2")),
              maps + inner) +
         ir_result(3) + ir_result(4);
}

const std::string kThreeEdges = ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 2, 3, 0) + ir_edge(2, 3, 4, 0);

TEST_F(ControlFlow, TensorIteratorCarriesAValueFromRoundToRound) {
  const Model model = read(ir_net(running_sum(R"(axis="1" start="0" end="-1" stride="1" part_size="1")"), kThreeEdges));
  EXPECT_EQ(to_string(model.graph.value(model.graph.outputs[0].value).type), "f32[1,3,2]");
  expect(model, {Tensor::of<float>({1, 3, 2}, {1, 2, 3, 4, 5, 6}), Tensor::of<float>({1, 1, 2}, {10, 20})},
         {{{1, 3, 2}, {11, 22, 14, 26, 19, 32}}, {{1, 1, 2}, {19, 32}}});
}

TEST_F(ControlFlow, TensorIteratorGoesBackwards) {
  const Model model =
      read(ir_net(running_sum(R"(axis="1" start="-1" end="0" stride="-1" part_size="1")"), kThreeEdges));
  expect(model, {Tensor::of<float>({1, 3, 2}, {1, 2, 3, 4, 5, 6}), Tensor::of<float>({1, 1, 2}, {10, 20})},
         {{{1, 3, 2}, {19, 32, 18, 30, 15, 26}}, {{1, 1, 2}, {19, 32}}});
}

/// Doubles x[1] while it is below 10, at most trip times: all values, the last, and the number of the last round.
struct DoublingLoop {
  std::string layers;
  std::string edges;
  std::string weights = raw_bytes(std::vector<std::int64_t>{6}) + std::string("\1\0\0\0\0\0\0\0", 8) +
                        raw_bytes(std::vector<float>{2, 10});

  explicit DoublingLoop(const std::string& first_condition = "8") {
    const std::string inner =
        body("body",
             ir_parameter(0, "1") + ir_parameter(1, "1", "i64") + ir_const(2, "1", "f32", "16", "4") +
                 ir_const(3, "1", "f32", "20", "4") +
                 ir_layer(4, "twice", "Multiply", "opset1", "", ir_port(0, "1") + ir_port(1, "1"), ir_port(2, "1")) +
                 ir_layer(5, "more", "Less", "opset1", "", ir_port(0, "1") + ir_port(1, "1"), ir_port(2, "1", "BOOL")) +
                 ir_result(6) + ir_result(7) + ir_result(8),
             ir_edge(0, 0, 4, 0) + ir_edge(2, 0, 4, 1) + ir_edge(4, 2, 5, 0) + ir_edge(3, 0, 5, 1) +
                 ir_edge(4, 2, 6, 0) + ir_edge(5, 2, 7, 0) + ir_edge(1, 0, 8, 0));
    const std::string maps =
        "<port_map>" + map_line("input", 2, 0) + map_line("input", -1, 1, "purpose=\"current_iteration\"") +
        map_line("output", 3, 6, R"(axis="0" start="0" end="-1" stride="1" part_size="1")") + map_line("output", 4, 6) +
        map_line("output", -1, 7, "purpose=\"execution_condition\"") + map_line("output", 5, 8) +
        "</port_map><back_edges><edge from-layer=\"6\" to-layer=\"0\"/></back_edges>";
    layers =
        ir_parameter(0, "1") + ir_const(1, "", "i64", "0", "8") + ir_const(2, "", "boolean", first_condition, "1") +
        with(ir_layer(3, "loop", "Loop", "opset5", "", ir_port(0, "", "I64") + ir_port(1, "", "BOOL") + ir_port(2, "1"),
                      ir_port(3, "-1") + ir_port(4, "1") + ir_port(5, "1", "I64")),
             maps + inner) +
        ir_result(4) + ir_result(5) + ir_result(6);
    edges = ir_edge(1, 0, 3, 0) + ir_edge(2, 0, 3, 1) + ir_edge(0, 0, 3, 2) + ir_edge(3, 3, 4, 0) +
            ir_edge(3, 4, 5, 0) + ir_edge(3, 5, 6, 0);
  }
};

TEST_F(ControlFlow, LoopStopsWhenItsBodySaysSo) {
  const DoublingLoop loop;
  const Model model = read(ir_net(loop.layers, loop.edges), loop.weights);
  EXPECT_EQ(to_string(model.graph.value(model.graph.outputs[0].value).type), "f32[?]");
  expect(model, {Tensor::of<float>({1}, {1})}, {{{4}, {2, 4, 8, 16}}, {{1}, {16}}, {{1}, {3}}});
  expect(model, {Tensor::of<float>({1}, {7})}, {{{1}, {14}}, {{1}, {14}}, {{1}, {0}}});
  expect(model, {Tensor::of<float>({1}, {0})},  // the trip count ends what the condition would not
         {{{6}, {0, 0, 0, 0, 0, 0}}, {{1}, {0}}, {{1}, {5}}});
}

TEST_F(ControlFlow, LoopOfNoRoundGivesWhatWentIn) {
  DoublingLoop loop("9");  // a zero byte
  // The counter of a round that never was has no value: without that output.
  loop.layers.erase(loop.layers.rfind("<layer id=\"6\""));
  loop.edges.erase(loop.edges.rfind("<edge from-layer=\"3\" from-port=\"5\""));
  const auto line = loop.layers.find(map_line("output", 5, 8));
  loop.layers.erase(line, map_line("output", 5, 8).size());
  const std::string port = ir_port(5, "1", "I64");
  loop.layers.erase(loop.layers.find(port), port.size());
  const Model model = read(ir_net(loop.layers, loop.edges), loop.weights);
  expect(model, {Tensor::of<float>({1}, {3})}, {{{0}, {}}, {{1}, {3}}});
}

/// x[2] plus one where the flag is set, else x twice in a row.
std::string branches() {
  const std::string then_body = body(
      "then_body",
      ir_parameter(0, "2") + ir_const(1, "1", "f32", "0", "4") +
          ir_layer(2, "plus", "Add", "opset1", "", ir_port(0, "2") + ir_port(1, "1"), ir_port(2, "2")) + ir_result(3),
      ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 2, 3, 0));
  const std::string else_body = body(
      "else_body",
      ir_parameter(5, "2") +
          ir_layer(6, "twice", "Concat", "opset1", "axis=\"0\"", ir_port(0, "2") + ir_port(1, "2"), ir_port(2, "4")) +
          ir_result(7),
      ir_edge(5, 0, 6, 0) + ir_edge(5, 0, 6, 1) + ir_edge(6, 2, 7, 0));
  const std::string maps = "<then_port_map>" + map_line("input", 1, 0) + map_line("output", 2, 3) +
                           "</then_port_map><else_port_map>" + map_line("input", 1, 5) + map_line("output", 2, 7) +
                           "</else_port_map>";
  return ir_parameter(0, "", "boolean") + ir_parameter(1, "2") +
         with(ir_layer(2, "choice", "If", "opset8", "", ir_port(0, "", "BOOL") + ir_port(1, "2"), ir_port(2, "-1")),
              maps + then_body + else_body) +
         ir_layer(3, "sum", "ReduceSum", "opset1", "keep_dims=\"false\"", ir_port(0, "-1") + ir_port(1, "1", "I64"),
                  ir_port(2, "")) +
         ir_const(4, "1", "i64", "8", "8") + ir_result(5) + ir_result(6);
}

TEST_F(ControlFlow, IfRunsOneBranch) {
  const std::string edges = ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 2, 3, 0) + ir_edge(4, 0, 3, 1) +
                            ir_edge(2, 2, 5, 0) + ir_edge(3, 2, 6, 0);
  const Model model =
      read(ir_net(branches(), edges), raw_bytes(std::vector<float>{1, 0}) + raw_bytes(std::vector<std::int64_t>{0}));
  const Tensor x = Tensor::of<float>({2}, {3, 4});
  expect(model, {Tensor::scalar(true), x}, {{{2}, {4, 5}}, {{}, {9}}});
  expect(model, {Tensor::scalar(false), x}, {{{4}, {3, 4, 3, 4}}, {{}, {14}}});
}

TEST_F(ControlFlow, MapsThatLeadNowhereAreRefused) {
  const std::string good = running_sum(R"(axis="1" start="0" end="-1" stride="1" part_size="1")");
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return ir_net(text.replace(text.find(from), from.size(), to), kThreeEdges);
  };
  const auto expect_invalid = [&](const std::string& xml, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorCode::kInvalidModel, parts, [&] { (void)read(xml); });
  };
  expect_invalid(replaced(map_line("input", 1, 1), map_line("input", 1, 6)), {"'steps'", "no Parameter with id 6"});
  expect_invalid(replaced(map_line("input", 1, 1), map_line("input", 9, 1)), {"'steps'", "port 9"});
  expect_invalid(replaced(map_line("input", 1, 1), ""), {"layer 1, which has no first value"});
  expect_invalid(replaced(map_line("output", 3, 7), ""), {"connects output 1 with 0 outputs"});
  expect_invalid(replaced("to-layer=\"1\"/></back_edges>", "to-layer=\"0\"/></back_edges>"),
                 {"layer 0, which has no first value"});
  expect_invalid(replaced("stride=\"1\"", "stride=\"-1\""), {"'steps' (TensorIterator)", "does not lead from 0 to -1"});
  expect_invalid(replaced("axis=\"1\"", "axis=\"3\""), {"axis is 3"});
}

TEST_F(ControlFlow, BodiesNestedTooDeepAreRefused) {
  std::string layers = ir_parameter(0, "1") + ir_result(1);
  for (int i = 0; i < 6; ++i) {
    layers = with(ir_layer(2, "loop", "Loop", "opset5", "", "", ""), body("body", layers, ""));
  }
  expect_error(ErrorCode::kUnsupported, {"nested more than 4 deep"}, [&] { (void)read(ir_net(layers, "")); });
}

}  // namespace
}  // namespace fovea::test
