// Models that describe themselves: an element needs nothing but the file.
#include <gmock/gmock.h>

#include "tests/elements/inference_fixture.hpp"
#include "tests/support/tiny_onnx.hpp"

namespace fovea::testing {
namespace {

using Metadata = InferenceTest;

TEST_F(Metadata, AnUltralyticsExportJustWorks) {
  const std::filesystem::path model = test::make_ultralytics_detector(dir_.path());
  Harness harness("fvdetect model=" + model.string());
  harness.grey();
  constexpr int kLevel = 204;
  ASSERT_EQ(harness.push_level(kLevel), GST_FLOW_OK);
  const BufferPtr buffer = harness.pull();
  ASSERT_NE(buffer, nullptr);
  const FrameAnalysis* analysis = find_analysis(buffer.get());
  ASSERT_NE(analysis, nullptr);
  ASSERT_EQ(analysis->objects.size(), 1U);
  const Object& object = analysis->objects[0];
  EXPECT_EQ(object.label, "it's a thing");
  // Without the division by 255 the confidence would be 1.
  EXPECT_NEAR(object.confidence, kLevel / 255.0, 1e-3);
  EXPECT_NEAR(object.box.x, 0.25, 1e-3);
  EXPECT_NEAR(object.box.height, 0.5, 1e-3);
}

TEST_F(Metadata, AFormWithoutDecoderIsRefusedWithItsOrigin) {
  auto metadata = test::ultralytics_metadata();
  for (auto& [key, value] : metadata) {
    value = key == "task" ? "obb" : value;
  }
  const std::filesystem::path model = test::make_ultralytics_detector(dir_.path(), "obb", metadata);
  EXPECT_THAT(start_error("fvdetect model=" + model.string()),
              ::testing::HasSubstr("unknown decoder 'yolo_v8_obb' (from metadata task)"));
}

}  // namespace
}  // namespace fovea::testing
