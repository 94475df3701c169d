// Priors, box decoding, suppression and sequence decoding on cases small enough to work out by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

Tensor extents(std::int64_t height, std::int64_t width) { return i64({height, width}); }

TEST(PriorBoxClustered, OneCellTwoBoxes) {
  // Centre (0.5, 0.5) * step 10 = (5, 5) in an image of 20x10 pixels.
  expect_outputs(
      {"PriorBoxClustered",
       "width=4,10 height=2,10 step=10 offset=0.5 variance=0.1,0.2,0.3,0.4 clip=false img_w=20",
       {extents(1, 1), extents(10, 20)}},
      {f32({2, 8}, {0.15F, 0.4F, 0.35F, 0.6F, 0, 0, 0.5F, 1, 0.1F, 0.2F, 0.3F, 0.4F, 0.1F, 0.2F, 0.3F, 0.4F})});
}

TEST(PriorBoxClustered, StepFromExtentsAndClip) {
  // Two columns of 20/2 pixels each: centres at 5 and 15; boxes as wide as the image are clipped.
  expect_outputs(
      {"PriorBoxClustered", "width=20 height=4 offset=0.5 clip=true", {extents(1, 2), extents(10, 20)}},
      {f32({2, 8}, {0, 0.3F, 0.75F, 0.7F, 0.25F, 0.3F, 1, 0.7F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F})});
}

TEST(PriorBox, SizesAndRatiosInOrder) {
  // min 2, max 8 (square of 4), ratio 4 and its inverse: 4x1 and 1x4. Centre (5, 5) in 10x10.
  const std::vector<float> boxes = {0.4F,  0.4F,  0.6F,  0.6F,   // min
                                    0.3F,  0.3F,  0.7F,  0.7F,   // sqrt(min * max)
                                    0.3F,  0.45F, 0.7F,  0.55F,  // ratio 4
                                    0.45F, 0.3F,  0.55F, 0.7F};
  std::vector<float> values = boxes;
  values.insert(values.end(), 16, 0.2F);
  const std::string attributes = "min_size=2 max_size=8 aspect_ratio=4,1 flip=1 variance=0.2 fixed_size= density= ";
  expect_outputs({"PriorBox", attributes, {extents(1, 1), extents(10, 10)}}, {f32({2, 16}, values)});
  std::vector<float> ratios_first = values;
  std::rotate(ratios_first.begin() + 4, ratios_first.begin() + 8, ratios_first.begin() + 16);
  expect_outputs({"PriorBox", attributes + "min_max_aspect_ratios_order=false", {extents(1, 1), extents(10, 10)}, 8},
                 {f32({2, 16}, ratios_first)});
}

TEST(PriorBox, StepAndOffset) {
  const std::vector<Tensor> result =
      run({"PriorBox", "min_size=2 step=4 offset=0 flip=0", {extents(1, 2), extents(8, 8)}});
  expect_equal(result[0], f32({2, 8}, {-0.125F, -0.125F, 0.125F, 0.125F, 0.375F, -0.125F, 0.625F, 0.125F,  //
                                       0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F}));
}

TEST(PriorBox, SizesInImageHeights) {
  // MXNet way: 0.5 of 10 pixels; step -1 means image height / rows = 10, centre (offset) * 10 = 5.
  const std::vector<Tensor> result = run({"PriorBox",
                                          "min_size=0.2,0.4 scale_all_sizes=0 step=-1 offset=0.5 aspect_ratio=4",
                                          {extents(1, 1), extents(10, 20)}});
  expect_equal(result[0],
               f32({2, 12}, {0.2F, 0.4F, 0.3F, 0.6F, 0.15F, 0.3F, 0.35F, 0.7F, 0.15F, 0.45F, 0.35F, 0.55F,  //
                             0.1F, 0.1F, 0.1F, 0.1F, 0.1F,  0.1F, 0.1F,  0.1F, 0.1F,  0.1F,  0.1F,  0.1F}));
}

TEST(PriorBox, DenseFixedSizes) {
  // Size 8 at density 2: four boxes, shifted by 4 pixels around the centre (8, 8) of 16x16.
  const std::vector<Tensor> result =
      run({"PriorBox", "fixed_size=8 density=2 flip=0", {extents(1, 1), extents(16, 16)}});
  const std::vector<float> row = {0.125F, 0.125F, 0.625F, 0.625F, 0.375F, 0.125F, 0.875F, 0.625F,
                                  0.125F, 0.375F, 0.625F, 0.875F, 0.375F, 0.375F, 0.875F, 0.875F};
  std::vector<float> values = row;
  values.insert(values.end(), 16, 0.1F);
  expect_equal(result[0], f32({2, 16}, values));
}

