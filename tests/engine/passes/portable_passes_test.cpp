// The passes of `fovea convert`: each changes what it should, keeps what it must, and computes the same as before.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/graph_text.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/passes/portable.hpp"
#include "tests/engine/error_bound.hpp"
#include "tests/engine/random_graph.hpp"

namespace fovea::test {
namespace {

using PassFunction = bool (*)(Graph&);

std::size_t count(const Graph& graph, std::string_view op) {
  return static_cast<std::size_t>(
      std::ranges::count_if(graph.nodes, [&](const Node& node) { return node.op->name == op; }));
}

Graph random_constants(std::string_view text) {
  Graph graph = parse_graph(text);
  randomise_constants(graph, 5);
  return graph;
}

/// Runs the pass, which must fire, and compares what REFERENCE computes before and after.
/// \param exact  The pass only moves numbers: equal to the bit. Otherwise within the bound of f32 arithmetic.
Graph after(PassFunction pass, Graph graph, bool exact) {
  const std::vector<double> bounds = exact ? std::vector<double>(graph.outputs.size(), 0) : f32_error_bounds(graph);
  const RunResult before = run_on("REFERENCE", graph, 3);
  EXPECT_TRUE(pass(graph)) << to_text(graph);
  graph.compact();
  EXPECT_NO_THROW(verify(graph));
  const RunResult now = run_on("REFERENCE", graph, 3);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (exact) {
      EXPECT_EQ(to_doubles(now.outputs[i].view()), to_doubles(before.outputs[i].view())) << graph.outputs[i].name;
    } else {
      expect_close(now.outputs[i], before.outputs[i], bounds[i], graph.outputs[i].name);
    }
  }
  EXPECT_FALSE(pass(graph)) << "a second run finds something to do:\n" << to_text(graph);
  return graph;
}

void stays(PassFunction pass, std::string_view text) {
  Graph graph = parse_graph(text);
  const std::string before = to_text(graph);
  EXPECT_FALSE(pass(graph)) << text;
  graph.compact();
  EXPECT_EQ(to_text(graph), before);
}

TEST(DecomposeBatchNorm, BecomesFactorAndShift) {
  // Variances must be positive, so these constants are not random.
  Graph graph = parse_graph(
      "y = BatchNormInference(x: f32[1,2,3,3], g: f32[2]{2,-3}, b: f32[2]{1,5}, m: f32[2]{0.5,-1}, v: f32[2]{4,0.25}) "
      "epsilon=0");
  const RunResult before = run_on("REFERENCE", graph, 3);
  ASSERT_TRUE(decompose_batch_norm(graph));
  // 2/√4 = 1, 1 − 0.5·1 = 0.5; −3/√0.25 = −6, 5 − (−1)(−6) = −1: exact in f32.
  EXPECT_EQ(to_text(graph),
            "y/scaled = Multiply(x: f32[1,2,3,3], y/factor: f32[1,2,1,1]{1,-6}) auto_broadcast=numpy axis=-1\n"
            "y = Add(y/scaled, y/shift: f32[1,2,1,1]{0.5,-1}) auto_broadcast=numpy axis=-1\n-> y\n");
  const RunResult now = run_on("REFERENCE", graph, 3);
  EXPECT_EQ(to_doubles(now.outputs[0].view()), to_doubles(before.outputs[0].view()));
}

TEST(DecomposeBatchNorm, KeepsWhatItCannotKnow) {
  stays(decompose_batch_norm,
        "y = BatchNormInference(x: f32[1,1,3,3], g: f32[1], b: f32[1]{1}, m: f32[1]{0}, v: f32[1]{1}) epsilon=0");
  // 1/0: the node gives infinities and NaN, which factor and shift would not.
  stays(decompose_batch_norm,
        "y = BatchNormInference(x: f32[1,1,3,3], g: f32[1]{1}, b: f32[1]{1}, m: f32[1]{0}, v: f32[1]{0}) epsilon=0");
}

TEST(FuseAffine, BehindConvolutions) {
  for (const char* convolution :
       {"c = Convolution(x: f32[1,2,5,5], w: f32[4,2,3,3]{1}) pads_begin=1,1 pads_end=1,1\n",
        "c = GroupConvolution(x: f32[1,4,5,5], w: f32[2,2,2,3,3]{1}) pads_begin=1,1 pads_end=1,1\n",
        "c = ConvolutionBackpropData(x: f32[1,2,5,5], w: f32[2,4,3,3]{1}) pads_begin=1,1 pads_end=1,1\n",
        "c = GroupConvolutionBackpropData(x: f32[1,4,5,5], w: f32[2,2,2,3,3]{1}) strides=2,2\n"}) {
    SCOPED_TRACE(convolution);
    const Graph scaled =
        after(fuse_affine, random_constants(std::string(convolution) + "y = Multiply(c, s: f32[1,4,1,1]{1})"), false);
    EXPECT_EQ(scaled.nodes.size(), 1U);
    EXPECT_EQ(scaled.nodes[0].name, "y");
    const Graph chain =
        after(fuse_affine,
              random_constants(std::string(convolution) + "b = Add(c, t: f32[4,1,1]{1})\nm = Multiply(s: f32[]{1}, b)\n"
                                                          "y = Add(m, u: f32[1,4,1,1]{1})"),
              false);
    EXPECT_EQ(chain.nodes.size(), 2U) << to_text(chain);
    EXPECT_EQ(chain.nodes[1].name, "y");
    EXPECT_TRUE(chain.nodes[0].post_ops.empty()) << "files have no post-ops";
  }
}

TEST(FuseAffine, BeforeConvolutions) {
  const Graph padded =
      after(fuse_affine,
            random_constants("m = Multiply(x: f32[1,4,5,5], s: f32[1,4,1,1]{1})\n"
                             "y = GroupConvolution(m, w: f32[2,3,2,3,3]{1}) pads_begin=1,1 pads_end=1,1"),
            false);
  EXPECT_EQ(padded.nodes.size(), 1U);
  const Graph shifted = after(fuse_affine,
                              random_constants("a = Add(x: f32[1,2,5,5], t: f32[1,2,1,1]{1})\n"
                                               "m = Multiply(a, s: f32[1,2,1,1]{1})\n"
                                               "c = Convolution(m, w: f32[4,2,3,3]{1})\ny = Relu(c)"),
                              false);
  EXPECT_EQ(count(shifted, "Convolution") + count(shifted, "Add") + count(shifted, "Relu"), 3U) << to_text(shifted);
  EXPECT_EQ(shifted.nodes.size(), 3U);
  // Several convolutions read the same data.
  const Graph two =
      after(fuse_affine,
            random_constants("m = Multiply(x: f32[1,2,5,5], s: f32[1,2,1,1]{1})\n"
                             "y = Convolution(m, w: f32[4,2,3,3]{1})\nz = Convolution(m, v: f32[1,2,1,1]{1})"),
            false);
  EXPECT_EQ(two.nodes.size(), 2U);
}

TEST(FuseAffine, ConvolutionsOfWholeNumbersKeepCounting) {
  const std::string bytes = "q = Convert(x: u8[1,2,3,3]) destination_type=f32\n";
  stays(fuse_affine, bytes + "c = Convolution(q, w: f32[1,2,1,1]{1,-2})\ny = Multiply(c, s: f32[]{0.1})");
  Graph real = parse_graph(bytes + "c = Convolution(q, w: f32[1,2,1,1]{1,-2.5})\ny = Multiply(c, s: f32[]{0.1})");
  EXPECT_TRUE(fuse_affine(real));
  EXPECT_EQ(count(real, "Multiply"), 0U);
}

TEST(FuseAffine, LeavesTheRestAlone) {
  // The pad is 0, not the shift.
  stays(fuse_affine,
        "a = Add(x: f32[1,2,5,5], t: f32[1,2,1,1]{1,2})\n"
        "y = Convolution(a, w: f32[1,2,3,3]{1}) pads_begin=1,1 pads_end=1,1");
  stays(fuse_affine,
        "a = Add(x: f32[1,2,5,5], t: f32[1,2,1,1]{1,2})\ny = Convolution(a, w: f32[1,2,3,3]{1}) auto_pad=same_upper");
  const std::string c = "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1,2,3,4})\n";
  stays(fuse_affine, c + "y = Multiply(c, s: f32[1,2,1,1]{10,100})\nz = Exp(c)");
  stays(fuse_affine, c + "y = Multiply(c, s: f32[1,2,1,1]{10,100})\n-> y, c");
  stays(fuse_affine, c + "y = Multiply(c, s: f32[1,1,1,3]{1,2,3})");
  stays(fuse_affine, c + "y = Multiply(c, s: f32[1,2,1,1]{1e38,1e38})\nz = Exp(c)");
  stays(fuse_affine, "c = Convolution(x: f32[1,1,3,3], w: f32[1,1,1,1]{1e30})\ny = Multiply(c, s: f32[]{1e30})");
  stays(fuse_affine, "c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1])\ny = Multiply(c, s: f32[]{2})");
  stays(fuse_affine,
        "m = Multiply(x: f32[1,2,3,3], s: f32[1,2,1,1]{1,2})\ny = Convolution(m, w: f32[2,2,1,1]{1})\nz = Exp(m)");
}

TEST(FuseChannelOrder, ReversedChannelsGoIntoWeights) {
  const std::string reverse = "g = Gather(x: f32[1,3,5,5], i: i64[3]{2,1,0}, a: i64[]{1})\n";
  const Graph direct =
      after(fuse_channel_order,
            random_constants(reverse + "y = Convolution(g, w: f32[4,3,3,3]{1}) pads_begin=1,1 pads_end=1,1"), true);
  EXPECT_EQ(direct.nodes.size(), 1U);
  const Graph past_mean =
      after(fuse_channel_order,
            random_constants(reverse + "m = Add(g, t: f32[1,3,1,1]{1})\ns = Multiply(m, u: f32[1,3,1,1]{1})\n"
                                       "y = Convolution(s, w: f32[4,3,3,3]{1}) pads_begin=1,1 pads_end=1,1"),
            true);
  EXPECT_EQ(count(past_mean, "Gather"), 0U);
  EXPECT_EQ(past_mean.nodes.size(), 3U);
}

TEST(FuseChannelOrder, LeavesTheRestAlone) {
  // Picks, repeats, another axis, a second reader that is no convolution, no convolution at all.
  stays(fuse_channel_order,
        "g = Gather(x: f32[1,3,5,5], i: i64[2]{2,1}, a: i64[]{1})\ny = Convolution(g, w: f32[4,2,1,1]{1})");
  stays(fuse_channel_order,
        "g = Gather(x: f32[1,3,5,5], i: i64[3]{2,2,0}, a: i64[]{1})\ny = Convolution(g, w: f32[4,3,1,1]{1})");
  stays(fuse_channel_order,
        "g = Gather(x: f32[1,3,3,5], i: i64[3]{2,1,0}, a: i64[]{2})\ny = Convolution(g, w: f32[4,3,1,1]{1})");
  stays(
      fuse_channel_order,
      "g = Gather(x: f32[1,3,5,5], i: i64[3]{2,1,0}, a: i64[]{1})\ny = Convolution(g, w: f32[4,3,1,1]{1})\nz = Exp(g)");
  stays(fuse_channel_order,
        "g = Gather(x: f32[1,3,5,5], i: i64[3]{2,1,0}, a: i64[]{1})\nm = Add(g, t: f32[1,3,1,1]{1,2,3})\ny = Exp(m)");
}

const char* const kSplit = "a, b = Split(x: f32[1,4,5,5], d: i64[]{1}) num_splits=2\n";

TEST(MergeGroupConvolutions, BecomesOne) {
  const Graph plain = after(
      merge_group_convolutions,
      random_constants(std::string(kSplit) + "c = Convolution(a, w: f32[3,2,3,3]{1}) pads_begin=1,1 pads_end=1,1\n"
                                             "e = Convolution(b, v: f32[3,2,3,3]{1}) pads_begin=1,1 pads_end=1,1\n"
                                             "y = Concat(c, e) axis=-3"),
      true);
  ASSERT_EQ(plain.nodes.size(), 1U);
  EXPECT_EQ(plain.nodes[0].op->name, "GroupConvolution");
  EXPECT_EQ(plain.nodes[0].name, "y");
  const Graph shifted =
      after(merge_group_convolutions,
            random_constants("a, b = VariadicSplit(x: f32[1,4,5,5], d: i64[]{1}, l: i64[2]{2,2})\n"
                             "c = Convolution(a, w: f32[3,2,1,1]{1}) strides=2,2\ns = Add(c, p: f32[1,3,1,1]{1})\n"
                             "e = Convolution(b, v: f32[3,2,1,1]{1}) strides=2,2\nt = Add(e, q: f32[1,3,1,1]{1})\n"
                             "y = Concat(s, t) axis=1"),
            true);
  EXPECT_EQ(shifted.nodes.size(), 2U) << to_text(shifted);
}

TEST(MergeGroupConvolutions, LeavesTheRestAlone) {
  const std::string c = "c = Convolution(a, w: f32[3,2,1,1]{1})\n";
  const std::string e = "e = Convolution(b, v: f32[3,2,1,1]{1})\n";
  stays(merge_group_convolutions, kSplit + c + e + "y = Concat(e, c) axis=1");              // another order
  stays(merge_group_convolutions, kSplit + c + e + "y = Concat(c, e) axis=2");              // another axis
  stays(merge_group_convolutions, kSplit + c + e + "y = Concat(c, e) axis=1\nz = Exp(c)");  // read twice
  stays(merge_group_convolutions, kSplit + c + e + "y = Concat(c, e) axis=1\nz = Exp(a)");
  stays(merge_group_convolutions,
        kSplit + c + "e = Convolution(b, v: f32[2,2,1,1]{1})\ny = Concat(c, e) axis=1");  // other weights
  stays(merge_group_convolutions, kSplit + c +
                                      "e = Convolution(b, v: f32[3,2,1,1]{1}) pads_begin=1,1 pads_end=0,0\n"
                                      "f = MaxPool(e) kernel=2,2\ny = Concat(c, f) axis=1");
  stays(merge_group_convolutions,
        "a, b = VariadicSplit(x: f32[1,4,5,5], d: i64[]{1}, l: i64[2]{1,3})\n"
        "c = Convolution(a, w: f32[3,1,1,1]{1})\ne = Convolution(b, v: f32[3,3,1,1]{1})\n"
        "y = Concat(c, e) axis=1");
}

TEST(SinkTransposes, CancelThroughElementwise) {
  const std::string there = "t = Transpose(x: f32[1,4,5,6], o: i64[4]{0,2,3,1})\n";
  const std::string back = "y = Transpose(r, p: i64[4]{0,3,1,2})";
  EXPECT_EQ(after(sink_transposes, random_constants(there + "r = Relu(t)\n" + back), true).nodes.size(), 1U);
  EXPECT_EQ(after(sink_transposes, random_constants(there + "r = Add(t, c: f32[4]{1})\n" + back), true).nodes.size(),
            1U);
  EXPECT_EQ(after(sink_transposes, random_constants(there + "r = Multiply(c: f32[1,5,1,4]{1}, t)\n" + back), true)
                .nodes.size(),
            1U);
  const Graph joined = after(sink_transposes,
                             random_constants(there +
                                              "u = Transpose(z: f32[1,3,5,6], q: i64[4]{0,2,3,1})\n"
                                              "r = Concat(t, u) axis=3\n" +
                                              back),
                             true);
  ASSERT_EQ(joined.nodes.size(), 1U) << to_text(joined);
  const Graph three = after(sink_transposes,
                            parse_graph("a = Transpose(x: f32[2,3,4], o: i64[3]{1,2,0})\n"
                                        "b = Transpose(a, p: i64[3]{2,1,0})\ny = Exp(b)"),
                            true);
  EXPECT_EQ(count(three, "Transpose"), 1U) << "two become one";
}

TEST(SinkTransposes, LeavesTheRestAlone) {
  stays(sink_transposes, "t = Transpose(x: f32[2,3,4], o: i64[3]{1,2,0})\ny = Relu(t)");  // nothing to meet
  stays(sink_transposes,
        "t = Transpose(x: f32[2,3,4], o: i64[3]{1,2,0})\nr = Softmax(t) axis=1\ny = Transpose(r, p: i64[3]{2,0,1})");
  stays(sink_transposes,
        "t = Transpose(x: f32[2,3,4], o: i64[3]{1,2,0})\nr = Relu(t)\n"
        "y = Transpose(r, p: i64[3]{2,0,1})\nz = Exp(t)");  // the middle is needed as it is
  stays(sink_transposes,
        "t = Transpose(x: f32[2,3,4], o: i64[3]{1,2,0})\nr = Add(t, z: f32[3,4,2])\n"
        "y = Transpose(r, p: i64[3]{2,0,1})");
}

TEST(MoveStrides, UpToTheConvolution) {
  const std::string c = "c = Convolution(x: f32[1,2,9,9], w: f32[3,2,3,3]{1}) pads_begin=1,1 pads_end=1,1\n";
  const std::string y = "y = Convolution(r, v: f32[4,3,1,1]{1}) strides=2,2\n";
  const Graph simple = after(move_strides, random_constants(c + "r = Relu(c)\n" + y), true);
  EXPECT_NE(to_text(simple).find("f32[1,2,9,9]"), std::string::npos);
  EXPECT_EQ(simple.value(simple.nodes[0].outputs[0]).type.shape, (Shape{1, 3, 5, 5}));
  // Automatic padding stays what it was; even extents and a second stride.
  const Graph automatic =
      after(move_strides,
            random_constants("c = Convolution(x: f32[1,2,10,8], w: f32[3,2,3,3]{1}) auto_pad=same_upper strides=2,1\n"
                             "b = Add(c, t: f32[1,3,1,1]{1})\nr = Relu(b)\n" +
                             y),
            true);
  EXPECT_EQ(automatic.value(automatic.nodes[0].outputs[0]).type.shape, (Shape{1, 3, 3, 4}));
  // The residual branch gets a pooling that picks; two convolutions read the sum.
  const Graph residual = after(move_strides,
                               random_constants(c + "a = Add(c, z: f32[1,3,9,9])\nr = Relu(a)\n" + y +
                                                "q = Convolution(r, u: f32[2,3,1,1]{1}) strides=2,2"),
                               true);
  EXPECT_EQ(count(residual, "MaxPool"), 1U);
}

TEST(MoveStrides, LeavesTheRestAlone) {
  const std::string c = "c = Convolution(x: f32[1,2,9,9], w: f32[3,2,3,3]{1})\nr = Relu(c)\n";
  stays(move_strides, c + "y = Convolution(r, v: f32[4,3,3,3]{1}) strides=2,2");  // reads all elements
  stays(move_strides, c + "y = Convolution(r, v: f32[4,3,1,1]{1}) strides=2,2 pads_begin=1,1 pads_end=1,1");
  stays(move_strides, c + "y = Convolution(r, v: f32[4,3,1,1]{1}) strides=2,2\nz = Exp(r)");
  stays(move_strides, c + "y = Convolution(r, v: f32[4,3,1,1]{1}) strides=2,2\nz = Exp(c)");
  stays(move_strides, c + "y = Convolution(r, v: f32[4,3,1,1]{1}) strides=2,2\n-> y, r");
  stays(move_strides,
        "r = Relu(x: f32[1,3,9,9])\ny = Convolution(r, v: f32[4,3,1,1]{1}) strides=2,2");  // saves nothing
  stays(move_strides, c + "y = Convolution(r, v: f32[4,3,1,1]{1}) strides=2,2\n"
                          "z = Convolution(r, u: f32[4,3,1,1]{1}) strides=3,3");
}

TEST(FoldPortableConstants, KeepsShapesAndIntegerWeights) {
  stays(fold_portable_constants, "s = ShapeOf(x: f32[2,3]) output_type=i64\ny = Reshape(x, s) special_zero=false");
  stays(fold_portable_constants, "w = Convert(c: i8[2]{1,2}) destination_type=f32\ny = Multiply(x: f32[2], w)");
  stays(fold_portable_constants,
        "b = Broadcast(c: f32[]{1}, s: i64[1]{100000}) mode=numpy\ny = Add(x: f32[100000], b)");
  Graph graph = parse_graph("a = Add(p: f32[2]{1,2}, q: f32[2]{3,4})\ny = Multiply(x: f32[2], a)");
  EXPECT_TRUE(fold_portable_constants(graph));
  EXPECT_EQ(graph.nodes.size(), 1U);
}

TEST(RemoveIdentities, TwoUnknownExtentsNeedNotBeTheSame) {
  stays(remove_identities, "y = Tile(x: f32[?], r: i64[1]{2})");
}

TEST(PortablePasses, RandomGraphsComputeTheSameAndStayPortable) {
  std::size_t removed = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    const std::string text = random_graph_text(seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    Graph graph = parse_graph(text);
    randomise_constants(graph, seed);
    const std::vector<double> bounds = f32_error_bounds(graph);
    const RunResult before = run_on("REFERENCE", graph, seed);
    const std::size_t nodes = graph.nodes.size();
    for (const Pass& pass : portable_passes()) {
      pass.run(graph);
      graph.compact();
      ASSERT_NO_THROW(verify(graph)) << pass.name;
    }
    removed += nodes > graph.nodes.size() ? nodes - graph.nodes.size() : 0;
    const RunResult now = run_on("REFERENCE", graph, seed);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      expect_close(now.outputs[i], before.outputs[i], bounds[i], graph.outputs[i].name);
    }
    for (const Node& node : graph.nodes) {
      EXPECT_TRUE(node.post_ops.empty()) << node.name;
    }
    if (HasFailure()) {
      return;
    }
  }
  EXPECT_GT(removed, 0U) << "the graphs give the passes nothing to do";
}

}  // namespace
}  // namespace fovea::test
