// `fovea assess` on a video with a MOTChallenge file, every figure worked out by hand.
//
// The chain is real: a video file, decodebin, fvdetect with a model, fvtrack. The model stands in for a trained one: it
// finds the extent of each colour channel's bright pixels, so what it says follows from what the test draws.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_ir.hpp"
#include "tests/tools/assess_command.hpp"

namespace fovea {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::TinyIr;

constexpr int kWidth = 64;
constexpr int kHeight = 48;
constexpr int kFrames = 20;
constexpr double kRounding = 1e-9;

/// Per channel of [1,3,48,64] one row of [1,1,3,7]: the box of the pixels above 127, confidence 0.9 where there are
/// any. Labels 1, 2, 3 for blue, green, red.
std::filesystem::path make_colour_detector(const std::filesystem::path& directory) {
  TinyIr ir("colour-detector");
  const auto broadcast = R"(auto_broadcast="numpy")";
  const TinyIr::Shape one{1, 3, 1, 1};
  const auto picture = ir.parameter("data", {1, 3, kHeight, kWidth});
  const auto above = ir.layer("Subtract", broadcast, {picture, ir.constant(std::vector<float>{127}, {1, 1, 1, 1})},
                              {1, 3, kHeight, kWidth});
  const auto bright = ir.layer("Clamp", R"(min="0" max="1")", {above}, {1, 3, kHeight, kWidth});
  const auto peak = [&](TinyIr::Value value, std::int64_t axis, const TinyIr::Shape& shape) {
    return ir.layer("ReduceMax", R"(keep_dims="true")", {value, ir.constant({axis})}, shape);
  };
  const auto extent = [&](TinyIr::Value line, std::int64_t axis, int size) {
    TinyIr::Shape shape{1, 1, 1, 1};
    shape[static_cast<std::size_t>(axis)] = size;
    TinyIr::Shape full = shape;
    full[1] = 3;
    std::vector<float> from_end;
    std::vector<float> from_begin;
    for (int i = 0; i < size; ++i) {
      from_end.push_back(static_cast<float>(size - i) / static_cast<float>(size));
      from_begin.push_back(static_cast<float>(i + 1) / static_cast<float>(size));
    }
    const auto weighted = [&](const std::vector<float>& weights) {
      return peak(ir.layer("Multiply", broadcast, {line, ir.constant(weights, shape)}, full), axis, one);
    };
    const auto begin =
        ir.layer("Subtract", broadcast, {ir.constant(std::vector<float>{1}, {1, 1, 1, 1}), weighted(from_end)}, one);
    return std::pair(begin, weighted(from_begin));
  };
  const auto columns = peak(bright, 2, {1, 3, 1, kWidth});
  const auto [left, right] = extent(columns, 3, kWidth);
  const auto [top, bottom] = extent(peak(bright, 3, {1, 3, kHeight, 1}), 2, kHeight);
  const auto confidence = ir.layer("Multiply", broadcast,
                                   {peak(columns, 3, one), ir.constant(std::vector<float>{0.9F}, {1, 1, 1, 1})}, one);
  const auto rows = ir.layer("Concat", R"(axis="3")",
                             {ir.constant(std::vector<float>{0, 0, 0}, one),
                              ir.constant(std::vector<float>{1, 2, 3}, one), confidence, left, top, right, bottom},
                             {1, 3, 1, 7});
  ir.result(ir.layer("Reshape", R"(special_zero="false")", {rows, ir.constant({1, 1, 3, 7})}, {1, 1, 3, 7}));
  return ir.save(directory);
}

void draw(std::string& frame, int channel, int x, int y, int width, int height) {
  for (int row = y; row < y + height; ++row) {
    for (int column = x; column < x + width; ++column) {
      frame[static_cast<std::size_t>((row * kWidth + column) * 3 + channel)] = '\xff';
    }
  }
}

std::string mot(int frame, int id, int x, int y, int width, int height, int flag, int what) {
  return fmt::format("{},{},{},{},{},{},{},{},1\n", frame + 1, id, x + 1, y + 1, width, height, flag, what);
}

/// What happens in the video, and what its truth says:
///  * green "person" 1 walks to the right, 2 pixels a frame; in frames 5 and 6 the truth has it 16 pixels lower (IoU
///    8/40 = 0.2);
///  * "person" 2 is in the truth of frames 0 to 3 and never drawn;
///  * blue "car" 3 stands still in frames 10 to 19; in 18 and 19 the truth's flag is 0: ignored;
///  * in frame 0 a blue thing is drawn that the truth does not have.
class AssessVideo : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pixels;
    std::string truth;
    for (int i = 0; i < kFrames; ++i) {
      std::string frame(static_cast<std::size_t>(kWidth * kHeight * 3), '\0');
      draw(frame, 1, 2 + 2 * i, 8, 10, 24);
      truth += mot(i, 1, 2 + 2 * i, i == 5 || i == 6 ? 24 : 8, 10, 24, 1, 1);
      if (i < 4) {
        truth += mot(i, 2, 30, 2, 12, 30, 1, 1);
      }
      if (i >= 10) {
        draw(frame, 0, 40, 20, 20, 24);
        truth += mot(i, 3, 40, 20, 20, 24, i < 18 ? 1 : 0, 3);
      }
      if (i == 0) {
        draw(frame, 0, 0, 0, 20, 24);
      }
      pixels += frame;
    }
    dir_.write("gt.txt", truth);
    const auto raw = dir_.write("frames.bgr", pixels);
    const std::string convert = fmt::format(
        "gst-launch-1.0 -q filesrc location={} ! rawvideoparse format=bgr width={} height={} framerate=25/1 ! avimux ! "
        "filesink location={}",
        raw.string(), kWidth, kHeight, (dir_ / "video.avi").string());
    ASSERT_EQ(std::system(convert.c_str()), 0) << convert;
    model_ = make_colour_detector(dir_.path());
    write_pipeline("  - gst: \"fvtrack min-hits=1\"\n");
  }

  void write_pipeline(const std::string& more_stages) {
    dir_.write("pipeline.yaml",
               "version: 1\nname: judged\nsource: {uri: \"rtsp://camera.invalid/1\"}\nstages:\n"
               "  - detect: {model: " +
                   model_.string() + ", labels: \"background,car,person,bicycle\"}\n" + more_stages +
                   "publish:\n  - file: {path: published.jsonl}\n");
  }

  test::CommandResult run(const std::string& options) {
    return test::assess(dir_.path(), fmt::format("{} --video {} --truth {} {}", (dir_ / "pipeline.yaml").string(),
                                                 (dir_ / "video.avi").string(), (dir_ / "gt.txt").string(), options));
  }

  json report(const std::string& options) {
    const test::CommandResult result = run(options + " --json");
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }

  test::TempDir dir_;
  std::filesystem::path model_;
};

