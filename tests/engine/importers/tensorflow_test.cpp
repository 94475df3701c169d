// The TensorFlow importer on small graphs: layouts, dilated convolutions, functions, a SavedModel's checkpoint,
// refusals.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "engine/frontends/frontend.hpp"
#include "engine/frontends/tensorflow/checkpoint.hpp"
#include "engine/frontends/tensorflow/tensorflow.pb.h"
#include "engine/ops/graph_text.hpp"
#include "tests/engine/importers/run_model.hpp"
#include "tests/engine/importers/tensorflow_nodes.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TensorFlow : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name = "net.pb") const {
    return dir_.write(name, graph_.SerializeAsString());
  }
  void refuses(ErrorCode code, std::initializer_list<std::string_view> parts) const {
    const auto path = write();
    expect_error(code, parts, [&] { read_model(path); });
  }

  TempDir dir_;
  tf::GraphDef graph_;
  Nodes<tf::GraphDef> nodes_{graph_};
};

TEST_F(TensorFlow, ConvolvesChannelsLast) {
  nodes_.placeholder("x", {1, 2, 2, 2});
  nodes_.floats("f", {1, 1, 2, 1}, {1, 10});
  nodes_.convolution("c", "x", "f", "VALID");
  nodes_.floats("b", {1}, {100});
  nodes_.add("BiasAdd", "y", {"c", "b"});
  EXPECT_THAT(run_model(write(), counting({1, 2, 2, 2})), ElementsAre(121, 143, 165, 187));
}

TEST_F(TensorFlow, KeepsNoTransposesBetweenConvolutions) {
  nodes_.placeholder("x", {1, 4, 4, 1});
  nodes_.floats("f", {1, 1, 1, 1}, {2});
  nodes_.convolution("a", "x", "f", "SAME");
  nodes_.add("Relu", "r", {"a"});
  nodes_.convolution("b", "r", "f", "SAME");
  nodes_.add("AddV2", "y", {"b", "r"});
  const std::string text = to_text(read_model(write()).graph);
  const auto transposes = [&] {
    int count = 0;
    for (std::size_t at = text.find("Transpose("); at != std::string::npos; at = text.find("Transpose(", at + 1)) {
      ++count;
    }
    return count;
  };
  EXPECT_EQ(transposes(), 2) << text;  // one at each border
}

TEST_F(TensorFlow, FoldsDilatedConvolutions) {
  nodes_.placeholder("x", {-1, -1, -1, 1});
  nodes_.ints("block", {2, 2});
  nodes_.pairs("pads", {2, 3, 2, 3});
  nodes_.pairs("crops", {0, 1, 0, 1});
  nodes_.floats("f", {3, 3, 1, 1}, {0, 0, 0, 1, 0, 2, 0, 0, 0});
  nodes_.add("SpaceToBatchND", "s", {"x", "block", "pads"});
  nodes_.convolution("c", "s", "f", "VALID");
  nodes_.add("BatchToSpaceND", "y", {"c", "block", "crops"});
  EXPECT_THAT(to_text(read_model(write()).graph), HasSubstr("dilations=2,2"));
  // One row 1 … 3 and pads of 2: left neighbour but one, plus twice the right neighbour but one.
  EXPECT_THAT(run_model(write(), counting({1, 1, 3, 1})), ElementsAre(6, 0, 1));
}

TEST_F(TensorFlow, MovesBlocksThatAreNoDilation) {
  nodes_.placeholder("x", {1, 2, 4, 1});
  nodes_.ints("block", {2, 2});
  nodes_.pairs("none", {0, 0, 0, 0});
  nodes_.add("SpaceToBatchND", "s", {"x", "block", "none"});
  nodes_.add("Neg", "n", {"s"});
  EXPECT_THAT(run_model(write(), counting({1, 2, 4, 1})), ElementsAre(-1, -3, -2, -4, -5, -7, -6, -8));
  nodes_.add("BatchToSpaceND", "y", {"n", "block", "none"});
  EXPECT_THAT(run_model(write(), counting({1, 2, 4, 1})), ElementsAre(-1, -2, -3, -4, -5, -6, -7, -8));
}

