// Writes the first corpora of the foreign formats' fuzz targets, and the files beside them: small models, made here.
//   fovea_write_seeds tests/fuzz
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "engine/frontends/caffe/caffe.pb.h"
#include "tests/engine/importers/mxnet_files.hpp"
#include "tests/engine/importers/tensorflow_nodes.hpp"
#include "tests/engine/importers/tflite_writer.hpp"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

const std::string kCaffeInput =
    "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 2 dim: 4 dim: 4 } } }\n";

const std::string kCaffeNet =
    kCaffeInput +
    "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: 2 kernel_size: 3 "
    "pad: "
    "1 } }\n"
    "layer { name: 'n' type: 'BatchNorm' bottom: 'c' top: 'c' batch_norm_param { eps: 0.001 } }\n"
    "layer { name: 's' type: 'Scale' bottom: 'c' top: 'c' scale_param { bias_term: true } }\n"
    "layer { name: 'i' type: 'InnerProduct' bottom: 'c' top: 'i' inner_product_param { num_output: 2 } }\n";

void write_caffe(const fs::path& folder) {
  write(folder / "corpus/caffe/pool.prototxt",
        kCaffeInput +
            "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' pooling_param { kernel_size: 2 stride: 2 "
            "pad: 1 } }\n"
            "layer { name: 'l' type: 'LRN' bottom: 'p' top: 'l' lrn_param { local_size: 3 } }\n"
            "layer { name: 'f' type: 'Flatten' bottom: 'l' top: 'f' }\n"
            "layer { name: 'm' type: 'Softmax' bottom: 'f' top: 'm' }\n");
  write(folder / "corpus/caffe/eltwise.prototxt",
        kCaffeInput +
            "layer { name: 's' type: 'Slice' bottom: 'data' top: 'a' top: 'b' slice_param { axis: 1 slice_point: "
            "1 } }\n"
            "layer { name: 'e' type: 'Eltwise' bottom: 'a' bottom: 'b' top: 'e' eltwise_param { coeff: 2 coeff: "
            "-0.5 } }\n"
            "layer { name: 'w' type: 'Power' bottom: 'e' top: 'w' power_param { power: 2 scale: 3 } }\n"
            "layer { name: 'r' type: 'Reshape' bottom: 'w' top: 'r' reshape_param { shape { dim: 0 dim: -1 } } }\n"
            "layer { name: 't' type: 'Permute' bottom: 'data' top: 't' permute_param { order: 0 order: 2 order: 3 "
            "order: 1 } }\n");
  write(folder / "corpus/caffe/old.prototxt",
        "input: 'data' input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 2\n"
        "layers { name: 'r' type: RELU bottom: 'data' top: 'r' relu_param { negative_slope: 0.5 } }\n"
        "layers { name: 'c' type: CONCAT bottom: 'r' bottom: 'data' top: 'c' concat_param { concat_dim: 3 } }\n");
  write(folder / "corpus/caffe/boxes.prototxt",
        kCaffeInput +
            "layer { name: 'p' type: 'PriorBox' bottom: 'data' bottom: 'data' top: 'p' prior_box_param { min_size: 2 "
            "max_size: 3 aspect_ratio: 2 flip: true variance: 0.1 step: 2 } }\n"
            "layer { name: 'i' type: 'Interp' bottom: 'data' top: 'i' interp_param { height: 8 width: 8 } }\n");
  write(folder / "beside/caffemodel/m.prototxt", kCaffeNet);
  caffe::NetParameter net;
  const auto add = [&](const std::string& layer, const std::vector<std::pair<Shape, std::size_t>>& blobs) {
    caffe::LayerParameter& written = *net.add_layer();
    written.set_name(layer);
    for (const auto& [shape, count] : blobs) {
      caffe::BlobProto& blob = *written.add_blobs();
      for (const std::int64_t dim : shape) {
        blob.mutable_shape()->add_dim(dim);
      }
      for (std::size_t i = 0; i < count; ++i) {
        blob.add_data(1);
      }
    }
  };
  add("c", {{{2, 2, 3, 3}, 36}, {{2}, 2}});
  add("n", {{{2}, 2}, {{2}, 2}, {{1}, 1}});
  add("s", {{{2}, 2}, {{2}, 2}});
  add("i", {{{2, 32}, 64}, {{2}, 2}});
  write(folder / "corpus/caffemodel/small.caffemodel", net.SerializeAsString());
}

