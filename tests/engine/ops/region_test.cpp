// Operators of detectors and classic networks: YOLO layers, regions of interest, proposals, adaptive pools, LRN, GRN.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

TEST(RegionYolo, SoftmaxOverClassesAndFlattening) {
  const Tensor x = f32({1, 7, 1, 1}, {1, -1, 5, 6, 0, 2, 2});
  expect_outputs({"RegionYolo", "axis=1 end_axis=3 coords=4 classes=2 num=1 do_softmax=1 anchors=1,2", {x}},
                 {f32({1, 7}, {sigmoid(1), sigmoid(-1), 5, 6, 0.5F, 0.5F, 0.5F})});
}

TEST(RegionYolo, SigmoidOverClassesOfEveryImage) {
  const std::vector<float> one = {1, -1, 5, 6, 0, 2, 3};
  const std::vector<float> expected = {sigmoid(1), sigmoid(-1), 5, 6, 0.5F, sigmoid(2), sigmoid(3)};
  std::vector<float> input;
  std::vector<float> output;
  for (int i = 0; i < 4; ++i) {  // two images of two boxes
    input.insert(input.end(), one.begin(), one.end());
    output.insert(output.end(), expected.begin(), expected.end());
  }
  expect_outputs(
      {"RegionYolo", "axis=1 end_axis=3 coords=4 classes=2 num=9 do_softmax=0 mask=0,1", {f32({2, 14, 1, 1}, input)}},
      {f32({2, 14, 1, 1}, output)});
}

TEST(RegionYolo, Refusals) {
  const Tensor x = ramp({1, 7, 1, 1});
  expect_invalid({"RegionYolo", "coords=4 classes=3 num=1", {x}}, "data has 7 channels, expected 8");
  expect_invalid({"RegionYolo", "coords=4 classes=2 do_softmax=0", {x}}, "the number of boxes is 0");
  expect_invalid({"RegionYolo", "coords=4 classes=2 num=1 axis=3 end_axis=1", {x}}, "stands behind");
  expect_invalid({"RegionYolo", "coords=0 classes=2 num=1", {x}}, "coords is 0");
}

TEST(ReorgYolo, DarknetOrder) {
  // One group of four channels at stride 2 and C/(s*s) = 1: channel c reads offset (c/2, c%2) of a [1,1,4,4] view.
  expect_outputs({"ReorgYolo", "stride=2", {ramp({1, 4, 2, 2})}},
                 {f32({1, 16, 1, 1}, {0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15})});
  expect_invalid({"ReorgYolo", "stride=2", {ramp({1, 2, 2, 2})}}, "does not divide");
  expect_invalid({"ReorgYolo", "stride=0", {ramp({1, 4, 2, 2})}}, "stride is 0");
}

TEST(AdaptivePools, OverlappingBins) {
  const Tensor x = f32({1, 1, 5}, {1, 9, 3, 4, 5});
  // thirds of five: [0,2), [1,4), [3,5)
  expect_outputs({"AdaptiveAvgPool", "", {x, i64({3})}}, {f32({1, 1, 3}, {5, 16.0F / 3, 4.5F})});
  expect_outputs({"AdaptiveMaxPool", "index_element_type=i64", {x, i64({3})}},
                 {f32({1, 1, 3}, {9, 9, 5}), i64({1, 1, 3}, {1, 1, 4})});
  expect_outputs({"AdaptiveAvgPool", "", {ramp({1, 2, 2, 2}), i64({1, 1})}}, {f32({1, 2, 1, 1}, {1.5F, 5.5F})});
  expect_outputs({"AdaptiveMaxPool", "", {ramp({1, 1, 2, 2}), i64({2, 1})}},
                 {f32({1, 1, 2, 1}, {1, 3}), i64({1, 1, 2, 1}, {1, 3})});
  expect_invalid({"AdaptiveAvgPool", "", {x, i64({1, 1})}}, "expected 1");
  expect_invalid({"AdaptiveAvgPool", "", {x, i64({0})}}, "an output extent is 0");
}

TEST(LRN, AcrossChannelsAndInsidePlanes) {
  const Tensor x = f32({1, 3, 1}, {1, 2, 3});
  // size 3, alpha 3: 1 + sum of squares of the neighbours
  expect_outputs({"LRN", "alpha=3 beta=1 bias=1 size=3", {x, i64({1})}},
                 {f32({1, 3, 1}, {1.0F / 6, 2.0F / 15, 3.0F / 14})});
  // two axes: alpha / 9
  expect_outputs({"LRN", "alpha=9 beta=0.5 bias=0 size=3", {f32({1, 1, 2, 2}, {1, 1, 1, 1}), i64({2, 3})}},
                 {f32({1, 1, 2, 2}, {0.5F, 0.5F, 0.5F, 0.5F})});
  expect_invalid({"LRN", "size=0", {x, i64({1})}}, "size is 0");
}

