// ONNX Loop, If and Scan whose outcome hangs on data: what is computed on both devices, also after being written as IR
// and read again, and what broken ones get to hear.
#include <gtest/gtest.h>

#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/control_flow_fixture.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/onnx_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

using onnx::graph_attribute;
using onnx::GraphParts;
using onnx::integer_attribute;
using onnx::integers;
using onnx::kFloat;
using onnx::kInt64;
using onnx::Message;
using onnx::node;
using onnx::tensor;
using onnx::value_info;

constexpr int kBool = 9;
using Doubles = std::vector<double>;

Message integers_attribute(std::string_view name, const std::vector<std::int64_t>& values) {
  Message message = Message().text(1, name);
  for (const std::int64_t value : values) {
    message.number(8, static_cast<std::uint64_t>(value));
  }
  return message.number(20, 7);
}

Message floats(std::string_view name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  return tensor(name, shape, kFloat, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

class OnnxControlFlow : public ControlFlowFixture {
 protected:
  Model read(const GraphParts& parts, int opset = 13) {
    return core_.read_model(dir_.write("m.onnx", onnx::model(onnx::graph(parts), opset)));
  }

  void expect_refusal(const GraphParts& parts, ErrorCode code, std::initializer_list<std::string_view> words) {
    expect_error(code, words, [&] { (void)read(parts); });
  }
};

bool has_op(const Model& model, std::string_view op) {
  return std::ranges::any_of(model.graph.nodes, [&](const Node& each) { return each.op->name == op; });
}

/// A body of a loop: round and condition, then what is said.
Message loop_body(GraphParts parts) {
  parts.inputs.insert(parts.inputs.begin(), {value_info("round", {}, kInt64), value_info("go_in", {}, kBool)});
  return onnx::graph(parts);
}

/// s plus what the graph around has as x, n times: the last s, and all of them.
GraphParts summing_loop(const std::vector<std::int64_t>& state) {
  const Message body =
      loop_body({.nodes = {node("Add", {"s_in", "x"}, {"s_out"}), node("Identity", {"s_out"}, {"each"}),
                           node("Identity", {"go_in"}, {"go"})},
                 .initializers = {},
                 .inputs = {value_info("s_in", state)},
                 .outputs = {value_info("go", {}, kBool), value_info("s_out", state), value_info("each", state)}});
  return {.nodes = {node("Loop", {"n", "", "s"}, {"last", "all"}, {graph_attribute("body", body)}, "loop")},
          .initializers = {},
          .inputs = {value_info("n", {}, kInt64), value_info("s", state), value_info("x", state)},
          .outputs = {value_info("last", state), value_info("all", {-1, 2})}};
}

TEST_F(OnnxControlFlow, LoopRunsAsManyRoundsAsItsInputSays) {
  const Model model = read(summing_loop({2}));
  EXPECT_TRUE(has_op(model, "Loop"));
  EXPECT_EQ(to_string(model.graph.value(model.graph.outputs[1].value).type), "f32[?,2]");
  const Tensor s = Tensor::of<float>({2}, {10, 20});
  const Tensor x = Tensor::of<float>({2}, {1, 2});
  expect(model, {Tensor::scalar<std::int64_t>(3), s, x}, {{{2}, {13, 26}}, {{3, 2}, {11, 22, 12, 24, 13, 26}}});
  expect(model, {Tensor::scalar<std::int64_t>(0), s, x}, {{{2}, {10, 20}}, {{0, 2}, {}}});
  expect(model, {Tensor::scalar<std::int64_t>(-4), s, x}, {{{2}, {10, 20}}, {{0, 2}, {}}});
}

TEST_F(OnnxControlFlow, LongLoopsAreNotWrittenOut) {
  constexpr std::int64_t kRounds = 20'000;
  GraphParts parts = summing_loop({2});
  parts.inputs.erase(parts.inputs.begin());
  parts.initializers.push_back(tensor("n", {}, kInt64, {reinterpret_cast<const char*>(&kRounds), sizeof(kRounds)}));
  parts.outputs.pop_back();
  const Model model = read(parts);
  EXPECT_TRUE(has_op(model, "Loop"));
  // Whole numbers up to 2^24 are exact in f32.
  expect(model, {Tensor::of<float>({2}, {0, 1}), Tensor::of<float>({2}, {1, 2})}, {{{2}, {20'000, 40'001}}});
}

TEST_F(OnnxControlFlow, LoopEndsWhenItsBodySaysSo) {
  const Message body =
      loop_body({.nodes = {node("Add", {"s_in", "s_in"}, {"s_out"}),
                           node("ReduceMax", {"s_out"}, {"most"}, {integer_attribute("keepdims", 0)}),
                           node("Less", {"most", "ten"}, {"go"})},
                 .initializers = {floats("ten", {}, {10})},
                 .inputs = {value_info("s_in", {2})},
                 .outputs = {value_info("go", {}, kBool), value_info("s_out", {2}), value_info("most", {})}});
  const Model model =
      read({.nodes = {node("Loop", {"", "first", "x"}, {"last", "all"}, {graph_attribute("body", body)})},
            .initializers = {},
            .inputs = {value_info("first", {1}, kBool), value_info("x", {2})},
            .outputs = {value_info("last", {2}), value_info("all", {-1})}});
  const Tensor x = Tensor::of<float>({2}, {1, 3});
  expect(model, {Tensor::of<bool>({1}, {true}), x}, {{{2}, {4, 12}}, {{2}, {6, 12}}});
  expect(model, {Tensor::of<bool>({1}, {false}), x}, {{{2}, {1, 3}}, {{0}, {}}});
}

TEST_F(OnnxControlFlow, StatesMayGrow) {
  const Message body = loop_body({.nodes = {node("Concat", {"s_in", "x"}, {"s_out"}, {integer_attribute("axis", 0)}),
                                            node("Identity", {"go_in"}, {"go"})},
                                  .initializers = {},
                                  .inputs = {value_info("s_in", {-1})},
                                  .outputs = {value_info("go", {}, kBool), value_info("s_out", {-1})}});
  const Model model = read({.nodes = {node("Loop", {"n", "", "x"}, {"y"}, {graph_attribute("body", body)})},
                            .initializers = {},
                            .inputs = {value_info("n", {}, kInt64), value_info("x", {2})},
                            .outputs = {value_info("y", {-1})}});
  EXPECT_EQ(to_string(model.graph.value(model.graph.outputs[0].value).type), "f32[?]");
  expect(model, {Tensor::scalar<std::int64_t>(2), Tensor::of<float>({2}, {1, 2})}, {{{6}, {1, 2, 1, 2, 1, 2}}});
}

/// Where the flag is set x twice in a row, else its sum as a scalar plus 1.
GraphParts branches() {
  const Message twice = onnx::graph({.nodes = {node("Concat", {"x", "x"}, {"t"}, {integer_attribute("axis", 0)})},
                                     .initializers = {},
                                     .inputs = {},
                                     .outputs = {value_info("t", {4})}});
  const Message sum = onnx::graph(
      {.nodes = {node("ReduceSum", {"x"}, {"e"}, {integer_attribute("keepdims", 0)}), node("Add", {"e", "one"}, {"r"})},
       .initializers = {floats("one", {}, {1})},
       .inputs = {},
       .outputs = {value_info("r", {})}});
  return {.nodes = {node("If", {"c"}, {"y"},
                         {graph_attribute("then_branch", twice), graph_attribute("else_branch", sum)}, "choice")},
          .initializers = {},
          .inputs = {value_info("c", {}, kBool), value_info("x", {2})},
          .outputs = {value_info("y", {-1})}};
}

TEST_F(OnnxControlFlow, BranchesMayDifferInRank) {
  const Model model = read(branches());
  EXPECT_TRUE(has_op(model, "If"));
  const Tensor x = Tensor::of<float>({2}, {3, 4});
  expect(model, {Tensor::scalar(true), x}, {{{4}, {3, 4, 3, 4}}});
  expect(model, {Tensor::scalar(false), x}, {{{}, {8}}});
}

TEST_F(OnnxControlFlow, SimpleBranchesOfOneTypeAreASelection) {
  const auto branch = [](const char* op) {
    return onnx::graph(
        {.nodes = {node(op, {"x"}, {"r"})}, .initializers = {}, .inputs = {}, .outputs = {value_info("r", {2})}});
  };
  const Model model = read(
      {.nodes = {node("If", {"c"}, {"y"},
                      {graph_attribute("then_branch", branch("Relu")), graph_attribute("else_branch", branch("Neg"))})},
       .initializers = {},
       .inputs = {value_info("c", {1}, kBool), value_info("x", {2})},
       .outputs = {value_info("y", {2})}});
  EXPECT_FALSE(has_op(model, "If"));
  const Tensor x = Tensor::of<float>({2}, {3, -4});
  expect(model, {Tensor::of<bool>({1}, {true}), x}, {{{2}, {3, 0}}});
  expect(model, {Tensor::of<bool>({1}, {false}), x}, {{{2}, {-3, 4}}});
}

TEST_F(OnnxControlFlow, BodiesReadValuesTwoGraphsAbove) {
  // Adds x in even rounds and x·x, computed outside, in odd ones.
  const auto branch = [](const char* value) {
    return onnx::graph(
        {.nodes = {node("Add", {"s_in", value}, {"r"}),
                   node("Loop", {"two", "", "r"}, {"r2"},
                        {graph_attribute(
                            "body", loop_body({.nodes = {node("Add", {"q_in", value}, {"q"}),
                                                         node("Identity", {"go_in"}, {"go2"})},
                                               .initializers = {},
                                               .inputs = {value_info("q_in", {2})},
                                               .outputs = {value_info("go2", {}, kBool), value_info("q", {2})}}))})},
         .initializers = {},
         .inputs = {},
         .outputs = {value_info("r2", {2})}});
  };
  const Message body = loop_body(
      {.nodes = {node("Mod", {"round", "mod"}, {"m"}), node("Equal", {"m", "zero"}, {"even"}),
                 node("If", {"even"}, {"s_out"},
                      {graph_attribute("then_branch", branch("x")), graph_attribute("else_branch", branch("square"))}),
                 node("Identity", {"go_in"}, {"go"})},
       .initializers = {integers("mod", {2}), integers("zero", {0})},
       .inputs = {value_info("s_in", {2})},
       .outputs = {value_info("go", {}, kBool), value_info("s_out", {2})}});
  const Model model =
      read({.nodes = {node("Mul", {"x", "x"}, {"square"}),
                      node("Loop", {"n", "", "zeros"}, {"y"}, {graph_attribute("body", body)})},
            .initializers = {floats("zeros", {2}, {0, 0})},
            .inputs = {value_info("n", {1}, kInt64), value_info("two", {}, kInt64), value_info("x", {2})},
            .outputs = {value_info("y", {2})}});
  const Tensor x = Tensor::of<float>({2}, {1, 3});
  const Tensor two = Tensor::scalar<std::int64_t>(2);
  expect(model, {Tensor::of<std::int64_t>({1}, {1}), two, x}, {{{2}, {3, 9}}});
  expect(model, {Tensor::of<std::int64_t>({1}, {3}), two, x}, {{{2}, {9, 45}}});
}

/// Running sums of x along its second axis from the end to the front; the sums stand in file order.
GraphParts running_sums(std::int64_t rounds) {
  const Message body =
      onnx::graph({.nodes = {node("Add", {"s_in", "part"}, {"s_out"}), node("Neg", {"s_out"}, {"each"})},
                   .initializers = {},
                   .inputs = {value_info("s_in", {2}), value_info("part", {2})},
                   .outputs = {value_info("s_out", {2}), value_info("each", {2})}});
  return {
      .nodes = {node("Scan", {"s", "x"}, {"last", "all"},
                     {graph_attribute("body", body), integer_attribute("num_scan_inputs", 1),
                      integers_attribute("scan_input_axes", {1}), integers_attribute("scan_input_directions", {1}),
                      integers_attribute("scan_output_axes", {-1}), integers_attribute("scan_output_directions", {1})},
                     "scan")},
      .initializers = {},
      .inputs = {value_info("s", {2}), value_info("x", {2, rounds})},
      .outputs = {value_info("last", {2}), value_info("all", {2, rounds})}};
}

TEST_F(OnnxControlFlow, ScanOfOpenLength) {
  const Model model = read(running_sums(-1));
  EXPECT_TRUE(has_op(model, "TensorIterator"));
  const Tensor s = Tensor::of<float>({2}, {10, 20});
  for (const char* device : {"REFERENCE", "CPU"}) {
    SCOPED_TRACE(device);
    EXPECT_EQ(run(model, device, {s, Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})}),
              (std::vector<Result>{{{2}, {16, 35}}, {{2, 3}, {-16, -15, -13, -35, -31, -26}}}));
    EXPECT_EQ(run(model, device, {s, Tensor::of<float>({2, 1}, {1, 4})}),
              (std::vector<Result>{{{2}, {11, 24}}, {{2, 1}, {-11, -24}}}));
  }
}

