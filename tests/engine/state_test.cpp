// Models with variables: what is kept from run to run in each request, on both devices, as read and as written and read
// again.
#include <gtest/gtest.h>

#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/ir_writer.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

using Doubles = std::vector<double>;

class State : public ::testing::Test {
 protected:
  Model read(const std::string& xml, const std::string& weights = {}) {
    dir_.write("m.bin", weights);
    return core_.read_model(dir_.write("m.xml", xml));
  }

  Model again(const Model& model) {
    write_openvino_ir(model, dir_.path() / "again.xml");
    return core_.read_model(dir_.path() / "again.xml");
  }

  static Doubles step(InferRequest& request, const Tensor& x) {
    request.set_input_tensor("x0", x);
    request.infer();
    return to_doubles(request.output(0));
  }

  TempDir dir_;
  Core core_;
};

/// sum ← sum + x; output: the sum. Layers 0 x, 1 first value, 2 ReadValue, 3 Add, 4 Assign, 5 Result.
std::string running_sum(std::string_view opset, std::string_view attributes, std::string_view shape = "1,2") {
  return ir_net(
      ir_parameter(0, shape) + ir_const(1, "1,2", "f32", "0", "8") +
          ir_layer(2, "before", "ReadValue", opset, attributes, ir_port(0, "1,2"), ir_port(1, "1,2")) +
          ir_layer(3, "sum", "Add", "opset1", "", ir_port(0, "1,2") + ir_port(1, "1,2"), ir_port(2, "1,2")) +
          ir_layer(4, "after", "Assign", opset, "variable_id=\"sum\"", ir_port(0, "1,2"), "") + ir_result(5),
      ir_edge(1, 0, 2, 0) + ir_edge(0, 0, 3, 0) + ir_edge(2, 1, 3, 1) + ir_edge(3, 2, 4, 0) + ir_edge(3, 2, 5, 0));
}

const std::string kFirst = raw_bytes(std::vector<float>{10, 20});

TEST_F(State, EveryRequestKeepsItsOwn) {
  for (const auto& [opset, attributes] :
       {std::pair{"opset3", "variable_id=\"sum\""},
        std::pair{"opset6", "variable_id=\"sum\" variable_type=\"f32\" variable_shape=\"1,2\""}}) {
    const Model model = read(running_sum(opset, attributes), kFirst);
    EXPECT_EQ(model.graph.inputs.size(), 1U);
    ASSERT_EQ(model.graph.outputs.size(), 2U);
    EXPECT_EQ(model.graph.outputs[1].name, "after");
    for (const Model& each : {model, again(model)}) {
      for (const char* device : {"REFERENCE", "CPU"}) {
        SCOPED_TRACE(fmt::format("{} {}", opset, device));
        const CompiledModel compiled = core_.compile_model(each, device);
        InferRequest first = compiled.create_infer_request();
        InferRequest second = compiled.create_infer_request();
        const Tensor x = Tensor::of<float>({1, 2}, {1, 2});
        EXPECT_EQ(step(first, x), (Doubles{11, 22}));
        EXPECT_EQ(step(first, x), (Doubles{12, 24}));
        EXPECT_EQ(step(second, x), (Doubles{11, 22}));
        EXPECT_EQ(step(first, x), (Doubles{13, 26}));
        EXPECT_EQ(to_doubles(first.output("after")), (Doubles{13, 26}));
        EXPECT_EQ(step(second, x), (Doubles{12, 24}));
      }
    }
  }
}

TEST_F(State, VariablesWithoutAFirstValueBeginWithZeros) {
  const std::string xml = ir_net(
      ir_parameter(0, "2") +
          ir_layer(2, "before", "ReadValue", "opset6", R"(variable_id="v" variable_type="f32" variable_shape="2")", "",
                   ir_port(1, "2")) +
          ir_layer(3, "difference", "Subtract", "opset1", "", ir_port(0, "2") + ir_port(1, "2"), ir_port(2, "2")) +
          ir_layer(4, "after", "Assign", "opset6", "variable_id=\"v\"", ir_port(0, "2"), ir_port(1, "2")) +
          ir_result(5),
      ir_edge(0, 0, 3, 0) + ir_edge(2, 1, 3, 1) + ir_edge(0, 0, 4, 0) + ir_edge(3, 2, 5, 0));
  const Model model = read(xml);
  for (const Model& each : {model, again(model)}) {
    for (const char* device : {"REFERENCE", "CPU"}) {
      InferRequest request = core_.compile_model(each, device).create_infer_request();
      EXPECT_EQ(step(request, Tensor::of<float>({2}, {3, 5})), (Doubles{3, 5}));
      EXPECT_EQ(step(request, Tensor::of<float>({2}, {4, 7})), (Doubles{1, 2}));
    }
  }
}

TEST_F(State, FirstValuesMayBeComputedFromInputs) {
  // The first value is x itself, so the first sum is 2·x.
  std::string xml = running_sum("opset6", "variable_id=\"sum\"");
  xml.replace(xml.find(ir_edge(1, 0, 2, 0)), ir_edge(1, 0, 2, 0).size(), ir_edge(0, 0, 2, 0));
  const Model model = read(xml, kFirst);
  for (const char* device : {"REFERENCE", "CPU"}) {
    InferRequest request = core_.compile_model(model, device).create_infer_request();
    EXPECT_EQ(step(request, Tensor::of<float>({1, 2}, {1, 2})), (Doubles{2, 4}));
    EXPECT_EQ(step(request, Tensor::of<float>({1, 2}, {5, 6})), (Doubles{7, 10}));
    EXPECT_EQ(step(request, Tensor::of<float>({1, 2}, {5, 6})), (Doubles{12, 16}));
  }
}

