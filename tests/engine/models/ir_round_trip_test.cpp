// Every model of the test data, of every format, written as IR and read again: the same graph, the same results to the
// bit, the same bytes when it is written again.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "engine/frontends/content_hash.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/models/all_models.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = test::models_folder();

std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// Bytes of all outputs for a fixed pseudo-random picture.
std::vector<std::vector<std::byte>> run(Core& core, const Model& model) {
  InferRequest request = core.compile_model(model, "CPU", {{"PERFORMANCE_HINT", "LATENCY"}}).create_infer_request();
  std::minstd_rand random(7);
  for (std::size_t i = 0; i < model.graph.inputs.size(); ++i) {
    std::vector<double> picture(element_count(request.input(i).shape()));
    for (double& value : picture) {
      value = static_cast<double>(random() % 256);
    }
    store(request.input(i), picture);
  }
  request.infer();
  std::vector<std::vector<std::byte>> outputs;
  for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
    const ConstTensorView view = request.output(i);
    outputs.emplace_back(view.bytes, view.bytes + byte_size(view.type));
  }
  return outputs;
}

/// What a graph says, without the order of its nodes, which readers choose: each node with its attributes, inputs and
/// types, each constant that is read with its content.
std::set<std::string> equations(const Graph& graph) {
  std::set<std::string> all;
  const auto describe = [&](ValueId id) {
    const Value& value = graph.value(id);
    if (value.constant) {
      const auto bytes = value.constant->bytes();
      all.insert(value.name + " is " + to_string(value.type) + " " + content_hash({bytes}));
    }
    return value.name + ": " + to_string(value.type);
  };
  for (const Node& node : graph.nodes) {
    std::ostringstream text;
    text << node.name << " = " << node.op->name;
    if (node.op->attributes.print != nullptr && node.attributes.has_value()) {
      node.op->attributes.print(text, node.attributes);
    }
    for (const ValueId input : node.inputs) {
      text << " | " << describe(input);
    }
    for (const ValueId output : node.outputs) {
      text << " -> " << describe(output);
    }
    // A pooling without dilations and one with dilations of 1 are the same.
    std::string equation = text.str();
    if (const auto at = equation.find(" dilations=1,1 "); at != std::string::npos) {
      equation.replace(at, std::string_view(" dilations=1,1 ").size(), " dilations= ");
    }
    all.insert(std::move(equation));
  }
  for (const GraphPort& port : graph.outputs) {
    all.insert("output " + port.name + " is " + describe(port.value));
  }
  return all;
}

/// Names what is in one of them only.
void expect_same(const std::set<std::string>& actual, const std::set<std::string>& expected) {
  for (const std::string& each : actual) {
    EXPECT_TRUE(expected.contains(each)) << "only in what was read again: " << each;
  }
  for (const std::string& each : expected) {
    EXPECT_TRUE(actual.contains(each)) << "only in the model: " << each;
  }
}

std::vector<std::string> port_names(const std::vector<GraphPort>& ports) {
  std::vector<std::string> names;
  for (const GraphPort& port : ports) {
    names.push_back(port.name);
  }
  return names;
}

class IrRoundTrip : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kModels)) {
      GTEST_SKIP() << "no test data at " << kModels;
    }
  }

  Model write_and_read(const Model& model, const IrWriteOptions& options) const {
    write_openvino_ir(model, dir_ / "model.xml", options);
    return read_model(dir_ / "model.xml");
  }

  test::TempDir dir_;
};

class IrRoundTripOf : public IrRoundTrip, public testing::WithParamInterface<std::string> {};

TEST_P(IrRoundTripOf, KeepsGraphAndResults) {
  Core core;
  const Model model = test::read_with_fixed_extents(kModels / GetParam());
  const auto expected = run(core, model);
  const std::set<std::string> expected_equations = equations(model.graph);
  for (const IrVersion version : {IrVersion::k10, IrVersion::k11}) {
    SCOPED_TRACE(version == IrVersion::k10 ? "IR version 10" : "IR version 11");
    const Model again = write_and_read(model, {.version = version});
    const std::string xml = content(dir_ / "model.xml");
    const std::string weights = content(dir_ / "model.bin");
    // Version 10 has no Slice; what stands for it is checked by its results.
    if (version == IrVersion::k11 || to_text(model.graph).find(" = Slice(") == std::string::npos) {
      expect_same(equations(again.graph), expected_equations);
    }
    EXPECT_EQ(port_names(again.graph.inputs), port_names(model.graph.inputs));
    EXPECT_EQ(port_names(again.graph.outputs), port_names(model.graph.outputs));
    EXPECT_TRUE(run(core, again) == expected) << "other results";
    write_openvino_ir(model, dir_ / "model.xml", {.version = version});
    EXPECT_TRUE(content(dir_ / "model.xml") == xml) << "other XML when written twice";
    EXPECT_TRUE(content(dir_ / "model.bin") == weights) << "other weights when written twice";
  }
}

/// Paths below the models' folder; none without test data.
std::vector<std::string> relative_files() {
  std::vector<std::string> files;
  if (fs::exists(kModels)) {
    for (const fs::path& file : test::model_files()) {
      files.push_back(fs::relative(file, kModels).string());
    }
  }
  return files;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(IrRoundTripOf);
INSTANTIATE_TEST_SUITE_P(Models, IrRoundTripOf, testing::ValuesIn(relative_files()), [](const auto& param_info) {
  std::string name = param_info.param;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST_F(IrRoundTrip, KeepsMetadata) {
  const Model model = read_model(kModels / "squeezenet1.1-ir/FP16/squeezenet1.1.xml");
  EXPECT_EQ(write_and_read(model, {}).metadata, model.metadata);
}

TEST_F(IrRoundTrip, CompressesWeights) {
  Core core;
  const Model model = read_model(kModels / "open-closed-eye-0001/FP32/open-closed-eye-0001.xml");
  write_openvino_ir(model, dir_ / "plain.xml");
  write_openvino_ir(model, dir_ / "small.xml", {.weights = WeightPrecision::kF16});
  // Small constants stay f32, and each starts on a 64-byte line.
  EXPECT_LT(fs::file_size(dir_ / "small.bin"), fs::file_size(dir_ / "plain.bin") * 55 / 100);
  const auto as_floats = [](const std::vector<std::byte>& bytes) {
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  };
  const std::vector<float> expected = as_floats(run(core, model)[0]);
  const std::vector<float> actual = as_floats(run(core, read_model(dir_ / "small.xml"))[0]);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    // f16 weights have 11 bits: 5e-4 relative a weight, less on sums of hundreds; the outputs are probabilities.
    EXPECT_NEAR(actual[i], expected[i], 5e-3);
  }
  EXPECT_THROW(write_openvino_ir(model, dir_ / "x.xml", {.version = IrVersion::k10, .weights = WeightPrecision::kF16}),
               Error);
}

TEST_F(IrRoundTrip, OpenExtentsNeedVersion11) {
  const Model model = read_model(kModels / "fsrcnn-tf/FSRCNN_x2.pb");
  ASSERT_FALSE(is_static(model.graph.value(model.graph.inputs[0].value).type.shape));
  expect_same(equations(write_and_read(model, {}).graph), equations(model.graph));
  try {
    write_openvino_ir(model, dir_ / "x.xml", {.version = IrVersion::k10});
    ADD_FAILURE() << "open extents were written as version 10";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("IR version 10 has no open extents"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace fovea