TEST_F(OnnxControlFlow, ShortScansAreWrittenOutLongOnesAreNot) {
  const Model brief = read(running_sums(3));
  EXPECT_FALSE(has_op(brief, "TensorIterator"));
  expect(brief, {Tensor::of<float>({2}, {10, 20}), Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})},
         {{{2}, {16, 35}}, {{2, 3}, {-16, -15, -13, -35, -31, -26}}});
  constexpr std::int64_t kRounds = 9'000;
  const Model extended = read(running_sums(kRounds));
  EXPECT_TRUE(has_op(extended, "TensorIterator"));
  Doubles sums;
  for (std::int64_t row = 0; row < 2; ++row) {
    for (std::int64_t i = 0; i < kRounds; ++i) {
      sums.push_back(static_cast<double>(i - kRounds));
    }
  }
  expect(extended,
         {Tensor::of<float>({2}, {0, 0}), Tensor::of<float>({2, kRounds}, std::vector<float>(2 * kRounds, 1))},
         {{{2}, {kRounds, kRounds}}, {{2, kRounds}, sums}});
}

TEST_F(OnnxControlFlow, RefusesWhatCannotBeRun) {
  const auto with_body = [](const Message& body) {
    GraphParts parts = summing_loop({2});
    parts.nodes = {node("Loop", {"n", "", "s"}, {"last", "all"}, {graph_attribute("body", body)}, "loop")};
    return parts;
  };
  const auto body = [](const Message& step, std::vector<Message> outputs) {
    outputs.insert(outputs.begin(), value_info("go_in", {}, kBool));
    return loop_body({.nodes = {step}, .initializers = {}, .inputs = {value_info("s_in", {2})}, .outputs = outputs});
  };
  expect_refusal(with_body(body(node("Shape", {"s_in"}, {"t"}), {value_info("t", {1}, kInt64)})),
                 ErrorCode::kInvalidModel, {"node 'loop' (Loop)", "state 0 from f32[2] into i64[1]"});
  expect_refusal(
      with_body(body(node("ReduceSum", {"s_in"}, {"t"}, {integer_attribute("keepdims", 0)}), {value_info("t", {})})),
      ErrorCode::kUnsupported, {"node 'loop' (Loop)", "rank of state 0", "f32[2]", "f32[]"});
  expect_refusal(with_body(body(node("Neg", {"s_in"}, {"t"}), {})), ErrorCode::kInvalidModel,
                 {"body with 1 outputs, expected at least 2"});
  expect_refusal(with_body(body(node("Add", {"s_in", "nobody"}, {"t"}), {value_info("t", {2})})),
                 ErrorCode::kInvalidModel, {"reads 'nobody'"});
}

