// Each pass as text before and after, the cases where it must leave the graph alone, and the property that all of
// them together do not change what a graph computes.
#include <gtest/gtest.h>

#include <chrono>

#include "engine/ops/graph_text.hpp"
#include "engine/passes/pass.hpp"
#include "tests/engine/error_bound.hpp"
#include "tests/engine/random_graph.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

using PassFunction = bool (*)(Graph&);

/// Runs a pass and compares with the graph that `after` describes, names and constants included.
void becomes(PassFunction pass, std::string_view before, std::string_view after) {
  Graph graph = parse_graph(before);
  EXPECT_TRUE(pass(graph)) << before;
  graph.compact();
  ASSERT_NO_THROW(verify(graph));
  EXPECT_EQ(to_text(graph), to_text(parse_graph(after)));
}

void stays(PassFunction pass, std::string_view text) {
  Graph graph = parse_graph(text);
  const std::string before = to_text(graph);
  EXPECT_FALSE(pass(graph)) << text;
  graph.compact();
  EXPECT_EQ(to_text(graph), before);
}

TEST(FoldConstants, ComputesWhatIsKnown) {
  becomes(fold_constants, "a = Add(p: f32[2]{1,2}, q: f32[2]{3,4})\nb = Exp(x: f32[2])\ny = Multiply(b, a)",
          "b = Exp(x: f32[2])\ny = Multiply(b, a: f32[2]{4,6})");
  becomes(fold_constants, "s = ShapeOf(x: f32[2,3]) output_type=i64\ny = Reshape(z: f32[6], s) special_zero=false",
          "y = Reshape(z: f32[6], s: i64[2]{2,3}) special_zero=false\n-> y");
  becomes(fold_constants, "a, b = Split(c: f32[4]{1,2,3,4}, d: i64[]{0}) num_splits=2\ny = Add(x: f32[2], b)\n-> y",
          "y = Add(x: f32[2], b: f32[2]{3,4})");
}

TEST(FoldConstants, LeavesTheRestAlone) {
  stays(fold_constants, "y = Add(x: f32[2], c: f32[2]{1,2})");
  // 64 Mi numbers from one: half a gigabyte that is cheaper to compute.
  stays(fold_constants, "y = Broadcast(c: f32[]{1}, s: i64[1]{134217728}) mode=numpy\n-> y");
}

TEST(RemoveIdentities, ForwardsTheInput) {
  becomes(remove_identities, "a = Convert(x: f32[2]) destination_type=f32\ny = Exp(a)", "y = Exp(x: f32[2])");
  becomes(remove_identities, "a = Reshape(x: f32[2,3], s: i64[2]{2,3})\ny = Exp(a)", "y = Exp(x: f32[2,3])");
  becomes(remove_identities, "a = Transpose(x: f32[2,3], o: i64[2]{0,1})\ny = Exp(a)", "y = Exp(x: f32[2,3])");
  becomes(remove_identities, "a = Concat(x: f32[2,3]) axis=1\ny = Exp(a)", "y = Exp(x: f32[2,3])");
  becomes(remove_identities, "a = Reshape(x: f32[2,3], s: i64[2]{2,3})\nb = Squeeze(a, e: i64[0]{})\ny = Exp(b)",
          "y = Exp(x: f32[2,3])");
}

TEST(RemoveIdentities, KeepsWhatChangesSomething) {
  stays(remove_identities, "a = Convert(x: f32[2]) destination_type=i32\ny = Convert(a) destination_type=f32");
  stays(remove_identities, "y = Transpose(x: f32[3,3], o: i64[2]{1,0})");
  stays(remove_identities, "y = Reshape(x: f32[2,3], s: i64[2]{3,2})");
  stays(remove_identities, "y = Convert(x: f32[2]) destination_type=f32 | relu");
  stays(remove_identities, "y = Reverse(x: f32[3], a: i64[1]{0}) mode=index");
}

TEST(CanonicaliseArithmetic, SubtractAndDivideByConstants) {
  becomes(canonicalise_arithmetic, "y = Subtract(x: f32[2], c: f32[2]{1,-2})",
          "y = Add(x: f32[2], y/operand: f32[2]{-1,2})");
  becomes(canonicalise_arithmetic, "y = Divide(x: f32[2], c: f32[2]{2,-4})",
          "y = Multiply(x: f32[2], y/operand: f32[2]{0.5,-0.25})");
  // The constant has another reader, which keeps the original.
  becomes(canonicalise_arithmetic, "y = Subtract(x: f32[2], c: f32[2]{1,-2})\nz = Add(x, c)",
          "y = Add(x: f32[2], y/operand: f32[2]{-1,2})\nz = Add(x, c: f32[2]{1,-2})");
}