TEST(GRN, OverChannels) {
  expect_outputs({"GRN", "bias=0", {f32({1, 2, 2}, {3, 0, 4, 2})}}, {f32({1, 2, 2}, {0.6F, 0, 0.8F, 1})});
  expect_outputs({"GRN", "bias=11", {f32({1, 2}, {3, 4})}}, {f32({1, 2}, {0.5F, 4.0F / 6})});
  expect_invalid({"GRN", "bias=1", {f32({2}, {1, 2})}}, "expected rank 2 to 5");
}

TEST(BatchNormInference, InputOrderOfTheOpsets) {
  const Tensor x = f32({1, 2, 1}, {3, 10});
  const Tensor gamma = f32({2}, {2, 1});
  const Tensor beta = f32({2}, {0.5F, 1});
  const Tensor mean = f32({2}, {1, 10});
  const Tensor variance = f32({2}, {3, 0});
  const Tensor expected = f32({1, 2, 1}, {2.5F, 1});  // epsilon 1: 2 * 2 / sqrt(4) + 0.5, and 0 + 1
  expect_outputs({"BatchNormInference", "epsilon=1", {x, gamma, beta, mean, variance}, 5}, {expected});
  expect_outputs({"BatchNormInference", "epsilon=1", {gamma, beta, x, mean, variance}, 1}, {expected});
  expect_invalid({"BatchNormInference", "", {x, f32({3}, {1, 1, 1}), beta, mean, variance}, 5}, "one per channel");
  expect_invalid({"BatchNormInference", "epsilon=-1", {x, gamma, beta, mean, variance}, 5}, "epsilon is -1");
}

TEST(ROIPooling, MaxAndBilinear) {
  const Tensor x = ramp({1, 1, 4, 4});
  // 0..3 in 2x2 bins; a region on a missing batch item gives zeros.
  expect_outputs({"ROIPooling",
                  "pooled_h=2 pooled_w=2 spatial_scale=0.5 method=max",
                  {x, f32({2, 5}, {0, 0, 0, 6, 6, 7, 0, 0, 6, 6})}},
                 {f32({2, 1, 2, 2}, {5, 7, 13, 15, 0, 0, 0, 0})});
  expect_outputs({"ROIPooling", "pooled_h=2 pooled_w=2 method=bilinear", {x, f32({1, 5}, {0, 0, 0, 0.5F, 1})}},
                 {f32({1, 1, 2, 2}, {0, 1.5F, 12, 13.5F})});
  expect_outputs({"ROIPooling", "pooled_h=1 pooled_w=1 method=bilinear", {x, f32({1, 5}, {0, 0, 0, 1, 1})}},
                 {f32({1, 1, 1, 1}, {7.5F})});
  expect_invalid({"ROIPooling", "pooled_h=0 pooled_w=2", {x, ramp({1, 5})}}, "pooled_h is 0");
  expect_invalid({"ROIPooling", "pooled_h=1 pooled_w=2", {x, ramp({1, 4})}}, "regions have 4 values, expected 5");
}

TEST(PSROIPooling, AverageReadsAChannelPerBin) {
  const Tensor x = ramp({1, 4, 2, 2});  // channel c holds 4c … 4c+3
  // The region covers everything: bins (0,0), (0,1), (1,0), (1,1) read single elements of channels 0 to 3.
  expect_outputs(
      {"PSROIPooling", "output_dim=1 group_size=2 spatial_scale=1 mode=average", {x, f32({1, 5}, {0, 0, 0, 1, 1})}},
      {f32({1, 1, 2, 2}, {0, 5, 10, 15})});
  expect_invalid({"PSROIPooling", "output_dim=2 group_size=2", {x, ramp({1, 5})}}, "expected 2 times 4");
}

TEST(PSROIPooling, BilinearAveragesSpatialBins) {
  const Tensor x = f32({1, 2, 1, 3}, {0, 2, 4, 10, 10, 10});
  // Two bins along x, group size 1: centres 0.25 and 0.75 of the width; the second bin reads channel 1.
  expect_outputs({"PSROIPooling",
                  "output_dim=1 group_size=1 spatial_scale=1 mode=bilinear spatial_bins_x=2 spatial_bins_y=1",
                  {x, f32({1, 5}, {0, 0, 0, 1, 1})}},
                 {f32({1, 1, 1, 1}, {5.5F})});
}

