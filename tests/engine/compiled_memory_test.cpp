// What compiled models hold: constants are let go of, equal packed weights are one, everything is counted.
#include <gtest/gtest.h>

#include "engine/ops/graph_text.hpp"
#include "engine/plugins/cpu/packing.hpp"
#include "engine/runtime/core.hpp"

namespace fovea::test {
namespace {

/// Two convolutions and a matrix product with weights of their own, and an addition that reads its constant as it is.
Model chain(float first = 0.5F) {
  Model model;
  model.name = "chain";
  model.graph = parse_graph(R"(
    c = Convolution(x: f32[1,32,16,16], w: f32[32,32,3,3]{0.5}) pads_begin=1,1 pads_end=1,1
    d = Convolution(c, v: f32[64,32,1,1]{0.25})
    a = Add(d, k: f32[1,64,16,16]{1})
    s = Reshape(a, t: i64[2]{1,16384}) special_zero=false
    y = MatMul(s, m: f32[16384,8]{0.125}))");
  for (Value& value : model.graph.values) {
    if (value.name == "w") {
      for (float& weight : value.constant->data<float>()) {
        weight = first++;
      }
    }
  }
  return model;
}

constexpr std::size_t kLeastPacked = (32 * 32 * 9 + 64 * 32 + 16384 * 8) * sizeof(float);

TEST(CompiledMemory, IsCounted) {
  Core core;
  const CompiledModel compiled = core.compile_model(chain(), "CPU", {{"NUM_STREAMS", "1"}});
  const MemoryUse use = compiled.memory();
  EXPECT_GE(use.packed, kLeastPacked);
  EXPECT_GE(use.constants, 64U * 16 * 16 * sizeof(float)) << "the addition's";
  EXPECT_LT(use.constants, kLeastPacked) << "weights are there in packed form only";
  EXPECT_GE(use.request, 32U * 16 * 16 * sizeof(float));
  EXPECT_LE(use.scratch, use.arena);
  EXPECT_GE(use.arena, 64U * 16 * 16 * sizeof(float));
  EXPECT_EQ(use.shared, 0U);
  EXPECT_EQ(use.mapped, 0U);
}

TEST(CompiledMemory, EqualWeightsAreShared) {
  Core core;
  const CompiledModel first = core.compile_model(chain(), "CPU", {{"NUM_STREAMS", "1"}});
  {
    const CompiledModel second = core.compile_model(chain(), "CPU", {{"NUM_STREAMS", "1"}});
    EXPECT_EQ(second.memory().shared, second.memory().packed);
    EXPECT_EQ(first.memory().shared, first.memory().packed);
    // Another first convolution: the other weights are still the same.
    const CompiledModel third = core.compile_model(chain(0.75F), "CPU", {{"NUM_STREAMS", "1"}});
    EXPECT_LT(third.memory().shared, third.memory().packed);
    EXPECT_GT(third.memory().shared, 0U);
  }
  EXPECT_EQ(first.memory().shared, 0U) << "the others are gone";
}

TEST(CompiledMemory, SharedWeightsComputeTheSame) {
  Core core;
  const CompiledModel first = core.compile_model(chain(), "CPU", {{"NUM_STREAMS", "1"}});
  const CompiledModel second = core.compile_model(chain(), "CPU", {{"NUM_STREAMS", "1"}});
  std::vector<std::vector<float>> outputs;
  for (const CompiledModel* compiled : {&first, &second}) {
    InferRequest request = compiled->create_infer_request();
    float value = 0;
    for (float& x : request.input().data<float>()) {
      x = value += 0.001F;
    }
    request.infer();
    const auto result = request.output().data<float>();
    outputs.emplace_back(result.begin(), result.end());
  }
  EXPECT_EQ(outputs[0], outputs[1]);
}

TEST(CompiledMemory, ConstantsGoWithTheModel) {
  Core core;
  Model model = chain();
  std::weak_ptr<const int> alive;
  for (Value& value : model.graph.values) {
    if (value.name == "m") {
      // The same values in memory whose end can be seen.
      auto owner = std::shared_ptr<const int>(new int(0), [held = *value.constant](const int* p) { delete p; });
      alive = owner;
      value.constant = Tensor(value.type, value.constant->bytes().data(), std::move(owner));
    }
  }
  const CompiledModel compiled = core.compile_model(std::move(model), "CPU", {{"NUM_STREAMS", "1"}});
  EXPECT_TRUE(alive.expired()) << "packed, and nobody else reads it";
  EXPECT_EQ(compiled.model().graph.nodes.size(), 0U);
  EXPECT_EQ(compiled.model().graph.inputs.at(0).name, "x");
  EXPECT_EQ(compiled.model().graph.value(compiled.model().graph.outputs.at(0).value).type.shape, (Shape{1, 8}));
}

TEST(Packing, MakesEachFormOnce) {
  const Tensor weights = Tensor::of<float>({3}, {1, 2, 3});
  int made = 0;
  const cpu::Packing::Fill fill = [&](const Tensor& source, std::span<std::byte> packed) {
    ++made;
    std::ranges::copy(source.bytes(), packed.begin());
  };
  cpu::Packing packing;
  const auto a = packing.get("n", "plain", weights, 12, fill);
  const auto b = packing.get("other node", "plain", weights.clone(), 12, fill);
  EXPECT_EQ(a.data(), b.data());
  EXPECT_EQ(made, 1);
  (void)packing.get("n", "another form", weights, 12, fill);
  (void)packing.get("n", "plain", Tensor::of<float>({3}, {1, 2, 4}), 12, fill);
  EXPECT_EQ(made, 3);
  MemoryUse use;
  packing.count(use);
  EXPECT_EQ(use.packed, 36U) << "the shared one counts once";
  EXPECT_EQ(use.shared, 0U) << "by nobody else";
}

TEST(Packing, TakesUpWhatACacheKept) {
  const Tensor weights = Tensor::of<float>({3}, {1, 2, 3});
  int made = 0;
  const cpu::Packing::Fill fill = [&](const Tensor& source, std::span<std::byte> packed) {
    ++made;
    std::ranges::copy(source.bytes(), packed.begin());
  };
  std::vector<CompiledParts::Blob> blobs;
  {
    cpu::Packing packing;
    (void)packing.get("n", "plain", weights, 12, fill);
    (void)packing.get("n", "plain", Tensor::of<float>({3}, {4, 5, 6}), 12, fill);
    blobs = packing.blobs();
  }
  ASSERT_EQ(blobs.size(), 2U);
  cpu::Packing again(blobs);
  const auto first = again.get("n", "plain", weights, 12, fill);
  const auto second = again.get("n", "plain", weights, 12, fill);
  EXPECT_EQ(made, 2);
  EXPECT_EQ(first.data(), blobs[0].bytes.data());
  EXPECT_EQ(second.data(), blobs[1].bytes.data());
  (void)again.get("n", "plain", weights, 12, fill);
  EXPECT_EQ(made, 3) << "a third was not kept";
}

}  // namespace
}  // namespace fovea::test
