// Caffe, MXNet and TensorFlow files made to hurt: each is refused with a message that names place, value and
// expectation, at little cost.
#include <gtest/gtest.h>

#include "engine/frontends/caffe/caffe.pb.h"
#include "tests/engine/importers/limited_child.hpp"
#include "tests/engine/importers/mxnet_files.hpp"
#include "tests/engine/importers/tensorflow_nodes.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

std::string repeated(std::string_view text, int count) {
  std::string all;
  all.reserve(text.size() * static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

class HostileCaffe : public ::testing::Test {
 protected:
  void refuses(const std::string& prototxt, std::initializer_list<std::string_view> parts) {
    expect_refused_cheaply(dir_.write("net.prototxt", prototxt), parts);
  }
  void refuses_weights(const std::string& caffemodel, std::initializer_list<std::string_view> parts) {
    dir_.write("net.caffemodel", caffemodel);
    refuses(kInput +
                "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: 2 "
                "kernel_size: 1 } }",
            parts);
  }

  const std::string kInput =
      "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 1 dim: 2 dim: 2 } } }\n";
  TempDir dir_;
};

TEST_F(HostileCaffe, Shapes) {
  refuses("layer { name: 'd' type: 'Input' top: 'd' input_param { shape { dim: 1152921504606846976 dim: 2 } } }",
          {"layer 'd' (Input)", "2^40"});
  refuses(
      "input: 'd' input_dim: 2147483647 input_dim: 2147483647 input_dim: 2147483647 input_dim: 2147483647\n"
      "layer { name: 'r' type: 'ReLU' bottom: 'd' top: 'r' }",
      {"layer 'd' (Input)", "2^40"});
  refuses("layer { name: 'd' type: 'Input' top: 'd' input_param { shape { dim: 99999999999999999999 } } }",
          {"'net.prototxt'", "line 1"});
  refuses(kInput +
              "layer { name: 'r' type: 'Reshape' bottom: 'data' top: 'r' reshape_param { shape { dim: "
              "4611686018427387904 dim: 4 } } }",
          {"layer 'r' (Reshape)"});
  refuses(kInput + "layer { name: 't' type: 'Tile' bottom: 'data' top: 't' tile_param { axis: 2 tiles: 2147483647 } }",
          {"layer 't' (Tile)", "tiles"});
}

TEST_F(HostileCaffe, Weights) {
  caffe::NetParameter net;
  caffe::LayerParameter& layer = *net.add_layer();
  layer.set_name("c");
  layer.add_blobs()->mutable_shape()->add_dim(std::int64_t{1} << 60);
  refuses_weights(net.SerializeAsString(), {"'net.caffemodel': layer 'c': blob 0", "2^40"});
  layer.mutable_blobs(0)->mutable_shape()->set_dim(0, std::int64_t{1} << 39);
  refuses_weights(net.SerializeAsString(), {"layer 'c': blob 0: the shape [549755813888] needs 549755813888 values"});
  // A length that goes beyond the file; empty messages, three bytes each; numbers that are not packed.
  refuses_weights("\xa2\x06\xff\xff\xff\xff\xff\xff\xff\xff\x7f", {"'net.caffemodel' is no message"});
  refuses_weights(repeated(std::string_view("\xa2\x06\x00", 3), 1'500'000), {"'net.caffemodel'", "take more than"});
  refuses_weights(repeated(std::string_view("\x12\x00", 2), 2'500'000), {"'net.caffemodel'", "take more than"});
}

TEST_F(HostileCaffe, NestingAndRepetition) {
  refuses(repeated("layer{", 1'000'000), {"has 1000000 messages, expected at most 50000"});
  refuses(repeated("layer{", 40'000), {"'net.prototxt'", "line 1"});
  refuses(repeated("unknown{", 40'000), {"'net.prototxt'", "line 1"});
  refuses(repeated("layer{}", 1'000'000), {"has 1000000 messages, expected at most 50000"});
  refuses(repeated("layer{}", 40'000), {"a layer without a type"});
  refuses(repeated("# a comment, and nothing else\n", 300'000), {"has 9000000 bytes", "at most 8388608"});
  refuses("layer { name: 'x' type: 'Concat' " + repeated("top:'' ", 1'000'000) + "}", {"layer 'x'"});
  refuses("layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: [1" + repeated(",1", 2'000'000) + "]}}}",
          {"layer 'x'", "axes"});
}

TEST_F(HostileCaffe, CyclesAndLongNames) {
  refuses(kInput +
              "layer { name: 'a' type: 'Eltwise' bottom: 'data' bottom: 'b' top: 'a' }\n"
              "layer { name: 'b' type: 'ReLU' bottom: 'a' top: 'b' }",
          {"layer 'a' (Eltwise)", "'b' is not produced by a layer before"});
  refuses("layer { name: '" + std::string(4'000'000, 'n') + "' type: 'ReLU' bottom: 'x' top: 'y' }",
          {"layer 'nnn", "…"});
}

class HostileMxNet : public ::testing::Test {
 protected:
  void refuses(const std::string& json, std::initializer_list<std::string_view> parts) {
    expect_refused_cheaply(dir_.write("net-symbol.json", json), parts);
  }
  void refuses_parameters(const std::string& bytes, std::initializer_list<std::string_view> parts) {
    dir_.write("net-0000.params", bytes);
    refuses(kClassifier, parts);
  }
  /// A network of one operator on an input of a given shape.
  static std::string one_operator(const std::string& op, const std::string& attributes,
                                  const std::string& shape = "(1, 2, 2, 3)") {
    return R"({"nodes": [{"op": "null", "name": "data", "attrs": {"__shape__": ")" + shape + R"("}, "inputs": []},)" +
           R"({"op": ")" + op + R"(", "name": "n", "attrs": {)" + attributes +
           R"(}, "inputs": [[0, 0, 0]]}], "heads": [[1, 0, 0]]})";
  }

  TempDir dir_;
};

TEST_F(HostileMxNet, Shapes) {
  refuses(one_operator("exp", "", "(1152921504606846976, 2)"), {"node 'data'", "2^40"});
  refuses(one_operator("exp", "", "(99999999999999999999,)"), {"node 'data'", "99999999999999999999"});
  refuses(one_operator("Reshape", R"js("shape": "(4611686018427387904, 4)")js"), {"node 'n' (Reshape)"});
  refuses(one_operator("SliceChannel", R"("num_outputs": "1152921504606846976", "axis": "1")"),
          {"node 'n' (SliceChannel)", "1152921504606846976"});
  refuses(one_operator("exp", "", "(" + repeated("1,", 100'000) + ")"), {"node 'data'", "axes"});
}

TEST_F(HostileMxNet, Parameters) {
  refuses_parameters(parameters({{"a", {std::int64_t{1} << 60}, {}}}), {"array at byte 24", "2^40"});
  refuses_parameters(parameters({{"a", {std::int64_t{1} << 39}, {1}}}), {"the parameters end at byte"});
  std::string counted = parameters({{"a", {1}, {1}}});
  for (std::size_t i = 16; i < 24; ++i) {
    counted[i] = '\xff';
  }
  refuses_parameters(counted, {"are said to have 18446744073709551615 arrays"});
  std::string named = parameters({{"a", {1}, {1}}});
  for (std::size_t i = named.size() - 9; i < named.size() - 1; ++i) {
    named[i] = '\xff';
  }
  refuses_parameters(named, {"the parameters end at byte"});
  // Arrays without an axis are four bytes in the file and a hundred in memory.
  std::string empty;
  put<std::uint64_t>(empty, 0x112);
  put<std::uint64_t>(empty, 0);
  put<std::uint64_t>(empty, 2'000'000);
  refuses_parameters(empty + std::string(8'000'000, '\0'), {"are said to have 2000000 arrays"});
}

TEST_F(HostileMxNet, NestingAndRepetition) {
  refuses("{\"nodes\": " + repeated("[", 400'000), {"nested more than 16 deep"});
  refuses("{\"nodes\": " + repeated("[", 4'000'000), {"nested more than 16 deep"});
  refuses("{\"nodes\": [" + repeated("[],", 2'000'000) + "[]]}", {"expected at most 500000"});
  refuses("{\"nodes\": [" + repeated("[[[[[[]]]]]],", 60'000) + "[]], \"heads\": []}", {"node 0"});
  refuses("{\"nodes\": [" + repeated("{},", 200'000) + "{}], \"heads\": []}", {"node 0: 'op' is missing"});
}

TEST_F(HostileMxNet, Cycles) {
  refuses(R"({"nodes": [{"op": "exp", "name": "a", "inputs": [[1, 0]]}, {"op": "exp", "name": "b", "inputs": [[0, 0]]}],
             "heads": [[1, 0]]})",
          {"node 'a': an input", "node below 0"});
}

class HostileTensorFlow : public ::testing::Test {
 protected:
  void refuses(std::initializer_list<std::string_view> parts) { refuses_bytes(graph_.SerializeAsString(), parts); }
  void refuses_bytes(const std::string& bytes, std::initializer_list<std::string_view> parts) {
    expect_refused_cheaply(dir_.write("net.pb", bytes), parts);
  }
  tf::FunctionDef& function(const std::string& name) {
    tf::FunctionDef& added = *graph_.mutable_library()->add_function();
    added.mutable_signature()->set_name(name);
    added.mutable_signature()->add_input_arg()->set_name("a");
    added.mutable_signature()->add_output_arg()->set_name("out");
    (*added.mutable_ret())["out"] = "last:z:0";
    return added;
  }

  TempDir dir_;
  tf::GraphDef graph_;
  Nodes<tf::GraphDef> nodes_{graph_};
};

TEST_F(HostileTensorFlow, Shapes) {
  nodes_.placeholder("x", {std::int64_t{1} << 60, 2});
  nodes_.add("Relu", "y", {"x"});
  refuses({"node 'x' (Placeholder)", "2^40"});
  graph_.Clear();
  nodes_.floats("w", {std::int64_t{1} << 39}, {1});
  nodes_.add("Relu", "y", {"w"});
  refuses({"node 'w' (Const)", "1 values for the shape [549755813888]"});
  graph_.Clear();
  nodes_.placeholder("x", {1, 2});
  nodes_.ints("sizes", {2'000'000'000, 2'000'000'000});
  nodes_.add("Tile", "y", {"x", "sizes"});
  refuses({"node 'y' (Tile)"});
}

TEST_F(HostileTensorFlow, FilledConstants) {
  // Each stands for 16 MiB and takes some bytes in the file.
  std::vector<std::string> names;
  for (int i = 0; i < 500; ++i) {
    nodes_.floats("c" + std::to_string(i), {1 << 22}, {1});
    names.push_back("c" + std::to_string(i));
  }
  nodes_.ints("axis", {0}, true);
  names.emplace_back("axis");
  nodes_.add("ConcatV2", "y", names);
  refuses({"constant 'c", "take more than"});
}

TEST_F(HostileTensorFlow, Functions) {
  nodes_.placeholder("x", {1});
  nodes_.add("f", "y", {"x"});
  Nodes<tf::FunctionDef>(function("f")).add("f", "last", {"a"});
  refuses({"functions call each other more than 32 deep"});
  // Two calls at each of thirty levels.
  graph_.clear_library();
  for (int i = 0; i < 30; ++i) {
    Nodes<tf::FunctionDef> body(function(i == 0 ? "f" : "f" + std::to_string(i)));
    body.add("f" + std::to_string(i + 1), "first", {"a"});
    body.add("f" + std::to_string(i + 1), "last", {"first:out:0"});
  }
  Nodes<tf::FunctionDef>(function("f30")).add("Relu", "last", {"a"});
  refuses({"more than"});
  // A constant of a megabyte in a function that is called often.
  graph_.Clear();
  Nodes<tf::FunctionDef> body(function("f"));
  body.floats("k", {250'000}, std::vector<float>(250'000, 1.0F));
  body.add("Add", "last", {"a", "k:output:0"});
  nodes_.placeholder("x0", {1});
  for (int i = 1; i < 2000; ++i) {
    nodes_.add("f", "x" + std::to_string(i), {"x" + std::to_string(i - 1)});
  }
  refuses({"bodies of called functions take more than"});
}

TEST_F(HostileTensorFlow, NestingAndRepetition) {
  // Groups in groups; nodes, functions, and inputs of nodes without content.
  refuses_bytes(std::string(3'000'000, '\x0b'), {"'net.pb'"});
  refuses_bytes(repeated(std::string_view("\x0a\x00", 2), 2'500'000), {"'net.pb'", "take more than"});
  refuses_bytes(repeated(std::string_view("\x12\x02\x0a\x00", 4), 1'200'000), {"'net.pb'", "take more than"});
  tf::NodeDef node;
  node.set_op("Relu");
  for (int i = 0; i < 2'500'000; ++i) {
    node.add_input("");
  }
  *graph_.add_node() = std::move(node);
  refuses({"'net.pb'", "take more than"});
}

TEST_F(HostileTensorFlow, Cycles) {
  constexpr int kCount = 20'000;
  for (int i = 0; i < kCount; ++i) {
    nodes_.add("Relu", "n" + std::to_string(i), {"n" + std::to_string((i + 1) % kCount)});
  }
  nodes_.add("Neg", "y", {"n0"});
  refuses({"cycle through nodes"});
}

TEST_F(HostileTensorFlow, CheckpointIndex) {
  nodes_.placeholder("x", {2});
  tf::NodeDef& variable = nodes_.add("VarHandleOp", "w");
  (*variable.mutable_attr())["shared_name"].set_s("w");
  nodes_.add("ReadVariableOp", "read", {"w"});
  nodes_.add("Mul", "y", {"x", "read"});
  tf::SavedModel model;
  model.set_saved_model_schema_version(1);
  tf::MetaGraphDef& meta = *model.add_meta_graphs();
  meta.mutable_meta_info_def()->add_tags("serve");
  *meta.mutable_graph_def() = graph_;
  tf::SignatureDef& signature = (*meta.mutable_signature_def())["serving_default"];
  (*signature.mutable_inputs())["x"].set_name("x:0");
  (*signature.mutable_outputs())["y"].set_name("y:0");
  const auto path = dir_.write("saved_model.pb", model.SerializeAsString());
  std::filesystem::create_directories(dir_ / "variables");
  dir_.write("variables/variables.data-00000-of-00001", "12345678");
  tf::BundleHeaderProto header;
  header.set_num_shards(1);
  const auto refuses_entry = [&](std::int64_t offset, std::int64_t size, std::int64_t extent,
                                 std::initializer_list<std::string_view> parts) {
    tf::BundleEntryProto entry;
    entry.set_dtype(kFloat);
    entry.mutable_shape()->add_dim()->set_size(extent);
    entry.set_offset(offset);
    entry.set_size(size);
    dir_.write("variables/variables.index",
               table({{"", header.SerializeAsString()}, {"w", entry.SerializeAsString()}}));
    expect_refused_cheaply(path, parts);
  };
  refuses_entry(0, 8, std::int64_t{1} << 60, {"variable 'w'", "2^40"});
  refuses_entry(INT64_MAX, 8, 2, {"variable 'w': needs 8 bytes from 9223372036854775807"});
  refuses_entry(-1, 8, 2, {"variable 'w': needs 8 bytes from 18446744073709551615"});
  refuses_entry(0, -8, 2, {"variable 'w': needs 18446744073709551608 bytes"});
  // Keys of 4,000 characters that each cost three bytes.
  std::string block = std::string("\0\xa0\x1f\0", 4) + std::string(4000, 'k');
  for (int i = 0; i < 1'000'000; ++i) {
    block += std::string("\xa0\x1f\0\0", 4);
  }
  dir_.write("variables/variables.index", table_of_block(block));
  expect_refused_cheaply(path, {"the index has more than", "bytes of keys"});
}

}  // namespace
}  // namespace fovea::test
