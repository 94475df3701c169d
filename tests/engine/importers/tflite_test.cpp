// The TensorFlow Lite importer on small models that the test writes: quantisation, layouts, refusals.
#include <flatbuffers/flatbuffers.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "engine/frontends/frontend.hpp"
#include "engine/frontends/tflite/fixed_point.hpp"
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

/// What TensorFlow Lite's kernels for unsigned bytes make of a sum: a factor 2^-shift · q / 2^31, 2^30 ≤ q < 2^31, and
/// two roundings. The second one takes halves up, or away from zero.
std::int64_t requantised(std::int64_t sum, std::int64_t q, int shift, bool halves_up) {
  const auto halves_away = [](std::int64_t value, int bits) {
    const std::int64_t half = std::int64_t{1} << (bits - 1);
    return value >= 0 ? (value + half) >> bits : -((-value + half) >> bits);
  };
  constexpr int kFractionBits = 31;
  const std::int64_t high = halves_away(sum * q, kFractionBits);
  return halves_up ? (high + (std::int64_t{1} << (shift - 1))) >> shift : halves_away(high, shift);
}

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

  /// The stored results of 89x and −89x for x from 0 to 255, in steps of 251.3 around 128.
  std::vector<double> scaled_bytes(bool depthwise) {
    writer_.tensor({1, 1, 256, 1}, Type::kU8, {}, {1}, {0});
    writer_.tensor(depthwise ? std::vector{1, 1, 1, 2} : std::vector{2, 1, 1, 1}, Type::kU8, {128 + 89, 128 - 89}, {1},
                   {128});
    writer_.tensor({1, 1, 256, 2}, Type::kU8, {}, {kScaledStep}, {128});
    auto& b = writer_.builder();
    if (depthwise) {
      writer_.add(Code::DEPTHWISE_CONV_2D, {0, 1}, {2}, schema::Options::DepthwiseConv2DOptions,
                  schema::CreateDepthwiseConv2DOptions(b, schema::Padding::kValid, 1, 1, 2).Union());
    } else {
      writer_.add(Code::CONV_2D, {0, 1}, {2}, schema::Options::Conv2DOptions,
                  schema::CreateConv2DOptions(b, schema::Padding::kValid, 1, 1).Union());
    }
    std::vector<std::uint8_t> all(256);
    std::iota(all.begin(), all.end(), std::uint8_t{0});
    return run_model(write(), Tensor::of<std::uint8_t>({1, 1, 256, 1}, all));
  }

  /// How many of scaled_bytes' results would be others with one rounding to the nearest.
  static int check_scaled_bytes(const std::vector<double>& stored, bool halves_up) {
    int exponent = 0;
    const double fraction = std::frexp(1.0 / static_cast<double>(kScaledStep), &exponent);
    const auto q = static_cast<std::int64_t>(std::round(std::ldexp(fraction, 31)));
    int special = 0;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const std::int64_t sum = static_cast<std::int64_t>(i / 2) * (i % 2 == 0 ? 89 : -89);
      const std::int64_t expected = requantised(sum, q, -exponent, halves_up);
      EXPECT_EQ(stored[i], static_cast<double>(128 + expected)) << sum;
      special += static_cast<double>(expected) == std::round(static_cast<double>(sum) / kScaledStep) ? 0 : 1;
    }
    return special;
  }

  static constexpr float kScaledStep = 251.3F;
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

TEST_F(TfLite, ConvolutionsOfBytesRoundTwiceAndHalvesUp) {
  EXPECT_GT(check_scaled_bytes(scaled_bytes(false), true), 0) << "no result tells this from rounding once";
}

TEST_F(TfLite, DepthwiseConvolutionsOfBytesRoundTwiceAndHalvesAwayFromZero) {
  EXPECT_GT(check_scaled_bytes(scaled_bytes(true), false), 0) << "no result tells this from rounding once";
}

