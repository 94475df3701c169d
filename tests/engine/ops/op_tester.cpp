#include "tests/engine/ops/op_tester.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace fovea::test {
namespace {

/// Attributes from "name=value name=value".
class TextSource : public SourceNode {
 public:
  TextSource(const std::string& text, int version) : version_(version) {
    for (const std::string& pair : split(text, ' ')) {
      const std::size_t equals = pair.find('=');
      if (equals != std::string::npos) {
        values_.emplace(pair.substr(0, equals), pair.substr(equals + 1));
      }
    }
  }

  bool read(std::string_view name, std::int64_t& value) const override { return convert(name, value, parse_int); }
  bool read(std::string_view name, double& value) const override { return convert(name, value, parse_double); }
  bool read(std::string_view name, bool& value) const override { return convert(name, value, parse_bool); }
  bool read(std::string_view name, DataType& value) const override { return convert(name, value, parse_data_type); }
  bool read(std::string_view name, std::string& value) const override {
    return convert(name, value, [](std::string_view text) { return std::optional<std::string>(text); });
  }
  bool read(std::string_view name, std::vector<std::int64_t>& value) const override {
    return read_list(name, value, parse_int);
  }
  bool read(std::string_view name, std::vector<double>& value) const override {
    return read_list(name, value, parse_double);
  }
  [[nodiscard]] int version() const override { return version_; }
  [[nodiscard]] std::string where() const override { return "node 'test'"; }

 private:
  template <class T, class Parse>
  bool convert(std::string_view name, T& value, Parse parse) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      return false;
    }
    const std::optional<T> parsed = parse(found->second);
    if (!parsed) {
      fail(ErrorCode::kInvalidModel, "attribute {} is '{}'", name, found->second);
    }
    value = *parsed;
    return true;
  }

  template <class T, class Parse>
  bool read_list(std::string_view name, std::vector<T>& value, Parse parse) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      return false;
    }
    value.clear();
    for (const std::string& part : split(found->second, ',')) {
      value.push_back(parse(part).value());
    }
    return true;
  }

  std::map<std::string, std::string, std::less<>> values_;
  int version_;
};

/// Shape inference as a reader calls it.
std::vector<TensorType> infer_node(const Node& node, const OpCase& op_case) {
  std::vector<InputInfo> infos;
  for (std::size_t i = 0; i < op_case.inputs.size(); ++i) {
    const Tensor& input = op_case.inputs[i];
    const bool known = std::ranges::find(op_case.computed, i) == op_case.computed.end();
    infos.push_back({input.type(), known && !input.empty() ? &input : nullptr});
  }
  return infer_types(node, infos);
}

/// Four units in the last place, relative.
double default_tolerance(DataType type) {
  switch (type) {
    case DataType::kF16:
      return std::ldexp(1.0, -9);
    case DataType::kBF16:
      return std::ldexp(1.0, -6);
    case DataType::kF32:
      return std::ldexp(1.0, -22);
    case DataType::kF64:
      return 1e-12;
    default:
      return 0;
  }
}

}  // namespace

Node make_node(const OpCase& op_case) {
  Node node;
  node.name = "test";
  node.op = find_op(op_case.op);
  if (node.op == nullptr) {
    fail(ErrorCode::kInternal, "no operator '{}'", op_case.op);
  }
  const int newest = std::ranges::max(node.op->openvino.versions);
  if (node.op->attributes.read != nullptr) {
    const TextSource source(op_case.attributes, op_case.opset != 0 ? op_case.opset : newest);
    node.attributes = node.op->attributes.read(source);
  }
  for (std::size_t i = 0; i < op_case.inputs.size(); ++i) {
    node.inputs.push_back(op_case.inputs[i].empty() ? kNone : static_cast<ValueId>(i));
  }
  return node;
}

