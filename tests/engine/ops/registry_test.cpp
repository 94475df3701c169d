// Rules every operator keeps: a file for each line of ops.inc, and a complete description.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "engine/ops/op_def.hpp"
#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

std::vector<std::string> listed_names() {
  std::ifstream file(FOVEA_SOURCE_DIR "/engine/ops/ops.inc");
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("FOVEA_OP(")) {
      names.push_back(line.substr(9, line.find(')') - 9));
    }
  }
  return names;
}

TEST(Registry, EveryLineHasAFileAndTheOrderIsAlphabetical) {
  const std::vector<std::string> names = listed_names();
  EXPECT_EQ(names.size(), all_ops().size());
  EXPECT_TRUE(std::ranges::is_sorted(names));
  for (const std::string& name : names) {
    EXPECT_TRUE(std::filesystem::exists(FOVEA_SOURCE_DIR "/engine/ops/" + name + ".cpp")) << name;
  }
}

TEST(Registry, EveryOperatorIsDescribed) {
  std::set<std::string_view> names;
  std::set<std::string> types;
  for (const OpDef* op : all_ops()) {
    SCOPED_TRACE(std::string(op->name));
    EXPECT_TRUE(names.insert(op->name).second);
    EXPECT_TRUE(types.insert(to_lower(op->openvino.type)).second);
    EXPECT_TRUE(op->spec.starts_with("https://docs.openvino.ai/") && op->spec.ends_with(".html")) << op->spec;
    EXPECT_GE(op->inputs.least, op->name == "ReadValue" ? 0 : 1);
    EXPECT_GE(op->inputs.most, op->inputs.least);
    EXPECT_GE(op->openvino.versions[0], 1);
    EXPECT_NE(op->infer, nullptr);
    EXPECT_NE(op->reference == nullptr, op->compute == nullptr) << "one of them computes";
    EXPECT_EQ(find_op(op->name), op);
    EXPECT_EQ(find_openvino_op(op->openvino.type), op);
  }
}

TEST(Registry, FindsTypesInAnyCase) {
  EXPECT_EQ(find_openvino_op("SOFTMAX"), find_op("Softmax"));
  EXPECT_EQ(find_openvino_op("PReLU"), find_op("PRelu"));
  EXPECT_EQ(find_openvino_op("Quux"), nullptr);
}

TEST(Registry, InferenceNamesTheNode) {
  expect_invalid({"Add", "", {f32({1}, {1})}}, "node 'test' (Add): has 1 inputs, expected 2 to 2");
  expect_invalid({"Add", "", {f32({1}, {1}), Tensor()}}, "input 1 is missing");
}

TEST(Registry, PostOpOperandsAreNoInputsOfTheOperator) {
  OpCase concat{"Concat", "axis=0", {f32({1}, {1}), f32({1}, {2}), f32({2}, {10, 20})}};
  Node node = make_node(concat);
  node.post_ops = {{.kind = PostOpKind::kAdd, .operand = 2}};
  std::vector<ConstTensorView> views;
  std::vector<InputInfo> infos;
  for (const Tensor& input : concat.inputs) {
    views.push_back(input.view());
    infos.push_back({input.type(), nullptr});
  }
  const std::vector<TensorType> types = infer_types(node, infos);
  ASSERT_EQ(types[0].shape, (Shape{2}));
  expect_equal(evaluate(node, views, types)[0], f32({2}, {11, 22}));
}

TEST(Registry, OutputsBeyondTheLimitAreRefused) {
  expect_invalid({"Tile", "", {f32({2, 2}, {1, 2, 3, 4}), i64({1 << 29, 1 << 29})}}, "2^40");
  expect_invalid({"Tile", "", {Tensor(DataType::kF32, {0, 2, 2}), i64({1, 1 << 29, 1 << 29})}}, "2^40");
}

}  // namespace
}  // namespace fovea::test
