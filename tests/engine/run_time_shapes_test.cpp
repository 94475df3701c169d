// Shapes that only the data decides, and models with open input shapes, on both devices.
#include <gtest/gtest.h>

#include <thread>

#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/ir_writer.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

using Doubles = std::vector<double>;
using Ints = std::vector<std::int64_t>;

constexpr const char* kDevices[] = {"REFERENCE", "CPU"};

Model model_of(std::string_view text) {
  Model model;
  model.name = "m";
  model.graph = parse_graph(text);
  return model;
}

std::string declared(const Model& model, std::size_t output) {
  return to_string(model.graph.value(model.graph.outputs[output].value).type);
}

struct Result {
  Shape shape;
  Doubles values;
  bool operator==(const Result&) const = default;
};

void PrintTo(const Result& result, std::ostream* out) {
  *out << to_string(result.shape) << ::testing::PrintToString(result.values);
}

std::vector<Result> infer(InferRequest& request, const Model& model, const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    request.set_input_tensor(model.graph.inputs[i].name, inputs[i]);
  }
  request.infer();
  std::vector<Result> results;
  for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
    results.push_back({request.output(i).shape(), to_doubles(request.output(i))});
  }
  return results;
}

/// One request runs all of them: sizes change from run to run.
void expect_runs(const Model& model, const std::vector<std::pair<std::vector<Tensor>, std::vector<Result>>>& runs) {
  Core core;
  for (const char* device : kDevices) {
    SCOPED_TRACE(device);
    InferRequest request = core.compile_model(model, device).create_infer_request();
    for (const auto& [inputs, expected] : runs) {
      EXPECT_EQ(infer(request, model, inputs), expected);
    }
  }
}

TEST(RunTimeShapes, NonZeroAndWhatHangsOnIt) {
  const Model model = model_of(
      "r = Relu(x: f32[2,3])\n"
      "p = NonZero(r)\n"
      "t = Transpose(p, order: i64[2]{1,0})\n"
      "g = GatherND(r, t)\n"
      "s = ReduceSum(g, axis: i64[1]{0}) keep_dims=false\n"
      "-> p, g, s, r");
  EXPECT_EQ(declared(model, 0), "i64[2,?]");
  EXPECT_EQ(declared(model, 3), "f32[2,3]");
  const auto x = [](const std::vector<float>& values) { return Tensor::of<float>({2, 3}, values); };
  expect_runs(model,
              {{{x({0, 5, -1, 7, 0, 9})},
                {{{2, 3}, {0, 1, 1, 1, 0, 2}}, {{3}, {5, 7, 9}}, {{}, {21}}, {{2, 3}, {0, 5, 0, 7, 0, 9}}}},
               {{x({0, 0, -1, 0, 0, 0})}, {{{2, 0}, {}}, {{0}, {}}, {{}, {0}}, {{2, 3}, {0, 0, 0, 0, 0, 0}}}},
               {{x({0, 0, 0, 0, 0, 2})}, {{{2, 1}, {1, 2}}, {{1}, {2}}, {{}, {2}}, {{2, 3}, {0, 0, 0, 0, 0, 2}}}}});
}

TEST(RunTimeShapes, SelectedBoxesAreAsManyAsThereAre) {
  // Boxes 0 and 1 overlap by 0.81/1.19; box 2 stands alone.
  const Model model = model_of(
      "i, s, n = NonMaxSuppression(b: f32[1,3,4], c: f32[1,1,3], most: i64[]{3}, iou: f32[]{0.5}, least: f32[]{0.3})\n"
      "-> i, s, n");
  EXPECT_EQ(declared(model, 0), "i64[?,3]");
  const Tensor boxes = Tensor::of<float>({1, 3, 4}, {0, 0, 1, 1, 0.1F, 0.1F, 1.1F, 1.1F, 5, 5, 6, 6});
  const auto scores = [](const std::vector<float>& values) { return Tensor::of<float>({1, 1, 3}, values); };
  expect_runs(
      model,
      {{{boxes, scores({0.5F, 0.75F, 0.25F})}, {{{1, 3}, {0, 0, 1}}, {{1, 3}, {0, 0, 0.75}}, {{1}, {1}}}},
       {{boxes, scores({0.5F, 0.75F, 1})}, {{{2, 3}, {0, 0, 2, 0, 0, 1}}, {{2, 3}, {0, 0, 1, 0, 0, 0.75}}, {{1}, {2}}}},
       {{boxes, scores({0, 0, 0})}, {{{0, 3}, {}}, {{0, 3}, {}}, {{1}, {0}}}}});
}