TEST_F(TensorFlow, TransposedConvolutionPadsLikeTheForwardOne) {
  nodes_.placeholder("x", {1, 1, 2, 1});
  nodes_.ints("shape", {1, 1, 4, 1});
  nodes_.floats("f", {1, 3, 1, 1}, {1, 10, 100});
  tf::NodeDef& node = nodes_.add("Conv2DBackpropInput", "y", {"shape", "f", "x"});
  (*node.mutable_attr())["padding"].set_s("SAME");
  for (const int stride : {1, 2, 2, 1}) {
    (*node.mutable_attr())["strides"].mutable_list()->add_i(stride);
  }
  // Forward: 4 → 2 with kernel 3 and stride 2 needs one pad, at the end. So output 2·i + k gets x[i]·f[k].
  EXPECT_THAT(run_model(write(), counting({1, 1, 2, 1})), ElementsAre(1, 10, 102, 20));
}

TEST_F(TensorFlow, ComputesShapes) {
  nodes_.placeholder("x", {-1, 2, 3});
  nodes_.add("Shape", "s", {"x"});
  nodes_.ints("zero", {0});
  nodes_.ints("one", {1});
  tf::NodeDef& first = nodes_.add("StridedSlice", "n", {"s", "zero", "one", "one"});
  (*first.mutable_attr())["shrink_axis_mask"].set_i(1);
  nodes_.ints("rest", {-1}, true);
  nodes_.add("Pack", "target", {"n", "rest"});
  nodes_.add("Reshape", "r", {"x", "target"});
  nodes_.ints("axes", {1});
  nodes_.add("Mean", "y", {"r", "axes"});
  EXPECT_THAT(run_model(write(), counting({2, 2, 3})), ElementsAre(3.5, 9.5));
}

class SavedModel : public TensorFlow {
 protected:
  /// y = f(x) = x · w + w with the variable w, multiplied in a function.
  void write_model() {
    nodes_.placeholder("serve_x", {2});
    tf::NodeDef& variable = nodes_.add("VarHandleOp", "w");
    (*variable.mutable_attr())["shared_name"].set_s("layer/w");
    nodes_.add("ReadVariableOp", "read", {"w"});
    tf::NodeDef& call = nodes_.add("StatefulPartitionedCall", "call", {"serve_x", "read"});
    (*call.mutable_attr())["f"].mutable_func()->set_name("scale");
    tf::FunctionDef& function = *graph_.mutable_library()->add_function();
    function.mutable_signature()->set_name("scale");
    function.mutable_signature()->add_input_arg()->set_name("a");
    function.mutable_signature()->add_input_arg()->set_name("b");
    function.mutable_signature()->add_output_arg()->set_name("out");
    Nodes<tf::FunctionDef> inside(function);
    inside.add("Mul", "product", {"a", "b"});
    inside.add("AddV2", "sum", {"product:z:0", "b"});
    (*function.mutable_ret())["out"] = "sum:z:0";
    tf::SavedModel model;
    model.set_saved_model_schema_version(1);
    tf::MetaGraphDef& meta = *model.add_meta_graphs();
    meta.mutable_meta_info_def()->add_tags("serve");
    *meta.mutable_graph_def() = graph_;
    tf::SignatureDef& signature = (*meta.mutable_signature_def())["serving_default"];
    (*signature.mutable_inputs())["image"].set_name("serve_x:0");
    (*signature.mutable_outputs())["score"].set_name("call:0");
    path_ = dir_.write("saved_model.pb", model.SerializeAsString());
  }

