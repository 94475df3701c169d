// The Caffe importer on small networks: what is particular to Caffe, old forms, refusals.
#include <gtest/gtest.h>

#include "engine/frontends/caffe/caffe.pb.h"
#include "engine/frontends/frontend.hpp"
#include "tests/engine/importers/run_model.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

using ::testing::ElementsAre;

class Caffe : public ::testing::Test {
 protected:
  static std::string input(const std::string& dims) {
    std::string text = "layer { name: 'data' type: 'Input' top: 'data' input_param { shape {";
    for (const char c : dims) {
      text += c == ',' ? std::string(" dim: ") : std::string(1, c);
    }
    return text + "} } }\n";
  }

  std::vector<double> run(const std::string& prototxt, const Tensor& data) {
    return run_model(dir_.write("net.prototxt", prototxt), data);
  }

  void write_weights(const std::string& layer, const std::vector<std::pair<Shape, std::vector<float>>>& blobs) {
    caffe::NetParameter net;
    caffe::LayerParameter& written = *net.add_layer();
    written.set_name(layer);
    for (const auto& [shape, values] : blobs) {
      caffe::BlobProto& blob = *written.add_blobs();
      for (const std::int64_t dim : shape) {
        blob.mutable_shape()->add_dim(dim);
      }
      blob.mutable_data()->Add(values.begin(), values.end());
    }
    dir_.write("net.caffemodel", net.SerializeAsString());
  }

  TempDir dir_;
};

TEST_F(Caffe, PoolingRoundsUpAndDropsWindowsBeyondThePadding) {
  // (4 + 2 − 2) / 2 + 1 = 3; with an extent of 3 the window that would start at 4 is dropped: ceil((3 + 2 − 2) / 2) + 1
  // = 3.
  const std::string layer =
      "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' pooling_param { kernel_size: 2 stride: 2 pad: 1 } }";
  EXPECT_THAT(run(input(",1,1,4,4") + layer, counting({1, 1, 4, 4})), ElementsAre(1, 3, 4, 9, 11, 12, 13, 15, 16));
  EXPECT_THAT(run(input(",1,1,3,3") + layer, counting({1, 1, 3, 3})), ElementsAre(1, 3, 7, 9));
}

TEST_F(Caffe, AverageCountsPadsButNothingBeyondThem) {
  // 3 + 1 extents under kernel 3, stride 2: the second window has only two columns left.
  const std::string layer =
      "layer { name: 'p' type: 'Pooling' bottom: 'data' top: 'p' pooling_param { pool: AVE kernel_size: 3 stride: 2 } "
      "}";
  EXPECT_THAT(run(input(",1,1,3,4") + layer, counting({1, 1, 3, 4})), ElementsAre(6, 7.5));
}

TEST_F(Caffe, BatchNormDividesByItsFactorAndScaleAddsABias) {
  write_weights("n", {{{2}, {2, 4}}, {{2}, {8, 32}}, {{1}, {2}}});  // means 1, 2; variances 4, 16
  const std::string net = input(",1,2,1,1") +
                          "layer { name: 'n' type: 'BatchNorm' bottom: 'data' top: 'data' "
                          "batch_norm_param { eps: 0 } }";
  EXPECT_THAT(run(net, Tensor::of<float>({1, 2, 1, 1}, {5, 10})), ElementsAre(2, 2));
}

TEST_F(Caffe, OldNetworksHaveNumberedTypes) {
  const std::string net =
      "input: 'data' input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 2\n"
      "layers { name: 'r' type: RELU bottom: 'data' top: 'r' relu_param { negative_slope: 0.5 } }\n"
      "layers { name: 'c' type: CONCAT bottom: 'r' bottom: 'data' top: 'c' concat_param { concat_dim: 3 } }\n"
      "layers { name: 'l' type: SOFTMAX_LOSS bottom: 'c' include { phase: TRAIN } }";
  EXPECT_THAT(run(net, Tensor::of<float>({1, 1, 1, 2}, {-2, 3})), ElementsAre(-1, 3, -2, 3));
}

TEST_F(Caffe, EltwiseSumsWithCoefficientsAndSliceCuts) {
  const std::string net = input(",1,3,1,1") +
                          "layer { name: 's' type: 'Slice' bottom: 'data' top: 'a' top: 'b' "
                          "slice_param { axis: 1 slice_point: 1 } }\n"
                          "layer { name: 't' type: 'Silence' bottom: 'a' }\n"
                          "layer { name: 'e' type: 'Eltwise' bottom: 'b' bottom: 'b' top: 'e' "
                          "eltwise_param { coeff: 2 coeff: -0.5 } }";
  EXPECT_THAT(run(net, counting({1, 3, 1, 1})), ElementsAre(3, 4.5));
}

TEST_F(Caffe, UnsupportedLayersAreNamedAllAtOnce) {
  const auto path = dir_.write("net.prototxt", input(",1,1,1,1") +
                                                   "layer { name: 'x' type: 'Foo' bottom: 'data' top: 'x' }\n"
                                                   "layer { name: 'y' type: 'Bar' bottom: 'x' top: 'y' }\n"
                                                   "layer { name: 'z' type: 'Foo' bottom: 'y' top: 'z' }");
  expect_error(ErrorCode::kUnsupported, {"2 operators are not supported", "Foo: 2 nodes: 'x', 'z'", "Bar: 1 node: 'y'"},
               [&] { read_model(path); });
}

TEST_F(Caffe, RefusesWhatIsWrong) {
  const auto refuses = [&](const std::string& prototxt, std::initializer_list<std::string_view> parts) {
    const auto path = dir_.write("net.prototxt", prototxt);
    expect_error(ErrorCode::kInvalidModel, parts, [&] { read_model(path); });
  };
  const std::string convolution =
      "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c' convolution_param { num_output: 2 kernel_size: 1 "
      "} }";
  refuses("layer { name: 'a' ", {"net.prototxt", "line 1"});
  refuses("", {"empty"});
  refuses("name: 'nothing'", {"has no layer"});
  refuses(input(",-3,1"), {"below 0"});
  refuses(input(",2000000,2000000,2000000"), {"2^40"});
  refuses("layer { name: 'r' type: 'ReLU' bottom: 'r' top: 'r' }", {"layer 'r'", "'r' is not produced"});
  refuses(input(",1,1,1,1") + convolution, {"layer 'c'", "blob 0 (weights) is missing"});
  std::string deep(2000, ' ');
  for (int i = 0; i < 200; ++i) {
    deep += "a { ";
  }
  refuses(deep, {"net.prototxt"});
  write_weights("c", {{{3}, {1, 2, 3}}, {{2}, {0, 0}}});
  refuses(input(",1,1,1,1") + convolution, {"blob 0 (weights) is [3]", "[2,1,1,1]"});
  write_weights("c", {{{1000000, 1000000, 1000}, {1}}});
  refuses(input(",1,1,1,1") + convolution, {"layer 'c'", "blob 0"});
  dir_.write("net.caffemodel", "\xFF\xFF\xFF\xFF not a message");
  refuses(input(",1,1,1,1") + convolution, {"net.caffemodel", "is no message"});
}

}  // namespace
}  // namespace fovea::test