void write_mxnet(const fs::path& folder) {
  write(folder / "corpus/mxnet/moves.json", R"json({"nodes": [
    {"op": "null", "name": "data", "attrs": {"__shape__": "(1, 2, 2, 3)"}, "inputs": []},
    {"op": "transpose", "name": "t", "attrs": {"axes": "(0, 2, 3, 1)"}, "inputs": [[0, 0, 0]]},
    {"op": "slice_axis", "name": "s", "attrs": {"axis": "2", "begin": "1", "end": "None"}, "inputs": [[1, 0, 0]]},
    {"op": "Reshape", "name": "r", "attrs": {"shape": "(0, -1)"}, "inputs": [[2, 0, 0]]},
    {"op": "SliceChannel", "name": "c", "attrs": {"num_outputs": "2", "axis": "1"}, "inputs": [[3, 0, 0]]},
    {"op": "elemwise_add", "name": "a", "inputs": [[4, 0, 0], [4, 1, 0]]}], "arg_nodes": [0], "heads": [[5, 0, 0]]})json");
  write(folder / "corpus/mxnet/pool.json", R"json({"nodes": [
    {"op": "null", "name": "data", "attrs": {"__shape__": "(1, 2, 4, 4)"}, "inputs": []},
    {"op": "Pooling", "name": "p", "attrs": {"kernel": "(2, 2)", "stride": "(2, 2)", "pool_type": "avg"}, "inputs": [[0, 0]]},
    {"op": "LeakyReLU", "name": "l", "attrs": {"act_type": "leaky", "slope": "0.1"}, "inputs": [[1, 0]]},
    {"op": "_mul_scalar", "name": "m", "attrs": {"scalar": "2"}, "inputs": [[2, 0]]},
    {"op": "Concat", "name": "c", "attrs": {"num_args": "2", "dim": "1"}, "inputs": [[2, 0], [3, 0]]},
    {"op": "mean", "name": "n", "attrs": {"axis": "(2, 3)", "keepdims": "True"}, "inputs": [[4, 0]]},
    {"op": "softmax", "name": "s", "attrs": {"axis": "1"}, "inputs": [[5, 0]]}], "heads": [[6, 0]]})json");
  write(folder / "beside/mxnet_params/m-symbol.json", kClassifier);
  write(folder / "corpus/mxnet_params/classifier.params", classifier_parameters());
}

void write_tensorflow(const fs::path& folder) {
  const auto save = [&](const std::string& name, const tf::GraphDef& graph) {
    write(folder / "corpus/tensorflow" / (name + ".pb"), graph.SerializeAsString());
  };
  tf::GraphDef convolution;
  Nodes<tf::GraphDef> c(convolution);
  c.placeholder("x", {1, 4, 4, 2});
  c.floats("f", {3, 3, 2, 1}, std::vector<float>(18, 1));
  c.convolution("c", "x", "f", "SAME");
  c.floats("b", {1}, {100});
  c.add("BiasAdd", "d", {"c", "b"});
  c.add("Relu", "y", {"d"});
  save("convolution", convolution);
  tf::GraphDef dilated;
  Nodes<tf::GraphDef> d(dilated);
  d.placeholder("x", {-1, 6, 6, 1});
  d.ints("block", {2, 2});
  d.pairs("pads", {2, 3, 2, 3});
  d.pairs("crops", {0, 1, 0, 1});
  d.floats("f", {3, 3, 1, 1}, std::vector<float>(9, 1));
  d.add("SpaceToBatchND", "s", {"x", "block", "pads"});
  d.convolution("c", "s", "f", "VALID");
  d.add("BatchToSpaceND", "y", {"c", "block", "crops"});
  save("dilated", dilated);
  tf::GraphDef shapes;
  Nodes<tf::GraphDef> s(shapes);
  s.placeholder("x", {-1, 2, 3});
  s.add("Shape", "s", {"x"});
  s.ints("zero", {0});
  s.ints("one", {1});
  (*s.add("StridedSlice", "n", {"s", "zero", "one", "one"}).mutable_attr())["shrink_axis_mask"].set_i(1);
  s.ints("rest", {-1}, true);
  s.add("Pack", "target", {"n", "rest"});
  s.add("Reshape", "r", {"x", "target"});
  s.ints("axes", {1});
  s.add("Mean", "y", {"r", "axes"});
  save("shapes", shapes);
}

