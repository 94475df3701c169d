// The graph as a value: text form, the rules verify checks, and the editing helpers.
#include <gtest/gtest.h>

#include "engine/ops/graph_text.hpp"
#include "engine/ops/op_def.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

/// x → Relu a → Relu b → output, with a constant nobody reads.
Graph chain() {
  return parse_graph(R"(
    a = Relu(x: f32[1,4])
    b = Add(a, c: f32[4]{1,2,3,4})
    -> b)");
}

TEST(GraphText, PrintsWhatItParses) {
  const std::string text =
      "c = Convolution(x: f32[1,3,8,8], w: f32[4,3,3,3]{…}) strides=1,1 dilations=1,1 pads_begin=1,1 pads_end=1,1 "
      "auto_pad=explicit | add(b: f32[1,4,1,1]{1,2,3,4}) | relu | relu(0.1) | clamp(0,6) | prelu(r: f32[1,4,8,8])\n"
      "t, t;1 = TopK(c, k: i64[]{3}) axis=1 mode=max sort=value index_element_type=i32 stable=false\n"
      "-> t, t;1, c\n";
  const std::string once = to_text(parse_graph(text));
  EXPECT_EQ(once, text);
  EXPECT_EQ(to_text(parse_graph(once)), once);
}

TEST(GraphText, DefaultOutputsAreUnreadValues) {
  const Graph graph = parse_graph("a = Relu(x: f32[2])\nb = Abs(a)\nc = Exp(a)");
  ASSERT_EQ(graph.outputs.size(), 2U);
  EXPECT_EQ(graph.outputs[0].name, "b");
  EXPECT_EQ(graph.outputs[1].name, "c");
}

TEST(GraphText, OneNumberFillsAConstant) {
  const Graph graph = parse_graph("a = Add(x: f32[2,2], c: f32[2,2]{0.5})");
  EXPECT_EQ(to_doubles(graph.constant(graph.node(0).inputs[1])->view()), (std::vector<double>(4, 0.5)));
}

TEST(GraphText, ErrorsNameTheLine) {
  const auto refused = [](std::string_view text, std::string_view where, std::string_view what) {
    SCOPED_TRACE(std::string(text));
    expect_error(ErrorCode::kInvalidModel, {where, what}, [&] { parse_graph(text); });
  };
  refused("a = Relu(x: f32[2])\nb = Frobnicate(a)", "line 2", "unknown operator 'Frobnicate'");
  refused("\n\na = Relu(y)", "line 3", "value 'y' has no producer and no type");
  refused("a = Relu(x: f33[2])", "line 1", "'f33' is no element type");
  refused("a = Relu(x: f32[two])", "line 1", "'two' is no extent");
  refused("a = Relu(x: f32[2]", "line 1", "','");
  refused("a = Relu(x: f32[2])\na = Relu(x)", "line 2", "computed twice");
  refused("a = Relu(x: f32[2]) | shrink", "line 1", "unknown post-op 'shrink'");
  refused("a = Add(x: f32[2], c: f32[2]{1,one})", "line 1", "'one' is no number");
  refused("a = Add(x: f32[2], c: f32[2]{1,2,3})", "line 1", "3 values");
  refused("a = Add(x: f32[2], c: f32[1099511627777]{0})", "line 1", "2^40");
  refused("a = Elu(x: f32[2]) alpha=tall", "line 1", "'tall'");
  refused("a Relu(x: f32[2])", "line 1", "'='");
  refused("a = Add(x: f32[2], y: f32[3])", "node 'a' (Add)", "");
  refused("a = Add(x: f32[2])", "node 'a' (Add)", "1 inputs, expected 2");
}

TEST(Verify, AcceptsALegalGraph) { EXPECT_NO_THROW(verify(chain())); }

void violates(std::string_view expected, const std::function<void(Graph&)>& spoil) {
  Graph graph = chain();
  spoil(graph);
  expect_error(ErrorCode::kInternal, {expected}, [&] { verify(graph); });
}