TEST(RunTimeShapes, ComputedParametersOfShapes) {
  const Model model = model_of(
      "v, i = TopK(x: f32[6], k: i64[]) axis=0 mode=max sort=value index_element_type=i64\n"
      "r = Range(a: i64[]{0}, k, one: i64[]{1}) output_type=i64\n"
      "q = Reshape(x, pattern: i64[2])\n"
      "b = Broadcast(k, pattern)\n"
      "-> v, i, r, q, b");
  EXPECT_EQ(declared(model, 0), "f32[?]");
  EXPECT_EQ(declared(model, 3), "f32[?,?]");
  const Tensor x = Tensor::of<float>({6}, {3, 1, 6, 2, 5, 4});
  const auto order = [&](std::int64_t k, std::int64_t rows, std::int64_t columns) {
    return std::vector<Tensor>{x, Tensor::scalar<std::int64_t>(k), Tensor::of<std::int64_t>({2}, {rows, columns})};
  };
  expect_runs(
      model,
      {{order(2, 2, 3),
        {{{2}, {6, 5}}, {{2}, {2, 4}}, {{2}, {0, 1}}, {{2, 3}, {3, 1, 6, 2, 5, 4}}, {{2, 3}, {2, 2, 2, 2, 2, 2}}}},
       {order(1, 6, 1),
        {{{1}, {6}}, {{1}, {2}}, {{1}, {0}}, {{6, 1}, {3, 1, 6, 2, 5, 4}}, {{6, 1}, {1, 1, 1, 1, 1, 1}}}}});
}

TEST(RunTimeShapes, DataThatAsksForNonsenseIsRefused) {
  const Model model = model_of("q = Reshape(x: f32[6], pattern: i64[2])\n-> q");
  const Model large = model_of("b = Broadcast(x: f32[1], pattern: i64[2])\n-> b");
  Core core;
  for (const char* device : kDevices) {
    InferRequest request = core.compile_model(model, device).create_infer_request();
    expect_error(ErrorCode::kInvalidModel, {"node 'q' (Reshape)", "cannot reshape [6] to [4,2]"}, [&] {
      (void)infer(request, model, {Tensor(DataType::kF32, {6}), Tensor::of<std::int64_t>({2}, {4, 2})});
    });
    // The request goes on.
    EXPECT_EQ(infer(request, model, {Tensor(DataType::kF32, {6}), Tensor::of<std::int64_t>({2}, {3, 2})})[0].shape,
              (Shape{3, 2}));
    InferRequest too_large = core.compile_model(large, device).create_infer_request();
    expect_error(ErrorCode::kUnsupported, {"node 'b' (Broadcast)", "at most 2^32 bytes"}, [&] {
      (void)infer(too_large, large, {Tensor(DataType::kF32, {1}), Tensor::of<std::int64_t>({2}, {1 << 17, 1 << 17})});
    });
  }
}

TEST(RunTimeShapes, ConstantsAreStillFolded) {
  const Model model = model_of("p = NonZero(c: f32[4]{0,1,0,2})\ny = Add(p, x: i64[1,2])\n-> y");
  EXPECT_EQ(declared(model, 0), "i64[1,2]");
  Core core;
  EXPECT_EQ(core.compile_model(model, "REFERENCE").steps().size(), 1U);
}

TEST(RunTimeShapes, StepsSayWhatIsInterpreted) {
  Core core;
  const Model model = model_of("r = Relu(x: f32[2,3])\np = NonZero(r)\n-> p");
  const CompiledModel compiled = core.compile_model(model, "CPU", {{"PERF_COUNT", "YES"}});
  ASSERT_EQ(compiled.steps().size(), 2U);
  EXPECT_EQ(compiled.steps()[1].kernel, "reference (sizes at run time)");
  InferRequest request = compiled.create_infer_request();
  EXPECT_EQ(request.output(0).bytes, nullptr) << "its size is not known yet";
  request.infer();
  EXPECT_EQ(request.profile().size(), 2U);
}

/// Doubles every element; rows are open.
Model open_model() {
  return model_of("y = Add(x: f32[?,2], x)\ns = ReduceSum(y, a: i64[2]{0,1}) keep_dims=false\n-> y, s");
}

