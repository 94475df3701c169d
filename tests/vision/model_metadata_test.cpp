// Models that describe themselves: model_info, Ultralytics' metadata, model.yml; which source wins; what they may say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/base/error.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/graph_text.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_onnx.hpp"
#include "vision/model_files.hpp"
#include "vision/model_spec_python.hpp"
#include "vision/model_spec_resolve.hpp"
#include "vision/post_process.hpp"

namespace fovea {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Metadata = std::map<std::string, std::string>;

class ModelMetadata : public testing::Test {
 protected:
  void SetUp() override { unsetenv("FOVEA_MODEL_SPECS"); }

  /// A model with one picture input and the output given, as if read from `file`.
  Model model(const Metadata& metadata, const std::string& output = "f32[1,84,8400]",
              const std::string& file = "net.xml") const {
    Model result;
    result.name = "net";
    result.path = dir_ / file;
    result.format = file.ends_with(".xml") ? "OpenVINO IR v11" : "ONNX opset 17";
    result.graph = parse_graph("y = Relu(x: " + output + ")");
    result.metadata = metadata;
    return result;
  }

  static std::string complaint(const Model& model) {
    try {
      resolve_model_spec(model);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
      return error.what();
    }
    return "no complaint";
  }

  test::TempDir dir_;
};

std::string names_of(int count) {
  std::string names = "{";
  for (int i = 0; i < count; ++i) {
    names += (i == 0 ? "" : ", ") + std::to_string(i) + ": 'class " + std::to_string(i) + "'";
  }
  return names + "}";
}

TEST_F(ModelMetadata, ModelInfoSaysEverything) {
  const ModelSpec spec = resolve_model_spec(model({{"model_info/model_type", "YOLOv8"},
                                                   {"model_info/labels", "person traffic_light"},
                                                   {"model_info/confidence_threshold", "0.25"},
                                                   {"model_info/iou_threshold", "0.7"},
                                                   {"model_info/mean_values", "123.675, 116.28, 103.53"},
                                                   {"model_info/scale_values", "[255.0]"},
                                                   {"model_info/resize_type", "fit_to_window_letterbox"},
                                                   {"model_info/pad_value", "114"},
                                                   {"model_info/reverse_input_channels", "True"},
                                                   {"model_info/reshape", ""}},
                                                  "f32[1,6,8400]"));
  EXPECT_EQ(spec.task, "detect");
  ASSERT_EQ(spec.outputs.size(), 1U);
  EXPECT_EQ(spec.outputs[0].decoder, "yolo_v8");
  EXPECT_THAT(spec.labels, ElementsAre("person", "traffic_light"));
  EXPECT_EQ(spec.threshold, 0.25F);
  EXPECT_EQ(spec.iou_threshold, 0.7F);
  EXPECT_THAT(spec.input.mean, ElementsAre(123.675F, 116.28F, 103.53F));
  EXPECT_THAT(spec.input.scale, ElementsAre(255));
  EXPECT_EQ(spec.input.resize, ResizeMode::kLetterbox);
  EXPECT_EQ(spec.input.pad_value, 114);
  EXPECT_EQ(spec.input.channels, ChannelOrder::kRgb);
  EXPECT_EQ(spec.origins.at("input.channels"), "model_info/reverse_input_channels");
  EXPECT_EQ(spec.origins.at("outputs"), "model_info/model_type");
  EXPECT_EQ(spec.origins.at("input.pad-value"), "model_info/pad_value");
}

TEST_F(ModelMetadata, ModelTypesLeadToDecoders) {
  const auto resolved = [&](const std::string& type) {
    return resolve_model_spec(model({{"model_info/model_type", type}}));
  };
  EXPECT_EQ(resolved("Classification").outputs.at(0).decoder, "label");
  EXPECT_EQ(resolved("Classification").task, "classify");
  EXPECT_EQ(resolved("Segmentation").outputs.at(0).decoder, "segmentation");
  EXPECT_EQ(resolved("detection_output").outputs.at(0).decoder, "detection_output");
  EXPECT_TRUE(resolved("ssd").outputs.empty()) << "the shape of the output decides";
  EXPECT_EQ(resolved("ssd").task, "detect");
  const ModelSpec multi = resolve_model_spec(model({{"model_info/model_type", "Classification"},
                                                    {"model_info/multilabel", "True"},
                                                    {"model_info/confidence_threshold", "0.25"}}));
  EXPECT_EQ(multi.outputs.at(0).method, "multi");
  EXPECT_EQ(multi.outputs.at(0).threshold, 0.25F);
}

TEST_F(ModelMetadata, AnUnknownTypeIsNamedWithItsOriginWhenItIsUsed) {
  const ModelSpec spec = resolve_model_spec(model({{"model_info/model_type", "rotated_detection"}}));
  try {
    const OutputInfo output{"y", {DataType::kF32, {1, 84, 8400}}};
    make_post_process(spec, {&output, 1});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("unknown decoder 'rotated_detection' (from model_info/model_type)"));
  }
}

