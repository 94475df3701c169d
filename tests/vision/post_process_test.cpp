// Every decoder on written-out tensors, and the zoo's descriptions on recorded outputs.
#include "vision/post_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "engine/base/error.hpp"
#include "tests/vision/npy.hpp"

namespace fovea {
namespace {

using testing::HasSubstr;

struct Output {
  std::string name;
  Tensor tensor;
};

std::vector<OutputInfo> infos(const std::vector<Output>& outputs) {
  std::vector<OutputInfo> result;
  for (const Output& output : outputs) {
    result.push_back({output.name, output.tensor.type()});
  }
  return result;
}

Decoded decode(const ModelSpec& spec, const std::vector<Output>& outputs, const DecodeContext& context = {}) {
  std::vector<NamedView> views;
  for (const Output& output : outputs) {
    views.push_back({output.name, output.tensor.view()});
  }
  Decoded decoded;
  make_post_process(spec, infos(outputs))->decode(views, context, decoded);
  return decoded;
}

ModelSpec spec_with(OutputSpec output) {
  ModelSpec spec;
  spec.name = "m";
  spec.outputs.push_back(std::move(output));
  return spec;
}

OutputSpec use(const std::string& decoder) {
  OutputSpec output;
  output.decoder = decoder;
  return output;
}

std::string error_of(const ModelSpec& spec, const std::vector<Output>& outputs) {
  try {
    make_post_process(spec, infos(outputs));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
    return error.what();
  }
  return "no error";
}

TEST(DetectionOutput, ReadsRowsUntilTheEndMark) {
  const float nan = NAN;
  const Tensor rows =
      Tensor::of<float>({1, 1, 6, 7}, {0,  1, 0.9F, 0.25F, 0.5F, 0.75F, 1.5F,  // Reaches below the frame.
                                       0,  1, 0.4F, 0,     0,    1,     1,     // Below the threshold.
                                       0,  1, nan,  0,     0,    1,     1,     //
                                       0,  1, 0.9F, nan,   0,    1,     1,     //
                                       -1, 0, 0,    0,     0,    0,     0,     //
                                       0,  1, 0.9F, 0,     0,    1,     1});   // After the end.
  ModelSpec spec;
  spec.name = "m";
  spec.labels = {"background", "person"};
  DecodeContext context;
  context.mapping = {.offset_x = 0.5F, .offset_y = 0, .scale_x = 0.5F, .scale_y = 1};
  const Decoded decoded = decode(spec, {{"out", rows}}, context);
  ASSERT_EQ(decoded.objects.size(), 1U);
  EXPECT_EQ(decoded.objects[0].box, (Box{0.625F, 0.5F, 0.25F, 0.5F}));
  EXPECT_EQ(decoded.objects[0].label, "person");
  EXPECT_EQ(decoded.objects[0].label_id, 1);
  EXPECT_EQ(decoded.objects[0].model, "m");
}

TEST(DetectionOutput, RowsOfZerosAreNoObjectsEvenWithoutThreshold) {
  DecodeContext context;
  context.threshold = 0;
  EXPECT_TRUE(decode({}, {{"out", Tensor(DataType::kF32, {1, 1, 20, 7})}}, context).objects.empty());
}

TEST(BoxesLabels, BoxesAreInPixelsOfTheInput) {
  const Tensor boxes = Tensor::of<float>({2, 5}, {10, 20, 60, 40, 0.75F, 0, 0, 1, 1, 0.1F});
  const Tensor labels = Tensor::of<std::int64_t>({2}, {2, 0});
  DecodeContext context;
  context.input_width_px = 100;
  context.input_height_px = 50;
  ModelSpec spec;
  spec.labels = {"a", "b", "c"};
  const Decoded decoded = decode(spec, {{"labels", labels}, {"boxes", boxes}}, context);
  ASSERT_EQ(decoded.objects.size(), 1U);
  EXPECT_NEAR(decoded.objects[0].box.x, 0.1, 1e-6);
  EXPECT_NEAR(decoded.objects[0].box.height, 0.4, 1e-6);
  EXPECT_EQ(decoded.objects[0].label, "c");
}

TEST(YoloV8, KeepsTheBestOfOverlappingCandidates) {
  // Columns: a box, the same a little to the right and less sure, one of the other class there, one below the
  // threshold, NaN in its score, NaN in its place; rows: centre x, centre y, width, height, two scores.
  const float nan = NAN;
  const Tensor out = Tensor::of<float>({1, 6, 7}, {50,   52,   50,   10,   10,   nan,  90,    //
                                                   25,   25,   25,   25,   25,   25,   25,    //
                                                   20,   20,   20,   10,   10,   10,   10,    //
                                                   30,   30,   30,   10,   10,   10,   10,    //
                                                   0.9F, 0.8F, 0.1F, 0.4F, nan,  0.9F, 0.2F,  //
                                                   0.1F, 0.1F, 0.7F, 0.3F, 0.1F, 0,    0.6F});
  DecodeContext context;
  context.input_width_px = 100;
  context.input_height_px = 50;
  ModelSpec spec;
  spec.task = "detect";
  spec.labels = {"a", "b"};
  const Decoded decoded = decode(spec, {{"out", out}}, context);
  ASSERT_EQ(decoded.objects.size(), 3U);
  EXPECT_EQ(decoded.objects[0].label, "a");
  EXPECT_FLOAT_EQ(decoded.objects[0].confidence, 0.9F);
  EXPECT_NEAR(decoded.objects[0].box.x, 0.4, 1e-6);
  EXPECT_NEAR(decoded.objects[0].box.height, 0.6, 1e-6);
  EXPECT_EQ(decoded.objects[1].label, "b");
  EXPECT_NEAR(decoded.objects[2].box.x, 0.85, 1e-6);
}

TEST(YoloV8, BoundsTheCandidatesItCompares) {
  // Boxes that do not overlap, every one sure: only the thousand surest are looked at.
  constexpr std::int64_t kColumns = 1500;
  Tensor out(DataType::kF32, {1, 5, kColumns});
  const std::span<float> values = out.data<float>();
  for (std::size_t i = 0; i < kColumns; ++i) {
    values[i] = static_cast<float>(i) + 0.5F;
    values[kColumns + i] = 0.5F;
    values[2 * kColumns + i] = 0.5F;
    values[3 * kColumns + i] = 0.5F;
    values[4 * kColumns + i] = i < 1000 ? 0.75F : 0.625F;
  }
  DecodeContext context;
  context.input_width_px = kColumns;
  context.input_height_px = 1;
  const Decoded decoded = decode(spec_with(use("yolo_v8")), {{"out", out}}, context);
  ASSERT_EQ(decoded.objects.size(), 1000U);
  for (const Object& object : decoded.objects) {
    EXPECT_FLOAT_EQ(object.confidence, 0.75F);
  }
}

TEST(YoloV5, MultipliesObjectnessAndScoresAndSuppresses) {
  const float nan = NAN;
  const Tensor out = Tensor::of<float>({1, 8, 7}, {50, 25, 20,  30, 0.9F, 1,    0.1F,   //
                                                   52, 25, 20,  30, 0.8F, 1,    0.1F,   // Overlaps the first.
                                                   50, 25, 20,  30, 1,    0.1F, 0.7F,   // Another class.
                                                   10, 25, 10,  10, 0.5F, 0.9F, 0,      // 0.45: below the threshold.
                                                   10, 25, 10,  10, nan,  0.9F, 0,      //
                                                   10, 25, nan, 10, 1,    0.9F, 0,      //
                                                   90, 25, 10,  10, 0.8F, 0,    0.75F,  //
                                                   0,  0,  0,   0,  0,    0,    0});
  DecodeContext context;
  context.input_width_px = 100;
  context.input_height_px = 50;
  ModelSpec spec;
  spec.task = "detect";
  spec.labels = {"a", "b"};
  const Decoded decoded = decode(spec, {{"out", out}}, context);
  ASSERT_EQ(decoded.objects.size(), 3U);
  EXPECT_EQ(decoded.objects[0].label, "a");
  EXPECT_FLOAT_EQ(decoded.objects[0].confidence, 0.9F);
  EXPECT_NEAR(decoded.objects[0].box.x, 0.4, 1e-6);
  EXPECT_NEAR(decoded.objects[0].box.height, 0.6, 1e-6);
  EXPECT_EQ(decoded.objects[1].label, "b");
  EXPECT_NEAR(decoded.objects[2].box.x, 0.85, 1e-6);
  EXPECT_FLOAT_EQ(decoded.objects[2].confidence, 0.8F * 0.75F);
}

TEST(YoloV10, ReadsRowsAsTheyAre) {
  const Tensor out = Tensor::of<float>({1, 3, 6}, {10, 5, 60, 45, 0.9F, 1,    //
                                                   10, 5, 60, 45, 0.8F, 1,    // Overlaps; not suppressed here.
                                                   10, 5, 60, 45, 0.1F, 0});  // Below the threshold.
  DecodeContext context;
  context.input_width_px = 100;
  context.input_height_px = 50;
  ModelSpec spec = spec_with(use("yolo_v10"));
  spec.labels = {"a", "b"};
  const Decoded decoded = decode(spec, {{"out", out}}, context);
  ASSERT_EQ(decoded.objects.size(), 2U);
  EXPECT_EQ(decoded.objects[0].label, "b");
  EXPECT_NEAR(decoded.objects[0].box.x, 0.1, 1e-6);
  EXPECT_NEAR(decoded.objects[0].box.width, 0.5, 1e-6);
  EXPECT_NEAR(decoded.objects[1].box.height, 0.8, 1e-6);
}

TEST(Label, Methods) {
  const Output scores{"prob", Tensor::of<float>({1, 3, 1, 1}, {1, 3, 2})};
  OutputSpec output = use("label");
  output.labels = {"a", "b", "c"};
  const auto attributes = [&](const std::string& method, float threshold) {
    output.method = method;
    output.threshold = threshold;
    return decode(spec_with(output), {scores}).attributes;
  };
  auto result = attributes("max", 0);
  ASSERT_EQ(result.size(), 1U);
  EXPECT_EQ(result[0].name, "prob");
  EXPECT_EQ(result[0].label, "b");
  EXPECT_EQ(result[0].label_id, 1);
  EXPECT_FLOAT_EQ(result[0].confidence, 3);
  const double sum = std::exp(-2) + 1 + std::exp(-1);
  EXPECT_NEAR(attributes("softmax", 0).at(0).confidence, 1 / sum, 1e-6);
  EXPECT_EQ(attributes("softmax_multi", 0.2F).size(), 2U);
  result = attributes("multi", 2);
  ASSERT_EQ(result.size(), 2U);
  EXPECT_EQ(result[1].label, "c");
  output.labels = {"M:", "F:", "bag", "", "hat", ""};
  output.method = "compound";
  output.threshold = 0.5F;
  const Decoded compound = decode(spec_with(output), {{"p", Tensor::of<float>({1, 3}, {0.25F, 0.875F, 0.125F})}});
  EXPECT_EQ(compound.attributes.at(0).label, "F:bag");
  EXPECT_FLOAT_EQ(compound.attributes.at(0).confidence, 0.75F);
  output.method = "index";
  const Decoded index = decode(spec_with(output), {{"p", Tensor::of<float>({1, 4, 1, 1}, {2, 4, -1, 2})}});
  EXPECT_EQ(index.attributes.at(0).label, "baghat");
}

TEST(Label, IsNaturalForClassifiersWithOneOutputOrMore) {
  ModelSpec spec;
  spec.task = "classify";
  const Tensor scores = Tensor::of<float>({1, 2}, {0.25F, 0.75F});
  const Decoded decoded = decode(spec, {{"type", scores}, {"color", scores}});
  ASSERT_EQ(decoded.attributes.size(), 2U);
  EXPECT_EQ(decoded.attributes[1].name, "color");
  EXPECT_EQ(decoded.attributes[1].label_id, 1);
  EXPECT_TRUE(decode(spec, {{"type", Tensor::of<float>({1, 2}, {NAN, 1})}}).attributes.empty());
}

TEST(Text, PrintsScaledNumbers) {
  OutputSpec output = use("tensor_to_text");
  output.attribute = "age";
  output.text_scale = 100;
  output.text_precision = 0;
  const Decoded decoded = decode(spec_with(output), {{"age_conv3", Tensor::of<float>({1, 1, 1, 1}, {0.314F})}});
  EXPECT_EQ(decoded.attributes.at(0).name, "age");
  EXPECT_EQ(decoded.attributes.at(0).label, "31");
  EXPECT_TRUE(decode(spec_with(output), {{"a", Tensor::of<float>({1, 1}, {NAN})}}).attributes.empty());
}

TEST(Keypoints, AreMappedToTheFrame) {
  OutputSpec output = use("keypoints");
  output.point_names = {"left_eye", "nose"};
  DecodeContext context;
  context.mapping = {.offset_x = 0.5F, .offset_y = 0.25F, .scale_x = 0.5F, .scale_y = 0.5F};
  const Decoded decoded =
      decode(spec_with(output), {{"95", Tensor::of<float>({1, 4, 1, 1}, {0.5F, 1, NAN, 0})}}, context);
  ASSERT_EQ(decoded.keypoints.size(), 1U);
  EXPECT_EQ(decoded.keypoints[0].name, "left_eye");
  EXPECT_EQ(decoded.keypoints[0].position, (Point{0.75F, 0.75F}));
  EXPECT_THAT(error_of(spec_with(output), {{"95", Tensor(DataType::kF32, {1, 6})}}),
              HasSubstr("2 point names for the 3 points"));
}

TEST(Segmentation, TakesTheLargestScoreOrTheIds) {
  ModelSpec spec;
  spec.task = "segment";
  const float nan = NAN;
  const Tensor scores = Tensor::of<float>({1, 3, 2, 2}, {0.5F, 0.1F, 0, nan,   //
                                                         0.4F, 0.8F, 0, 0.1F,  //
                                                         0.1F, 0.9F, 1, nan});
  const Decoded decoded = decode(spec, {{"out", scores}});
  ASSERT_EQ(decoded.masks.size(), 1U);
  EXPECT_EQ(*decoded.masks[0].classes, (std::vector<std::uint8_t>{0, 2, 2, 1}));
  EXPECT_EQ(decoded.masks[0].width, 2);
  const Tensor ids = Tensor::of<std::int32_t>({1, 2, 2}, {3, 0, 300, -1});
  EXPECT_EQ(*decode(spec, {{"out", ids}}).masks.at(0).classes, (std::vector<std::uint8_t>{3, 0, 255, 0}));
}

TEST(CtcText, JoinsLabelsUntilMinusOne) {
  OutputSpec output = use("ctc_text");
  output.labels = {"A", "B", "<X>"};
  const Tensor ids = Tensor::of<float>({1, 5, 1, 1}, {2, 0, 1, -1, 0});
  EXPECT_EQ(decode(spec_with(output), {{"dec", ids}}).attributes.at(0).label, "<X>AB");
  output.labels.clear();
  EXPECT_THAT(error_of(spec_with(output), {{"dec", ids}}), HasSubstr("needs labels"));
}

TEST(Raw, CopiesAllOutputsWhenNothingElseFits) {
  Tensor embedding = Tensor::of<float>({1, 2}, {1, 2});
  const Decoded decoded = decode({}, {{"a", embedding}, {"b", embedding}});
  ASSERT_EQ(decoded.tensors.size(), 2U);
  embedding.data<float>()[0] = 7;
  EXPECT_EQ(decoded.tensors[0].tensor.data<float>()[0], 1);
  EXPECT_EQ(decoded.tensors[1].name, "b");
}

TEST(MakePostProcess, SaysWhatIsWrong) {
  const std::vector<Output> outputs = {{"boxes", Tensor(DataType::kF32, {1, 1, 5, 7})},
                                       {"scores", Tensor(DataType::kF32, {1, 3})}};
  EXPECT_THAT(error_of(spec_with(use("lable")), outputs), HasSubstr("model 'm': unknown decoder 'lable'"));
  EXPECT_THAT(error_of(spec_with(use("lable")), outputs), HasSubstr("did you mean 'label'?"));
  OutputSpec output = use("label");
  output.output = "score";
  EXPECT_THAT(error_of(spec_with(output), outputs), HasSubstr("did you mean 'scores'?"));
  output.output = "boxes";
  EXPECT_THAT(error_of(spec_with(output), outputs), HasSubstr("reads [1,C] or [1,C,1,1]; the model has 'boxes'"));
  EXPECT_THAT(error_of(spec_with(use("segmentation")), {outputs[1]}), HasSubstr("[1,C,H,W]"));
}

TEST(Decoders, NamesAndAliasesAreUnique) {
  std::set<std::string_view> names;
  for (const DecoderDef* decoder : all_decoders()) {
    EXPECT_TRUE(names.insert(decoder->name).second) << decoder->name;
    EXPECT_FALSE(decoder->summary.empty());
    for (const std::string_view alias : decoder->aliases) {
      EXPECT_TRUE(alias.empty() || names.insert(alias).second) << alias;
    }
  }
  EXPECT_EQ(find_decoder("raw_data_copy"), find_decoder("raw"));
  EXPECT_EQ(find_decoder("semantic_mask"), find_decoder("segmentation"));
  EXPECT_EQ(find_decoder(""), nullptr);
}

/// What a zoo model said about a picture, decoded as its description says.
Decoded recorded(const std::string& model, const std::string& folder,
                 const std::vector<std::pair<std::string, std::string>>& files) {
  std::vector<Output> outputs;
  for (const auto& [output, file] : files) {
    outputs.push_back(
        {output, test::read_npy(std::filesystem::path(FOVEA_TEST_DATA) / "models" / model / "ref" / folder / file)});
  }
  const ModelSpec spec =
      read_model_spec(std::filesystem::path(FOVEA_SOURCE_DIR) / "models" / "omz" / (model + ".yaml"));
  return decode(spec, outputs);
}

class RecordedOutputs : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(std::filesystem::path(FOVEA_TEST_DATA) / "models")) {
      GTEST_SKIP() << "FOVEA_TEST_DATA " << FOVEA_TEST_DATA << " has no models";
    }
  }
};

