// `fovea inspect --explain`: the plan as text, and the picture as the network sees it.
#include "tools/inspect/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/frontends/frontend.hpp"
#include "engine/ops/graph_text.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_onnx.hpp"
#include "vision/model_spec_resolve.hpp"

namespace fovea::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Explain, NamesEveryStepAndWhoSaidSo) {
  const test::TempDir dir;
  const Model model = read_model(test::make_ultralytics_detector(dir.path()));
  dir.write("export.yaml", "version: 1\nthreshold: 0.25\n");
  const Plan plan = explain_plan(model, resolve_model_spec(model));
  EXPECT_TRUE(plan.complete);
  EXPECT_THAT(
      plan.lines,
      ElementsAre(
          "export (ONNX opset 13)", "described by, strongest first:", "  " + (dir / "export.yaml").string(),
          "  the model's own metadata", "task: detect [metadata task]",
          "before the network:", "  1. take the frame or an object's region, in the format it has",
          "  2. resize to 16x16 (width x height, bilinear), letterbox: aspect ratio kept, centred, borders 114 "
          "[metadata task (as all Ultralytics models)]",
          "  3. turn colours into RGB [metadata task (as all Ultralytics models)]",
          "  4. subtract the mean 0 0 0 [metadata task (as all Ultralytics models)]",
          "  5. divide by the scale 255 255 255 [metadata task (as all Ultralytics models)]",
          "  6. write input 'images' f32[1,3,16,16] as NCHW [the model's only picture input]",
          "after the network:", "  output 'output0' f32[1,6,8]",
          "  1. yolo_v8: Detections as [1,4+C,N]: boxes by centre and size, then scores of the classes [metadata task]",
          "     of a class's boxes that overlap with an IoU above 0.45 the surest stays [default]",
          "     2 labels: nothing, it's a thing [metadata names]",
          "  2. drop detections less sure than 0.25 [export.yaml]"));
}

TEST(Explain, DefaultsAndWhatTheGraphTells) {
  Model model;
  model.name = "net";
  model.format = "ONNX opset 13";
  model.graph = parse_graph("y = Relu(x: f32[1,1,20,30])");
  const Plan plan = explain_plan(model, resolve_model_spec(model));
  EXPECT_TRUE(plan.complete);
  EXPECT_THAT(plan.lines, ::testing::Contains("described by nothing: defaults, and what the graph tells"));
  EXPECT_THAT(plan.lines, ::testing::Contains("task: not said, the element decides"));
  EXPECT_THAT(plan.lines, ::testing::Contains("  3. turn colours into grey [the input has one channel]"));
  EXPECT_THAT(plan.lines, ::testing::Contains("  4. subtract the mean 0 [default]"));
  EXPECT_THAT(plan.lines, ::testing::Contains("  1. raw: The output as it is; without a name, all outputs "
                                              "[told from the outputs' shapes]"));
}

TEST(Explain, ProblemsArePartOfThePlan) {
  Model model;
  model.name = "net";
  model.graph = parse_graph("y = Relu(x: f32[1,7])");
  ModelSpec spec = resolve_model_spec(model);
  spec.outputs.resize(1);
  spec.outputs[0].decoder = "yolo_v8";
  const Plan plan = explain_plan(model, spec);
  EXPECT_FALSE(plan.complete);
  EXPECT_FALSE(plan.preprocess.has_value());
  EXPECT_THAT(plan.lines, ::testing::Contains(::testing::AllOf(HasSubstr("  problem: "), HasSubstr("is no picture"))));
  EXPECT_THAT(plan.lines, ::testing::Contains(::testing::AllOf(HasSubstr("  problem: "), HasSubstr("yolo_v8"))));
}

/// A wide picture of one colour.
Image blue_picture() {
  Image picture;
  picture.width_px = 32;
  picture.height_px = 16;
  for (int i = 0; i < 32 * 16; ++i) {
    picture.bgr.insert(picture.bgr.end(), {200, 100, 50});
  }
  return picture;
}

TEST(Explain, ThePictureComesBackInItsColours) {
  PreProcessSpec spec{.width_px = 8,
                      .height_px = 8,
                      .channels = ChannelOrder::kRgb,
                      .resize = ResizeMode::kLetterbox,
                      .mean = {123.675F, 116.28F, 103.53F},
                      .scale = {58.395F, 57.12F, 57.375F},
                      .pad_value = 114};
  for (const TensorLayout layout : {TensorLayout::kNchw, TensorLayout::kNhwc}) {
    spec.layout = layout;
    const SeenPicture seen = see_picture(spec, blue_picture());
    ASSERT_EQ(seen.image.width_px, 8);
    ASSERT_EQ(seen.image.height_px, 8);
    const auto pixel = [&](std::size_t x, std::size_t y) {
      const auto at = static_cast<std::ptrdiff_t>(3 * (8 * y + x));
      return std::vector<int>(seen.image.bgr.begin() + at, seen.image.bgr.begin() + at + 3);
    };
    EXPECT_THAT(pixel(0, 0), ElementsAre(114, 114, 114));
    EXPECT_THAT(pixel(3, 3), ElementsAre(200, 100, 50));
    EXPECT_THAT(pixel(7, 7), ElementsAre(114, 114, 114));
    EXPECT_EQ(seen.lines.at(0), "picture 32x16 fills columns 0.0 to 8.0 and rows 2.0 to 6.0 of 8x8");
    // (50 − 123.675) / 58.395 and (200 − 103.53) / 57.375.
    EXPECT_EQ(seen.lines.at(1), "the network reads values from -1.262 to 1.681");
  }
  spec.channels = ChannelOrder::kGray;
  const SeenPicture grey = see_picture(spec, blue_picture());
  // 0.299 · 50 + 0.587 · 100 + 0.114 · 200
  EXPECT_EQ(grey.image.bgr.at(3 * (8 * 3 + 3)), 96);
}

}  // namespace
}  // namespace fovea::tools