TEST(OpenInputs, EachShapeIsCompiledWhenItComes) {
  const auto rows = [](std::int64_t count) {
    Tensor tensor(DataType::kF32, {count, 2});
    std::ranges::fill(tensor.data<float>(), 1.5F);
    return tensor;
  };
  Core core;
  for (const char* device : kDevices) {
    const Model model = open_model();
    const CompiledModel compiled = core.compile_model(model, device, {{"SHAPE_CACHE_SIZE", "2"}});
    EXPECT_TRUE(compiled.steps().empty()) << "nothing ran yet";
    InferRequest request = compiled.create_infer_request();
    expect_error(ErrorCode::kInvalidArgument, {"input 'x'", "open shape [?,2]"}, [&] { (void)request.input(0); });
    expect_error(ErrorCode::kInvalidArgument, {"input 'x'", "was given none"}, [&] { request.infer(); });
    for (const std::int64_t count : {1, 3, 2, 3, 1}) {  // more shapes than are kept, and back
      const auto results = infer(request, model, {rows(count)});
      EXPECT_EQ(results[0], (Result{{count, 2}, Doubles(static_cast<std::size_t>(2 * count), 3)}));
      EXPECT_EQ(results[1], (Result{{}, {6.0 * static_cast<double>(count)}}));
    }
    EXPECT_FALSE(compiled.steps().empty());
    expect_error(ErrorCode::kInvalidArgument, {"takes [?,2], not [2,3]"}, [&] {
      request.set_input_tensor(Tensor(DataType::kF32, {2, 3}));
    });
    request.set_input_shape("x", {4, 2});
    std::ranges::fill(request.input(0).data<float>(), 1.0F);
    request.infer();
    EXPECT_EQ(to_doubles(request.output(1)), Doubles{16});
  }
}

TEST(OpenInputs, RequestsShareVariants) {
  Core core;
  const Model model = open_model();
  const CompiledModel compiled = core.compile_model(model, "CPU", {{"NUM_STREAMS", "2"}, {"SHAPE_CACHE_SIZE", "1"}});
  const auto work = [&](std::int64_t first) {
    InferRequest request = compiled.create_infer_request();
    for (std::int64_t i = 0; i < 20; ++i) {
      const std::int64_t count = first + i % 3;
      Tensor tensor(DataType::kF32, {count, 2});
      std::ranges::fill(tensor.data<float>(), 1.0F);
      EXPECT_EQ(infer(request, model, {tensor})[1].values, Doubles{4.0 * static_cast<double>(count)});
    }
  };
  std::thread other([&] { work(1); });
  work(2);
  other.join();
}

TEST(OpenInputs, ShapesThatTheGraphCannotTakeAreRefusedWhenTheyCome) {
  Core core;
  const Model model = model_of("y = Reshape(x: f32[?], p: i64[2]{-1,4})\n-> y");
  for (const char* device : kDevices) {
    InferRequest request = core.compile_model(model, device).create_infer_request();
    EXPECT_EQ(infer(request, model, {Tensor(DataType::kF32, {8})})[0].shape, (Shape{2, 4}));
    expect_error(ErrorCode::kInvalidModel, {"node 'y' (Reshape)", "[6]"},
                 [&] { (void)infer(request, model, {Tensor(DataType::kF32, {6})}); });
  }
}

TEST(OpenInputs, BoundsAreReadAndKept) {
  TempDir dir;
  Core core;
  const std::string layers = ir_parameter(0, "2..4,3") +
                             ir_layer(1, "relu", "ReLU", "opset1", "", ir_port(0, "-1,3"), ir_port(1, "-1,3")) +
                             ir_result(2);
  dir.write("m.bin", "");
  const Model model = core.read_model(dir.write("m.xml", ir_net(layers, ir_edge(0, 0, 1, 0) + ir_edge(1, 1, 2, 0))));
  EXPECT_EQ(model.graph.inputs[0].ranges, (std::vector<ExtentRange>{{2, 4}, {}}));
  InferRequest request = core.compile_model(model, "CPU").create_infer_request();
  EXPECT_EQ(infer(request, model, {Tensor(DataType::kF32, {4, 3})})[0].shape, (Shape{4, 3}));
  for (const std::int64_t rows : {1, 5}) {
    expect_error(ErrorCode::kInvalidArgument, {"axis 0 from 2 to 4"}, [&] {
      request.set_input_tensor(Tensor(DataType::kF32, {rows, 3}));
    });
  }
  dir.write("bad.bin", "");
  expect_error(ErrorCode::kInvalidModel, {"extent '4..2'"}, [&] {
    (void)core.read_model(dir.write("bad.xml", ir_net(ir_parameter(0, "4..2") + ir_result(1), ir_edge(0, 0, 1, 0))));
  });
}

TEST(OpenInputs, DataDecidesBehindThem) {
  const Model model = model_of("p = NonZero(x: f32[?])\n-> p");
  expect_runs(model, {{{Tensor::of<float>({3}, {1, 0, 2})}, {{{1, 2}, {0, 2}}}},
                      {{Tensor::of<float>({5}, {0, 0, 0, 0, 3})}, {{{1, 1}, {4}}}}});
}

}  // namespace
}  // namespace fovea::test