  void write_variables(std::int64_t size) {
    tf::BundleHeaderProto header;
    header.set_num_shards(1);
    tf::BundleEntryProto entry;
    entry.set_dtype(kFloat);
    entry.mutable_shape()->add_dim()->set_size(2);
    entry.set_offset(4);
    entry.set_size(size);
    std::filesystem::create_directories(dir_ / "variables");
    dir_.write("variables/variables.index",
               table({{"", header.SerializeAsString()}, {"layer/w", entry.SerializeAsString()}}));
    const std::array<float, 3> values = {-1, 2, 3};
    dir_.write("variables/variables.data-00000-of-00001",
               {reinterpret_cast<const char*>(values.data()), sizeof(values)});
  }

  std::filesystem::path path_;
};

TEST_F(SavedModel, InlinesFunctionsAndReadsVariables) {
  write_model();
  write_variables(8);
  const Model model = read_model(path_);
  EXPECT_EQ(model.format, "TensorFlow SavedModel");
  EXPECT_EQ(model.graph.inputs[0].name, "image");
  EXPECT_EQ(model.graph.outputs[0].name, "score");
  EXPECT_EQ(read_model(dir_.path()).hash, model.hash) << "given as a folder";
  EXPECT_THAT(run_model(path_, counting({2})), ElementsAre(4, 9));
}

TEST_F(SavedModel, RefusesDamagedCheckpoints) {
  write_model();
  expect_error(ErrorCode::kNotFound, {"variables.index"}, [&] { read_model(path_); });
  write_variables(1 << 20);
  expect_error(ErrorCode::kInvalidModel, {"variable 'layer/w'", "data file has 12"}, [&] { read_model(path_); });
  dir_.write("variables/variables.index", "short");
  expect_error(ErrorCode::kInvalidModel, {"footer"}, [&] { read_model(path_); });
}

TEST_F(SavedModel, TablesMayBeDamagedAnywhere) {
  const std::string good = table({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(tf::read_table(std::as_bytes(std::span(good))).size(), 2U);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char value : {'\0', '\x7F', '\xFF'}) {
      std::string bad = good;
      bad[i] = value;
      try {
        (void)tf::read_table(std::as_bytes(std::span(bad)));
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kInternal);
      }
    }
  }
}

TEST_F(TensorFlow, ReadsTheTextForm) {
  const auto path = dir_.write("net.pbtxt", R"(
    node { name: "x" op: "Placeholder" device: "/device:CPU:0"
      attr { key: "dtype" value { type: DT_FLOAT } }
      attr { key: "shape" value { shape { dim { size: 1 } dim { size: 2 } } } } }
    node { name: "w" op: "Const"  # 1 and 2 as bytes
      attr { key: "dtype" value { type: DT_FLOAT } }
      attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { dim { size: 2 } }
        tensor_content: "\000\000\200?\000\000\000@" } } } }
    node { name: "y" op: "Mul" input: "x" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
    versions { producer: 26 })");
  EXPECT_THAT(run_model(path, Tensor::of<float>({1, 2}, {3, 4})), ElementsAre(3, 8));
  EXPECT_EQ(read_model(path).format, "TensorFlow frozen graph");
}

TEST_F(TensorFlow, TextAndBytesAreTheSameGraph) {
  nodes_.placeholder("x", {1, 2, 2, 2});
  nodes_.floats("f", {1, 1, 2, 1}, {1, 10});
  nodes_.convolution("c", "x", "f", "VALID");
  nodes_.ints("axes", {1, 2});
  nodes_.add("Mean", "y", {"c", "axes"});
  std::string text;
  ASSERT_TRUE(google::protobuf::TextFormat::PrintToString(graph_, &text));
  EXPECT_EQ(to_text(read_model(dir_.write("net.pbtxt", text)).graph), to_text(read_model(write()).graph));
}