TEST(FixedPointScaling, IsExactInF32WhereF32Can) {
  for (const double factor : {0.0306, 1 / 251.3, 0.42, 0.0117}) {
    int exponent = 0;
    const auto q = static_cast<std::int64_t>(std::round(std::ldexp(std::frexp(factor, &exponent), 31)));
    const tflite::Scaling scaling = tflite::fixed_point_scaling(factor, -128, 127);
    const auto most = static_cast<std::int64_t>(127 / factor);
    for (std::int64_t sum = -most; sum <= most; ++sum) {
      const float product = static_cast<float>(sum) * scaling.factor;
      ASSERT_EQ(static_cast<double>(std::nearbyint(product + scaling.shift)),
                static_cast<double>(requantised(sum, q, -exponent, true)))
          << factor << ' ' << sum;
    }
  }
}

TEST_F(TfLite, OtherStepsRoundTwice) {
  // Factor 0.42 = 0.84 / 2: 0.84, 1.68, 2.52, 3.36 and 4.2 become 1, 2, 3, 3 and 4, halved 1 (0.42 alone would be 0),
  // 1, 2 (1.26 would be 1), 2 and 2.
  writer_.tensor({1, 5}, Type::kU8, {}, {0.42F}, {0});
  writer_.tensor({1, 5}, Type::kU8, {}, {1}, {3});
  writer_.add(Code::QUANTIZE, {0}, {1});
  EXPECT_THAT(run_model(write(), Tensor::of<std::uint8_t>({1, 5}, {1, 2, 3, 4, 5})), ElementsAre(4, 4, 5, 5, 5));
}

TEST_F(TfLite, SumsAreTakenInStepsOfTheOutput) {
  writer_.tensor({1, 3}, Type::kU8, {}, {0.5F}, {100});
  writer_.tensor({1, 3}, Type::kU8, {10, 20, 255}, {0.25F}, {20});
  writer_.tensor({1, 3}, Type::kU8, {}, {0.3F}, {50});
  writer_.add(Code::ADD, {0, 1}, {2}, schema::Options::AddOptions,
              schema::CreateAddOptions(writer_.builder(), schema::Activation::kRelu).Union());
  // −10 − 2.5; 1.5 + 0 = 5 steps; 77.5 + 58.75 = 454 steps
  EXPECT_THAT(run_model(write(), Tensor::of<std::uint8_t>({1, 3}, {80, 103, 255})), ElementsAre(50, 55, 255));
}

TEST_F(TfLite, PadsAreZeroPoints) {
  writer_.tensor({1, 2}, Type::kU8, {}, {0.5F}, {9});
  writer_.tensor({2, 2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({0, 0, 1, 1}));
  writer_.tensor({1, 4}, Type::kU8, {}, {0.5F}, {9});
  writer_.add(Code::PAD, {0, 1}, {2});
  EXPECT_THAT(run_model(write(), Tensor::of<std::uint8_t>({1, 2}, {1, 200})), ElementsAre(9, 1, 200, 9));
}

TEST_F(TfLite, BilinearResizingRoundsHalvesUp) {
  writer_.tensor({1, 1, 2, 1}, Type::kU8, {}, {0.1F}, {7});
  writer_.tensor({2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({1, 4}));
  writer_.tensor({1, 1, 4, 1}, Type::kU8, {}, {0.1F}, {7});
  writer_.add(Code::RESIZE_BILINEAR, {0, 1}, {2}, schema::Options::ResizeBilinearOptions,
              schema::CreateResizeBilinearOptions(writer_.builder(), 0, 0, false, false).Union());
  // 2, 2.5, 3, 3 and 4, 3.5, 3, 3
  const auto path = write();
  EXPECT_THAT(run_model(path, Tensor::of<std::uint8_t>({1, 1, 2, 1}, {2, 3})), ElementsAre(2, 3, 3, 3));
  EXPECT_THAT(run_model(path, Tensor::of<std::uint8_t>({1, 1, 2, 1}, {4, 3})), ElementsAre(4, 4, 3, 3));
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