std::vector<Tensor> run(const OpCase& op_case) {
  const Node node = make_node(op_case);
  std::vector<ConstTensorView> views;
  for (const Tensor& input : op_case.inputs) {
    views.push_back(input.view());
  }
  return evaluate(node, views, infer_node(node, op_case));
}

std::vector<TensorType> infer(const OpCase& op_case) { return infer_node(make_node(op_case), op_case); }

std::vector<TensorType> infer(const OpCase& op_case, const std::vector<TensorType>& types) {
  Node node = make_node(op_case);
  std::vector<InputInfo> infos;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const bool known = i < op_case.inputs.size() && !op_case.inputs[i].empty();
    infos.push_back({types[i], known ? &op_case.inputs[i] : nullptr});
    if (i >= node.inputs.size()) {
      node.inputs.push_back(static_cast<ValueId>(i));
    }
    node.inputs[i] = static_cast<ValueId>(i);
  }
  return infer_types(node, infos);
}

void expect_equal(const Tensor& actual, const Tensor& expected, double tolerance) {
  ASSERT_EQ(to_string(actual.type()), to_string(expected.type()));
  if (!is_float(expected.data_type())) {
    EXPECT_EQ(to_ints(actual.view()), to_ints(expected.view()));
    return;
  }
  const double allowed = tolerance == 0 ? default_tolerance(expected.data_type()) : tolerance;
  const std::vector<double> a = to_doubles(actual.view());
  const std::vector<double> e = to_doubles(expected.view());
  int printed = 0;
  for (std::size_t i = 0; i < e.size() && printed < 10; ++i) {
    const bool same = a[i] == e[i] || (std::isnan(a[i]) && std::isnan(e[i])) ||
                      std::abs(a[i] - e[i]) <= allowed * std::max(1.0, std::abs(e[i]));
    if (!same) {
      ADD_FAILURE() << "element " << i << ": expected " << e[i] << ", actual " << a[i];
      ++printed;
    }
  }
}

void expect_outputs(const OpCase& op_case, const std::vector<Tensor>& expected) {
  SCOPED_TRACE(op_case.op + " " + op_case.attributes);
  std::vector<Tensor> outputs;
  try {
    outputs = run(op_case);
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
    return;
  }
  ASSERT_GE(outputs.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE("output " + std::to_string(i));
    expect_equal(outputs[i], expected[i]);
  }
}

void expect_refused(const OpCase& op_case, ErrorCode code, std::string_view text) {
  SCOPED_TRACE(op_case.op + " " + op_case.attributes);
  try {
    infer(op_case);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.code()), to_string(code)) << error.what();
    EXPECT_THAT(std::string(error.what()), ::testing::HasSubstr(std::string(text)));
  }
}

void expect_invalid(const OpCase& op_case, std::string_view text) {
  expect_refused(op_case, ErrorCode::kInvalidModel, text);
}

Tensor f32(Shape shape, const std::vector<float>& values) { return Tensor::of<float>(std::move(shape), values); }

Tensor i64(Shape shape, const std::vector<std::int64_t>& values) {
  return Tensor::of<std::int64_t>(std::move(shape), values);
}

Tensor i64(const std::vector<std::int64_t>& values) {
  return i64(Shape{static_cast<std::int64_t>(values.size())}, values);
}

Tensor boolean(Shape shape, const std::vector<bool>& values) { return Tensor::of<bool>(std::move(shape), values); }

Tensor ramp(Shape shape, float first, float step) {
  Tensor tensor(DataType::kF32, std::move(shape));
  float value = first;
  for (float& element : tensor.data<float>()) {
    element = value;
    value += step;
  }
  return tensor;
}

Tensor noise(Shape shape, std::uint32_t seed) {
  Tensor tensor(DataType::kF32, std::move(shape));
  std::mt19937 generator(seed);
  for (float& element : tensor.data<float>()) {
    element = static_cast<float>(generator() >> 8U) / static_cast<float>(1U << 23U) - 1.0F;
  }
  return tensor;
}

}  // namespace fovea::test