TEST(Priors, Refusals) {
  expect_invalid({"PriorBoxClustered", "width=1,2 height=1", {extents(1, 1), extents(1, 1)}}, "expected as many");
  expect_invalid({"PriorBoxClustered", "width=1 height=1", {extents(1, 0), extents(1, 1)}}, "a layer extent is 0");
  expect_invalid({"PriorBoxClustered", "width=1 height=1", {i64({1}), extents(1, 1)}}, "have 1 and 2 values");
  expect_invalid({"PriorBoxClustered", "width=1 height=1 variance=1,2", {extents(1, 1), extents(1, 1)}},
                 "variance has 2 values");
  expect_invalid({"PriorBox", "min_size=-1", {extents(1, 1), extents(1, 1)}}, "min_size has the value -1");
  expect_invalid({"PriorBox", "min_size=1 aspect_ratio=0", {extents(1, 1), extents(1, 1)}}, "aspect_ratio has");
  expect_invalid({"PriorBox", "fixed_size=8", {extents(1, 1), extents(1, 1)}}, "density has 0 values");
  expect_invalid({"PriorBox", "fixed_size=8 density=0", {extents(1, 1), extents(1, 1)}}, "density has the value 0");
  expect_refused({"PriorBox", "min_size=1", {extents(1, 1), extents(1, 1)}, 0, {0}}, ErrorCode::kUnsupported,
                 "needs constant layer extents");
}

/// Three priors: two that overlap by half their union, one far away.
Tensor three_priors() {
  return f32({1, 2, 12}, {0,    0,    0.4F, 0.4F, 0,    0,    0.4F, 0.2F, 0.6F, 0.6F, 1,    1,  //
                          0.1F, 0.1F, 0.2F, 0.2F, 0.1F, 0.1F, 0.2F, 0.2F, 0.1F, 0.1F, 0.2F, 0.2F});
}

const std::string kDetection =
    "code_type=caffe.PriorBoxParameter.CENTER_SIZE share_location=1 normalized=true confidence_threshold=0.3 "
    "keep_top_k=4 top_k=10 ";

TEST(DetectionOutput, SuppressesPerClass) {
  const Tensor location = f32({1, 12}, std::vector<float>(12, 0));
  const Tensor confidence = f32({1, 6}, {0.1F, 0.9F, 0.2F, 0.8F, 0.4F, 0.6F});
  const OpCase strict{
      "DetectionOutput", kDetection + "num_classes=2 nms_threshold=0.45", {location, confidence, three_priors()}, 1};
  expect_outputs(strict, {f32({1, 1, 4, 7}, {0,  1, 0.9F, 0,    0,    0.4F, 0.4F,  //
                                             0,  1, 0.6F, 0.6F, 0.6F, 1,    1,     //
                                             -1, 0, 0,    0,    0,    0,    0,     //
                                             0,  0, 0,    0,    0,    0,    0})});
  // An overlap equal to the threshold stays; opset 8 finds the number of classes itself.
  const OpCase equal{"DetectionOutput", kDetection + "nms_threshold=0.5", {location, confidence, three_priors()}, 8};
  expect_outputs(equal, {f32({1, 1, 4, 7}, {0,  1, 0.9F, 0,    0,    0.4F, 0.4F,  //
                                            0,  1, 0.8F, 0,    0,    0.4F, 0.2F,  //
                                            0,  1, 0.6F, 0.6F, 0.6F, 1,    1,     //
                                            -1, 0, 0,    0,    0,    0,    0})});
}

TEST(DetectionOutput, KeepsTheBestOfAllClassesAndOrdersByClass) {
  const Tensor location = f32({1, 12}, std::vector<float>(12, 0));
  // Background is class 1; classes 0 and 2 compete.
  const Tensor confidence = f32({1, 9}, {0.5F, 0, 0.4F, 0, 0, 0.35F, 0.7F, 0, 0.9F});
  expect_outputs({"DetectionOutput",
                  "code_type=caffe.PriorBoxParameter.CORNER share_location=1 normalized=1 confidence_threshold=0.3 "
                  "nms_threshold=0.9 keep_top_k=3 top_k=-1 num_classes=3 background_label_id=1",
                  {location, confidence, three_priors()},
                  1},
                 {f32({1, 1, 3, 7}, {0, 0, 0.7F, 0.6F, 0.6F, 1,    1,     //
                                     0, 0, 0.5F, 0,    0,    0.4F, 0.4F,  //
                                     0, 2, 0.9F, 0.6F, 0.6F, 1,    1})});
}

