// Detection, attributes and segmentation against values worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/expect_error.hpp"
#include "vision/metrics/attributes.hpp"
#include "vision/metrics/detection.hpp"
#include "vision/metrics/segmentation.hpp"

namespace fovea {
namespace {

using ::testing::ElementsAre;

/// Sums of a hundred terms in double.
constexpr double kRounding = 1e-12;

/// A place of its own for each index: boxes of different places do not overlap.
Box place(int index) { return {0.1F * static_cast<float>(index), 0.2F, 0.08F, 0.5F}; }

TruthObject truth(const Box& box, const std::string& label = "a") {
  TruthObject object;
  object.box = box;
  object.label = label;
  object.height_px = 100;
  object.visible_height_px = 100;
  return object;
}

TruthObject ignored(const Box& box) {
  TruthObject object = truth(box);
  object.ignore = true;
  return object;
}

ResultObject result(const Box& box, double confidence, const std::string& label = "a") {
  return {.box = box, .label = label, .confidence = confidence, .id = {}, .attributes = {}};
}

TEST(Overlap, IsIntersectionOverUnionAndCoverage) {
  const Box whole{0, 0, 0.5F, 0.5F};
  const Box half{0, 0, 0.25F, 0.5F};
  EXPECT_DOUBLE_EQ(precise_iou(whole, half), 0.5);
  EXPECT_DOUBLE_EQ(coverage(half, whole), 1);
  EXPECT_DOUBLE_EQ(coverage(whole, half), 0.5);
  EXPECT_EQ(precise_iou(whole, {0.5F, 0, 0.5F, 0.5F}), 0) << "a common edge is no overlap";
  EXPECT_EQ(precise_iou(whole, {0, 0, 0, 0.5F}), 0);
  EXPECT_EQ(precise_iou(whole, {0, 0, std::numeric_limits<float>::quiet_NaN(), 1}), 0);
}

TEST(Percentile, IsTheNearestRank) {
  EXPECT_EQ(percentile({}, 0.5), std::nullopt);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0.5), 2);   // ⌈0.5·4⌉ = 2nd
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0.95), 4);  // ⌈3.8⌉ = 4th
  EXPECT_EQ(percentile({7}, 0.01), 7);
}

TEST(Detection, AveragePrecisionOfAKnownCurve) {
  // Four truths; results by confidence: hit, alarm, hit, alarm, hit.
  //   precision 1, 1/2, 2/3, 1/2, 3/5 at recall 1/4, 1/4, 2/4, 2/4, 3/4; monotonous: 1, 2/3, 2/3, 3/5, 3/5.
  //   Recalls 0…0.25 (26 points) see 1, 0.26…0.50 (25) see 2/3, 0.51…0.75 (25) see 3/5, the other 25 see 0.
  JudgedFrame frame;
  frame.truth = {truth(place(0)), truth(place(1)), truth(place(2)), truth(place(3))};
  frame.results = {result(place(2), 0.5), result(place(0), 0.9), result(place(7), 0.8), result(place(1), 0.7),
                   result(place(8), 0.6)};
  DetectionMetrics metrics;
  const FrameMatches matches = metrics.add(frame);
  EXPECT_THAT(matches.truth_of_result, ElementsAre(2, 0, FrameMatches::kNone, 1, FrameMatches::kNone));
  EXPECT_THAT(matches.result_of_truth, ElementsAre(1, 3, 0, FrameMatches::kNone));
  const DetectionReport report = metrics.report();
  const double expected = (26 + 25 * 2.0 / 3 + 25 * 0.6) / 101;
  ASSERT_TRUE(report.ap50 && report.ap);
  EXPECT_NEAR(*report.ap50, expected, kRounding);
  EXPECT_NEAR(*report.ap, expected, kRounding) << "boxes are exact, so all thresholds agree";
  EXPECT_DOUBLE_EQ(*report.precision, 3.0 / 5);
  EXPECT_DOUBLE_EQ(*report.recall, 3.0 / 4);
}

TEST(Detection, ApIsTheMeanOverThresholds) {
  // One truth, one result inside it with 0.72 of its height: IoU 0.72 is a hit at 0.50, 0.55, 0.60, 0.65 and 0.70.
  DetectionMetrics metrics;
  metrics.add({.truth = {truth({0.1F, 0.1F, 0.5F, 0.5F})}, .results = {result({0.1F, 0.1F, 0.5F, 0.36F}, 0.9)}});
  EXPECT_NEAR(*metrics.report().ap50, 1, kRounding);
  EXPECT_NEAR(*metrics.report().ap, 0.5, kRounding);
}

