// The rules of the IR format for those who write it, each checked on every model of the test data written as versions
// 10 and 11, and with compressed weights. https://docs.openvino.ai/2024/documentation/openvino-ir-format.html
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <pugixml.hpp>
#include <set>
#include <span>
#include <sstream>
#include <utility>

#include "engine/base/text.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/op_def.hpp"
#include "tests/engine/models/all_models.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using Xml = pugi::xml_node;

struct Written {
  std::string name;  ///< "fsrcnn-tf/FSRCNN_x2.pb as v10".
  Model model;
  int version = 11;
  bool compressed = false;
  std::string xml;
  std::string weights;
  std::shared_ptr<pugi::xml_document> document;

  [[nodiscard]] Xml net() const { return document->child("net"); }
  [[nodiscard]] std::vector<Xml> layers() const {
    const auto children = net().child("layers").children("layer");
    return {children.begin(), children.end()};
  }
};

std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::string text_of(const Xml& node, const char* attribute) { return node.attribute(attribute).value(); }

bool is(const Xml& layer, std::string_view type) { return text_of(layer, "type") == type; }

/// All models written in all ways; made once, since that takes longer than any check.
const std::vector<Written>& all_written() {
  static const std::vector<Written> kAll = [] {
    std::vector<Written> all;
    const test::TempDir dir;
    for (const fs::path& file : test::model_files()) {
      const Model model = test::read_with_fixed_extents(file);
      for (const auto& [version, weights] : {std::pair{IrVersion::k10, WeightPrecision::kAsIs},
                                             {IrVersion::k11, WeightPrecision::kAsIs},
                                             {IrVersion::k11, WeightPrecision::kF16}}) {
        write_openvino_ir(model, dir / "m.xml", {.version = version, .weights = weights});
        Written written{.name = fs::relative(file, test::models_folder()).string() + " as v" +
                                std::to_string(static_cast<int>(version)) +
                                (weights == WeightPrecision::kF16 ? " with f16 weights" : ""),
                        .model = model,
                        .version = static_cast<int>(version),
                        .compressed = weights == WeightPrecision::kF16,
                        .xml = content(dir / "m.xml"),
                        .weights = content(dir / "m.bin"),
                        .document = std::make_shared<pugi::xml_document>()};
        EXPECT_TRUE(written.document->load_buffer(written.xml.data(), written.xml.size())) << written.name;
        all.push_back(std::move(written));
      }
    }
    return all;
  }();
  return kAll;
}

class IrRules : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(test::models_folder())) {
      GTEST_SKIP() << "no test data at " << test::models_folder();
    }
  }
  static void for_each_written(const std::function<void(const Written&)>& check) {
    for (const Written& written : all_written()) {
      SCOPED_TRACE(written.name);
      check(written);
    }
  }
  static void for_each_layer(const std::function<void(const Written&, const Xml&)>& check) {
    for_each_written([&](const Written& written) {
      for (const Xml& layer : written.layers()) {
        SCOPED_TRACE(text_of(layer, "name") + " (" + text_of(layer, "type") + ")");
        check(written, layer);
      }
    });
  }
  static std::vector<Xml> ports(const Xml& layer, const char* side) {
    const auto children = layer.child(side).children("port");
    return {children.begin(), children.end()};
  }
  static std::vector<std::int64_t> dims(const Xml& port) {
    std::vector<std::int64_t> result;
    for (const Xml& dim : port.children("dim")) {
      result.push_back(dim.text().as_llong(-99));
    }
    return result;
  }
};

TEST_F(IrRules, NetStandsInTheFirst512Bytes) {
  for_each_written([](const Written& written) {
    EXPECT_TRUE(written.xml.starts_with("<?xml version=\"1.0\"?>"));
    EXPECT_LT(written.xml.find("<net"), 512U);
    EXPECT_EQ(text_of(written.net(), "version"), std::to_string(written.version));
  });
}

TEST_F(IrRules, RootHoldsLayersEdgesAndTheVersionsMetadata) {
  for_each_written([](const Written& written) {
    std::vector<std::string> children;
    for (const Xml& child : written.net().children()) {
      children.emplace_back(child.name());
    }
    const std::string metadata = written.version == 11 ? "rt_info" : "meta_data";
    EXPECT_EQ(children, (std::vector<std::string>{"layers", "edges", metadata}));
  });
}