TEST(DetectionOutput, DecodesCenterSizeWithVariances) {
  // Prior centre (0.2, 0.2), 0.4 wide: shifted by 0.1 * 1 * 0.4, scaled by exp(0.2 * ln(32) = ln 2).
  const float log32 = std::log(32.0F);
  const Tensor location = f32({1, 4}, {1, 0, log32, 0});
  const Tensor priors = f32({1, 2, 4}, {0, 0, 0.4F, 0.4F, 0.1F, 0.1F, 0.2F, 0.2F});
  const std::vector<float> box = {0, 1, 0.9F, 0.24F - 0.4F, 0, 0.24F + 0.4F, 0.4F};
  std::vector<float> clipped = box;
  clipped[3] = 0;
  const OpCase plain{
      "DetectionOutput", kDetection + "keep_top_k=1 num_classes=2", {location, f32({1, 2}, {0, 0.9F}), priors}, 1};
  OpCase one = plain;
  one.attributes = "code_type=center_size normalized=1 keep_top_k=1 num_classes=2";
  expect_outputs(one, {f32({1, 1, 1, 7}, box)});
  one.attributes += " clip_after_nms=true";
  expect_outputs(one, {f32({1, 1, 1, 7}, clipped)});
  one.attributes = "code_type=center_size normalized=1 keep_top_k=1 num_classes=2 clip_before_nms=true";
  expect_outputs(one, {f32({1, 1, 1, 7}, clipped)});
  // Variances encoded in the target: the code is used as it is.
  expect_outputs(
      {"DetectionOutput",
       "code_type=center_size normalized=1 keep_top_k=1 num_classes=2 variance_encoded_in_target=1",
       {f32({1, 4}, {0.5F, 0, std::log(0.5F), 0}), f32({1, 2}, {0, 0.9F}), f32({1, 1, 4}, {0, 0, 0.4F, 0.4F})},
       1},
      {f32({1, 1, 1, 7}, {0, 1, 0.9F, 0.3F, 0, 0.5F, 0.4F})});
}

TEST(DetectionOutput, PixelPriorsHaveFiveValues) {
  const Tensor priors = f32({1, 1, 5}, {0, 0, 10, 20, 40});
  expect_outputs({"DetectionOutput",
                  "code_type=corner normalized=0 input_width=40 input_height=80 keep_top_k=1 num_classes=2 "
                  "variance_encoded_in_target=1",
                  {f32({1, 4}, {0, 0, 0, 0}), f32({1, 2}, {0, 0.9F}), priors},
                  1},
                 {f32({1, 1, 1, 7}, {0, 1, 0.9F, 0, 0.125F, 0.5F, 0.5F})});
}

TEST(DetectionOutput, BestClassPerPrior) {
  // decrease_label_id: prior 0 stands for class 2 only; labels are printed without the background.
  const Tensor location = f32({1, 12}, std::vector<float>(12, 0));
  const Tensor confidence = f32({1, 9}, {0, 0.4F, 0.6F, 0, 0.5F, 0.3F, 0.9F, 0.05F, 0.05F});
  expect_outputs({"DetectionOutput",
                  kDetection + "num_classes=3 nms_threshold=0.45 decrease_label_id=true",
                  {location, confidence, three_priors()},
                  1},
                 {f32({1, 1, 4, 7}, {0,  0, 0.5F, 0, 0, 0.4F, 0.2F,  //
                                     0,  1, 0.6F, 0, 0, 0.4F, 0.4F,  //
                                     -1, 0, 0,    0, 0, 0,    0,     //
                                     0,  0, 0,    0, 0, 0,    0})});
}

TEST(DetectionOutput, FirstStageDecidesObjectness) {
  const Tensor zeros = f32({1, 12}, std::vector<float>(12, 0));
  const Tensor confidence = f32({1, 6}, {0.1F, 0.9F, 0.2F, 0.8F, 0.4F, 0.6F});
  const Tensor arm = f32({1, 6}, {0.9F, 0.1F, 0.1F, 0.9F, 0.9F, 0.1F});
  expect_outputs({"DetectionOutput",
                  kDetection + "num_classes=2 nms_threshold=0.45 objectness_score=0.5",
                  {zeros, confidence, three_priors(), arm, zeros},
                  1},
                 {f32({1, 1, 4, 7}, {0,  1, 0.8F, 0, 0, 0.4F, 0.2F,  //
                                     -1, 0, 0,    0, 0, 0,    0,     //
                                     0,  0, 0,    0, 0, 0,    0,     //
                                     0,  0, 0,    0, 0, 0,    0})});
}