TEST_F(AssessVideo, DetectionFiguresAreThoseOfTheHand) {
  json figures = report("");
  ASSERT_TRUE(figures.is_object());
  EXPECT_EQ(figures["frames"], kFrames);
  EXPECT_EQ(figures["sequences"], 1);
  EXPECT_EQ(figures["dropped"], 0);
  EXPECT_EQ(figures["skipped"], 0);
  EXPECT_EQ(figures["truth"]["counted"], 20 + 4 + 8);
  EXPECT_EQ(figures["truth"]["ignored"], 2);
  // Persons: truth 24, results 20, hits 18. All have one confidence, so the order is that of the frames: five hits, two
  // alarms, thirteen hits. Precision is 1 up to recall 5/24, that is for recalls 0…0.20 (21 points), then at best 18/20
  // up to recall 18/24 = 0.75 (55 points), then 0.
  const double person = (21 + 55 * 0.9) / 101;
  // Cars: the alarm of frame 0 comes first, then eight hits: 8/9 at every recall. Two results are dropped.
  const double car = 8.0 / 9;
  EXPECT_NEAR(figures["classes"]["person"]["ap50"].get<double>(), person, kRounding);
  EXPECT_NEAR(figures["classes"]["person"]["ap"].get<double>(), person, kRounding) << "boxes are exact";
  EXPECT_NEAR(figures["classes"]["car"]["ap50"].get<double>(), car, kRounding);
  EXPECT_EQ(figures["classes"]["car"]["results"], 9);
  EXPECT_NEAR(figures["ap50"].get<double>(), (person + car) / 2, kRounding);
  EXPECT_NEAR(figures["precision"].get<double>(), 26.0 / 29, kRounding);
  EXPECT_NEAR(figures["recall"].get<double>(), 26.0 / 32, kRounding);
  EXPECT_EQ(figures["recall_by"]["height_px"][0]["truth"], 32);
  EXPECT_EQ(figures["recall_by"]["height_px"][0]["found"], 26);
  EXPECT_FALSE(figures.contains("miou"));
  EXPECT_FALSE(figures.contains("attributes"));
  EXPECT_GT(figures["latency_ms"]["p50"], 0.0);
  EXPECT_LE(figures["latency_ms"]["p50"], figures["latency_ms"]["p99"]);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "published.jsonl")) << "nothing is published";
}