TEST_F(OnnxControlFlow, ValuesOfUnknownRankAreForOutputsOnly) {
  GraphParts parts = branches();
  parts.nodes.push_back(node("Relu", {"y"}, {"z"}, {}, "reader"));
  parts.outputs = {value_info("z", {-1})};
  expect_refusal(parts, ErrorCode::kUnsupported, {"node 'reader'", "'choice'", "rank is known at run time only"});
}

TEST_F(OnnxControlFlow, BodiesNestedTooDeepAreRefused) {
  const auto nested = [](const Message& inner) {
    return loop_body({.nodes = {inner, node("Identity", {"go_in"}, {"go"})},
                      .initializers = {},
                      .inputs = {value_info("s_in", {2})},
                      .outputs = {value_info("go", {}, kBool), value_info("t", {2})}});
  };
  Message body = nested(node("Neg", {"s_in"}, {"t"}));
  for (int i = 0; i < 5; ++i) {
    body = nested(node("Loop", {"n", "", "s_in"}, {"t"}, {graph_attribute("body", body)}));
  }
  expect_refusal({.nodes = {node("Loop", {"n", "", "s"}, {"y"}, {graph_attribute("body", body)})},
                  .initializers = {},
                  .inputs = {value_info("n", {}, kInt64), value_info("s", {2})},
                  .outputs = {value_info("y", {2})}},
                 ErrorCode::kUnsupported, {"nested more than 4 deep"});
}

}  // namespace
}  // namespace fovea::test
