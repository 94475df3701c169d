// Every Caffe, TensorFlow Lite and TensorFlow model of the test data, on every device, against outputs recorded with
// other programs; and networks that exist in two formats against each other.
//
// Bounds: as for IR (recorded_outputs_test.cpp); quantised models agree within one step of the output's quantisation on
// at least 99 % of the elements and within three on all: they count as the original does, but a factor has 24 bits
// here and 31 there, so that now and then a value falls to the other side of a rounding edge, and later layers see it.
// Labels of a quantised segmentation agree on at least 99 % of the pixels.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "engine/frontends/frontend.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/ops/string_source.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/models/compare_outputs.hpp"
#include "tools/npy.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = fs::path(FOVEA_TEST_DATA) / "models";

enum class Bound { kFloat, kDetections, kSteps, kLabels };

struct ImportedModel {
  std::string file;  ///< Below models/.
  std::string ref;   ///< Folder of the recorded cases, below models/.
  Bound bound = Bound::kFloat;
  bool recorded_nchw =
      false;  ///< Recorded with OpenCV: the input is NCHW though the model's is NHWC, boxes are decoded.
};

struct Case {
  ImportedModel model;
  std::string device;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.model.file << " on " << c.device; }

std::vector<ImportedModel> imported_models() {
  return {
      {"samplenet-cifar10/SampLeNet.prototxt", "samplenet-cifar10/ref/caffe"},
      {"ultraface-rfb-320/caffe/RFB-320.prototxt", "ultraface-rfb-320/ref/caffe"},
      {"face-detection-retail-0044/caffe/face-detection-retail-0044.prototxt", "face-detection-retail-0044/ref/caffe",
       Bound::kDetections},
      {"ultraface-rfb-320/tflite/version-RFB-320_without_postprocessing.tflite", "ultraface-rfb-320/ref/tflite"},
      {"mobilenet-v1-025-128-quant-tflite/mobilenet_v1_0.25_128_quant.tflite",
       "mobilenet-v1-025-128-quant-tflite/ref/tflite", Bound::kSteps},
      {"mobilenet-v2-coral-quant-tflite/mobilenet_v2_1.0_224_quant.tflite",
       "mobilenet-v2-coral-quant-tflite/ref/tflite", Bound::kSteps},
      {"deeplabv3-dm05-quant-tflite/deeplabv3_mnv2_dm05_pascal_quant.tflite", "deeplabv3-dm05-quant-tflite/ref/tflite",
       Bound::kLabels},
      {"fsrcnn-tf/FSRCNN-small_x2.pb", "fsrcnn-tf/ref/tf_FSRCNN-small_x2"},
      {"fsrcnn-tf/FSRCNN_x2.pb", "fsrcnn-tf/ref/tf_FSRCNN_x2"},
      {"fsrcnn-tf/FSRCNN_x3.pb", "fsrcnn-tf/ref/tf_FSRCNN_x3"},
      {"fsrcnn-tf/FSRCNN_x4.pb", "fsrcnn-tf/ref/tf_FSRCNN_x4"},
      {"opencv-face-detector-tf/opencv_face_detector_uint8.pb", "opencv-face-detector-tf/ref/tf", Bound::kDetections,
       true},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const ImportedModel& model : imported_models()) {
    for (const char* device : {"REFERENCE", "CPU"}) {
      cases.push_back({model, device});
    }
  }
  return cases;
}

Tensor nchw_to_nhwc(const Tensor& tensor) {
  const Shape& from = tensor.shape();
  Tensor result(tensor.data_type(), {from[0], from[2], from[3], from[1]});
  const std::vector<double> source = to_doubles(tensor.view());
  std::vector<double> target(source.size());
  const std::int64_t plane = from[2] * from[3];
  for (std::int64_t n = 0; n < from[0]; ++n) {
    for (std::int64_t c = 0; c < from[1]; ++c) {
      for (std::int64_t i = 0; i < plane; ++i) {
        target[static_cast<std::size_t>((n * plane + i) * from[1] + c)] =
            source[static_cast<std::size_t>((n * from[1] + c) * plane + i)];
      }
    }
  }
  store(result.mutable_view(), target);
  return result;
}

void expect_within_steps(const std::vector<double>& actual, const std::vector<double>& expected) {
  std::size_t beyond_one = 0;
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    beyond_one += error > 1 ? 1 : 0;
    worst = std::max(worst, error);
  }
  EXPECT_LE(beyond_one * 100, expected.size());
  EXPECT_LE(worst, 3);
}

