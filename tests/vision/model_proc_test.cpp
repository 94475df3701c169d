// DL Streamer's model-proc files as ModelSpec.
#include "vision/model_proc.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

using testing::HasSubstr;

class ModelProc : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() / (std::string("fovea_model_proc_") + info->name());
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  ModelSpec read(const std::string& text, const ModelSpec& base = {}) {
    std::ofstream(directory_ / "m.json") << text;
    return read_model_proc(directory_ / "m.json", base);
  }
  std::string complaint(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "no complaint";
  }

  std::filesystem::path directory_;
};

TEST_F(ModelProc, ReadsInputsAndOutputs) {
  std::ofstream(directory_ / "labels.txt") << "Female\nMale\n";
  ModelSpec base;
  base.task = "classify";
  base.threshold = 0.25F;
  const ModelSpec spec = read(R"({"json_schema_version": "2.2.0",
    "input_preproc": [
      {"layer_name": "input", "format": "image", "precision": "FP32",
       "params": {"resize": "aspect-ratio", "color_space": "RGB", "range": [0.0, 1.0],
                  "mean": [0.5, 0.25, 0.0], "std": [0.5, 0.25, 1.0]}},
      {"layer_name": "seq_ind", "format": "sequence_index"}],
    "output_postproc": [
      {"layer_name": "prob", "attribute_name": "gender", "converter": "label", "method": "softmax",
       "labels": "labels.txt"},
      {"layer_name": "age_conv3", "converter": "text", "text_scale": 100.0, "text_precision": 0}]})",
                              base);
  EXPECT_EQ(spec.task, "classify");
  EXPECT_FLOAT_EQ(spec.threshold.value(), 0.25F);
  EXPECT_EQ(spec.input.input, "input");
  EXPECT_EQ(spec.input.channels, ChannelOrder::kRgb);
  EXPECT_EQ(spec.input.resize, ResizeMode::kLetterbox);
  EXPECT_THAT(spec.input.mean, testing::ElementsAre(127.5F, 63.75F, 0));  // Means times 255.
  EXPECT_THAT(spec.input.scale, testing::ElementsAre(127.5F, 63.75F, 255));
  ASSERT_EQ(spec.extra_inputs.size(), 1U);
  EXPECT_EQ(spec.extra_inputs[0].input, "seq_ind");
  ASSERT_EQ(spec.outputs.size(), 2U);
  EXPECT_EQ(spec.outputs[0].labels, (std::vector<std::string>{"Female", "Male"}));
  EXPECT_EQ(spec.outputs[0].method, "softmax");
  EXPECT_FLOAT_EQ(spec.outputs[1].text_scale, 100);
  EXPECT_EQ(spec.origins, (SpecOrigins{{"extra-inputs", "m.json"},
                                       {"input.channels", "m.json"},
                                       {"input.mean", "m.json"},
                                       {"input.name", "m.json"},
                                       {"input.resize", "m.json"},
                                       {"input.scale", "m.json"},
                                       {"outputs", "m.json"}}));
}

TEST_F(ModelProc, EmptyListsLeaveTheBaseAsItIs) {
  ModelSpec base;
  base.outputs.resize(1);
  base.outputs[0].decoder = "raw";
  base.input.mean = {1};
  EXPECT_EQ(read(R"({"input_preproc": [], "output_postproc": []})", base), base);
}

TEST_F(ModelProc, ComplaintsNameThePlace) {
  EXPECT_THAT(complaint("{"), HasSubstr("m.json: "));
  EXPECT_THAT(complaint("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(complaint(R"({"output_postproc": [{}, {"method": 3}]})"),
              HasSubstr("m.json: output_postproc[1].method: expected a text"));
  EXPECT_THAT(complaint(R"({"output_postproc": [{"labels": [1]}]})"), HasSubstr("labels: expected a list of texts"));
  EXPECT_THAT(complaint(R"({"input_preproc": [{"params": {"range": [1, 1]}}]})"),
              HasSubstr("input_preproc[0].params.range: expected two ascending numbers"));
  EXPECT_THAT(complaint(R"({"input_preproc": [{"params": {"std": [1, 0, 1]}}]})"), HasSubstr("must not be 0"));
  EXPECT_THAT(complaint(R"({"input_preproc": [{"params": {"color_space": "RGV"}}]})"), HasSubstr("did you mean"));
  EXPECT_THAT(complaint(R"({"input_preproc": [{"params": {"crop": "top_left"}}]})"), HasSubstr("only central"));
  EXPECT_THAT(complaint(R"({"input_preproc": [{"format": "sound"}]})"), HasSubstr("found 'sound'"));
  EXPECT_THROW(read_model_proc(directory_ / "none.json", {}), Error);
}

}  // namespace
}  // namespace fovea