/// y = x · w in a function, with the variable w.
void write_saved_model(const fs::path& folder) {
  tf::SavedModel model;
  model.set_saved_model_schema_version(1);
  tf::MetaGraphDef& meta = *model.add_meta_graphs();
  meta.mutable_meta_info_def()->add_tags("serve");
  tf::GraphDef& graph = *meta.mutable_graph_def();
  Nodes<tf::GraphDef> nodes(graph);
  nodes.placeholder("x", {2});
  (*nodes.add("VarHandleOp", "w").mutable_attr())["shared_name"].set_s("w");
  nodes.add("ReadVariableOp", "read", {"w"});
  (*nodes.add("PartitionedCall", "call", {"x", "read"}).mutable_attr())["f"].mutable_func()->set_name("scale");
  tf::FunctionDef& function = *graph.mutable_library()->add_function();
  function.mutable_signature()->set_name("scale");
  function.mutable_signature()->add_input_arg()->set_name("a");
  function.mutable_signature()->add_input_arg()->set_name("b");
  function.mutable_signature()->add_output_arg()->set_name("out");
  Nodes<tf::FunctionDef>(function).add("Mul", "product", {"a", "b"});
  (*function.mutable_ret())["out"] = "product:z:0";
  tf::SignatureDef& signature = (*meta.mutable_signature_def())["serving_default"];
  (*signature.mutable_inputs())["x"].set_name("x:0");
  (*signature.mutable_outputs())["y"].set_name("call:0");
  write(folder / "corpus/tensorflow/saved_model.pb", model.SerializeAsString());
  write(folder / "beside/checkpoint/saved_model.pb", model.SerializeAsString());
  write(folder / "beside/checkpoint/variables/variables.data-00000-of-00001", std::string(16, '\1'));
  tf::BundleHeaderProto header;
  header.set_num_shards(1);
  tf::BundleEntryProto entry;
  entry.set_dtype(kFloat);
  entry.mutable_shape()->add_dim()->set_size(2);
  entry.set_offset(4);
  entry.set_size(8);
  write(folder / "corpus/checkpoint/variables.index",
        table({{"", header.SerializeAsString()}, {"w", entry.SerializeAsString()}}));
}

void write_tflite(const fs::path& folder) {
  using Code = tflite::schema::BuiltinOperator;
  using Type = tflite::schema::TensorType;
  TfliteWriter quantised;
  quantised.tensor({1, 2, 2, 2}, Type::kU8, {}, {0.5F}, {10});
  quantised.tensor({2, 1, 1, 2}, Type::kU8, {4, 5, 2, 7}, {1}, {3});
  quantised.tensor({2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({2, -3}), {0.5F}, {0});
  quantised.tensor({1, 2, 2, 2}, Type::kI8, {}, {2}, {-3});
  const auto options = tflite::schema::CreateConv2DOptions(quantised.builder(), tflite::schema::Padding::kValid, 1, 1,
                                                           tflite::schema::Activation::kRelu);
  quantised.add(Code::CONV_2D, {0, 1, 2}, {3}, tflite::schema::Options::Conv2DOptions, options.Union());
  write(folder / "corpus/tflite/quantised.tflite", quantised.finish());
  TfliteWriter moves;
  moves.tensor({1, 2, 2, 1}, Type::kF32);
  moves.tensor({2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({1, 4}));
  moves.tensor({1, 4}, Type::kF32);
  moves.tensor({2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({1, 0}));
  moves.tensor({4, 1}, Type::kF32);
  moves.tensor({4, 1}, Type::kF32);
  moves.add(Code::RESHAPE, {0, 1}, {2});
  moves.add(Code::TRANSPOSE, {2, 3}, {4});
  moves.add(Code::LOGISTIC, {4}, {5});
  write(folder / "corpus/tflite/moves.tflite", moves.finish());
}

}  // namespace
}  // namespace fovea::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fovea_write_seeds FOLDER\n";
    return 1;
  }
  const std::filesystem::path folder = argv[1];
  fovea::test::write_caffe(folder);
  fovea::test::write_mxnet(folder);
  fovea::test::write_tensorflow(folder);
  fovea::test::write_saved_model(folder);
  fovea::test::write_tflite(folder);
  return 0;
}