TEST_F(IrRules, LayerIdsAreUniqueNumbers) {
  for_each_written([](const Written& written) {
    std::set<std::int64_t> ids;
    for (const Xml& layer : written.layers()) {
      const auto id = parse_int(text_of(layer, "id"));
      ASSERT_TRUE(id && *id >= 0) << text_of(layer, "id");
      EXPECT_TRUE(ids.insert(*id).second) << *id;
    }
  });
}

TEST_F(IrRules, LayerNamesAreUniqueResultsExcepted) {
  for_each_written([](const Written& written) {
    std::set<std::string> names;
    for (const Xml& layer : written.layers()) {
      EXPECT_TRUE(is(layer, "Result") || names.insert(text_of(layer, "name")).second) << text_of(layer, "name");
    }
  });
}

TEST_F(IrRules, ElementsOfALayerStandInTheWritersOrder) {
  static const std::array<std::string, 4> kOrder = {"data", "rt_info", "input", "output"};
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    auto place = kOrder.begin();
    for (const Xml& child : layer.children()) {
      place = std::find(place, kOrder.end(), std::string(child.name()));
      ASSERT_NE(place, kOrder.end()) << child.name();
    }
  });
}

TEST_F(IrRules, TypesAreSpelledAsTheReaderKnowsThem) {
  static const std::set<std::string> kWrong = {"Constant", "Relu", "PRelu", "Softmax"};
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    const std::string type = text_of(layer, "type");
    EXPECT_FALSE(kWrong.contains(type));
    const OpDef* op = find_openvino_op(type);
    EXPECT_TRUE(type == "Parameter" || type == "Const" || type == "Result" ||
                (op != nullptr && op->openvino.type == type));
  });
}

TEST_F(IrRules, OpsetsAreThoseEveryReaderOfTheVersionKnows) {
  for_each_layer([](const Written& written, const Xml& layer) {
    const std::string version = text_of(layer, "version");
    ASSERT_TRUE(version.starts_with("opset"));
    const std::int64_t opset = parse_int(version.substr(5)).value_or(0);
    const OpDef* op = find_openvino_op(text_of(layer, "type"));
    if (op == nullptr) {
      EXPECT_EQ(opset, 1);
      return;
    }
    const auto& versions = op->openvino.versions;
    EXPECT_NE(std::ranges::find(versions, opset), versions.end()) << version;
    // Older forms of these two have other inputs and outputs.
    const bool kept = (is(layer, "Interpolate") && opset == 11) || (is(layer, "MaxPool") && opset == 8);
    EXPECT_TRUE(opset <= (written.version == 10 ? 7 : 8) || kept) << version;
  });
}

TEST_F(IrRules, ShuffleChannelsIsOfOpset3AndMvnNotOfOpset1) {
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    if (is(layer, "ShuffleChannels")) {
      EXPECT_EQ(text_of(layer, "version"), "opset3");
    }
    if (is(layer, "MVN") || is(layer, "ROIPooling") || is(layer, "ReorgYolo")) {
      EXPECT_NE(text_of(layer, "version"), "opset1");
    }
  });
}

TEST_F(IrRules, PortsCountFromInputsToOutputs) {
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    int next = 0;
    for (const char* side : {"input", "output"}) {
      for (const Xml& port : ports(layer, side)) {
        EXPECT_EQ(text_of(port, "id"), std::to_string(next++));
      }
    }
    EXPECT_EQ(ports(layer, "output").empty(), is(layer, "Result"));
  });
}

TEST_F(IrRules, EveryOutputPortHasAPrecision) {
  static const std::set<std::string> kPrecisions = {"FP16", "FP32", "BF16", "FP64", "I4",  "I8",  "I16", "I32",
                                                    "I64",  "U4",   "U8",   "U16",  "U32", "U64", "BOOL"};
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    for (const Xml& port : ports(layer, "output")) {
      EXPECT_TRUE(kPrecisions.contains(text_of(port, "precision"))) << text_of(port, "precision");
    }
  });
}

TEST_F(IrRules, ElementTypesAreTheFormats) {
  static const std::map<std::string, std::string> kTypes = {
      {"f16", "FP16"}, {"f32", "FP32"}, {"bf16", "BF16"},   {"f64", "FP64"}, {"i8", "I8"},
      {"i16", "I16"},  {"i32", "I32"},  {"i64", "I64"},     {"u8", "U8"},    {"u16", "U16"},
      {"u32", "U32"},  {"u64", "U64"},  {"boolean", "BOOL"}};
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    if (is(layer, "Parameter") || is(layer, "Const")) {
      const auto type = kTypes.find(text_of(layer.child("data"), "element_type"));
      ASSERT_NE(type, kTypes.end());
      EXPECT_EQ(text_of(ports(layer, "output").at(0), "precision"), type->second);
    }
  });
}