TEST_F(TensorFlow, ReadsASavedModelInTextForm) {
  const auto path = dir_.write("saved_model.pbtxt", R"(saved_model_schema_version: 1
    meta_graphs {
      meta_info_def { tags: "serve" }
      graph_def {
        node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } }
          attr { key: "shape" value { shape { dim { size: 2 } } } } }
        node { name: "y" op: "Neg" input: "x" } }
      signature_def { key: "serving_default" value {
        inputs { key: "data" value { name: "x:0" dtype: DT_FLOAT } }
        outputs { key: "result" value { name: "y:0" dtype: DT_FLOAT } } } } })");
  const Model model = read_model(path);
  EXPECT_EQ(model.format, "TensorFlow SavedModel");
  EXPECT_EQ(model.graph.inputs[0].name, "data");
  EXPECT_THAT(run_model(path, Tensor::of<float>({2}, {3, 4})), ElementsAre(-3, -4));
}

TEST_F(TensorFlow, RefusesTextThatIsNoGraph) {
  const auto refuses_text = [&](const std::string& text, std::initializer_list<std::string_view> parts) {
    const auto path = dir_.write("net.pbtxt", text);
    expect_error(ErrorCode::kInvalidModel, parts, [&] { read_model(path); });
  };
  refuses_text("node { name: \"x\"\n op: }", {"'net.pbtxt'", "line 2"});
  refuses_text("node { name: \"x\" attr { key: \"dtype\" value { type: DT_TEXT } } }", {"'net.pbtxt'", "DT_TEXT"});
  std::string deep;
  for (int i = 0; i < 200; ++i) {
    deep += "unknown {";
  }
  refuses_text(deep, {"'net.pbtxt'"});
  std::string many;
  for (int i = 0; i < 50'001; ++i) {
    many += "node{}";
  }
  refuses_text(many, {"'net.pbtxt' has 50001 messages, expected at most 50000"});
}

TEST_F(TensorFlow, RefusesCyclesAndWhatIsMissing) {
  nodes_.add("Relu", "a", {"b"});
  nodes_.add("Relu", "b", {"a"});
  nodes_.add("Neg", "y", {"a"});
  refuses(ErrorCode::kInvalidModel, {"net.pb", "cycle", "'a'", "'b'"});
  graph_.mutable_node(1)->set_input(0, "none");
  refuses(ErrorCode::kInvalidModel, {"'b' reads 'none', which does not exist"});
}

TEST_F(TensorFlow, RefusesTensorsThatAFewBytesFill) {
  nodes_.floats("huge", {1 << 20, 1 << 10}, {1});
  nodes_.add("Relu", "y", {"huge"});
  refuses(ErrorCode::kInvalidModel, {"node 'huge'", "1 values"});
  graph_.mutable_node(0)
      ->mutable_attr()
      ->at("value")
      .mutable_tensor()
      ->mutable_tensor_shape()
      ->mutable_dim(0)
      ->set_size(std::int64_t{1} << 62);
  refuses(ErrorCode::kInvalidModel, {"node 'huge'", "2^40"});
}

TEST_F(TensorFlow, RefusesFunctionsThatCallThemselves) {
  tf::FunctionDef& function = *graph_.mutable_library()->add_function();
  function.mutable_signature()->set_name("f");
  Nodes<tf::FunctionDef>(function).add("f", "again");
  nodes_.add("f", "y");
  refuses(ErrorCode::kUnsupported, {"deep"});
}

TEST_F(TensorFlow, NamesAllUnsupportedOperators) {
  nodes_.placeholder("x", {1});
  nodes_.add("Foo", "a", {"x"});
  nodes_.add("Bar", "y", {"a"});
  refuses(ErrorCode::kUnsupported, {"2 operators are not supported", "Bar: 1 node: 'y'", "Foo: 1 node: 'a'"});
}

TEST_F(TensorFlow, DeepGraphsDoNotExhaustTheStack) {
  nodes_.placeholder("n0", {1});
  constexpr int kDepth = 20'000;
  for (int i = 1; i <= kDepth; ++i) {
    nodes_.add("Identity", "n" + std::to_string(i), {"n" + std::to_string(i - 1)});
  }
  nodes_.add("Neg", "y", {"n" + std::to_string(kDepth)});
  EXPECT_EQ(read_model(write()).graph.nodes.size(), 1U);
}

}  // namespace
}  // namespace fovea::test
