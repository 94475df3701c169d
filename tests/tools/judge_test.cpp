// The judge's rules, a perfect result on a real street, and gates.
#include "tools/assess/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/expect_error.hpp"
#include "tools/assess/gates.hpp"
#include "tools/assess/report.hpp"
#include "vision/image_file.hpp"
#include "vision/street/street.hpp"

namespace fovea::assess {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Object object(const std::string& label, const Box& box, std::uint64_t id,
              const std::vector<std::pair<std::string, std::string>>& attributes = {}) {
  Object made;
  made.label = label;
  made.box = box;
  made.track_id = id;
  made.confidence = 0.9F;
  for (const auto& [name, value] : attributes) {
    made.attributes.push_back({.name = name, .label = value, .confidence = 1, .model = "test"});
  }
  return made;
}

FrameAnalysis analysis(std::vector<Object> objects) {
  FrameAnalysis made;
  made.inferred = true;
  made.objects = std::move(objects);
  return made;
}

/// Judges one frame of 100 lines.
json judge_one(const Rules& rules, const FrameAnalysis& truth, const FrameAnalysis& result) {
  Judge judge(rules);
  judge.begin_sequence(100);
  judge.add(truth, result, 1);
  judge.end_sequence(0);
  return to_json(judge.report(), rules);
}

TEST(Judge, SmallHiddenAndCutOffTruthIsIgnored) {
  // Heights 24 px (counts), 23 px; visible 0.29; in frame 0.29; set aside by the truth itself.
  const Box box{0.1F, 0.1F, 0.1F, 0.25F};
  const auto truth = analysis({object("a", {0.5F, 0.5F, 0.1F, 0.245F}, 1), object("a", {0.1F, 0.1F, 0.1F, 0.23F}, 2),
                               object("a", box, 3, {{"visible", "0.29"}}), object("a", box, 4, {{"in_frame", "0.29"}}),
                               object("a", box, 5, {{"ignore", "true"}})});
  const json report = judge_one({}, truth, analysis({}));
  EXPECT_EQ(report["truth"]["counted"], 1);
  EXPECT_EQ(report["truth"]["ignored"], 4);
  EXPECT_FALSE(report.contains("ap50")) << "nothing detected and nothing was expected to";
  Rules all;
  all.min_height_px = 0;
  all.min_visible = 0;
  all.min_in_frame = 0;
  const json strict = judge_one(all, truth, analysis({}));
  EXPECT_EQ(strict["truth"]["counted"], 4) << "what the truth sets aside stays so";
}

TEST(Judge, WhatIsExpectedAndDoesNotComeIsZero) {
  Judge judge({});
  judge.expect({.objects = true, .tracks = true});
  judge.begin_sequence(100);
  FrameAnalysis nothing;
  judge.add(analysis({object("a", {0.1F, 0.1F, 0.5F, 0.5F}, 1)}), nothing, 1);
  judge.end_sequence(3);
  const json report = to_json(judge.report(), {});
  EXPECT_EQ(report["ap50"], 0.0);
  EXPECT_EQ(report["mota"], 0.0);
  EXPECT_EQ(report["skipped"], 1);
  EXPECT_EQ(report["dropped"], 3);
  EXPECT_FALSE(report.contains("miou"));
  EXPECT_FALSE(report.contains("counting"));
  EXPECT_THAT(to_text(judge.report(), {}), HasSubstr("Segmentation  not measured"));
}

TEST(Judge, LabelsTheModelDoesNotKnowAreNotJudged) {
  const Box box{0.1F, 0.1F, 0.5F, 0.5F};
  Rules rules;
  rules.names.unite("person", "people");
  rules.model_labels = {"person"};
  const json report = judge_one(rules, analysis({object("person", box, 1), object("car", box, 2)}),
                                analysis({object("people", box, 1)}));
  EXPECT_EQ(report["ap50"], 1.0);
  EXPECT_EQ(report["not_judged"]["truth"]["car"], 1);
}

TEST(Judge, MaskClassesHaveNamesOfTheirOwn) {
  const auto mask = [](std::vector<std::uint8_t> classes, std::vector<std::string> labels) {
    FrameAnalysis frame;
    frame.masks.push_back({.width = 4,
                           .height = 1,
                           .classes = std::make_shared<const std::vector<std::uint8_t>>(std::move(classes)),
                           .labels = std::move(labels),
                           .model = "m"});
    return frame;
  };
  const FrameAnalysis truth = mask({0, 1, 2, 2}, {"car", "truck", "road"});
  const FrameAnalysis result = mask({1, 1, 1, 0}, {"road", "vehicle"});
  Rules rules;
  rules.mask_names.unite("vehicle", "car");
  rules.mask_names.unite("vehicle", "truck");
  const json report = judge_one(rules, truth, result);
  // vehicle: 2 cells of both, 3 of either; road: 1 of both, 2 of either.
  EXPECT_NEAR(report["miou"].get<double>(), (2.0 / 3 + 1.0 / 2) / 2, 1e-12);
}

/// What a perfect pipeline would say: the street's own truth, as results.
class PerfectStreet : public ::testing::Test {
 protected:
  static json judged(std::uint64_t seed) {
    Rules rules;
    rules.min_height_px = 8;
    rules.lines = {{"across", {0, 0.6F}, {1, 0.6F}}};
    rules.zones = {{"left", {{0, 0}, {0.5F, 0}, {0.5F, 1}, {0, 1}}}};
    Judge judge(rules);
    Street street({.seed = seed, .width_px = 320, .height_px = 180, .density = 1});
    Image picture{320, 180, std::vector<std::uint8_t>(320 * 180 * 3)};
    judge.begin_sequence(180);
    for (std::uint64_t i = 0; i < 40; ++i) {
      street.render(i * 5, picture.mutable_view());
      FrameAnalysis truth = to_analysis(street.truth());
      truth.masks.push_back(street.mask(4));
      EXPECT_EQ(judge.add(truth, truth, 1).badness(), 0U);
    }
    judge.end_sequence(0);
    return to_json(judge.report(), rules);
  }
};

TEST_F(PerfectStreet, GetsFullMarks) {
  const json report = judged(1);
  ASSERT_GT(report["truth"]["counted"], 100);
  for (const char* figure : {"ap50", "ap", "precision", "recall", "mota", "motp", "idf1", "miou"}) {
    EXPECT_NEAR(report.at(figure).get<double>(), 1, 1e-12) << figure;
  }
  EXPECT_EQ(report["id_switches"], 0);
  EXPECT_EQ(report["attributes"]["type"]["accuracy"], 1.0);
  EXPECT_EQ(report["counting"]["lines"]["across"]["forward"]["error"], 0);
  EXPECT_EQ(report["counting"]["zones"]["left"]["error"], 0);
  EXPECT_GT(report["counting"]["zones"]["left"]["true"], 0);
  EXPECT_FALSE(report["attributes"].contains("visible")) << "a measure of the truth, not asked of anyone";
}

TEST(Gates, NameTheFigureThatFails) {
  const json report = {{"ap50", 0.8}, {"attributes", {{"color", {{"accuracy", 0.5}}}}}, {"id_switches", 3}};
  auto gates = parse_gates("ap50=0.8, attributes.color.accuracy=0.6,idf1=0.1", Gate::Kind::kAtLeast, "--fail-below");
  const auto upper = parse_gates("id_switches=2", Gate::Kind::kAtMost, "--fail-above");
  gates.insert(gates.end(), upper.begin(), upper.end());
  EXPECT_THAT(failed_gates(gates, report),
              ElementsAre("attributes.color.accuracy is 0.5, below 0.6", "idf1 was not measured, expected at least 0.1",
                          "id_switches is 3, above 2"));
  EXPECT_TRUE(parse_gates("", Gate::Kind::kAtLeast, "--fail-below").empty());
  test::expect_error(ErrorCode::kInvalidArgument, {"--fail-below", "'ap50'", "FIGURE=NUMBER"},
                     [] { (void)parse_gates("ap50", Gate::Kind::kAtLeast, "--fail-below"); });
}

}  // namespace
}  // namespace fovea::assess