void expect_labels(const std::vector<double>& actual, const std::vector<double>& expected) {
  std::size_t different = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    different += actual[i] == expected[i] ? 0 : 1;
  }
  EXPECT_LE(different * 100, expected.size());
}

Node make_node(const Graph& graph, std::string_view op, const std::string& name, std::vector<ValueId> inputs,
               const std::vector<std::pair<std::string, std::string>>& attributes) {
  Node node;
  node.op = find_op(op);
  node.name = graph.unique_value_name(name);
  node.inputs = std::move(inputs);
  StringSource source(name, 1);
  for (const auto& [attribute, text] : attributes) {
    source.set(attribute, text);
  }
  if (node.op->attributes.read != nullptr) {
    node.attributes = node.op->attributes.read(source);
  }
  return node;
}

ValueId append(Graph& graph, Node node) { return graph.node(graph.add_node(std::move(node), {{}})).outputs[0]; }

/// The frozen face detector ends in box offsets and confidences; the recorded rows come from a program that decodes
/// them with SSD's boxes. These are theirs: extent of the feature map, least and largest size, step, ratios.
void add_face_decoding(Graph& graph) {
  struct Level {
    std::int64_t extent;
    const char *least, *largest, *step, *ratios;
  };
  constexpr std::array kLevels = {Level{38, "30", "60", "8", "2"},      Level{19, "60", "111", "16", "2,3"},
                                  Level{10, "111", "162", "32", "2,3"}, Level{5, "162", "213", "64", "2,3"},
                                  Level{5, "213", "264", "100", "2"},   Level{5, "264", "315", "300", "2"}};
  const auto ints = [&](const std::vector<std::int64_t>& values) {
    return graph.add_constant(graph.unique_value_name("ints"),
                              Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  };
  const ValueId image = ints({300, 300});
  std::vector<ValueId> parts;
  for (const Level& level : kLevels) {
    parts.push_back(append(graph, make_node(graph, "PriorBox", "boxes", {ints({level.extent, level.extent}), image},
                                            {{"min_size", level.least},
                                             {"max_size", level.largest},
                                             {"aspect_ratio", level.ratios},
                                             {"flip", "true"},
                                             {"step", level.step},
                                             {"offset", "0.5"},
                                             {"variance", "0.1,0.1,0.2,0.2"}})));
  }
  const ValueId all = append(graph, make_node(graph, "Concat", "all_boxes", parts, {{"axis", "1"}}));
  const ValueId boxes = append(graph, make_node(graph, "Unsqueeze", "prior_boxes", {all, ints({0})}, {}));
  const ValueId location = graph.outputs[find_port(graph.outputs, "mbox_loc", "output")].value;
  const ValueId confidence = graph.outputs[find_port(graph.outputs, "mbox_conf_flatten", "output")].value;
  const ValueId rows = append(graph, make_node(graph, "DetectionOutput", "detection_out", {location, confidence, boxes},
                                               {{"num_classes", "2"},
                                                {"code_type", "caffe.PriorBoxParameter.CENTER_SIZE"},
                                                {"top_k", "400"},
                                                {"keep_top_k", "200"},
                                                {"nms_threshold", "0.45"},
                                                {"confidence_threshold", "0.01"},
                                                {"normalized", "true"}}));
  graph.outputs.clear();
  graph.add_output(rows, "detection_out");
}

/// "out_boxes" and "out0_Identity" belong to the output of that name, '/' and ':' in it replaced.
std::size_t output_of(const Graph& graph, const std::string& stem) {
  const std::string name = stem.substr(stem.find('_') + 1);
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    std::string own = graph.outputs[i].name;
    std::ranges::replace(own, '/', '_');
    std::ranges::replace(own, ':', '_');
    if (own == name) {
      return i;
    }
  }
  ADD_FAILURE() << "no output is called " << name;
  return 0;
}

class ImportedOutputs : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!fs::exists(kModels)) {
      GTEST_SKIP() << "no test data at " << kModels;
    }
  }
};

