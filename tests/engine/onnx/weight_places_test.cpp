// Large tensors of ONNX files stay in the file.
#include "engine/frontends/onnx/weight_places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/frontends/frontend.hpp"
#include "engine/ops/graph_text.hpp"
#include "tests/support/onnx_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea {
namespace {

using test::onnx::kFloat;
using test::onnx::Message;
using test::onnx::node;
using test::onnx::tensor;
using test::onnx::value_info;
using testing::HasSubstr;

constexpr std::size_t kCount = 8192;  // of floats: above the size from which tensors stay where they are

std::vector<float> numbers() {
  std::vector<float> values(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    values[i] = static_cast<float>(i);
  }
  return values;
}

std::string raw(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// y = x + w, with something before the weights so that they begin `shift` bytes later.
std::string model_with(const Message& weights, std::size_t shift = 0) {
  return test::onnx::model(test::onnx::graph({.nodes = {node("Add", {"x", "w"}, {"y"}, {}, std::string(shift, 'n'))},
                                              .initializers = {weights, tensor("small", {1}, kFloat, raw({1}))},
                                              .inputs = {value_info("x", {static_cast<std::int64_t>(kCount)})},
                                              .outputs = {value_info("y", {static_cast<std::int64_t>(kCount)})}}));
}

Message big() { return tensor("w", {static_cast<std::int64_t>(kCount)}, kFloat, raw(numbers())); }

const Tensor& weights_of(const Model& model) {
  for (const Value& value : model.graph.values) {
    if (value.constant && value.constant->size() == kCount) {
      return *value.constant;
    }
  }
  throw std::runtime_error("no weights");
}

TEST(WeightPlaces, LeavesLargeTensorsOut) {
  const std::string file = model_with(big());
  const auto slim = onnx::without_weights(std::as_bytes(std::span(file)));
  ASSERT_TRUE(slim);
  EXPECT_LT(slim->size() + kCount * sizeof(float), file.size() + 64);
  EXPECT_EQ(slim->find(raw(numbers()).substr(0, 400)), std::string::npos);
}

TEST(WeightPlaces, TensorsHaveTheirContentAtAnyAlignment) {
  const test::TempDir dir;
  for (std::size_t shift = 1; shift <= 4; ++shift) {
    const Model model = read_model(dir.write("m.onnx", model_with(big(), shift)));
    const Tensor& weights = weights_of(model);
    EXPECT_NE(weights.source().file, nullptr) << shift;
    EXPECT_TRUE(std::ranges::equal(weights.data<float>(), numbers())) << shift;
  }
}

TEST(WeightPlaces, TensorsOfNodesStayInTheFileToo) {
  const test::TempDir dir;
  const Message constant = node("Constant", {}, {"c"}, {Message().text(1, "value").message(5, big()).number(20, 4)});
  const Model model = read_model(dir.write(
      "m.onnx",
      test::onnx::model(test::onnx::graph({.nodes = {constant, node("Add", {"x", "c"}, {"y"})},
                                           .initializers = {},
                                           .inputs = {value_info("x", {static_cast<std::int64_t>(kCount)})},
                                           .outputs = {value_info("y", {static_cast<std::int64_t>(kCount)})}}))));
  EXPECT_NE(weights_of(model).source().file, nullptr);
  EXPECT_TRUE(std::ranges::equal(weights_of(model).data<float>(), numbers()));
}

TEST(WeightPlaces, AFileCannotNamePlacesItself) {
  const test::TempDir dir;
  const Message forged = Message()
                             .number(1, kCount)
                             .number(2, static_cast<std::uint64_t>(kFloat))
                             .text(8, "w")
                             .number(1000, 0)
                             .number(1001, kCount * sizeof(float));
  try {
    (void)read_model(dir.write("m.onnx", model_with(forged)));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("holds 0 values"));
  }
}

TEST(WeightPlaces, WrongSizesAreNamed) {
  const test::TempDir dir;
  const Message wrong = tensor("w", {static_cast<std::int64_t>(kCount) + 1}, kFloat, raw(numbers()));
  try {
    (void)read_model(dir.write("m.onnx", model_with(wrong)));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("holds 32768 bytes, expected 32772"));
  }
}

TEST(WeightPlaces, DamagedFilesAreLeftToTheParser) {
  const std::string file = model_with(big());
  const auto bytes = std::as_bytes(std::span(file));
  EXPECT_FALSE(onnx::without_weights(bytes.first(bytes.size() / 2)));
  EXPECT_FALSE(onnx::without_weights(std::as_bytes(std::span("\x0B\x0B", 2))));  // groups
  std::string deep;
  for (int i = 0; i < 200; ++i) {
    const Message inner = Message().text(7, deep);
    deep = inner.bytes().size() < 60000 ? inner.bytes() : deep;
  }
  EXPECT_TRUE(onnx::without_weights(std::as_bytes(std::span(deep)))) << "an unknown field of a graph";
}

}  // namespace
}  // namespace fovea