TEST_F(IrRules, OutputDimsAreTheInferredOnes) {
  for_each_written([](const Written& written) {
    std::map<std::string, const Node*> nodes;
    for (const Node& node : written.model.graph.nodes) {
      nodes[node.name] = &node;
    }
    std::size_t checked = 0;
    for (const Xml& layer : written.layers()) {
      const auto found = nodes.find(text_of(layer, "name"));
      if (found == nodes.end() || is(layer, "Parameter") || is(layer, "Const")) {
        continue;
      }
      const std::vector<Xml> outputs = ports(layer, "output");
      ASSERT_EQ(outputs.size(), found->second->outputs.size());
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        EXPECT_EQ(dims(outputs[i]), written.model.graph.value(found->second->outputs[i]).type.shape);
      }
      ++checked;
    }
    EXPECT_EQ(checked, nodes.size());
  });
}

TEST_F(IrRules, InputPortsRepeatTypeAndDimsOfTheirSource) {
  for_each_written([](const Written& written) {
    std::map<std::pair<std::string, std::string>, Xml> outputs;
    std::map<std::pair<std::string, std::string>, Xml> inputs;
    for (const Xml& layer : written.layers()) {
      for (const Xml& port : ports(layer, "output")) {
        outputs[{text_of(layer, "id"), text_of(port, "id")}] = port;
      }
      for (const Xml& port : ports(layer, "input")) {
        inputs[{text_of(layer, "id"), text_of(port, "id")}] = port;
      }
    }
    for (const Xml& edge : written.net().child("edges").children("edge")) {
      const Xml from = outputs[{text_of(edge, "from-layer"), text_of(edge, "from-port")}];
      const Xml to = inputs[{text_of(edge, "to-layer"), text_of(edge, "to-port")}];
      ASSERT_TRUE(from && to);
      EXPECT_EQ(dims(from), dims(to));
      EXPECT_EQ(text_of(from, "precision"), text_of(to, "precision"));
    }
  });
}

TEST_F(IrRules, EveryInputPortHasOneEdgeFromALayerBefore) {
  for_each_written([](const Written& written) {
    std::map<std::string, std::size_t> place;
    std::size_t input_ports = 0;
    for (const Xml& layer : written.layers()) {
      place.emplace(text_of(layer, "id"), place.size());
      input_ports += ports(layer, "input").size();
    }
    std::set<std::pair<std::string, std::string>> reached;
    for (const Xml& edge : written.net().child("edges").children("edge")) {
      EXPECT_TRUE(reached.emplace(text_of(edge, "to-layer"), text_of(edge, "to-port")).second);
      EXPECT_LT(place.at(text_of(edge, "from-layer")), place.at(text_of(edge, "to-layer")));
    }
    EXPECT_EQ(reached.size(), input_ports);
  });
}

TEST_F(IrRules, DimsAndShapesAgreeAndVersion10HasNoOpenOnes) {
  for_each_layer([](const Written& written, const Xml& layer) {
    for (const char* side : {"input", "output"}) {
      for (const Xml& port : ports(layer, side)) {
        EXPECT_TRUE(
            std::ranges::all_of(dims(port), [&](std::int64_t dim) { return dim >= (written.version == 10 ? 0 : -1); }));
      }
    }
    if (is(layer, "Parameter") || is(layer, "Const")) {
      std::vector<std::int64_t> shape;
      for (const std::string& extent : split(text_of(layer.child("data"), "shape"), ',')) {
        shape.push_back(parse_int(extent).value_or(-99));
      }
      EXPECT_EQ(dims(ports(layer, "output").at(0)), shape);  // a scalar has neither
    }
  });
}

TEST_F(IrRules, ParametersAndResultsStandInTheModelsOrder) {
  for_each_written([](const Written& written) {
    std::vector<std::string> parameters;
    std::size_t results = 0;
    for (const Xml& layer : written.layers()) {
      if (is(layer, "Parameter")) {
        parameters.push_back(text_of(layer, "name"));
      }
      results += is(layer, "Result") ? 1 : 0;
    }
    std::vector<std::string> inputs;
    for (const GraphPort& port : written.model.graph.inputs) {
      inputs.push_back(port.name);
    }
    EXPECT_EQ(parameters, inputs);
    EXPECT_EQ(results, written.model.graph.outputs.size());
  });
}