TEST_P(ImportedOutputs, Agree) {
  const auto& [model, device] = GetParam();
  Core core;
  int compared = 0;
  for (const auto& folder : fs::directory_iterator(kModels / model.ref)) {
    if (!folder.is_directory()) {
      continue;
    }
    SCOPED_TRACE(folder.path().filename().string());
    Model imported = core.read_model(kModels / model.file);
    if (model.recorded_nchw) {
      add_face_decoding(imported.graph);
    }
    std::vector<std::pair<std::string, Tensor>> inputs;
    for (const auto& file : fs::directory_iterator(folder.path())) {
      const std::string stem = file.path().stem().string();
      if (stem == "in" || stem.starts_with("in_")) {
        const Tensor recorded = read_npy(file.path());
        inputs.emplace_back(stem == "in" ? "" : stem.substr(3),
                            model.recorded_nchw ? nchw_to_nhwc(recorded) : recorded);
        reshape(imported.graph, {{inputs.back().first, inputs.back().second.shape()}});
      }
    }
    InferRequest request =
        core.compile_model(imported, device, {{"PERFORMANCE_HINT", "LATENCY"}}).create_infer_request();
    for (const auto& [name, tensor] : inputs) {
      request.set_input_tensor(name, tensor);
    }
    request.infer();
    for (const auto& file : fs::directory_iterator(folder.path())) {
      const std::string stem = file.path().stem().string();
      if (!stem.starts_with("out")) {
        continue;
      }
      SCOPED_TRACE(stem);
      const std::vector<double> expected = to_doubles(read_npy(file.path()).view());
      const std::vector<double> actual = to_doubles(request.output(output_of(imported.graph, stem)));
      if (model.bound == Bound::kDetections) {
        test::expect_same_detections(actual, expected);
      } else {
        ASSERT_EQ(actual.size(), expected.size());
        switch (model.bound) {
          case Bound::kSteps:
            expect_within_steps(actual, expected);
            break;
          case Bound::kLabels:
            expect_labels(actual, expected);
            break;
          default:
            test::expect_near(actual, expected);
        }
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 0) << "nothing recorded";
}

INSTANTIATE_TEST_SUITE_P(Formats, ImportedOutputs, testing::ValuesIn(all_cases()), [](const auto& param_info) {
  std::string name = param_info.param.model.file + "_" + param_info.param.device;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

class Twins : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kModels)) {
      GTEST_SKIP() << "no test data at " << kModels;
    }
  }

  /// All outputs on CPU, in the order of `outputs` (by name).
  static std::vector<std::vector<double>> run(const fs::path& file, const Tensor& input,
                                              const std::vector<std::string>& outputs) {
    Core core;
    InferRequest request = core.compile_model(core.read_model(kModels / file), "CPU", {{"PERFORMANCE_HINT", "LATENCY"}})
                               .create_infer_request();
    request.set_input_tensor("", input);
    request.infer();
    std::vector<std::vector<double>> values;
    for (const std::string& name : outputs) {
      values.push_back(to_doubles(request.output(name)));
    }
    return values;
  }
};

TEST_F(Twins, SampLeNetOfIrAndCaffe) {
  const Tensor input = read_npy(kModels / "samplenet-cifar10/ref/caffe/cat/in.npy");
  test::expect_near(run("samplenet-cifar10/SampLeNet.prototxt", input, {"fc3"})[0],
                    run("samplenet-cifar10/SampLeNet.xml", input, {"fc3"})[0]);
}

TEST_F(Twins, UltraFaceOfCaffeAndTfLite) {
  const Tensor input = read_npy(kModels / "ultraface-rfb-320/ref/caffe/nasa/in.npy");
  const auto caffe = run("ultraface-rfb-320/caffe/RFB-320.prototxt", input, {"boxes", "scores"});
  const auto tflite = run("ultraface-rfb-320/tflite/version-RFB-320_without_postprocessing.tflite", nchw_to_nhwc(input),
                          {"Identity", "Identity_1"});
  // The two files were exported separately: already their recorded outputs differ by 4e-4 (boxes up to 6) and 2e-4
  // (scores).
  for (std::size_t output = 0; output < caffe.size(); ++output) {
    ASSERT_EQ(tflite[output].size(), caffe[output].size());
    for (std::size_t i = 0; i < caffe[output].size(); ++i) {
      ASSERT_NEAR(tflite[output][i], caffe[output][i], 1e-3) << output << ' ' << i;
    }
  }
}

TEST_F(Twins, FaceDetectionOfIrAndCaffe) {
  const Tensor input = read_npy(kModels / "face-detection-retail-0044/ref/caffe/nasa/in.npy");
  test::expect_same_detections(
      run("face-detection-retail-0044/caffe/face-detection-retail-0044.prototxt", input, {"detection_out"})[0],
      run("face-detection-retail-0044/FP32/face-detection-retail-0044.xml", input, {"detection_out"})[0]);
}

}  // namespace
}  // namespace fovea