TEST(Verify, CatchesEachViolation) {
  violates("refers to value 99 of", [](Graph& g) { g.node(0).inputs[0] = 99; });
  violates("refers to value -7 of", [](Graph& g) { g.node(0).inputs[0] = -7; });
  violates("refers to value 99 of", [](Graph& g) { g.node(1).outputs[0] = 99; });
  violates("refers to value 99 of", [](Graph& g) { g.outputs[0].value = 99; });
  violates("refers to value 99 of", [](Graph& g) { g.inputs[0].value = 99; });
  violates("has no operator", [](Graph& g) { g.node(0).op = nullptr; });
  violates("no output", [](Graph& g) { g.node(1).outputs.clear(); });
  violates("node 'b' reads 'a' before it is computed", [](Graph& g) {
    std::swap(g.nodes[0], g.nodes[1]);
    g.value(g.node(0).outputs[0]).producer = 0;
    g.value(g.node(1).outputs[0]).producer = 1;
  });
  violates("another producer", [](Graph& g) { g.value(g.node(0).outputs[0]).producer = 1; });
  violates("another producer", [](Graph& g) { g.node(1).outputs[0] = g.node(0).outputs[0]; });
  violates("post-op operand 5 of 1",
           [](Graph& g) { g.node(0).post_ops.push_back({.kind = PostOpKind::kAdd, .operand = 5}); });
  violates("two values are named 'a'", [](Graph& g) { g.value(g.node(1).outputs[0]).name = "a"; });
  violates("constant 'c' holds f32[4] but is declared f32[2,2]", [](Graph& g) {
    g.value(g.node(1).inputs[1]).type.shape = {2, 2};
  });
  violates("constant 'c' has a producer", [](Graph& g) { g.value(g.node(1).inputs[1]).producer = 0; });
  violates("graph input 'a' is computed", [](Graph& g) {
    g.inputs[0].value = g.node(0).outputs[0];
    g.inputs[0].name = "a";
  });
  violates("reads 'x' before it is computed", [](Graph& g) { g.inputs.clear(); });
  violates("graph output 'b' is never computed", [](Graph& g) { g.erase_nodes({false, true}); });
}

TEST(Graph, ReplaceUsesReachesNodesAndOutputs) {
  Graph graph = parse_graph("a = Relu(x: f32[2])\nb = Abs(a)\nc = Exp(a)\n-> a, b, c");
  const ValueId a = graph.node(0).outputs[0];
  EXPECT_EQ(graph.use_counts()[static_cast<std::size_t>(a)], 3);
  graph.replace_uses(a, graph.inputs[0].value);
  EXPECT_EQ(graph.use_counts()[static_cast<std::size_t>(a)], 0);
  EXPECT_TRUE(graph.compact());
  EXPECT_EQ(to_text(graph), "b = Abs(x: f32[2])\nc = Exp(x)\n-> x, b, c\n");
  EXPECT_FALSE(graph.compact());
}

TEST(Graph, CompactKeepsGraphInputsAndSiblingOutputs) {
  Graph graph = parse_graph(R"(
    dead = Exp(unused: f32[3])
    p, q = Split(x: f32[2,4], axis: i64[]{1}) num_splits=2
    -> q)");
  EXPECT_TRUE(graph.compact());
  EXPECT_NO_THROW(verify(graph));
  EXPECT_EQ(graph.inputs.size(), 2U) << "users still have to find their port";
  EXPECT_EQ(to_text(graph), "p, q = Split(x: f32[2,4], axis: i64[]{1}) num_splits=2\n-> q\n");
}

TEST(Graph, EraseNodesRenumbersProducers) {
  Graph graph = parse_graph("a = Relu(x: f32[2])\nb = Abs(x)\nc = Exp(b)\n-> c");
  graph.erase_nodes({true, false, false});
  EXPECT_EQ(graph.value(graph.outputs[0].value).producer, 1);
  graph.compact();
  EXPECT_NO_THROW(verify(graph));
}

TEST(Graph, UniqueNamesCountUp) {
  Graph graph = chain();
  EXPECT_EQ(graph.unique_value_name("new"), "new");
  EXPECT_EQ(graph.unique_value_name("a"), "a#2");
  graph.add_constant("a#2", Tensor::scalar(1.0F));
  EXPECT_EQ(graph.unique_value_name("a"), "a#3");
}

TEST(Graph, CopiesShareConstantsButNotStructure) {
  const Graph graph = chain();
  Graph copy = graph;
  copy.node(0).op = find_op("Abs");
  EXPECT_EQ(graph.node(0).op->name, "Relu");
  EXPECT_EQ(graph.constant(graph.node(1).inputs[1])->bytes().data(),
            copy.constant(copy.node(1).inputs[1])->bytes().data());
}

}  // namespace
}  // namespace fovea::test