TEST(CanonicaliseArithmetic, KeepsWhatWouldChangeTheResult) {
  stays(canonicalise_arithmetic, "y = Subtract(c: f32[2]{1,2}, x: f32[2])");
  stays(canonicalise_arithmetic, "y = Subtract(x: f32[2], z: f32[2])");
  stays(canonicalise_arithmetic, "y = Divide(x: f32[2], c: f32[2]{1,0})");
  stays(canonicalise_arithmetic, "y = Divide(x: f32[2], c: f32[2]{1,1e-40})");  // the inverse is infinite
  stays(canonicalise_arithmetic, "y = Divide(x: f32[2], c: f32[2]{1,3e38})");   // the inverse is subnormal
  stays(canonicalise_arithmetic, "y = Divide(x: i32[2], c: i32[2]{1,2})");
  stays(canonicalise_arithmetic, "y = Subtract(x: f32[2,3], c: f32[2]{1,2}) auto_broadcast=pdpd axis=0");
}

TEST(FuseScaleIntoWeights, FactorAndBiasBehindAConvolution) {
  becomes(fuse_scale_into_weights,
          "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1,2,3,4})\ny = Multiply(c, s: f32[1,2,1,1]{10,100})",
          "c = Convolution(x: f32[1,2,3,3], c/weights: f32[2,2,1,1]{10,20,300,400})");
  becomes(
      fuse_scale_into_weights,
      "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1,2,3,4})\nb = Add(c, t: f32[2,1,1]{1,2})\n"
      "y = Multiply(s: f32[]{10}, b)\nz = Add(y, u: f32[1,2,1,1]{5,6})",
      "c = Convolution(x: f32[1,2,3,3], c/weights: f32[2,2,1,1]{10,20,30,40}) | add(c/bias#2: f32[1,2,1,1]{10,20})\n"
      "z = Add(c, u: f32[1,2,1,1]{5,6})");
  becomes(fuse_scale_into_weights,
          "c = GroupConvolution(x: f32[1,2,3,3], w: f32[2,1,1,1,1]{1,2})\ny = Multiply(c, s: f32[1,2,1,1]{10,100})",
          "c = GroupConvolution(x: f32[1,2,3,3], c/weights: f32[2,1,1,1,1]{10,200})");
}

TEST(FuseScaleIntoWeights, FactorBeforeAConvolution) {
  becomes(fuse_scale_into_weights,
          "m = Multiply(x: f32[1,2,3,3], s: f32[1,2,1,1]{10,100})\n"
          "y = Convolution(m, w: f32[2,2,1,1]{1,2,3,4}) pads_begin=1,1 pads_end=1,1",
          "y = Convolution(x: f32[1,2,3,3], y/weights: f32[2,2,1,1]{10,200,30,400}) pads_begin=1,1 pads_end=1,1");
  becomes(fuse_scale_into_weights,
          "m = Multiply(x: f32[1,4,3,3], s: f32[1,4,1,1]{1,10,100,1000})\n"
          "y = GroupConvolution(m, w: f32[2,1,2,1,1]{1,2,3,4})",
          "y = GroupConvolution(x: f32[1,4,3,3], y/weights: f32[2,1,2,1,1]{1,20,300,4000})");
}

TEST(FuseScaleIntoWeights, ConvolutionsOfWholeNumbersKeepCounting) {
  const std::string c =
      "c = Convolution(q, w: f32[1,2,1,1]{1,-2})\nb = Add(c, t: f32[1,1,1,1]{7})\n"
      "y = Multiply(b, s: f32[]{0.1})";
  // Bytes, limits of steps 1 apart.
  for (const char* q : {"q = Convert(x: u8[1,2,3,3]) destination_type=f32\n",
                        "r = Convert(x: u8[1,2,3,3]) destination_type=f32\nq = Subtract(r, z: f32[]{128})\n",
                        "r = FakeQuantize(x: f32[1,2,3,3], i: f32[]{0}, j: f32[]{255}, k: f32[]{-3}, l: f32[]{252}) "
                        "levels=256\nq = MaxPool(r) kernel=1,1 strides=1,1\n"}) {
    Graph graph = parse_graph(q + c);
    fuse_scale_into_weights(graph);
    EXPECT_NE(to_text(graph).find("w: f32[1,2,1,1]{1,-2}"), std::string::npos) << to_text(graph);
  }
  // Steps of a half, and weights that are not whole.
  for (const std::string& text : std::vector<std::string>{
           "q = FakeQuantize(x: f32[1,2,3,3], i: f32[]{0}, j: f32[]{127.5}, k: f32[]{0}, l: f32[]{127.5}) "
           "levels=256\n" +
               c,
           "q = Convert(x: u8[1,2,3,3]) destination_type=f32\nc = Convolution(q, w: f32[1,2,1,1]{1,0.5})\n"
           "y = Multiply(c, s: f32[]{0.1})"}) {
    Graph graph = parse_graph(text);
    fuse_scale_into_weights(graph);
    EXPECT_EQ(to_text(graph).find(" w: f32"), std::string::npos) << to_text(graph);
  }
}