TEST_F(IrRules, OutputsAreFoundByTheirTensorNames) {
  for_each_written([](const Written& written) {
    std::set<std::string> names;
    for (const Xml& layer : written.layers()) {
      for (const Xml& port : ports(layer, "output")) {
        std::string name;
        const std::string text = text_of(port, "names");
        for (std::size_t i = 0; i < text.size(); ++i) {
          if (text[i] == ',') {
            names.insert(std::exchange(name, {}));
          } else {
            i += text[i] == '\\' ? 1 : 0;
            name += text.at(i);
          }
        }
        names.insert(name);
      }
    }
    for (const GraphPort& port : written.model.graph.outputs) {
      EXPECT_TRUE(names.contains(port.name)) << port.name;
    }
  });
}

TEST_F(IrRules, AutomaticPaddingHasNoPads) {
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    const Xml data = layer.child("data");
    if (data.attribute("auto_pad") && text_of(data, "auto_pad") != "explicit") {
      for (const char* pads : {"pads_begin", "pads_end"}) {
        for (const std::string& pad : split(text_of(data, pads), ',')) {
          EXPECT_EQ(pad, "0");
        }
      }
    }
  });
}

TEST_F(IrRules, WindowsStateEveryListInFull) {
  static const std::set<std::string> kWindows = {
      "Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData",
      "MaxPool",     "AvgPool"};
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    if (!kWindows.contains(text_of(layer, "type"))) {
      return;
    }
    const std::size_t axes = dims(ports(layer, "output").at(0)).size() - 2;
    const Xml data = layer.child("data");
    const bool pool = is(layer, "MaxPool") || is(layer, "AvgPool");
    for (const char* list : {"strides", "pads_begin", "pads_end", pool ? "kernel" : "dilations"}) {
      EXPECT_EQ(split(text_of(data, list), ',').size(), axes) << list << "='" << text_of(data, list) << "'";
    }
  });
}

TEST_F(IrRules, SoftMaxOfOpset1CountsItsAxisFromTheFront) {
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    if (is(layer, "SoftMax") && text_of(layer, "version") == "opset1") {
      EXPECT_GE(parse_int(text_of(layer.child("data"), "axis")).value_or(-1), 0);
    }
  });
}

TEST_F(IrRules, DetectionOutputStatesClassesInOpset1Only) {
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    if (is(layer, "DetectionOutput") && text_of(layer, "version") == "opset1") {
      EXPECT_TRUE(layer.child("data").attribute("num_classes"));
    }
  });
}

TEST_F(IrRules, AttributesHaveTextAndBooleansAreWords) {
  static const std::set<std::string> kBooleans = {"exclude-pad", "special_zero", "keep_dims", "transpose_a",
                                                  "transpose_b", "antialias",    "flip",      "clip"};
  for_each_layer([](const Written& /*written*/, const Xml& layer) {
    for (const auto& attribute : layer.child("data").attributes()) {
      if (kBooleans.contains(attribute.name())) {
        EXPECT_TRUE(std::string(attribute.value()) == "true" || std::string(attribute.value()) == "false")
            << attribute.name() << "='" << attribute.value() << "'";
      }
    }
  });
}

TEST_F(IrRules, ConstantsLieInsideTheWeightsWithTheirExactSize) {
  static const std::map<std::string, std::size_t> kSizes = {
      {"f16", 2}, {"f32", 4}, {"bf16", 2}, {"f64", 8}, {"i8", 1},  {"i16", 2},    {"i32", 4},
      {"i64", 8}, {"u8", 1},  {"u16", 2},  {"u32", 4}, {"u64", 8}, {"boolean", 1}};
  for_each_layer([](const Written& written, const Xml& layer) {
    if (is(layer, "Const")) {
      const Xml data = layer.child("data");
      std::size_t size = kSizes.at(text_of(data, "element_type"));
      for (const std::int64_t dim : dims(ports(layer, "output").at(0))) {
        size *= static_cast<std::size_t>(dim);
      }
      EXPECT_EQ(data.attribute("size").as_ullong(), size);
      EXPECT_LE(data.attribute("offset").as_ullong() + size, written.weights.size());
      EXPECT_EQ(data.attribute("offset").as_ullong() % 8, 0U) << "aligned for mapping";
    }
  });
}