TEST(Detection, MeansAreOverTheClassesOfTheTruth) {
  // a: found, AP 1. b: missed, AP 0. c: never there, so its alarm is told but judged nowhere.
  DetectionMetrics metrics;
  metrics.add({.truth = {truth(place(0)), truth(place(1), "b")},
               .results = {result(place(0), 0.9), result(place(1), 0.9, "c")}});
  const DetectionReport report = metrics.report();
  EXPECT_NEAR(*report.ap50, 0.5, kRounding);
  ASSERT_EQ(report.classes.size(), 2U);
  EXPECT_EQ(report.classes[1].label, "b");
  EXPECT_EQ(report.classes[1].hits, 0U);
  EXPECT_EQ(report.without_truth.at("c"), 1U);
  EXPECT_DOUBLE_EQ(*report.precision, 1);
}

TEST(Detection, NothingInTheTruthIsNotZero) {
  DetectionMetrics metrics;
  metrics.add({.truth = {ignored(place(0))}, .results = {}});
  EXPECT_FALSE(metrics.report().ap50);
  EXPECT_FALSE(metrics.report().precision);
}

TEST(Detection, IgnoredTruthIsNeitherHitNorMiss) {
  // Dropped: the one on the ignored truth (IoU 1) and the one within it (IoU 1/4, all of it inside). The second result
  // on the found truth is an alarm all the same: precision 1/2.
  const Box region{0.5F, 0.2F, 0.4F, 0.4F};
  DetectionMetrics metrics;
  const FrameMatches matches =
      metrics.add({.truth = {truth(place(0)), ignored(region)},
                   .results = {result(place(0), 0.9), result(region, 0.95), result({0.5F, 0.2F, 0.2F, 0.2F}, 0.94),
                               result(place(0), 0.8)}});
  EXPECT_THAT(matches.truth_of_result,
              ElementsAre(0, FrameMatches::kDropped, FrameMatches::kDropped, FrameMatches::kNone));
  const DetectionReport report = metrics.report();
  EXPECT_NEAR(*report.ap50, 1, kRounding);
  EXPECT_DOUBLE_EQ(*report.precision, 0.5);
  EXPECT_EQ(report.classes[0].truth, 1U);
}

TEST(Detection, CountedTruthGoesBeforeIgnored) {
  // The result overlaps both; it must count as a hit.
  DetectionMetrics metrics;
  metrics.add({.truth = {ignored(place(0)), truth({0, 0.2F, 0.08F, 0.3F})}, .results = {result(place(0), 0.9)}});
  EXPECT_EQ(metrics.report().classes[0].hits, 1U);
}

TEST(Detection, RecallByBins) {
  // Heights 20 and 31 (first bin, one found), 128 (last bin, found); visible 0.5 belongs to [0.5, 0.75).
  TruthObject small = truth(place(0));
  small.height_px = 20;
  TruthObject missed = truth(place(1));
  missed.height_px = 31;
  missed.visible = 0.5;
  TruthObject large = truth(place(2));
  large.height_px = 128;
  DetectionMetrics metrics;
  metrics.add({.truth = {small, missed, large}, .results = {result(place(0), 0.9), result(place(2), 0.9)}});
  const DetectionReport report = metrics.report();
  EXPECT_EQ(report.by_height.front().truth, 2U);
  EXPECT_EQ(report.by_height.front().found, 1U);
  EXPECT_EQ(report.by_height.back().truth, 1U);
  EXPECT_EQ(report.by_height.back().found, 1U);
  EXPECT_EQ(report.by_visible[2].truth, 1U);
  EXPECT_EQ(report.by_visible[2].found, 0U);
  EXPECT_EQ(report.by_visible[3].truth, 2U);
}

TEST(Attributes, LabelsNobodyAnswersForAreNotAsked) {
  JudgedFrame frame;
  frame.truth = {truth(place(0), "car"), truth(place(1), "person")};
  frame.truth[0].attributes = {{"type", "van"}};
  frame.truth[1].attributes = {{"type", "adult"}};
  frame.results = {result(place(0), 0.9, "car"), result(place(1), 0.9, "person")};
  frame.results[0].attributes = {{"type", "van"}};
  DetectionMetrics detection;
  AttributeMetrics metrics;
  metrics.add(frame, detection.add(frame));
  EXPECT_EQ(metrics.report().at("type").all.objects, 1U);
  EXPECT_DOUBLE_EQ(metrics.report().at("type").all.accuracy(), 1);
  EXPECT_FALSE(metrics.report().at("type").confusion.contains("adult"));
}