TEST(ROIAlign, SamplesAndModes) {
  const Tensor x = ramp({1, 1, 4, 4});
  const Tensor batch = i64({0});
  // 2x2 bins of 1x1 with one sample each: positions 0.5 and 1.5 on both axes.
  expect_outputs({"ROIAlign", "pooled_h=2 pooled_w=2 sampling_ratio=1 mode=avg", {x, f32({1, 4}, {0, 0, 2, 2}), batch}},
                 {f32({1, 1, 2, 2}, {2.5F, 3.5F, 6.5F, 7.5F})});
  expect_outputs({"ROIAlign", "pooled_h=1 pooled_w=1 sampling_ratio=2 mode=max", {x, f32({1, 4}, {0, 0, 2, 2}), batch}},
                 {f32({1, 1, 1, 1}, {7.5F})});
  // half_pixel moves everything by half an element; sampling_ratio 0: one sample in a bin of 1.
  expect_outputs({"ROIAlign",
                  "pooled_h=1 pooled_w=1 aligned_mode=half_pixel_for_nn mode=avg",
                  {x, f32({1, 4}, {1, 1, 2, 2}), batch}},
                 {f32({1, 1, 1, 1}, {5})});
  expect_outputs({"ROIAlign", "pooled_h=1 pooled_w=1 sampling_ratio=1", {x, f32({1, 4}, {90, 90, 99, 99}), batch}},
                 {f32({1, 1, 1, 1}, {0})});
  expect_outputs({"ROIAlign", "pooled_h=1 pooled_w=1 sampling_ratio=1", {x, f32({1, 4}, {0, 0, 1, 1}), i64({5})}},
                 {f32({1, 1, 1, 1}, {0})});
  expect_invalid({"ROIAlign", "sampling_ratio=-1", {x, ramp({1, 4}), batch}}, "sampling_ratio is -1");
  expect_invalid({"ROIAlign", "", {x, ramp({2, 4}), batch}}, "1 batch numbers for 2 regions");
}

TEST(Proposal, KeepsTheBestAndMarksTheEnd) {
  // One anchor of 16x16 at base size 16: [0,0,15,15], moved by 16 pixels a cell; two cells, no deltas.
  const Tensor scores = f32({1, 2, 1, 2}, {0.9F, 0.1F, 0.3F, 0.8F});  // foreground is the second channel
  const Tensor deltas = Tensor(DataType::kF32, {1, 4, 1, 2});
  const Tensor image = f32({3}, {32, 64, 1});
  const std::string attributes =
      "base_size=16 feat_stride=16 min_size=8 ratio=1 scale=1 post_nms_topn=3 nms_thresh=0.5 ";
  expect_outputs({"Proposal", attributes, {scores, deltas, image}, 4},
                 {f32({3, 5}, {0, 16, 0, 32, 16, 0, 0, 0, 16, 16, -1, 0, 0, 0, 0}), f32({3}, {0.8F, 0.3F, 0})});
  EXPECT_EQ(run({"Proposal", attributes, {scores, deltas, image}, 1}).size(), 1U);
  // Without pixel offsets the anchor is centred on the cell's corner and clipped to the image first; columns move y.
  expect_outputs(
      {"Proposal", attributes + "framework=tensorflow normalize=true", {scores, deltas, f32({4}, {64, 32, 1, 1})}, 4},
      {f32({3, 5}, {0, 0, 8.0F / 32, 8.0F / 64, 24.0F / 32, 0, 0, 0, 8.0F / 64, 8.0F / 32, -1, 0, 0, 0, 0})});
}

TEST(Proposal, Refusals) {
  const Tensor scores = ramp({1, 2, 1, 1});
  const Tensor deltas = ramp({1, 4, 1, 1});
  const Tensor image = f32({3}, {32, 64, 1});
  expect_invalid({"Proposal", "ratio=1,2 scale=1", {scores, deltas, image}}, "do not fit 2 anchors");
  expect_invalid({"Proposal", "ratio= scale=", {scores, deltas, image}}, "do not fit 0 anchors");
  expect_invalid({"Proposal", "ratio=0 scale=1", {scores, deltas, image}}, "ratio has the value 0");
  expect_invalid({"Proposal", "ratio=1 scale=1 post_nms_topn=0", {scores, deltas, image}}, "post_nms_topn is 0");
  expect_invalid({"Proposal", "ratio=1 scale=1", {scores, deltas, f32({2}, {1, 2})}}, "expected 3 or 4 values");
}

}  // namespace
}  // namespace fovea::test