TEST_F(IrRules, EqualConstantsAreStoredOnce) {
  for_each_written([](const Written& written) {
    std::map<std::string_view, std::uint64_t> places;
    for (const Xml& layer : written.layers()) {
      if (is(layer, "Const")) {
        const Xml data = layer.child("data");
        const std::uint64_t offset = data.attribute("offset").as_ullong();
        const auto bytes = std::string_view(written.weights).substr(offset, data.attribute("size").as_ullong());
        EXPECT_EQ(places.try_emplace(bytes, offset).first->second, offset) << text_of(layer, "name");
      }
    }
  });
}

TEST_F(IrRules, ConstantsHaveTheModelsBytes) {
  for_each_written([](const Written& written) {
    std::map<std::string, const Tensor*> constants;
    for (const Value& value : written.model.graph.values) {
      if (value.constant) {
        constants[value.name] = &*value.constant;
      }
    }
    for (const Xml& layer : written.layers()) {
      const auto found = constants.find(text_of(layer, "name"));
      if (is(layer, "Const") && found != constants.end()) {
        const auto bytes =
            std::as_bytes(std::span(written.weights)).subspan(layer.child("data").attribute("offset").as_ullong());
        const auto expected = found->second->bytes();
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes.begin()));
      }
    }
  });
}

TEST_F(IrRules, RuntimeInformationHasNamesAndVersions) {
  std::size_t found = 0;
  for_each_layer([&](const Written& written, const Xml& layer) {
    for (const Xml& holder : {layer, layer.child("output").child("port")}) {
      for (const Xml& attribute : holder.child("rt_info").children()) {
        EXPECT_STREQ(attribute.name(), "attribute");
        EXPECT_TRUE(attribute.attribute("name") && attribute.attribute("version"));
        EXPECT_EQ(written.version, 11) << "version 10 has none";
        ++found;
      }
    }
  });
  EXPECT_GT(found, 0U);
}

TEST_F(IrRules, MetadataIsNestedElementsWithValues) {
  const std::function<void(const Xml&)> check = [&](const Xml& node) {
    for (const Xml& child : node.children()) {
      EXPECT_TRUE(child.attribute("value") || child.first_child()) << child.name();
      check(child);
    }
  };
  for_each_written([&](const Written& written) {
    check(written.net().child("rt_info"));
    check(written.net().child("meta_data"));
  });
}

TEST_F(IrRules, CompressedWeightsPassADecompressingConvert) {
  std::size_t converts = 0;
  for_each_written([&](const Written& written) {
    if (!written.compressed) {
      return;
    }
    std::map<std::string, Xml> by_id;
    for (const Xml& layer : written.layers()) {
      by_id[text_of(layer, "id")] = layer;
    }
    for (const Xml& edge : written.net().child("edges").children("edge")) {
      const Xml from = by_id[text_of(edge, "from-layer")];
      const Xml to = by_id[text_of(edge, "to-layer")];
      if (!is(from, "Const") || !text_of(from, "name").ends_with("_compressed")) {
        continue;
      }
      EXPECT_EQ(text_of(from.child("data"), "element_type"), "f16");
      EXPECT_TRUE(is(to, "Convert"));
      EXPECT_EQ(text_of(to.child("data"), "destination_type"), "f32");
      EXPECT_EQ(text_of(to.child("rt_info").child("attribute"), "name"), "decompression");
      EXPECT_EQ(text_of(from, "name"), text_of(to, "name") + "_compressed");
      ++converts;
    }
  });
  EXPECT_GT(converts, 100U);
}

TEST_F(IrRules, CompressedWeightsAreFinite) {
  for_each_layer([](const Written& written, const Xml& layer) {
    const Xml data = layer.child("data");
    if (!written.compressed || !is(layer, "Const") || !text_of(layer, "name").ends_with("_compressed")) {
      return;
    }
    for (std::uint64_t at = 0; at < data.attribute("size").as_ullong(); at += 2) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, written.weights.data() + data.attribute("offset").as_ullong() + at, sizeof(bits));
      ASSERT_NE(bits & 0x7C00U, 0x7C00U) << "infinite or no number at " << at;
    }
  });
}

}  // namespace
}  // namespace fovea
