// Every operator survives nonsense: random attributes and inputs end in a result or in an Error, never in anything
// else. Sanitizer builds make this test sharp.
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

constexpr int kTrials = 400;                  // per operator; all operators together take about a second
constexpr std::size_t kMaxElements = 20'000;  // larger outputs are inferred only

constexpr std::array kIntegers = {std::int64_t{0},
                                  std::int64_t{1},
                                  std::int64_t{1},
                                  std::int64_t{2},
                                  std::int64_t{2},
                                  std::int64_t{3},
                                  std::int64_t{4},
                                  std::int64_t{-1},
                                  std::int64_t{-2},
                                  std::int64_t{7},
                                  std::int64_t{1} << 30,
                                  std::numeric_limits<std::int64_t>::max(),
                                  std::numeric_limits<std::int64_t>::min()};
constexpr std::array kReals = {0.0,
                               1.0,
                               0.5,
                               2.0,
                               -1.0,
                               1e-9,
                               1e30,
                               -1e30,
                               std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()};
constexpr std::array kWords = {
    "same_upper",  "valid",  "ceil",     "linear",  "linear_onnx",   "cubic",       "nearest",       "scales",
    "asymmetric",  "simple", "bilinear", "average", "center",        "reflect",     "symmetric",     "edge",
    "max",         "min",    "sum",      "mean",    "mask",          "pdpd",        "bidirectional", "tensorflow",
    "depth_first", "index",  "tanh",     "none",    "align_corners", "center_size", "half_pixel"};

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : generator_(seed) {}

  std::size_t below(std::size_t count) { return generator_() % count; }

  template <class Container>
  auto pick(const Container& container) {
    return container[below(container.size())];
  }

 private:
  std::mt19937 generator_;
};

/// Answers every attribute with a random value, or not at all.
class RandomSource : public SourceNode {
 public:
  RandomSource(Chance& chance, int version) : chance_(chance), version_(version) {}

  bool read(std::string_view /*name*/, std::int64_t& value) const override { return maybe(value, kIntegers); }
  bool read(std::string_view /*name*/, double& value) const override { return maybe(value, kReals); }
  bool read(std::string_view /*name*/, bool& value) const override {
    return maybe(value, std::array<bool, 2>{false, true});
  }
  bool read(std::string_view /*name*/, DataType& value) const override {
    return maybe(value, std::array{DataType::kI32, DataType::kI64, DataType::kF32, DataType::kU8});
  }
  bool read(std::string_view /*name*/, std::string& value) const override { return maybe(value, kWords); }
  bool read(std::string_view /*name*/, std::vector<std::int64_t>& value) const override {
    return maybe_list(value, kIntegers);
  }
  bool read(std::string_view /*name*/, std::vector<double>& value) const override { return maybe_list(value, kReals); }
  [[nodiscard]] int version() const override { return version_; }
  [[nodiscard]] std::string where() const override { return "node 'test'"; }

 private:
  template <class T, class Values>
  bool maybe(T& value, const Values& values) const {
    if (chance_.below(2) == 0) {
      return false;
    }
    value = chance_.pick(values);
    return true;
  }

  template <class T, class Values>
  bool maybe_list(std::vector<T>& value, const Values& values) const {
    value.clear();
    // Mostly harmless numbers, so that some lists pass the checks.
    for (std::size_t i = chance_.below(4); i > 0; --i) {
      value.push_back(chance_.below(8) == 0 ? chance_.pick(values) : values[1 + chance_.below(3)]);
    }
    return true;
  }

  Chance& chance_;
  int version_;
};

Tensor random_tensor(Chance& chance, bool floats) {
  Shape shape(chance.below(6), 1);
  for (std::int64_t& extent : shape) {
    extent = static_cast<std::int64_t>(chance.below(10) == 0 ? 0 : 1 + chance.below(4));
  }
  const std::size_t count = element_count(shape);
  if (floats) {
    Tensor tensor(DataType::kF32, shape);
    for (float& value : tensor.data<float>()) {
      value = static_cast<float>(chance.below(8) == 0 ? chance.pick(kReals)
                                                      : static_cast<double>(chance.below(100)) / 50.0 - 0.5);
    }
    return tensor;
  }
  std::vector<std::int64_t> values(count);
  for (std::int64_t& value : values) {
    value = chance.below(4) == 0 ? chance.pick(kIntegers) : static_cast<std::int64_t>(chance.below(4));
  }
  return i64(shape, values);
}

/// Shapes that fit one another more often than independent ones do.
std::vector<Tensor> random_inputs(Chance& chance, const Arity& arity) {
  const int most = std::min(arity.most, arity.least + 2);
  std::vector<Tensor> inputs;
  for (int i = static_cast<int>(chance.below(static_cast<std::size_t>(most - arity.least) + 1)) + arity.least; i > 0;
       --i) {
    if (!inputs.empty() && chance.below(4) == 0) {
      inputs.push_back(inputs[chance.below(inputs.size())]);
    } else {
      inputs.push_back(random_tensor(chance, chance.below(2) == 0 || inputs.empty()));
    }
  }
  return inputs;
}

/// \return Whether the operator ran.
bool attempt(const OpDef& op, Chance& chance) {
  Node node;
  node.name = "test";
  node.op = &op;
  int version = 0;
  while (version == 0) {
    version = chance.pick(op.openvino.versions);
  }
  const std::vector<Tensor> inputs = random_inputs(chance, op.inputs);
  try {
    if (op.attributes.read != nullptr) {
      node.attributes = op.attributes.read(RandomSource(chance, version));
    }
    std::vector<InputInfo> infos;
    std::vector<ConstTensorView> views;
    for (const Tensor& input : inputs) {
      node.inputs.push_back(static_cast<ValueId>(node.inputs.size()));
      infos.push_back({input.type(), &input});
      views.push_back(input.view());
    }
    const std::vector<TensorType> types = infer_types(node, infos);
    for (const TensorType& type : types) {
      // Sizes that are computed are bounded by those of the inputs.
      if (is_static(type.shape) && element_count(type.shape) > kMaxElements) {
        return false;
      }
    }
    evaluate(node, views, types);
    return true;
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal) << op.name << ": " << error.what();
    return false;
  }
}

TEST(Hostile, EveryOperatorAnswersOrRefuses) {
  int ran = 0;
  std::uint32_t seed = 1;
  for (const OpDef* op : all_ops()) {
    SCOPED_TRACE(std::string(op->name));
    Chance chance(seed++);
    for (int trial = 0; trial < kTrials; ++trial) {
      ran += attempt(*op, chance) ? 1 : 0;
    }
  }
  // Random inputs that never pass the checks would test nothing but the checks.
  EXPECT_GT(ran, static_cast<int>(all_ops().size()) * kTrials / 20);
}

}  // namespace
}  // namespace fovea::test