TEST(FuseScaleIntoWeights, LeavesTheRestAlone) {
  const std::string c = "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1,2,3,4})\n";
  stays(fuse_scale_into_weights, c + "y = Multiply(c, s: f32[1,2,1,1]{10,100})\nz = Exp(c)");  // read twice
  stays(fuse_scale_into_weights, c + "y = Multiply(c, s: f32[1,2,1,1]{10,100})\n-> y, c");     // an output
  stays(fuse_scale_into_weights, c + "y = Multiply(c, s: f32[1,1,1,3]{1,2,3})");               // per column
  stays(fuse_scale_into_weights, c + "y = Multiply(c, s: f32[4,2,1,1]{1})");                   // grows the batch
  stays(fuse_scale_into_weights, c + "y = Multiply(c, s: f32[1,2,1,1])");                      // not constant
  stays(fuse_scale_into_weights, c + "y = Add(c, s: f32[2]{1,2}) auto_broadcast=pdpd axis=1");
  stays(fuse_scale_into_weights, "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1])\ny = Multiply(c, s: f32[]{2})");
  stays(fuse_scale_into_weights,
        "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1}) | relu\ny = Multiply(c, s: f32[1,2,1,1]{-1,2})");
  // An addition before a padded convolution is not part of it: the padding is 0, not the constant.
  stays(fuse_scale_into_weights,
        "a = Add(x: f32[1,2,3,3], s: f32[1,2,1,1]{1,2})\n"
        "y = Convolution(a, w: f32[2,2,3,3]{1}) pads_begin=1,1 pads_end=1,1");
  stays(fuse_scale_into_weights,
        "m = Multiply(x: f32[1,2,3,3], s: f32[1,2,1,1]{1,2})\n"
        "y = Convolution(m, w: f32[2,2,1,1]{1})\nz = Exp(m)");
}

TEST(FusePostOps, FollowersBecomePostOps) {
  const std::string c = "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1})";
  becomes(fuse_post_ops, c + "\ny = Relu(c)", "y = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1}) | relu");
  becomes(fuse_post_ops, c + "\na = Add(c, r: f32[1,2,3,3])\ny = Sigmoid(a)",
          "y = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1}) | add(r: f32[1,2,3,3]) | sigmoid");
  becomes(fuse_post_ops, c + "\na = Add(r: f32[1,2,3,3], c)\ny = Clamp(a) min=0 max=6",
          "y = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1}) | add(r: f32[1,2,3,3]) | clamp(0,6)");
  becomes(fuse_post_ops, c + "\ny = PRelu(c, s: f32[2]{0.5,0.25})",
          "y = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1}) | prelu(y/slope: f32[1,2,1,1]{0.5,0.25})");
  becomes(fuse_post_ops, c + "\ny = PRelu(c, s: f32[2]{0.5,0.5})",
          "y = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1}) | relu(0.5)");
  becomes(fuse_post_ops, "m = MatMul(x: f32[3,4], w: f32[4,2]{1})\ny = Add(m, b: f32[1,2]{1,2})",
          "y = MatMul(x: f32[3,4], w: f32[4,2]{1}) | add(b: f32[1,2]{1,2})");
  // The operand is computed later than the producer: the fused node moves behind it.
  becomes(fuse_post_ops, c + "\np = MaxPool(q: f32[1,2,6,6]) kernel=2,2 strides=2,2\ny = Multiply(c, p)",
          "p = MaxPool(q: f32[1,2,6,6]) kernel=2,2 strides=2,2\n"
          "y = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1}) | multiply(p)");
}

