// Descriptions of models: every key, every complaint with its place, where they are found, and the zoo's files.
#include "vision/model_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "engine/base/error.hpp"
#include "vision/model_spec_resolve.hpp"
#include "vision/post_process.hpp"

namespace fovea {
namespace {

using testing::HasSubstr;

class ModelSpecTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() / (std::string("fovea_model_spec_") + info->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((directory_ / name).parent_path());
    std::ofstream(directory_ / name) << text;
    return directory_ / name;
  }

  /// What the reader says about `text`, without the directory.
  std::string complaint(const std::string& text) {
    const std::filesystem::path file = write("m.yaml", text);
    try {
      read_model_spec(file);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
      return std::string(error.what()).substr(directory_.string().size() + 1);
    }
    return "no complaint";
  }

  std::filesystem::path directory_;
};

TEST_F(ModelSpecTest, ReadsEveryKey) {
  write("names.txt", "cat\r\n\ndog\n\n\n");
  const ModelSpec spec = read_model_spec(write("m.yaml", R"(
version: 1
name: animal
model: animal.xml
task: detect
threshold: 0.25
iou-threshold: 0.5
labels-file: names.txt
input:
  name: data
  channels: rgb
  resize: letterbox
  mean: [1, 2, 3]
  scale: 255
  pad-value: 114
extra-inputs: [{name: info, kind: image-info}]
outputs:
  - {output: a, decoder: label, attribute: kind, labels: ["no", yes], method: softmax, threshold: 0.75}
  - {output: b, decoder: text, text-scale: 100, text-precision: 0}
  - {output: c, decoder: keypoints, point-names: [nose]}
)"));
  EXPECT_EQ(spec.name, "animal");
  EXPECT_EQ(spec.model, "animal.xml");
  EXPECT_EQ(spec.task, "detect");
  EXPECT_FLOAT_EQ(spec.threshold.value(), 0.25F);
  EXPECT_FLOAT_EQ(spec.iou_threshold, 0.5F);
  EXPECT_EQ(spec.labels, (std::vector<std::string>{"cat", "", "dog"}));
  EXPECT_EQ(spec.input.input, "data");
  EXPECT_EQ(spec.input.channels, ChannelOrder::kRgb);
  EXPECT_EQ(spec.input.resize, ResizeMode::kLetterbox);
  EXPECT_EQ(spec.input.mean, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(spec.input.scale, (std::vector<float>{255}));
  EXPECT_FLOAT_EQ(spec.input.pad_value, 114);
  ASSERT_EQ(spec.extra_inputs.size(), 1U);
  EXPECT_EQ(spec.extra_inputs[0].kind, ExtraInputKind::kImageInfo);
  ASSERT_EQ(spec.outputs.size(), 3U);
  EXPECT_EQ(spec.outputs[0].labels, (std::vector<std::string>{"no", "yes"}));
  EXPECT_EQ(spec.outputs[0].method, "softmax");
  EXPECT_FLOAT_EQ(spec.outputs[1].text_scale, 100);
  EXPECT_EQ(spec.outputs[1].text_precision, 0);
  EXPECT_EQ(spec.outputs[2].point_names, (std::vector<std::string>{"nose"}));
}

TEST_F(ModelSpecTest, ComplaintsNameThePlace) {
  EXPECT_EQ(complaint("version: 1\ntreshold: 0.5\n"),
            "m.yaml:2:1: a model description has no key 'treshold'; did you mean 'threshold'?");
  EXPECT_EQ(complaint("version: 1\nthreshold: 1.5\n"), "m.yaml:2:12: expected a number from 0 to 1, found '1.5'");
  EXPECT_EQ(
      complaint("version: 1\ntask: detekt\n"),
      "m.yaml:2:7: expected one of detect, classify, segment, embed, raw, found 'detekt'; did you mean 'detect'?");
  EXPECT_EQ(complaint("version: 2\n"), "m.yaml:1:10: expected an integer from 1 to 1, found '2'");
  EXPECT_EQ(complaint("task: detect\n"), "m.yaml:1:1: a model description needs the key 'version'");
  EXPECT_EQ(complaint("version: 1\ninput: {mean: [1, 2]}\n"), "m.yaml:2:15: expected 1 or 3 values, found 2");
  EXPECT_EQ(complaint("version: 1\ninput:\n  scale: [1, 0, 1]\n"), "m.yaml:3:14: scale divides: it must not be 0");
  EXPECT_EQ(complaint("version: 1\ninput:\n  scale: .inf\n"),
            "m.yaml:3:10: expected a number from -1000000 to 1000000, found '.inf'");
  EXPECT_EQ(complaint("version: 1\noutputs:\n  - output: a\n"), "m.yaml:3:5: an output needs the key 'decoder'");
  EXPECT_EQ(complaint("version: 1\nlabels: cat\n"), "m.yaml:2:9: expected a list, found 'cat'");
  EXPECT_EQ(complaint("- 1\n"), "m.yaml:1:1: expected a model description (a map of keys), found a list");
  EXPECT_EQ(complaint("version: 1\nversion: 1\n"), "m.yaml:2:1: key 'version' appears twice");
  EXPECT_THAT(complaint("version: [1\n"), HasSubstr("m.yaml:"));
}

TEST_F(ModelSpecTest, FilesBuiltToHurtAreRefused) {
  EXPECT_THAT(complaint("version: 1\na: &a [x, x]\nb: [*a, *a]\n"), HasSubstr("anchors are not accepted"));
  EXPECT_THAT(complaint(std::string(100, '[') + std::string(100, ']')), HasSubstr("nested deeper than 32 levels"));
  EXPECT_THAT(complaint(std::string(100'000, '[')), HasSubstr("m.yaml:1:"));
  EXPECT_THAT(complaint(std::string((1U << 20U) + 1, '#')), HasSubstr("larger than 1048576 bytes"));
  EXPECT_THAT(complaint("version: 1\n---\nversion: 1\n"), HasSubstr("second document"));
  EXPECT_THAT(complaint("? [a]\n: 1\n"), HasSubstr("a key must be a plain text"));
}

TEST_F(ModelSpecTest, IsFoundBesideTheModelThenInTheDirectories) {
  const std::filesystem::path model = directory_ / "a" / "net.xml";
  write("b/net.yaml", "version: 1\nname: elsewhere\n");
  setenv("FOVEA_MODEL_SPECS", ("/nowhere:" + (directory_ / "b").string()).c_str(), 1);
  EXPECT_EQ(resolve_model_spec(model).name, "elsewhere");
  write("a/model.yaml", "version: 1\nname: model\n");
  EXPECT_EQ(resolve_model_spec(model).name, "model");
  write("a/net.yaml", "version: 1\nname: stem\n");
  EXPECT_EQ(resolve_model_spec(model).name, "stem");
  EXPECT_EQ(resolve_model_spec(model).model, model);
  SpecRequest request;
  request.model_spec = directory_ / "a/model.yaml";
  EXPECT_EQ(resolve_model_spec(model, request).name, "model");
  unsetenv("FOVEA_MODEL_SPECS");
  const ModelSpec plain = resolve_model_spec(directory_ / "none" / "other.xml");
  EXPECT_EQ(plain.name, "other");
  EXPECT_TRUE(plain.outputs.empty());
  EXPECT_THROW(read_model_spec(directory_ / "missing.yaml"), Error);
}

TEST_F(ModelSpecTest, JoinsWithTheModelsInput) {
  ModelSpec spec;
  spec.name = "m";
  spec.input.channels = ChannelOrder::kRgb;
  spec.input.mean = {127};
  spec.input.scale = {1, 2, 3};
  const PreProcessSpec rgb = resolve_preprocess(spec, {DataType::kF32, {1, 3, 20, 30}}, TensorLayout::kNchw);
  EXPECT_EQ(rgb.width_px, 30);
  EXPECT_EQ(rgb.height_px, 20);
  EXPECT_EQ(rgb.channels, ChannelOrder::kRgb);
  EXPECT_EQ(rgb.mean, (std::array<float, 3>{127, 127, 127}));
  EXPECT_EQ(rgb.scale, (std::array<float, 3>{1, 2, 3}));
  const PreProcessSpec bytes = resolve_preprocess({}, {DataType::kU8, {1, 20, 30, 1}}, TensorLayout::kNhwc);
  EXPECT_EQ(bytes.channels, ChannelOrder::kGray);
  EXPECT_EQ(bytes.data_type, DataType::kU8);
  EXPECT_THROW(resolve_preprocess(spec, {DataType::kF32, {1, 1, 20, 30}}, TensorLayout::kNchw), Error);
  EXPECT_THROW(resolve_preprocess(spec, {DataType::kF32, {1, 3, kDynamic, 30}}, TensorLayout::kNchw), Error);
  EXPECT_THROW(resolve_preprocess(spec, {DataType::kI32, {1, 3, 20, 30}}, TensorLayout::kNchw), Error);
  EXPECT_THROW(resolve_preprocess(spec, {DataType::kF32, {88, 1}}, TensorLayout::kNchw), Error);
}

TEST_F(ModelSpecTest, FillsExtraInputs) {
  Tensor tensor(DataType::kF32, {4, 1});
  fill_extra_input({"seq_ind", ExtraInputKind::kSequenceIndex}, {}, tensor.mutable_view());
  EXPECT_THAT(tensor.data<float>(), testing::ElementsAre(0, 1, 1, 1));
  fill_extra_input({"info", ExtraInputKind::kImageInfo}, {.width_px = 30, .height_px = 20}, tensor.mutable_view());
  EXPECT_THAT(tensor.data<float>(), testing::ElementsAre(20, 30, 1, 1));
  Tensor bytes(DataType::kU8, {4});
  EXPECT_THROW(fill_extra_input({}, {}, bytes.mutable_view()), Error);
}

TEST_F(ModelSpecTest, TheZoosDescriptionsAreValid) {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(FOVEA_SOURCE_DIR) / "models/omz")) {
    const ModelSpec spec = read_model_spec(entry.path());
    EXPECT_FALSE(spec.task.empty()) << entry.path();
    for (const OutputSpec& output : spec.outputs) {
      EXPECT_NE(find_decoder(output.decoder), nullptr) << entry.path() << ": " << output.decoder;
    }
    ++count;
  }
  EXPECT_GE(count, 13);
}

}  // namespace
}  // namespace fovea
