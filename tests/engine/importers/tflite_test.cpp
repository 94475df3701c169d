// The TensorFlow Lite importer on small models that the test writes: quantisation, layouts, refusals.
#include <flatbuffers/flatbuffers.h>
#include <gtest/gtest.h>

#include <array>

#include "engine/frontends/frontend.hpp"
#include "engine/frontends/tflite/tflite_generated.h"
#include "tests/engine/importers/run_model.hpp"
#include "tests/engine/importers/tflite_writer.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

namespace schema = fovea::tflite::schema;
using ::testing::ElementsAre;

using Code = schema::BuiltinOperator;
using Type = schema::TensorType;

class TfLite : public ::testing::Test {
 protected:
  std::filesystem::path write() { return dir_.write("net.tflite", writer_.finish()); }

  /// Input u8 in halves around 10, a 1×1 convolution of two channels to two, output i8 in steps of 2.
  void quantised_convolution(Type weights_type) {
    writer_.tensor({1, 1, 2, 2}, Type::kU8, {}, {0.5F}, {10});
    if (weights_type == Type::kI8) {  // a scale for each output
      writer_.tensor({2, 1, 1, 2}, Type::kI8, {1, 2, 0xFF, 4}, {1, 0.25F}, {0, 0});
    } else {
      writer_.tensor({2, 1, 1, 2}, Type::kU8, {4, 5, 2, 7}, {1}, {3});  // the same: 1 2 / −1 4
    }
    writer_.tensor({2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({2, -3}), {0.5F}, {0});
    writer_.tensor({1, 1, 2, 2}, Type::kI8, {}, {2}, {-3});
    auto& b = writer_.builder();
    writer_.add(Code::CONV_2D, {0, 1, 2}, {3}, schema::Options::Conv2DOptions,
                schema::CreateConv2DOptions(b, schema::Padding::kValid, 1, 1, schema::Activation::kRelu).Union());
  }

  TempDir dir_;
  TfliteWriter writer_;
};

TEST_F(TfLite, QuantisedConvolutionGivesTheModelsOwnIntegers) {
  quantised_convolution(Type::kU8);
  // Reals: (5, 10) and (−5, 0). Sums 5 + 20 + 1, −5 + 40 − 1.5; −5 + 1, 5 − 1.5. In steps of 2 from −3, negatives cut.
  const auto path = write();
  EXPECT_THAT(run_model(path, Tensor::of<std::uint8_t>({1, 1, 2, 2}, {20, 30, 0, 10})), ElementsAre(10, 14, -3, -1));
  EXPECT_EQ(read_model(path).graph.value(read_model(path).graph.outputs[0].value).type.data_type, DataType::kI8);
}

TEST_F(TfLite, WeightsMayHaveAScaleForEachOutput) {
  quantised_convolution(Type::kI8);
  // As above, but the second output's weights are a quarter: −1.25 + 10 − 1.5 and 1.25 − 1.5.
  EXPECT_THAT(run_model(write(), Tensor::of<std::uint8_t>({1, 1, 2, 2}, {20, 30, 0, 10})), ElementsAre(10, 1, -3, -3));
}

TEST_F(TfLite, MovedValuesAreNotRoundedAgain) {
  writer_.tensor({1, 2, 2, 1}, Type::kU8, {}, {0.3F}, {7});
  writer_.tensor({2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({1, 4}));
  writer_.tensor({1, 4}, Type::kU8, {}, {0.3F}, {7});
  writer_.add(Code::RESHAPE, {0, 1}, {2});
  EXPECT_THAT(run_model(write(), Tensor::of<std::uint8_t>({1, 2, 2, 1}, {0, 7, 128, 255})),
              ElementsAre(0, 7, 128, 255));
}

TEST_F(TfLite, AveragesRoundHalvesUp) {
  writer_.tensor({1, 2, 2, 1}, Type::kU8, {}, {0.1F}, {3});
  writer_.tensor({1, 1, 1, 1}, Type::kU8, {}, {0.1F}, {3});
  auto& b = writer_.builder();
  writer_.add(Code::AVERAGE_POOL_2D, {0}, {1}, schema::Options::Pool2DOptions,
              schema::CreatePool2DOptions(b, schema::Padding::kValid, 1, 1, 2, 2).Union());
  const auto path = write();
  EXPECT_THAT(run_model(path, Tensor::of<std::uint8_t>({1, 2, 2, 1}, {1, 2, 3, 4})), ElementsAre(3));  // 2.5
  EXPECT_THAT(run_model(path, Tensor::of<std::uint8_t>({1, 2, 2, 1}, {1, 1, 3, 4})), ElementsAre(2));  // 2.25
}

TEST_F(TfLite, NearestResizingPicksAsTheOriginalDoes) {
  writer_.tensor({1, 1, 4, 1}, Type::kF32);
  writer_.tensor({2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({1, 2}));
  writer_.tensor({1, 1, 2, 1}, Type::kF32);
  writer_.add(Code::RESIZE_NEAREST_NEIGHBOR, {0, 1}, {2}, schema::Options::ResizeNearestOptions,
              schema::CreateResizeNearestOptions(writer_.builder(), false, true).Union());
  EXPECT_THAT(run_model(write(), counting({1, 1, 4, 1})), ElementsAre(2, 4));  // ⌊(i + ½)·2⌋ = 1, 3
}

TEST_F(TfLite, RefusesWhatIsWrong) {
  writer_.tensor({1, 2}, Type::kF32);
  writer_.tensor({1, 2}, Type::kF32);
  writer_.tensor({1, 2}, Type::kF32);
  writer_.add(Code::SVDF, {0}, {1});
  writer_.add(Code::LSTM, {1}, {2});
  const auto path = write();
  expect_error(ErrorCode::kUnsupported, {"2 operators are not supported", "LSTM: 1 node: 't2'", "SVDF: 1 node: 't1'"},
               [&] { read_model(path); });
}

TEST_F(TfLite, RefusesTensorsThatAreNotThereYet) {
  writer_.tensor({1, 2}, Type::kF32);
  writer_.tensor({1, 2}, Type::kF32);
  writer_.add(Code::ADD, {0, 1}, {1});
  const auto path = write();
  expect_error(ErrorCode::kInvalidModel, {"operator 't1' (ADD)", "'t1', which nothing has computed yet"},
               [&] { read_model(path); });
}

TEST_F(TfLite, DamageAnywhereEndsInAnError) {
  quantised_convolution(Type::kI8);
  const std::string good = writer_.finish();
  constexpr std::array kValues = {'\0', '\x7F', '\xFF'};
  for (std::size_t i = 0; i < good.size(); i += 2) {  // every second byte, for the time it takes
    std::string bad = good;
    bad[i] = kValues[i / 2 % kValues.size()];
    try {
      (void)read_model(dir_.write("net.tflite", bad));
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << "byte " << i << ": " << error.what();
    }
    if (i % 16 == 0) {
      EXPECT_THROW(read_model(dir_.write("net.tflite", good.substr(0, i))), Error);
    }
  }
}

}  // namespace
}  // namespace fovea::test