TEST(FusePostOps, LeavesTheRestAlone) {
  const std::string c = "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1})\n";
  stays(fuse_post_ops, c + "y = Relu(c)\nz = Concat(c, y) axis=1");                          // read twice
  stays(fuse_post_ops, c + "y = Relu(c)\n-> y, c");                                          // an output
  stays(fuse_post_ops, c + "y = Add(c, r: f32[4,2,3,3])");                                   // broadcasting that grows
  stays(fuse_post_ops, c + "y = Add(c, c)");                                                 // its own operand
  stays(fuse_post_ops, "p = MaxPool(x: f32[1,2,6,6]) kernel=2,2 strides=2,2\ny = Relu(p)");  // no host
  stays(fuse_post_ops, "a = Add(x: i32[2], z: i32[2])\ny = Multiply(a, x)");                 // not f32
  stays(fuse_post_ops, c + "y = Add(c, s: f32[2]{1,2}) auto_broadcast=pdpd axis=1");
  stays(fuse_post_ops, c + "y = PRelu(c, s: f32[2])");  // slopes per channel that are not known cannot be aligned
}

TEST(WidenFloats, EverythingBecomesF32) {
  becomes(widen_floats, "a = Convert(x: f16[2]) destination_type=bf16\ny = Add(a, c: bf16[2]{1,2})",
          "a = Convert(x: f32[2]) destination_type=f32\ny = Add(a, c: f32[2]{1,2})");
  stays(widen_floats, "a = Convert(x: i8[2]) destination_type=f32\ny = Add(a, c: f32[2]{1,2})");
  stays(widen_floats, "y = Add(x: f64[2], c: f64[2]{1,2})");
  Graph graph = parse_graph("y = Exp(x: f32[2])");
  EXPECT_TRUE(widen_floats_to(graph, DataType::kF64));
  EXPECT_EQ(to_text(graph), "y = Exp(x: f64[2])\n-> y\n");
}

TEST(Optimise, DynamicInputsAreNamed) {
  Graph graph = parse_graph("y = Exp(picture: f32[?,3])");
  expect_error(ErrorCode::kInvalidModel, {"input 'picture' has the dynamic shape [?,3]"}, [&] { optimise(graph); });
}

TEST(Optimise, ResidualBlockBecomesTwoNodes) {
  Graph graph = parse_graph(R"(
    c1 = Convolution(x: f32[1,4,8,8], w1: f32[4,4,3,3]{1}) pads_begin=1,1 pads_end=1,1
    s1 = Multiply(c1, g1: f32[1,4,1,1]{2})
    b1 = Add(s1, h1: f32[1,4,1,1]{1})
    r1 = Relu(b1)
    c2 = Convolution(r1, w2: f32[4,4,3,3]{1}) pads_begin=1,1 pads_end=1,1
    s2 = Multiply(c2, g2: f32[1,4,1,1]{2})
    b2 = Add(s2, h2: f32[1,4,1,1]{1})
    a = Add(b2, x)
    y = Relu(a))");
  optimise(graph);
  EXPECT_EQ(graph.nodes.size(), 2U) << to_text(graph);
}

/// The reference interpreter computes both in double, so all that may differ is the rounding of folded constants.
TEST(Optimise, RandomGraphsComputeTheSame) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  std::size_t removed = 0;
  int graphs = 0;
  for (std::uint32_t seed = 1; seed <= 150 && std::chrono::steady_clock::now() < deadline; ++seed, ++graphs) {
    const std::string text = random_graph_text(seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    Graph graph = parse_graph(text);
    randomise_constants(graph, seed);
    const std::vector<double> bounds = f32_error_bounds(graph);
    const RunResult before = run_on("REFERENCE", graph, seed);
    const std::size_t nodes = graph.nodes.size();
    ASSERT_NO_THROW(optimise(graph));
    removed += nodes - graph.nodes.size();
    const RunResult after = run_on("REFERENCE", graph, seed);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      expect_close(after.outputs[i], before.outputs[i], bounds[i], graph.outputs[i].name);
    }
    if (HasFailure()) {
      return;
    }
  }
  EXPECT_GT(graphs, 20);
  EXPECT_GT(removed, static_cast<std::size_t>(graphs)) << "the graphs give the passes nothing to do";
}

TEST(CpuDevice, RandomGraphsAgreeWithReference) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  int graphs = 0;
  for (std::uint32_t seed = 1001; seed <= 1150 && std::chrono::steady_clock::now() < deadline; ++seed, ++graphs) {
    const std::string text = random_graph_text(seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    Graph graph = parse_graph(text);
    randomise_constants(graph, seed);
    expect_device_agrees("CPU", graph, seed);
    if (HasFailure()) {
      return;
    }
  }
  EXPECT_GT(graphs, 20);
}

}  // namespace
}  // namespace fovea::test