TEST_F(RecordedOutputs, Persons) {
  const Decoded decoded =
      recorded("person-detection-retail-0013", "people_detection/FP32", {{"detection_out", "out_detection_out.npy"}});
  ASSERT_GE(decoded.objects.size(), 2U);
  EXPECT_EQ(decoded.objects[0].label, "person");
  EXPECT_NEAR(decoded.objects[0].box.x, 0.71, 0.01);
}

TEST_F(RecordedOutputs, Vehicle) {
  const Decoded decoded = recorded("vehicle-attributes-recognition-barrier-0039", "red_car/FP32",
                                   {{"color", "out_color.npy"}, {"type", "out_type.npy"}});
  ASSERT_EQ(decoded.attributes.size(), 2U);
  EXPECT_EQ(decoded.attributes[0].label, "car");
  EXPECT_EQ(decoded.attributes[1].label, "red");
}

TEST_F(RecordedOutputs, LicencePlate) {
  const Decoded decoded = recorded("license-plate-recognition-barrier-0001", "FA915/FP16", {{"dec", "out_dec.npy"}});
  EXPECT_EQ(decoded.attributes.at(0).label, "<Beijing>FA915M");
}

TEST_F(RecordedOutputs, Eye) {
  EXPECT_EQ(recorded("open-closed-eye-0001", "eye1/FP32", {{"19", "out_19.npy"}}).attributes.at(0).label, "open");
  EXPECT_EQ(recorded("open-closed-eye-0001", "eye2/FP32", {{"19", "out_19.npy"}}).attributes.at(0).label, "closed");
}

}  // namespace
}  // namespace fovea