TEST_F(ModelMetadata, WrongValuesAreNamedWithFileKeyAndExpectation) {
  const auto said = [&](const std::string& key, const std::string& value) {
    return complaint(model({{"model_info/" + key, value}}));
  };
  EXPECT_EQ(said("pad_value", "300"),
            "model 'net.xml': model_info/pad_value is '300', expected a number from 0 to 255");
  EXPECT_EQ(said("confidence_threshold", "high"),
            "model 'net.xml': model_info/confidence_threshold is 'high', expected a number from 0 to 1");
  EXPECT_THAT(said("confidence_threshold", "nan"), HasSubstr("expected a number from 0 to 1"));
  EXPECT_EQ(said("mean_values", "1 2"), "model 'net.xml': model_info/mean_values is '1 2', expected 1 or 3 numbers");
  EXPECT_EQ(said("scale_values", "0"),
            "model 'net.xml': model_info/scale_values is '0', expected 1 or 3 numbers other than 0");
  EXPECT_THAT(said("mean_values", "inf"), HasSubstr("expected 1 or 3 numbers"));
  EXPECT_THAT(said("mean_values", std::string(100'000, '1')), testing::SizeIs(testing::Lt(250)));
  EXPECT_EQ(said("resize_type", "fit_to_windows"),
            "model 'net.xml': model_info/resize_type is 'fit_to_windows', expected one of standard, "
            "fit_to_window_letterbox, fit_to_window, crop; did you mean 'fit_to_window'?");
  EXPECT_THAT(said("reverse_input_channels", "maybe"), HasSubstr("expected True or False"));
  EXPECT_THAT(said("color_space", "YUV"), HasSubstr("expected one of BGR, RGB, GRAYSCALE"));
}

TEST_F(ModelMetadata, WhatIsInsideTheGraphIsNotDoneAgain) {
  const ModelSpec spec = resolve_model_spec(model({{"model_info/embedded_processing", "True"},
                                                   {"model_info/scale_values", "255"},
                                                   {"model_info/reverse_input_channels", "True"},
                                                   {"model_info/labels", "a b"}}));
  EXPECT_EQ(spec.input, InputSpec());
  EXPECT_THAT(spec.labels, ElementsAre("a", "b"));
  EXPECT_EQ(spec.origins.at("input.scale"), "model_info/embedded_processing");
}

TEST_F(ModelMetadata, UltralyticsKeysSayTaskAndForm) {
  const auto export_of = [&](const std::string& task, int names, const std::string& output) {
    Metadata metadata = {{"framework/names", names_of(names)}, {"framework/stride", "32"}};
    if (!task.empty()) {
      metadata["framework/task"] = task;
    }
    return resolve_model_spec(model(metadata, output, "net.onnx"));
  };
  const ModelSpec v8 = export_of("detect", 80, "f32[1,84,8400]");
  EXPECT_EQ(v8.outputs.at(0).decoder, "yolo_v8");
  EXPECT_EQ(v8.labels.size(), 80U);
  EXPECT_EQ(v8.labels[79], "class 79");
  EXPECT_EQ(v8.input.channels, ChannelOrder::kRgb);
  EXPECT_THAT(v8.input.scale, ElementsAre(255));
  EXPECT_EQ(v8.input.resize, ResizeMode::kLetterbox);
  EXPECT_EQ(v8.input.pad_value, 114);
  EXPECT_EQ(v8.origins.at("labels"), "metadata names");
  EXPECT_EQ(export_of("", 80, "f32[1,25200,85]").outputs.at(0).decoder, "yolo_v5");
  EXPECT_EQ(export_of("detect", 80, "f32[1,300,6]").outputs.at(0).decoder, "yolo_v10");
  EXPECT_EQ(export_of("segment", 80, "f32[1,116,8400]").outputs.at(0).decoder, "yolo_v8_seg");
  EXPECT_EQ(export_of("pose", 1, "f32[1,56,8400]").outputs.at(0).decoder, "yolo_v8_pose");
  const ModelSpec classes = export_of("classify", 10, "f32[1,10]");
  EXPECT_EQ(classes.task, "classify");
  EXPECT_EQ(classes.outputs.at(0).decoder, "label");
  EXPECT_EQ(classes.input.resize, ResizeMode::kCentralCrop);
  // Other tools write names, too, but not as Ultralytics does.
  EXPECT_TRUE(resolve_model_spec(model({{"framework/names", "whatever"}})).origins.empty());
}

TEST_F(ModelMetadata, AnExportsOwnNamesAndTaskWinOverItsModelInfo) {
  // As OpenVINO's converter leaves them both: model_info cannot hold blanks and says YOLO for every task.
  const ModelSpec spec = resolve_model_spec(model({{"framework/names", "{0: 'traffic light'}"},
                                                   {"framework/stride", "32"},
                                                   {"framework/task", "segment"},
                                                   {"model_info/labels", "traffic_light"},
                                                   {"model_info/model_type", "YOLO"},
                                                   {"model_info/iou_threshold", "0.7"}}));
  EXPECT_THAT(spec.labels, ElementsAre("traffic light"));
  EXPECT_EQ(spec.outputs.at(0).decoder, "yolo_v8_seg");
  EXPECT_EQ(spec.iou_threshold, 0.7F);
}

TEST_F(ModelMetadata, UltralyticsMistakesAreNamed) {
  const auto said = [&](const std::string& key, const std::string& value) {
    Metadata metadata = {{"framework/names", "{0: 'a'}"}, {"framework/stride", "32"}};
    metadata["framework/" + key] = value;
    return complaint(model(metadata, "f32[1,5,8400]", "net.onnx"));
  };
  EXPECT_EQ(said("names", "{0: a}"),
            "model 'net.onnx': metadata names is '{0: a}', expected {0: 'name', …} or ['name', …] (character 5 is not "
            "that)");
  EXPECT_THAT(said("names", "{100000: 'a'}"), HasSubstr("expected ids below 100000"));
  EXPECT_THAT(said("names", "{-1: 'a'}"), HasSubstr("is not that"));
  EXPECT_THAT(said("names", "{0: 'a'"), HasSubstr("is not that"));
  EXPECT_THAT(said("task", "detekt"), HasSubstr("metadata task is 'detekt', expected one of detect, segment, classify, "
                                                "pose, obb; did you mean 'detect'?"));
}

TEST_F(ModelMetadata, PythonsTexts) {
  EXPECT_THAT(parse_python_labels("{0: 'a', 1: \"it's\", 3: 'b\\'c'}"), ElementsAre("a", "it's", "", "b'c"));
  EXPECT_THAT(parse_python_labels(" ['x', 'y',] "), ElementsAre("x", "y"));
  EXPECT_THAT(parse_python_labels("{'0': 'quoted id'}"), ElementsAre("quoted id"));
  EXPECT_THAT(parse_python_labels("{}"), ElementsAre());
  EXPECT_THROW(parse_python_labels("['x'] y"), Error);
  EXPECT_THROW(parse_python_labels("['" + std::string(5000, 'x') + "']"), Error);
  EXPECT_THROW(parse_python_labels(""), Error);
}

TEST_F(ModelMetadata, AnExportFoldersMetadataFileIsRead) {
  dir_.write("metadata.yaml",
             "description: Ultralytics YOLO11n model\nstride: 32\ntask: detect\nimgsz:\n- 640\n- 640\n"
             "names:\n  0: person\n  1: it's\nargs:\n  batch: 1\n");
  const ModelSpec spec = resolve_model_spec(model({}, "f32[1,6,8400]"));
  EXPECT_THAT(spec.labels, ElementsAre("person", "it's"));
  EXPECT_EQ(spec.outputs.at(0).decoder, "yolo_v8");
  EXPECT_THAT(spec.sources, ElementsAre((dir_ / "metadata.yaml").string()));
}

TEST_F(ModelMetadata, TheZoosArgumentsHoldForTheOriginalFileOnly) {
  dir_.write("model.yml",
             "description: >-\n  A network.\ntask_type: classification\n"
             "files:\n  - name: net.onnx\n    size: 12\n    source:\n      $type: google_drive\n      id: x\n"
             "input_info:\n  - name: data\n    shape: [1, 3, 224, 224]\n    layout: NCHW\n"
             "model_optimizer_args:\n  - --input_model=$dl_dir/net.onnx\n"
             "  - --mean_values=data[123.675,116.28,103.53]\n  - --scale_values=data[58.4]\n"
             "  - --reverse_input_channels\nframework: onnx\nlicense: https://example.org\n");
  const ModelSpec original = resolve_model_spec(model({}, "f32[1,1000]", "net.onnx"));
  EXPECT_EQ(original.task, "classify");
  EXPECT_THAT(original.input.mean, ElementsAre(123.675F, 116.28F, 103.53F));
  EXPECT_THAT(original.input.scale, ElementsAre(58.4F));
  EXPECT_EQ(original.input.channels, ChannelOrder::kRgb);
  EXPECT_EQ(original.origins.at("input.mean"), "model.yml --mean_values");
  const ModelSpec converted =
      resolve_model_spec(model({{"conversion_parameters/mean_values", "data[123.675,116.28,103.53]"},
                                {"conversion_parameters/scale_values", "data[58.4]"},
                                {"conversion_parameters/reverse_input_channels", "True"}},
                               "f32[1,1000]"));
  EXPECT_EQ(converted.input, InputSpec());
  EXPECT_EQ(converted.origins.at("input.mean"), "model.yml --mean_values, which is inside the IR already");
  dir_.write("model.yml", "model_optimizer_args:\n  - --mean_values=data[1,2]\n");
  EXPECT_THAT(complaint(model({})), HasSubstr("model.yml:2:5: --mean_values: expected 1 or 3 numbers"));
}

TEST_F(ModelMetadata, TheStrongestSourceWins) {
  const Metadata info = {{"model_info/labels", "info"},
                         {"model_info/confidence_threshold", "0.1"},
                         {"model_info/pad_value", "1"},
                         {"model_info/mean_values", "1"},
                         {"model_info/scale_values", "2"}};
  dir_.write("model.yml", "task_type: detection\nmodel_optimizer_args: [\"--mean_values=[9]\", \"--scale=9\"]\n");
  SpecRequest request;
  const auto labels = [&] { return resolve_model_spec(model(info), request).labels; };
  ModelSpec spec = resolve_model_spec(model(info));
  EXPECT_EQ(spec.task, "detect") << "only model.yml says one";
  EXPECT_THAT(spec.input.mean, ElementsAre(1)) << "model_info goes before model.yml";
  EXPECT_THAT(labels(), ElementsAre("info"));

  std::filesystem::create_directories(dir_ / "specs");
  dir_.write("specs/net.yaml", "version: 1\nlabels: [elsewhere]\nthreshold: 0.2\n");
  setenv("FOVEA_MODEL_SPECS", (dir_ / "specs").c_str(), 1);
  EXPECT_THAT(labels(), ElementsAre("elsewhere"));

  request.model_proc = dir_.write("proc.json", R"({"output_postproc": [{"converter": "raw", "labels": ["proc"]}]})");
  spec = resolve_model_spec(model(info), request);
  EXPECT_THAT(spec.outputs.at(0).labels, ElementsAre("proc"));
  EXPECT_EQ(spec.threshold, 0.2F);

  dir_.write("net.yaml", "version: 1\nlabels: [own]\ninput: {pad-value: 3}\noutputs: [{decoder: yolo_v8}]\n");
  spec = resolve_model_spec(model(info), request);
  EXPECT_THAT(spec.labels, ElementsAre("own"));
  EXPECT_EQ(spec.outputs.at(0).decoder, "yolo_v8") << "our own description goes before model-proc";
  EXPECT_EQ(spec.threshold, 0.1F) << "only one of our own descriptions is read, the rest comes from the model";
  EXPECT_EQ(spec.input.pad_value, 3);
  EXPECT_THAT(spec.input.scale, ElementsAre(2)) << "what nobody else says stays";
  EXPECT_EQ(spec.origins.at("input.pad-value"), "net.yaml");
  EXPECT_EQ(spec.origins.at("input.scale"), "model_info/scale_values");
  EXPECT_THAT(spec.sources, ElementsAre((dir_ / "net.yaml").string(), (dir_ / "proc.json").string(),
                                        "the model's own metadata", (dir_ / "model.yml").string()));

  request.labels = "asked,for";
  EXPECT_THAT(labels(), ElementsAre("asked", "for"));
  EXPECT_EQ(resolve_model_spec(model(info), request).origins.at("labels"), "labels");
  request.labels_file = dir_.write("labels.txt", "from file\n");
  EXPECT_THAT(labels(), ElementsAre("from file"));
  unsetenv("FOVEA_MODEL_SPECS");
}

TEST_F(ModelMetadata, ADescriptionMayForbidMetadata) {
  dir_.write("net.yaml", "version: 1\nuse-metadata: false\n");
  const ModelSpec spec = resolve_model_spec(model({{"model_info/pad_value", "wrong"}, {"model_info/labels", "a"}}));
  EXPECT_TRUE(spec.labels.empty());
}

TEST_F(ModelMetadata, SurvivesTheWayThroughFiles) {
  // ONNX → IR → IR: what the first file says about itself is still there and still means the same.
  Model onnx = read_model(test::make_ultralytics_detector(dir_.path()));
  const ModelSpec before = resolve_model_spec(onnx);
  EXPECT_THAT(before.labels, ElementsAre("nothing", "it's a thing"));
  EXPECT_EQ(before.outputs.at(0).decoder, "yolo_v8");
  onnx.metadata["model_info/iou_threshold"] = "0.6";
  write_openvino_ir(onnx, dir_ / "once.xml");
  write_openvino_ir(read_model(dir_ / "once.xml"), dir_ / "twice.xml");
  const ModelSpec after = resolve_model_spec(read_model(dir_ / "twice.xml"));
  EXPECT_EQ(after.labels, before.labels);
  EXPECT_EQ(after.outputs, before.outputs);
  EXPECT_EQ(after.input, before.input);
  EXPECT_EQ(after.iou_threshold, 0.6F);
}

TEST_F(ModelMetadata, SavedModelsAreFoldersWithAName) {
  std::filesystem::create_directories(dir_ / "resnet");
  dir_.write("resnet/saved_model.pb", "x");
  const std::filesystem::path file = dir_ / "resnet" / "saved_model.pb";
  EXPECT_EQ(resolve_model(dir_ / "resnet"), file);
  EXPECT_EQ(resolve_model(dir_ / "resnet/"), file);
  EXPECT_EQ(resolve_model(file), file);
  EXPECT_EQ(model_name(file), "resnet");
  EXPECT_EQ(model_name(dir_ / "net.xml"), "net");
}

}  // namespace
}  // namespace fovea
