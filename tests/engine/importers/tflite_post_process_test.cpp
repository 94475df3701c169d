// TensorFlow Lite's detection post-processing against what NumPy computes (write_post_process_cases.py), on both
// devices and through IR; options that are wrong.
#include <flatbuffers/flexbuffers.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "engine/base/text.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/importers/tflite_writer.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"
#include "tools/npy.hpp"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;
namespace schema = fovea::tflite::schema;
using Type = schema::TensorType;
using Options = std::map<std::string, double>;

std::vector<std::uint8_t> flexbuffer(const Options& options) {
  flexbuffers::Builder builder;
  builder.Map([&] {
    for (const auto& [name, value] : options) {
      if (name == "use_regular_nms") {
        builder.Bool(name.c_str(), value != 0);
      } else if (name.ends_with("scale") || name.ends_with("threshold")) {
        builder.Float(name.c_str(), static_cast<float>(value));
      } else {
        builder.Int(name.c_str(), static_cast<std::int64_t>(value));
      }
    }
  });
  builder.Finish();
  return builder.GetBuffer();
}

std::vector<int> dims(const Tensor& tensor) { return {tensor.shape().begin(), tensor.shape().end()}; }

/// A file that holds nothing but the operator; encodings and scores are its inputs.
std::string post_process_file(const std::vector<std::uint8_t>& options, const Tensor& encodings, const Tensor& scores,
                              const Tensor& anchors) {
  TfliteWriter writer;
  writer.tensor(dims(encodings), Type::kF32);
  writer.tensor(dims(scores), Type::kF32);
  const std::span<const float> values = anchors.data<float>();
  writer.tensor(dims(anchors), Type::kF32, TfliteWriter::bytes(std::vector<float>(values.begin(), values.end())));
  for (int i = 0; i < 4; ++i) {
    writer.tensor({}, Type::kF32);  // converters write no shapes here
  }
  writer.add_custom("TFLite_Detection_PostProcess", {0, 1, 2}, {3, 4, 5, 6}, options);
  return writer.finish({0, 1}, {3, 4, 5, 6});
}

struct Case {
  Options options;
  Tensor encodings;
  Tensor scores;
  Tensor anchors;

  explicit Case(const fs::path& folder)
      : encodings(read_npy(folder / "encodings.npy")),
        scores(read_npy(folder / "scores.npy")),
        anchors(read_npy(folder / "anchors.npy")) {
    std::ifstream file(folder / "options.txt");
    std::string name;
    for (double value = 0; file >> name >> value;) {
      options[name] = value;
    }
  }

  [[nodiscard]] std::string file() const { return post_process_file(flexbuffer(options), encodings, scores, anchors); }
};

void expect_outputs(Core& core, const Model& model, const Case& c, const fs::path& folder, const char* device) {
  InferRequest request = core.compile_model(model, device).create_infer_request();
  request.set_input_tensor(model.graph.inputs[0].name, c.encodings);
  request.set_input_tensor(model.graph.inputs[1].name, c.scores);
  request.infer();
  ASSERT_EQ(model.graph.outputs.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    SCOPED_TRACE(fmt::format("{}, output {}", device, i));
    const Tensor expected = read_npy(folder / fmt::format("out_{}.npy", i));
    ASSERT_EQ(request.output(i).shape(), expected.shape());
    const std::vector<double> actual = to_doubles(request.output(i));
    const std::vector<double> wanted = to_doubles(expected.view());
    for (std::size_t j = 0; j < wanted.size(); ++j) {
      // f32 rounding of the decoding's five steps; coordinates are below 2 or so.
      EXPECT_NEAR(actual[j], wanted[j], 2e-6) << "element " << j;
    }
  }
}

TEST(TflitePostProcess, SelectsWhatNumPySelects) {
  int cases = 0;
  Core core;
  const TempDir dir;
  for (const auto& entry : fs::directory_iterator(FOVEA_POST_PROCESS_CASES)) {
    SCOPED_TRACE(entry.path().filename().string());
    const Case c(entry.path());
    const Model model = core.read_model(dir.write("m.tflite", c.file()));
    EXPECT_EQ(to_string(model.graph.value(model.graph.outputs[3].value).type), "f32[1]");
    EXPECT_TRUE(is_static(model.graph.value(model.graph.outputs[0].value).type.shape));
    write_openvino_ir(model, dir.path() / "m.xml");
    const Model again = core.read_model(dir.path() / "m.xml");
    for (const char* device : {"REFERENCE", "CPU"}) {
      expect_outputs(core, model, c, entry.path(), device);
      expect_outputs(core, again, c, entry.path(), device);
    }
    ++cases;
  }
  EXPECT_EQ(cases, 9) << "write_post_process_cases.py wrote too little";
}

class TflitePostProcessErrors : public ::testing::Test {
 protected:
  void refuses(const std::string& file, std::initializer_list<std::string_view> parts) {
    const auto path = dir_.write("m.tflite", file);
    expect_error(ErrorCode::kInvalidModel, parts, [&] { (void)Core().read_model(path); });
  }
  /// With one option changed; NaN: left out.
  std::string with(const std::string& name, double value) const {
    Case c(fs::path(FOVEA_POST_PROCESS_CASES) / "across_classes");
    c.options[name] = value;
    if (std::isnan(value)) {
      c.options.erase(name);
    }
    return c.file();
  }

  TempDir dir_;
};

TEST_F(TflitePostProcessErrors, NameTheOption) {
  constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
  refuses(with("max_detections", 0),
          {"TFLite_Detection_PostProcess", "option max_detections is 0, expected 1 to 65536"});
  refuses(with("max_detections", 1e9), {"option max_detections is 1000000000"});
  refuses(with("max_classes_per_detection", 9), {"scores of 5 columns, 4 classes and 9 of them"});
  refuses(with("num_classes", 6), {"scores of 5 columns, 6 classes"});
  refuses(with("num_classes", kAbsent), {"option num_classes is 0"});
  refuses(with("nms_iou_threshold", kAbsent), {"option nms_iou_threshold is missing"});
  refuses(with("w_scale", 0), {"option w_scale is 0"});
  refuses(with("y_scale", std::numeric_limits<double>::infinity()), {"option y_scale", "no finite number"});
}

TEST_F(TflitePostProcessErrors, SurviveDamagedOptions) {
  const Case c(fs::path(FOVEA_POST_PROCESS_CASES) / "across_classes");
  const std::vector<std::uint8_t> good = flexbuffer(c.options);
  const auto file = [&](const std::vector<std::uint8_t>& options) {
    return post_process_file(options, c.encodings, c.scores, c.anchors);
  };
  refuses(file({}), {"options are missing or damaged"});
  flexbuffers::Builder number;
  number.Int(7);
  number.Finish();
  refuses(file(number.GetBuffer()), {"options are no map"});
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int value : {0x00, 0x7F, 0xFF}) {
      std::vector<std::uint8_t> bad = good;
      bad[i] = static_cast<std::uint8_t>(value);
      try {
        (void)Core().read_model(dir_.write("m.tflite", file(bad)));
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kInternal) << "byte " << i << ": " << error.what();
      }
    }
  }
}

TEST_F(TflitePostProcessErrors, NameWrongShapes) {
  Case c(fs::path(FOVEA_POST_PROCESS_CASES) / "across_classes");
  c.anchors = c.anchors.reshaped({30, 8});
  refuses(c.file(), {"anchors [30,8]", "expected [1,B,4], [1,B,C] and [B,4]"});
}

}  // namespace
}  // namespace fovea::test