TEST_F(State, VariablesMayGrow) {
  const std::string xml = ir_net(
      ir_parameter(0, "1,2") + ir_const(1, "0,2", "f32", "0", "0") +
          ir_layer(2, "before", "ReadValue", "opset6", R"(variable_id="v" variable_type="f32" variable_shape="?,2")",
                   ir_port(0, "0,2"), ir_port(1, "-1,2")) +
          ir_layer(3, "both", "Concat", "opset1", "axis=\"0\"", ir_port(0, "-1,2") + ir_port(1, "1,2"),
                   ir_port(2, "-1,2")) +
          ir_layer(4, "after", "Assign", "opset6", "variable_id=\"v\"", ir_port(0, "-1,2"), ir_port(1, "-1,2")) +
          ir_result(5),
      ir_edge(1, 0, 2, 0) + ir_edge(2, 1, 3, 0) + ir_edge(0, 0, 3, 1) + ir_edge(3, 2, 4, 0) + ir_edge(3, 2, 5, 0));
  const Model model = read(xml);
  for (const Model& each : {model, again(model)}) {
    for (const char* device : {"REFERENCE", "CPU"}) {
      InferRequest request = core_.compile_model(each, device).create_infer_request();
      EXPECT_EQ(step(request, Tensor::of<float>({1, 2}, {1, 2})), (Doubles{1, 2}));
      EXPECT_EQ(step(request, Tensor::of<float>({1, 2}, {3, 4})), (Doubles{1, 2, 3, 4}));
      EXPECT_EQ(request.output(0).shape(), (Shape{2, 2}));
    }
  }
}

TEST_F(State, ARunThatFailsKeepsVariables) {
  const Model model = read(running_sum("opset3", "variable_id=\"sum\""), kFirst);
  InferRequest request = core_.compile_model(model, "REFERENCE").create_infer_request();
  const Tensor x = Tensor::of<float>({1, 2}, {1, 2});
  EXPECT_EQ(step(request, x), (Doubles{11, 22}));
  request.set_prepare([&] { request.cancel(); });
  EXPECT_THROW(request.infer(), Error);
  request.set_prepare(nullptr);
  EXPECT_EQ(step(request, x), (Doubles{12, 24}));
}

TEST_F(State, RandomNumbersDifferByRunUnlessSeeded) {
  const auto net = [](std::string_view seeds) {
    return ir_net(ir_const(1, "1", "i64", "0", "8") + ir_const(2, "", "f32", "8", "4") +
                      ir_const(3, "", "f32", "12", "4") + ir_parameter(0, "64") +
                      ir_layer(4, "noise", "RandomUniform", "opset8", fmt::format("output_type=\"f32\" {}", seeds),
                               ir_port(0, "1", "I64") + ir_port(1, "") + ir_port(2, ""), ir_port(3, "64")) +
                      ir_layer(5, "sum", "Add", "opset1", "", ir_port(0, "64") + ir_port(1, "64"), ir_port(2, "64")) +
                      ir_result(6),
                  ir_edge(1, 0, 4, 0) + ir_edge(2, 0, 4, 1) + ir_edge(3, 0, 4, 2) + ir_edge(4, 3, 5, 0) +
                      ir_edge(0, 0, 5, 1) + ir_edge(5, 2, 6, 0));
  };
  const std::string weights = raw_bytes(std::vector<std::int64_t>{64}) + raw_bytes(std::vector<float>{0, 1});
  const Tensor zeros(DataType::kF32, {64});
  for (const char* device : {"REFERENCE", "CPU"}) {
    InferRequest seeded =
        core_.compile_model(read(net(R"(global_seed="1" op_seed="2")"), weights), device).create_infer_request();
    EXPECT_EQ(step(seeded, zeros), step(seeded, zeros));
    InferRequest free =
        core_.compile_model(read(net(R"(global_seed="0" op_seed="0")"), weights), device).create_infer_request();
    EXPECT_NE(step(free, zeros), step(free, zeros));
  }
}

TEST_F(State, RefusesContradictions) {
  const auto replaced = [](std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  };
  const std::string good = running_sum("opset6", R"(variable_id="sum" variable_type="f32" variable_shape="1,2")");
  const auto expect_invalid = [&](const std::string& xml, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorCode::kInvalidModel, parts, [&] { (void)core_.compile_model(read(xml, kFirst), "REFERENCE"); });
  };
  expect_invalid(replaced(good, "variable_shape=\"1,2\"", "variable_shape=\"1,3\""),
                 {"'before'", "variable 'sum' is f32[1,3], its first value f32[1,2]"});
  expect_invalid(replaced(good, "variable_type=\"f32\"", "variable_type=\"text\""), {"variable_type is 'text'"});
  expect_invalid(replaced(good, "variable_shape=\"1,2\"", "variable_shape=\"1,x\""), {"variable_shape is '1,x'"});
  expect_invalid(replaced(good, "variable_id=\"sum\" ", "variable_id=\"\" "), {"variable_id is empty"});
  // Five rows are added to the variable of one.
  expect_invalid(running_sum("opset3", "variable_id=\"sum\"", "5,2"),
                 {"'after'", "writes f32[5,2] into variable 'sum' of f32[1,2]"});
  const std::string twice =
      ir_layer(9, "after again", "Assign", "opset6", "variable_id=\"sum\"", ir_port(0, "1,2"), "");
  std::string xml = good;
  xml.insert(xml.find("</layers>"), twice);
  xml.insert(xml.find("</edges>"), ir_edge(3, 2, 9, 0));
  expect_invalid(xml, {"'after' and 'after again'", "write", "'sum'"});
}

}  // namespace
}  // namespace fovea::test