TEST_F(AssessVideo, TrackingAndCountingFiguresAreThoseOfTheHand) {
  json figures = report("--line middle=0.5,0,0.5,1 --zone left=0,0,0.5,0,0.5,1,0,1");
  ASSERT_TRUE(figures.is_object());
  // Misses: person 1 twice, person 2 four times. Alarms: person 1's two boxes, the blue thing. No switch.
  EXPECT_NEAR(figures["mota"].get<double>(), 1 - (6 + 3 + 0) / 32.0, kRounding);
  EXPECT_NEAR(figures["classes"]["person"]["mota"].get<double>(), 1 - (6 + 2) / 24.0, kRounding);
  EXPECT_NEAR(figures["classes"]["car"]["mota"].get<double>(), 1 - 1 / 8.0, kRounding);
  EXPECT_EQ(figures["id_switches"], 0);
  // Tracks pair up for 18 and 8 frames; 32 boxes of truth and 29 of results count.
  EXPECT_NEAR(figures["idf1"].get<double>(), 2 * 26.0 / (32 + 29), kRounding);
  EXPECT_NEAR(figures["motp"].get<double>(), 1, 1e-6) << "boxes are floats";
  EXPECT_EQ(figures["tracking"]["fragmentations"], 1);
  EXPECT_EQ(figures["tracking"]["tracks"], 3);
  EXPECT_EQ(figures["tracking"]["mostly_tracked"], 2);  // 18 of 20, 8 of 8
  EXPECT_EQ(figures["tracking"]["mostly_lost"], 1);
  // Person 1's foot passes x = 32 between frames 12 (31) and 13 (33): backward for someone who looks down the line.
  const json& line = figures["counting"]["lines"]["middle"];
  EXPECT_EQ(line["backward"], (json{{"true", 1}, {"counted", 1}, {"error", 0}, {"relative", 0.0}}));
  EXPECT_EQ(line["forward"], (json{{"true", 0}, {"counted", 0}, {"error", 0}}));
  // In the left half: person 1; in the results the blue thing, too.
  const json& zone = figures["counting"]["zones"]["left"];
  EXPECT_EQ(zone["true"], 1);
  EXPECT_EQ(zone["counted"], 2);
  EXPECT_EQ(zone["relative"], 1.0);
  EXPECT_EQ(zone["classes"]["car"]["true"], 0);
}

TEST_F(AssessVideo, FramesClassesAndGates) {
  json first = report("--frames 10 --class person");
  ASSERT_TRUE(first.is_object());
  EXPECT_EQ(first["frames"], 10);
  EXPECT_EQ(first["truth"]["counted"], 14);
  EXPECT_FALSE(first["classes"].contains("car"));
  const test::CommandResult failed = run("--fail-below idf1=0.5,mota=0.9 --worst " + (dir_ / "worst.png").string());
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.err, HasSubstr("mota is 0.71875, below 0.9"));
  EXPECT_THAT(failed.out, HasSubstr("not measured"));
  EXPECT_THAT(test::read_text(dir_ / "worst.png"), ::testing::StartsWith("\x89PNG"));
}

TEST_F(AssessVideo, WaysOutAmongTheStagesAreReplaced) {
  const auto leak = dir_ / "leak";
  write_pipeline("  - gst: \"tee name=t t. ! queue ! filesink location=" + leak.string() +
                 " t. ! queue ! fvmetaconvert ! fvpublish method=file file-path=" + leak.string() + "\"\n");
  json figures = report("");
  ASSERT_TRUE(figures.is_object());
  EXPECT_EQ(figures["frames"], kFrames);
  EXPECT_FALSE(figures.contains("mota")) << "nothing tracks";
  EXPECT_FALSE(std::filesystem::exists(leak));
}

TEST_F(AssessVideo, MistakesAreNamed) {
  const auto complains = [&](const std::string& options, const std::string& part) {
    const test::CommandResult result = run(options);
    EXPECT_EQ(result.status, 1) << options;
    EXPECT_THAT(result.err, HasSubstr(part));
  };
  complains("--line x=0.5,0,0.5", "--line 'x=0.5,0,0.5': expected NAME=x,y");
  complains("--zone x=0,0,1,1", "zone 'x' has 2 corners");
  complains("--map person", "--map 'person'");
  complains("--fail-below ap50", "FIGURE=NUMBER");
  complains("--device NOSUCH", "NOSUCH");
  dir_.write("gt.txt", "1,1,1,1,5\n");
  complains("", "gt.txt:1: found 5 values");
}

}  // namespace
}  // namespace fovea
