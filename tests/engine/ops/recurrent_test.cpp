// What recurrent operators refuse; their numbers are compared with other programs' in python_cases_test.cpp.
#include <gtest/gtest.h>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

constexpr std::int64_t kBatch = 2;
constexpr std::int64_t kInput = 3;
constexpr std::int64_t kHidden = 4;

std::vector<Tensor> lstm_cell_inputs() {
  return {ramp({kBatch, kInput}),      ramp({kBatch, kHidden}),      ramp({kBatch, kHidden}),
          ramp({4 * kHidden, kInput}), ramp({4 * kHidden, kHidden}), ramp({4 * kHidden})};
}

TEST(Recurrent, TypesOfSequences) {
  const std::vector<TensorType> given = {{DataType::kF32, {kDynamic, kDynamic, kInput}},
                                         {DataType::kF32, {kDynamic, 2, kHidden}},
                                         {DataType::kI32, {kDynamic}},
                                         {DataType::kF32, {2, 3 * kHidden, kInput}},
                                         {DataType::kF32, {2, 3 * kHidden, kHidden}},
                                         {DataType::kF32, {2, 3 * kHidden}}};
  const auto types = infer({"GRUSequence", "hidden_size=4 direction=bidirectional", {}}, given);
  ASSERT_EQ(types.size(), 2U);
  EXPECT_EQ(types[0].shape, (Shape{kDynamic, 2, kDynamic, kHidden}));
  EXPECT_EQ(types[1].shape, (Shape{kDynamic, 2, kHidden}));
}

TEST(Recurrent, Refusals) {
  const auto refuse = [](const std::string& attributes, std::string_view text) {
    expect_invalid({"LSTMCell", attributes, lstm_cell_inputs()}, text);
  };
  refuse("", "hidden_size is 0");
  refuse("hidden_size=5", "the hidden state is [2,4], expected [2,5]");
  refuse("hidden_size=4 activations=tanh", "activations has 1 names, expected 3");
  refuse("hidden_size=4 clip=-1", "clip is -1");
  expect_refused({"LSTMCell", "hidden_size=4 activations=softsign,tanh,tanh", lstm_cell_inputs()},
                 ErrorCode::kUnsupported, "activation 'softsign'");
  expect_refused({"LSTMCell", "hidden_size=4 weights_format=iofc", lstm_cell_inputs(), 1}, ErrorCode::kUnsupported,
                 "weights_format 'iofc'");
  std::vector<Tensor> wrong = lstm_cell_inputs();
  wrong[3] = ramp({kHidden, kInput});
  expect_invalid({"LSTMCell", "hidden_size=4", wrong}, "W is [4,3], expected [16,3]");
  // linear_before_reset has a fourth bias.
  expect_invalid({"GRUCell",
                  "hidden_size=4 linear_before_reset=true",
                  {ramp({kBatch, kInput}), ramp({kBatch, kHidden}), ramp({3 * kHidden, kInput}),
                   ramp({3 * kHidden, kHidden}), ramp({3 * kHidden})}},
                 "B is [12], expected [16]");
}

}  // namespace
}  // namespace fovea::test
