// CLEAR-MOT, IDF1 and counting on sequences small enough to work out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/expect_error.hpp"
#include "vision/counting.hpp"
#include "vision/metrics/tracking.hpp"

namespace fovea {
namespace {

using Id = std::uint64_t;

/// Boxes of different places do not overlap.
Box place(int index) { return {0.1F * static_cast<float>(index), 0.2F, 0.08F, 0.5F}; }

TruthObject truth(Id id, const Box& box, const std::string& label = "a") {
  TruthObject object;
  object.id = id;
  object.box = box;
  object.label = label;
  return object;
}

ResultObject result(Id id, const Box& box, const std::string& label = "a") {
  return {.box = box, .label = label, .confidence = 0.9, .id = id, .attributes = {}};
}

TEST(Tracking, ALostTrackThatComesBackWithAnotherId) {
  // Five frames, one truth. Results: id 1 in frames 0 and 1, nothing in 2, id 2 in 3 and 4.
  // MOTA = 1 − (1 miss + 0 + 1 switch) / 5. One fragmentation. Followed in 4 of 5 frames: mostly tracked.
  // IDF1: either id pairs with the truth for 2 frames: 2·2 / (5 + 4).
  TrackingMetrics metrics;
  for (int i = 0; i < 5; ++i) {
    JudgedFrame frame{.truth = {truth(7, place(0))}, .results = {}};
    if (i != 2) {
      frame.results.push_back(result(i < 2 ? 1 : 2, place(0)));
    }
    EXPECT_EQ(metrics.add(frame).switched.size(), i == 3 ? 1U : 0U) << i;
  }
  metrics.end_sequence();
  const TrackingCounts pooled = metrics.report().pooled;
  EXPECT_EQ(pooled.truth, 5U);
  EXPECT_EQ(pooled.misses, 1U);
  EXPECT_EQ(pooled.false_alarms, 0U);
  EXPECT_EQ(pooled.id_switches, 1U);
  EXPECT_EQ(pooled.fragmentations, 1U);
  EXPECT_EQ(pooled.mostly_tracked, 1U);
  EXPECT_EQ(pooled.mostly_lost, 0U);
  EXPECT_DOUBLE_EQ(*pooled.mota(), 1 - 2.0 / 5);
  EXPECT_DOUBLE_EQ(*pooled.motp(), 1);
  EXPECT_DOUBLE_EQ(*pooled.idf1(), 4.0 / 9);
}

TEST(Tracking, TwoTracksThatSwapTheirIds) {
  // Six frames; A has id 1 and B id 2 for four, then the other way round: 2 switches, MOTA = 1 − 2/12.
  // IDF1: A–1 and B–2 share 4 frames each: 2·8 / (12 + 12).
  TrackingMetrics metrics;
  for (int i = 0; i < 6; ++i) {
    metrics.add({.truth = {truth(1, place(0)), truth(2, place(3))},
                 .results = {result(i < 4 ? 1 : 2, place(0)), result(i < 4 ? 2 : 1, place(3))}});
  }
  metrics.end_sequence();
  const TrackingCounts pooled = metrics.report().pooled;
  EXPECT_EQ(pooled.id_switches, 2U);
  EXPECT_DOUBLE_EQ(*pooled.mota(), 1 - 2.0 / 12);
  EXPECT_DOUBLE_EQ(*pooled.idf1(), 16.0 / 24);
}

TEST(Tracking, IdsArePairedOverTheWholeSequence) {
  // Frames 0–2: A with id 1. Frames 3–4: A with id 2, B with id 1.
  // Pairing A–1 first gives 3 frames and leaves B nothing; A–2 and B–1 give 2 + 2. IDF1 = 2·4 / (7 + 7).
  TrackingMetrics metrics;
  for (int i = 0; i < 5; ++i) {
    JudgedFrame frame{.truth = {truth(1, place(0))}, .results = {result(i < 3 ? 1 : 2, place(0))}};
    if (i >= 3) {
      frame.truth.push_back(truth(2, place(5)));
      frame.results.push_back(result(1, place(5)));
    }
    metrics.add(frame);
  }
  metrics.end_sequence();
  EXPECT_EQ(metrics.report().pooled.id_matches, 4U);
  EXPECT_DOUBLE_EQ(*metrics.report().pooled.idf1(), 8.0 / 14);
}

TEST(Tracking, APairStaysTogetherWhileItOverlaps) {
  // In the second frame id 2 lies better, but id 1 still has IoU 0.6: it stays, and id 2 is an alarm.
  const Box box{0.1F, 0.1F, 0.5F, 0.5F};
  const Box worse{0.1F, 0.1F, 0.5F, 0.3F};
  TrackingMetrics metrics;
  metrics.add({.truth = {truth(1, box)}, .results = {result(1, box)}});
  metrics.add({.truth = {truth(1, box)}, .results = {result(2, box), result(1, worse)}});
  metrics.end_sequence();
  const TrackingCounts pooled = metrics.report().pooled;
  EXPECT_EQ(pooled.id_switches, 0U);
  EXPECT_EQ(pooled.false_alarms, 1U);
  constexpr double kFloat = 1e-6;  // boxes are floats
  EXPECT_NEAR(*pooled.motp(), (1 + 0.6) / 2, kFloat);
}

TEST(Tracking, AsManyPairsAsPossible) {
  // Id 1 overlaps both truths, best the first one (IoU 1 and 0.6); id 2 overlaps the first only (0.6). Greedy pairing
  // would give one match, the assignment gives two.
  const Box first{0.1F, 0.1F, 0.4F, 0.4F};
  const Box second{0.1F, 0.2F, 0.4F, 0.4F};  // 0.3/0.5 of the joint area in common
  const Box third{0.1F, 0.0F, 0.4F, 0.4F};
  TrackingMetrics metrics;
  metrics.add({.truth = {truth(1, first), truth(2, second)}, .results = {result(1, first), result(2, third)}});
  metrics.end_sequence();
  EXPECT_EQ(metrics.report().pooled.matches, 2U);
}

TEST(Tracking, LabelsAreJudgedApartAndPooled) {
  // a: 1 of 2 frames found. b: found twice, and an alarm each time. MOTA a = 1/2, b = 1 − 2/2 = 0, pooled 1 − 3/4.
  // Results of a label without truth do not enter the pool.
  TrackingMetrics metrics;
  for (int i = 0; i < 2; ++i) {
    JudgedFrame frame{.truth = {truth(1, place(0)), truth(2, place(2), "b")},
                      .results = {result(2, place(2), "b"), result(3, place(4), "b"), result(4, place(6), "c")}};
    if (i == 0) {
      frame.results.push_back(result(1, place(0)));
    }
    metrics.add(frame);
  }
  metrics.end_sequence();
  const TrackingReport report = metrics.report();
  EXPECT_DOUBLE_EQ(*report.classes.at("a").mota(), 0.5);
  EXPECT_DOUBLE_EQ(*report.classes.at("b").mota(), 0);
  EXPECT_FALSE(report.classes.contains("c"));
  EXPECT_DOUBLE_EQ(*report.pooled.mota(), 0.25);
}

TEST(Tracking, IgnoredTruthCountsNowhere) {
  // The ignored truth's result is dropped; the truth that is ignored for a frame is not lost in it.
  TrackingMetrics metrics;
  for (int i = 0; i < 3; ++i) {
    JudgedFrame frame{.truth = {truth(1, place(0)), truth(2, place(3))}, .results = {result(2, place(3))}};
    frame.truth[0].ignore = i == 1;
    frame.truth[1].ignore = true;
    if (i != 1) {
      frame.results.push_back(result(1, place(0)));
    }
    EXPECT_EQ(metrics.add(frame).dropped[0], 1);
  }
  metrics.end_sequence();
  const TrackingCounts pooled = metrics.report().pooled;
  EXPECT_EQ(pooled.truth, 2U);
  EXPECT_EQ(pooled.results, 2U);
  EXPECT_EQ(pooled.fragmentations, 0U);
  EXPECT_EQ(pooled.tracks, 1U);
  EXPECT_DOUBLE_EQ(*pooled.mota(), 1);
  EXPECT_DOUBLE_EQ(*pooled.idf1(), 1);
}

TEST(Tracking, SequencesAreKeptApart) {
  // The same truth id with another result id in another sequence is no switch.
  TrackingMetrics metrics;
  for (const Id id : {1U, 2U}) {
    metrics.add({.truth = {truth(1, place(0))}, .results = {result(id, place(0))}});
    metrics.end_sequence();
  }
  EXPECT_EQ(metrics.report().pooled.id_switches, 0U);
  EXPECT_EQ(metrics.report().pooled.tracks, 2U);
  EXPECT_DOUBLE_EQ(*metrics.report().pooled.idf1(), 1);
}

TEST(Tracking, ARepeatedIdIsAnAlarm) {
  TrackingMetrics metrics;
  metrics.add(
      {.truth = {truth(1, place(0)), truth(2, place(2))}, .results = {result(1, place(0)), result(1, place(2))}});
  metrics.end_sequence();
  EXPECT_EQ(metrics.report().pooled.false_alarms, 1U);
  EXPECT_EQ(metrics.report().pooled.misses, 1U);
}

/// A track whose foot stands at a point.
CountedTrack standing(Id id, float x, float y, const std::string& label = "a") {
  return {id, label, {x - 0.05F, y - 0.2F, 0.1F, 0.2F}};
}

void walk(Counting& counting, const std::vector<CountedTrack>& steps) {
  for (const CountedTrack& step : steps) {
    counting.update({&step, 1});
  }
}

TEST(CountingLines, ACrossingHasADirection) {
  Counting counting({{"gate", {0.2F, 0.5F}, {0.8F, 0.5F}}}, {});
  walk(counting, {standing(1, 0.5F, 0.3F), standing(1, 0.5F, 0.7F)});  // downwards: to the right of the line
  walk(counting, {standing(2, 0.5F, 0.7F), standing(2, 0.6F, 0.3F)});
  walk(counting, {standing(3, 0.4F, 0.7F), standing(3, 0.4F, 0.6F)});  // does not reach it
  walk(counting, {standing(4, 0.9F, 0.3F), standing(4, 0.9F, 0.7F)});  // passes beside its end
  const LineCount count = counting.lines().at("gate").at("a");
  EXPECT_EQ(count.forward, 1U);
  EXPECT_EQ(count.backward, 1U);
}

TEST(CountingLines, StandingOnTheLineIsNoCrossing) {
  // 0.5 is exact in binary: the foot is on the line. Turning back there counts nothing, going on counts once.
  Counting counting({{"gate", {0, 0.5F}, {1, 0.5F}}}, {});
  const auto at = [](Id id, float y) { return CountedTrack{id, "a", {0.25F, y - 0.25F, 0.5F, 0.25F}}; };
  walk(counting, {at(1, 0.375F), at(1, 0.5F), at(1, 0.375F)});
  EXPECT_TRUE(counting.lines().at("gate").empty());
  walk(counting, {at(2, 0.375F), at(2, 0.5F), at(2, 0.5F), at(2, 0.75F)});
  EXPECT_EQ(counting.lines().at("gate").at("a").forward, 1U);
}

TEST(CountingLines, AGapIsWalkedStraight) {
  Counting counting({{"gate", {0.2F, 0.5F}, {0.8F, 0.5F}}}, {});
  walk(counting, {standing(1, 0.5F, 0.3F)});
  counting.update({});
  walk(counting, {standing(1, 0.5F, 0.7F)});
  EXPECT_EQ(counting.lines().at("gate").at("a").forward, 1U);
  counting.begin_sequence();
  walk(counting, {standing(1, 0.5F, 0.3F)});
  EXPECT_EQ(counting.lines().at("gate").at("a").backward, 0U) << "another sequence's track";
}

TEST(CountingZones, EachIdIsCountedOnce) {
  // An L: the square's upper right quarter is not part of it.
  Counting counting({}, {{"L", {{0.2F, 0.2F}, {0.5F, 0.2F}, {0.5F, 0.5F}, {0.8F, 0.5F}, {0.8F, 0.8F}, {0.2F, 0.8F}}}});
  walk(counting, {standing(1, 0.3F, 0.3F), standing(1, 0.9F, 0.9F), standing(1, 0.3F, 0.3F)});
  walk(counting, {standing(2, 0.7F, 0.3F)});
  walk(counting, {standing(3, 0.7F, 0.7F, "b")});
  EXPECT_EQ(counting.zones().at("L").at("a"), 1U);
  EXPECT_EQ(counting.zones().at("L").at("b"), 1U);
}

TEST(CountingSettings, NonsenseIsRefused) {
  const auto refuse = [](std::vector<CountingLine> lines, std::vector<CountingZone> zones, std::string_view part) {
    test::expect_error(ErrorCode::kInvalidArgument, {part}, [&] { const Counting counting(lines, zones); });
  };
  refuse({{"x", {0.1F, 0.1F}, {0.1F, 0.1F}}}, {}, "begins where it ends");
  refuse({{"x", {0.1F, 0.1F}, {1.1F, 0.1F}}}, {}, "coordinates in [0,1]");
  refuse({}, {{"x", {{0, 0}, {1, 1}}}}, "2 corners");
  refuse({{"x", {0, 0}, {1, 1}}, {"x", {0, 0}, {1, 0.5F}}}, {}, "called 'x'");
}

}  // namespace
}  // namespace fovea