TEST(Attributes, NoAnswerIsAWrongAnswer) {
  // Found: red said red, red said blue, blue said nothing. Small: shows 40 pixels, not more. Missed: not asked.
  JudgedFrame frame;
  for (int i = 0; i < 5; ++i) {
    frame.truth.push_back(truth(place(i)));
    frame.truth.back().attributes = {{"color", i == 2 ? "blue" : "red"}, {"type", "car"}};
  }
  frame.truth[3].visible_height_px = AttributeMetrics::kMinVisibleHeightPx;
  for (int i = 0; i < 4; ++i) {
    frame.results.push_back(result(place(i), 0.9));
  }
  frame.results[0].attributes = {{"color", "red"}};
  frame.results[1].attributes = {{"color", "blue"}};
  frame.results[3].attributes = {{"color", "red"}};
  DetectionMetrics detection;
  AttributeMetrics metrics;
  EXPECT_EQ(metrics.add(frame, detection.add(frame)), 1U) << "wrong answers said";
  const auto report = metrics.report();
  ASSERT_EQ(report.size(), 1U) << "nobody was asked for the type";
  const AttributeReport& color = report.at("color");
  EXPECT_EQ(color.all.objects, 3U);
  EXPECT_EQ(color.all.answered, 2U);
  EXPECT_DOUBLE_EQ(color.all.accuracy(), 1.0 / 3);
  EXPECT_EQ(color.confusion.at("red").at("red"), 1U);
  EXPECT_EQ(color.confusion.at("red").at("blue"), 1U);
  EXPECT_EQ(color.confusion.at("blue").at(kNoAnswer), 1U);
}

SegmentationMask mask(int width, int height, std::vector<std::uint8_t> classes, std::vector<std::string> labels) {
  SegmentationMask made;
  made.width = width;
  made.height = height;
  made.classes = std::make_shared<const std::vector<std::uint8_t>>(std::move(classes));
  made.labels = std::move(labels);
  return made;
}

TEST(Segmentation, MeanIoUOfAKnownConfusion) {
  // truth   road road car void sky
  // result  road car  car road car
  // road: 1 common, 2 true, 1 said (void apart): 1/2. car: 1 common, 1 true, 3 said: 1/3. sky: no label of the model.
  SegmentationMetrics metrics;
  metrics.add(mask(5, 1, {1, 1, 2, 0, 3}, {"void", "road", "car", "sky"}),
              mask(5, 1, {0, 1, 1, 0, 1}, {"road", "car", "tram"}));
  const SegmentationReport report = metrics.report();
  ASSERT_EQ(report.classes.size(), 2U);
  EXPECT_EQ(report.classes[0].label, "car");
  EXPECT_DOUBLE_EQ(report.classes[0].iou, 1.0 / 3);
  EXPECT_DOUBLE_EQ(report.classes[1].iou, 1.0 / 2);
  EXPECT_NEAR(*report.miou, 5.0 / 12, kRounding);
  EXPECT_THAT(report.not_in_model, ElementsAre("sky"));
}

TEST(Segmentation, CellsAreComparedAtTheirMiddles) {
  // The result has half the resolution and covers the frame's left half only: truth cells 0 and 1 of four.
  SegmentationMask result = mask(1, 1, {0}, {"road"});
  result.region = {0, 0, 0.5F, 1};
  SegmentationMetrics metrics;
  metrics.add(mask(4, 1, {0, 1, 0, 0}, {"road", "car"}), result);
  const SegmentationReport report = metrics.report();
  ASSERT_EQ(report.classes.size(), 1U);
  EXPECT_EQ(report.classes[0].truth, 1U);
  EXPECT_EQ(report.classes[0].result, 2U);
  EXPECT_DOUBLE_EQ(*report.miou, 0.5);
}

TEST(Segmentation, NamesCanBeMapped) {
  NameMap names;
  names.unite("ground", "road");
  names.unite("ground", "pavement");
  SegmentationMetrics metrics(names);
  metrics.add(mask(2, 1, {0, 1}, {"road", "pavement"}), mask(2, 1, {0, 0}, {"ground"}));
  EXPECT_DOUBLE_EQ(*metrics.report().miou, 1);
  EXPECT_EQ(metrics.report().classes[0].label, "ground");
}

TEST(Segmentation, NothingInCommonIsNotZero) {
  SegmentationMetrics metrics;
  metrics.add(mask(1, 1, {0}, {"sky"}), mask(1, 1, {0}, {"sea"}));
  EXPECT_FALSE(metrics.report().miou);
}

TEST(Segmentation, AMaskWithoutItsCellsIsRefused) {
  SegmentationMetrics metrics;
  test::expect_error(ErrorCode::kInvalidArgument, {"truth's mask of 2x2 cells has 2 values"}, [&] {
    metrics.add(mask(2, 2, {0, 0}, {}), mask(1, 1, {0}, {}));
  });
}

}  // namespace
}  // namespace fovea