TEST(DetectionOutput, RowsAndRefusals) {
  const Tensor location = f32({1, 12}, std::vector<float>(12, 0));
  const Tensor confidence = f32({1, 6}, std::vector<float>(6, 0));
  const auto rows = [&](const std::string& attributes) {
    return infer({"DetectionOutput",
                  "normalized=1 num_classes=2 " + attributes,
                  {location, confidence, three_priors()},
                  1})[0]
        .shape[2];
  };
  EXPECT_EQ(rows("keep_top_k=200"), 200);
  EXPECT_EQ(rows("keep_top_k=-1 top_k=5"), 10);
  EXPECT_EQ(rows("keep_top_k=-1 top_k=-1"), 6);
  const auto refused = [&](const std::string& attributes, std::vector<Tensor> inputs, std::string_view text) {
    expect_invalid({"DetectionOutput", attributes, std::move(inputs), 1}, text);
  };
  refused("normalized=1 num_classes=3", {location, confidence, three_priors()},
          "confidence has shape [1,6], expected 9");
  refused("normalized=1 num_classes=2 share_location=0", {location, confidence, three_priors()}, "location has shape");
  refused("normalized=0 num_classes=2", {location, confidence, three_priors()}, "multiple of 5");
  refused("normalized=1 num_classes=2 variance_encoded_in_target=1", {location, confidence, three_priors()},
          "priors has shape");
  refused("normalized=1 num_classes=2", {location, confidence, three_priors(), location}, "expected 3 or 5");
  refused("normalized=1 num_classes=2 input_width=0", {location, confidence, three_priors()}, "input_width is 0");
  refused("normalized=1 num_classes=2 code_type=polar", {location, confidence, three_priors()},
          "expected one of: caffe");
}

// Four boxes: 0 and 1 overlap by 0.6, 2 and 3 are alone; coordinates y1, x1, y2, x2.
Tensor four_boxes() { return f32({1, 4, 4}, {0, 0, 1, 1, 0, 0.25F, 1, 1.25F, 2, 2, 3, 3, 5, 6, 4, 5}); }

TEST(NonMaxSuppression, GreedyPerClass) {
  const Tensor scores = f32({1, 2, 4}, {0.8F, 0.9F, 0.5F, 0.1F, 0, 0, 0.7F, 0});
  const std::vector<Tensor> inputs = {four_boxes(), scores, Tensor::scalar<std::int64_t>(3), Tensor::scalar(0.5F),
                                      Tensor::scalar(0.2F)};
  std::vector<std::int64_t> rows = {0, 0, 1, 0, 1, 2, 0, 0, 2};
  const std::vector<float> row_scores = {0, 0, 0.9F, 0, 1, 0.7F, 0, 0, 0.5F};
  expect_outputs({"NonMaxSuppression", "box_encoding=corner sort_result_descending=true output_type=i64", inputs, 5},
                 {i64({3, 3}, rows), f32({3, 3}, row_scores), i64({3})});
  expect_outputs({"NonMaxSuppression", "box_encoding=corner sort_result_descending=false", inputs, 9},
                 {i64({3, 3}, {0, 0, 1, 0, 0, 2, 0, 1, 2})});
  // Before opset 5 there is one output, of as many rows as there can be: 3 for each of two classes.
  rows.resize(18, -1);
  expect_outputs({"NonMaxSuppression", "output_type=i64", inputs, 3}, {i64({6, 3}, rows)});
  EXPECT_EQ(run({"NonMaxSuppression", "", inputs, 3}).size(), 1U);
}

TEST(NonMaxSuppression, CentersAndSoftSigma) {
  // Two boxes of equal size whose IoU is 1/3: softened by exp(-(1/3)^2 / (2 * 0.5)).
  const Tensor boxes = f32({1, 2, 4}, {1, 1, 2, 2, 2, 1, 2, 2});
  const Tensor scores = f32({1, 1, 2}, {0.9F, 0.8F});
  const auto softened = static_cast<float>(0.8 * std::exp(-1.0 / 9));
  expect_outputs({"NonMaxSuppression",
                  "box_encoding=center",
                  {boxes, scores, Tensor::scalar<std::int64_t>(2), Tensor::scalar(1.0F), Tensor::scalar(0.1F),
                   Tensor::scalar(0.5F)},
                  5},
                 {i64({2, 3}, {0, 0, 0, 0, 0, 1}), f32({2, 3}, {0, 0, 0.9F, 0, 0, softened}), i64({2})});
}

