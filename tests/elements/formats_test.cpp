// All pixel formats, odd sizes and padded rows lead to the same detection.
#include "tests/elements/inference_fixture.hpp"
#include "tests/elements/padded_picture.hpp"

namespace fovea::testing {
namespace {

struct Size {
  int width;
  int height;
};

using Case = std::tuple<const char*, Size>;

class Formats : public InferenceTest, public ::testing::WithParamInterface<Case> {
 protected:
  [[nodiscard]] static bool is_yuv(const std::string& format) { return format == "NV12" || format == "I420"; }
};

TEST_P(Formats, GiveTheSameDetection) {
  const std::string format = std::get<0>(GetParam());
  const Size size = std::get<1>(GetParam());
  // A luma step is 255/219 levels wide, so half of it is lost in rounding; conversion to bytes rounds once more.
  const double tolerance = is_yuv(format) ? 255.0 / 219 / 2 + 0.5 : kLevelTolerance;
  Harness harness(detector());
  harness.caps(format, size.width, size.height);
  for (const int level : {0, 37, 128, 255}) {
    ASSERT_EQ(harness.push(padded_picture(format, size.width, size.height, level)), GST_FLOW_OK);
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    EXPECT_NEAR(seen_level(buffer.get()), level, tolerance) << "padding was read, or the conversion is off";
    const FrameAnalysis* analysis = find_analysis(buffer.get());
    ASSERT_EQ(analysis->objects.size(), 1U);
    EXPECT_EQ(analysis->objects[0].label, "thing");
    EXPECT_FLOAT_EQ(analysis->objects[0].confidence, kDetectorConfidence);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Formats,
                         ::testing::Combine(::testing::Values("NV12", "I420", "BGR", "RGB", "BGRx", "RGBx", "BGRA",
                                                              "RGBA", "GRAY8"),
                                            ::testing::Values(Size{64, 48}, Size{33, 17}, Size{5, 7}, Size{1, 1})),
                         [](const auto& entry) {
                           const Size size = std::get<1>(entry.param);
                           return std::string(std::get<0>(entry.param)) + "_" + std::to_string(size.width) + "x" +
                                  std::to_string(size.height);
                         });

}  // namespace
}  // namespace fovea::testing