TEST(NonMaxSuppression, Refusals) {
  const Tensor most = Tensor::scalar<std::int64_t>(3);
  expect_invalid({"NonMaxSuppression", "", {four_boxes(), ramp({1, 1, 3}), most}}, "do not fit");
  expect_invalid({"NonMaxSuppression", "", {ramp({4, 4}), ramp({1, 1, 4}), most}}, "boxes has shape");
  expect_invalid({"NonMaxSuppression", "", {four_boxes(), ramp({1, 1, 4}), i64({1, 2})}}, "expected a single value");
  expect_refused({"NonMaxSuppression", "", {four_boxes(), ramp({1, 1, 4}), most}, 3, {2}}, ErrorCode::kUnsupported,
                 "needs constant most boxes");
  // No limit given: the operator selects nothing.
  EXPECT_EQ(run({"NonMaxSuppression", "", {four_boxes(), ramp({1, 1, 4})}})[0].shape(), (Shape{0, 3}));
}

/// One-hot scores [T, N, C] of class sequences.
Tensor one_hot(const std::vector<std::vector<int>>& classes, std::int64_t count, bool time_first) {
  const auto sequences = static_cast<std::int64_t>(classes.size());
  const auto times = static_cast<std::int64_t>(classes[0].size());
  Tensor scores(DataType::kF32, time_first ? Shape{times, sequences, count} : Shape{sequences, times, count});
  for (std::int64_t n = 0; n < sequences; ++n) {
    for (std::int64_t t = 0; t < times; ++t) {
      const std::int64_t row = time_first ? t * sequences + n : n * times + t;
      scores.data<float>()[static_cast<std::size_t>(
          row * count + classes[static_cast<std::size_t>(n)][static_cast<std::size_t>(t)])] = 1;
    }
  }
  return scores;
}

TEST(CTCGreedyDecoder, MergesAndStopsAtTheMask) {
  const Tensor data = one_hot({{1, 1, 3, 1, 0}, {2, 3, 2, 2, 0}}, 4, true);  // blank is 3
  const Tensor mask = f32({5, 2}, {0, 0, 1, 1, 1, 1, 1, 1, 1, 1});
  Tensor full = f32({5, 2}, std::vector<float>(10, 1));
  full.data<float>()[9] = 0;  // the second sequence has four steps
  expect_outputs({"CTCGreedyDecoder", "ctc_merge_repeated=true", {data, full}},
                 {f32({2, 5, 1, 1}, {1, 1, 0, -1, -1, 2, 2, -1, -1, -1})});
  expect_outputs({"CTCGreedyDecoder", "merge_repeated=false", {data, full}},
                 {f32({2, 5, 1, 1}, {1, 1, 1, 0, -1, 2, 2, 2, -1, -1})});
  // Models mark the first step with 0 and the following ones with 1.
  expect_outputs({"CTCGreedyDecoder", "", {data, mask}}, {f32({2, 5, 1, 1}, {1, 1, 0, -1, -1, 2, 2, 0, -1, -1})});
  expect_invalid({"CTCGreedyDecoder", "", {data, ramp({2, 5})}}, "mask is [2,5]");
}

TEST(CTCGreedyDecoderSeqLen, CountsClasses) {
  const Tensor data = one_hot({{1, 1, 3, 1, 0}, {2, 3, 2, 2, 0}}, 4, false);
  const Tensor lengths = Tensor::of<std::int32_t>({2}, {5, 100});
  const auto i32 = [](Shape shape, const std::vector<std::int32_t>& values) {
    return Tensor::of<std::int32_t>(std::move(shape), values);
  };
  expect_outputs({"CTCGreedyDecoderSeqLen", "merge_repeated=true", {data, lengths}},
                 {i32({2, 5}, {1, 1, 0, -1, -1, 2, 2, 0, -1, -1}), i32({2}, {3, 3})});
  expect_outputs({"CTCGreedyDecoderSeqLen",
                  "merge_repeated=true classes_index_type=i64",
                  {data, lengths, Tensor::scalar<std::int32_t>(1)}},
                 {i64({2, 5}, {3, 0, -1, -1, -1, 2, 3, 2, 0, -1}), i32({2}, {2, 4})});
  expect_invalid({"CTCGreedyDecoderSeqLen", "", {data, i64({1})}}, "expected 2 of them");
}

}  // namespace
}  // namespace fovea::test
