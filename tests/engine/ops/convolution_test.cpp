// Convolutions, poolings and matrix products against loops that follow the definition; geometry of padding; refusals.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>

#include "tests/engine/ops/op_tester.hpp"

namespace fovea::test {
namespace {

/// Two spatial axes, by the definition.
struct Plane {
  std::array<std::int64_t, 2> stride = {1, 1};
  std::array<std::int64_t, 2> dilation = {1, 1};
  std::array<std::int64_t, 2> pad = {0, 0};
  std::int64_t groups = 1;
};

double at(const Tensor& t, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  const Shape& s = t.shape();
  if (h < 0 || w < 0 || h >= s[2] || w >= s[3]) {
    return 0;
  }
  return static_cast<double>(t.data<float>()[static_cast<std::size_t>(((n * s[1] + c) * s[2] + h) * s[3] + w)]);
}

/// \param weights  [O, C/groups, kh, kw]
Tensor plain_convolution(const Tensor& x, const Tensor& weights, const Plane& p, Shape output) {
  Tensor result(DataType::kF32, output);
  float* target = result.data<float>().data();
  const std::int64_t channels = weights.shape()[1];
  const std::int64_t per_group = output[1] / p.groups;
  for (std::int64_t n = 0; n < output[0]; ++n) {
    for (std::int64_t o = 0; o < output[1]; ++o) {
      for (std::int64_t h = 0; h < output[2]; ++h) {
        for (std::int64_t w = 0; w < output[3]; ++w) {
          double sum = 0;
          for (std::int64_t c = 0; c < channels; ++c) {
            for (std::int64_t i = 0; i < weights.shape()[2]; ++i) {
              for (std::int64_t j = 0; j < weights.shape()[3]; ++j) {
                sum += at(weights, o, c, i, j) * at(x, n, o / per_group * channels + c,
                                                    h * p.stride[0] + i * p.dilation[0] - p.pad[0],
                                                    w * p.stride[1] + j * p.dilation[1] - p.pad[1]);
              }
            }
          }
          *target++ = static_cast<float>(sum);
        }
      }
    }
  }
  return result;
}

TEST(Convolution, AgainstTheDefinition) {
  const Tensor x = noise({2, 3, 9, 20});
  const Tensor w = noise({4, 3, 3, 5}, 2);
  expect_outputs({"Convolution", "", {x, w}}, {plain_convolution(x, w, {}, {2, 4, 7, 16})});
  expect_outputs({"Convolution", "strides=2,3 dilations=2,1 pads_begin=1,2 pads_end=2,0 auto_pad=explicit", {x, w}},
                 {plain_convolution(x, w, {{2, 3}, {2, 1}, {1, 2}}, {2, 4, 4, 6})});
  const Tensor pointwise = noise({5, 3, 1, 1}, 3);
  expect_outputs({"Convolution", "", {x, pointwise}}, {plain_convolution(x, pointwise, {}, {2, 5, 9, 20})});
}

TEST(Convolution, AutoPadIgnoresExplicitPads) {
  const Tensor x = noise({1, 1, 5, 6});
  const Tensor w = noise({1, 1, 3, 2}, 2);
  // same: 5 rows at stride 2 -> 3, total pad 2; 6 columns at stride 2 -> 3, total pad 0
  expect_outputs({"Convolution", "strides=2,2 auto_pad=same_upper pads_begin=9,9 pads_end=9,9", {x, w}},
                 {plain_convolution(x, w, {{2, 2}, {1, 1}, {1, 0}}, {1, 1, 3, 3})});
  // stride 1: the odd column goes to the end or to the beginning
  expect_outputs({"Convolution", "auto_pad=same_upper", {x, w}},
                 {plain_convolution(x, w, {{1, 1}, {1, 1}, {1, 0}}, {1, 1, 5, 6})});
  expect_outputs({"Convolution", "auto_pad=same_lower", {x, w}},
                 {plain_convolution(x, w, {{1, 1}, {1, 1}, {1, 1}}, {1, 1, 5, 6})});
  expect_outputs({"Convolution", "auto_pad=VALID pads_begin=1,1 pads_end=1,1", {x, w}},
                 {plain_convolution(x, w, {}, {1, 1, 3, 5})});
}

TEST(Convolution, OneAndThreeSpatialAxes) {
  const Tensor x = noise({1, 2, 1, 10});
  const Tensor w = noise({3, 2, 1, 3}, 2);
  const Tensor expected = plain_convolution(x, w, {}, {1, 3, 1, 8});
  expect_outputs({"Convolution", "", {x.reshaped({1, 2, 10}), w.reshaped({3, 2, 3})}}, {expected.reshaped({1, 3, 8})});
  expect_outputs({"Convolution", "", {x.reshaped({1, 2, 1, 1, 10}), w.reshaped({3, 2, 1, 1, 3})}},
                 {expected.reshaped({1, 3, 1, 1, 8})});
  expect_outputs({"Convolution",
                  "pads_begin=0,0,1 pads_end=0,0,1 auto_pad=explicit",
                  {ramp({1, 1, 2, 2, 2}, 1), ramp({1, 1, 2, 2, 2}, 1)}},
                 // columns of the kernel meet columns -1..0, 0..1 and 1..2 of the data
                 {f32({1, 1, 1, 1, 3},
                      {2 * 1 + 4 * 3 + 6 * 5 + 8 * 7, 1 + 4 + 9 + 16 + 25 + 36 + 49 + 64, 2 + 3 * 4 + 5 * 6 + 7 * 8})});
}

TEST(Convolution, Groups) {
  const Tensor x = noise({2, 4, 5, 5});
  const Tensor w = noise({6, 2, 3, 3}, 2);
  expect_outputs({"GroupConvolution", "pads_begin=1,1 pads_end=1,1", {x, w.reshaped({2, 3, 2, 3, 3})}},
                 {plain_convolution(x, w, {{1, 1}, {1, 1}, {1, 1}, 2}, {2, 6, 5, 5})});
}

TEST(Convolution, Refusals) {
  const Tensor x = ramp({1, 2, 4, 4});
  const Tensor w = ramp({1, 2, 3, 3});
  expect_invalid({"Convolution", "strides=0,1", {x, w}}, "strides is 0");
  expect_invalid({"Convolution", "dilations=1,-1", {x, w}}, "dilations is -1");
  expect_invalid({"Convolution", "strides=1", {x, w}}, "strides has 1 values, expected 2");
  expect_invalid({"Convolution", "pads_begin=-1,0", {x, w}}, "pads_begin is -1");
  expect_invalid({"Convolution", "pads_end=9999999999,0", {x, w}}, "pads_end is 9999999999");
  expect_invalid({"Convolution", "dilations=2,2", {x, w}}, "does not fit");
  expect_invalid({"Convolution", "auto_pad=odd", {x, w}}, "expected one of: explicit");
  expect_invalid({"Convolution", "", {x, ramp({1, 3, 3, 3})}}, "data has 2 channels");
  expect_invalid({"Convolution", "", {x, ramp({1, 2, 3})}}, "weights has shape");
  expect_invalid({"Convolution", "", {ramp({4, 4}), w}}, "data has shape");
  expect_invalid({"Convolution", "", {x, Tensor(DataType::kF32, {0, 2, 3, 3})}}, "an extent of the weights is 0");
  expect_invalid({"GroupConvolution", "", {x, ramp({3, 1, 2, 1, 1})}}, "expect 3 groups of 2");
}

TEST(Convolution, DynamicBatchAndExtents) {
  const OpCase conv{"Convolution", "pads_begin=1,1 pads_end=1,1", {Tensor(), ramp({4, 3, 3, 3})}};
  const TensorType weights{DataType::kF32, {4, 3, 3, 3}};
  EXPECT_EQ(infer(conv, {{DataType::kF32, {kDynamic, 3, kDynamic, 8}}, weights})[0].shape,
            (Shape{kDynamic, 4, kDynamic, 8}));
}

/// Bits that look random.
Tensor bits(Shape shape, std::uint32_t seed) {
  std::vector<double> values = to_doubles(noise(shape, seed).view());
  std::ranges::transform(values, values.begin(), [](double value) { return value < 0 ? 0.0 : 1.0; });
  Tensor result(DataType::kF32, shape);
  store(result.mutable_view(), values);
  return result;
}

/// 2·x − 1 with ones or minus ones around it.
Tensor signs(const Tensor& x, std::int64_t pad, float around) {
  const Shape& s = x.shape();
  Tensor result(DataType::kF32, {s[0], s[1], s[2] + 2 * pad, s[3] + 2 * pad});
  float* target = result.data<float>().data();
  for (std::int64_t plane = 0; plane < s[0] * s[1]; ++plane) {
    for (std::int64_t h = -pad; h < s[2] + pad; ++h) {
      for (std::int64_t w = -pad; w < s[3] + pad; ++w) {
        const bool inside = h >= 0 && w >= 0 && h < s[2] && w < s[3];
        *target++ = inside ? 2 * x.data<float>()[static_cast<std::size_t>((plane * s[2] + h) * s[3] + w)] - 1 : around;
      }
    }
  }
  return result;
}

TEST(BinaryConvolution, IsAConvolutionOfSigns) {
  const Tensor x = bits({2, 3, 7, 9}, 1);
  const Tensor w = bits({4, 3, 3, 3}, 2);
  const Tensor small_weights = w.cast(DataType::kU8);
  expect_outputs({"BinaryConvolution", "mode=xnor-popcount pad_value=0", {x, small_weights}},
                 {plain_convolution(signs(x, 0, 0), signs(w, 0, 0), {}, {2, 4, 5, 7})});
  for (const bool ones : {false, true}) {
    expect_outputs({"BinaryConvolution",
                    fmt::format("strides=2,1 pads_begin=2,2 pads_end=2,2 pad_value={}", ones ? 1 : 0),
                    {x, small_weights}},
                   {plain_convolution(signs(x, 2, ones ? 1.0F : -1.0F), signs(w, 0, 0), {{2, 1}}, {2, 4, 5, 11})});
  }
  // One equal bit of two: 2·1 − 2.
  expect_outputs({"BinaryConvolution", "", {f32({1, 2, 1, 1}, {1, 1}), f32({1, 2, 1, 1}, {0, 1})}},
                 {f32({1, 1, 1, 1}, {0})});
}

TEST(BinaryConvolution, Refusals) {
  const Tensor x = bits({1, 2, 4, 4}, 1);
  const Tensor w = bits({1, 2, 3, 3}, 2);
  expect_refused({"BinaryConvolution", "pad_value=0.5", {x, w}}, ErrorCode::kUnsupported, "pad_value is 0.5");
  expect_invalid({"BinaryConvolution", "mode=and", {x, w}}, "expected one of: xnor-popcount");
  expect_invalid({"BinaryConvolution", "", {x, bits({1, 3, 3, 3}, 2)}}, "data has 2 channels, the weights expect 3");
  expect_invalid({"BinaryConvolution", "", {bits({2, 4, 4}, 1), w}}, "data has shape");
}

/// Every input element adds its kernel to the output: the definition of the transposed convolution.
/// \param weights  [C, O, kh, kw]
Tensor plain_deconvolution(const Tensor& x, const Tensor& weights, const Plane& p, Shape output) {
  std::vector<double> sums(element_count(output), 0.0);
  const Shape& s = x.shape();
  const Shape& k = weights.shape();
  const std::int64_t per_group = s[1] / p.groups;
  for (std::int64_t n = 0; n < s[0]; ++n) {
    for (std::int64_t c = 0; c < s[1]; ++c) {
      for (std::int64_t h = 0; h < s[2]; ++h) {
        for (std::int64_t w = 0; w < s[3]; ++w) {
          for (std::int64_t o = 0; o < k[1]; ++o) {
            for (std::int64_t i = 0; i < k[2]; ++i) {
              for (std::int64_t j = 0; j < k[3]; ++j) {
                const std::int64_t row = h * p.stride[0] + i * p.dilation[0] - p.pad[0];
                const std::int64_t column = w * p.stride[1] + j * p.dilation[1] - p.pad[1];
                if (row >= 0 && column >= 0 && row < output[2] && column < output[3]) {
                  const std::int64_t channel = c / per_group * k[1] + o;
                  sums[static_cast<std::size_t>(((n * output[1] + channel) * output[2] + row) * output[3] + column)] +=
                      at(x, n, c, h, w) * at(weights, c, o, i, j);
                }
              }
            }
          }
        }
      }
    }
  }
  Tensor result(DataType::kF32, output);
  store(result.mutable_view(), sums);
  return result;
}

TEST(Deconvolution, AgainstTheDefinition) {
  const Tensor x = noise({2, 3, 4, 5});
  const Tensor w = noise({3, 2, 3, 4}, 2);
  expect_outputs({"ConvolutionBackpropData", "", {x, w}}, {plain_deconvolution(x, w, {}, {2, 2, 6, 8})});
  expect_outputs(
      {"ConvolutionBackpropData", "strides=2,3 dilations=1,2 pads_begin=1,0 pads_end=0,2 output_padding=1,0", {x, w}},
      {plain_deconvolution(x, w, {{2, 3}, {1, 2}, {1, 0}}, {2, 2, 9, 17})});
}

TEST(Deconvolution, OutputShapeDecidesThePads) {
  const Tensor x = noise({1, 1, 3, 3});
  const Tensor w = noise({1, 1, 3, 3}, 2);
  // stride 2: 7 rows without pads; 6 asked for, so one pad in total
  const OpCase upper{"ConvolutionBackpropData", "strides=2,2 auto_pad=same_upper", {x, w, i64({6, 6})}};
  expect_outputs(upper, {plain_deconvolution(x, w, {{2, 2}, {1, 1}, {1, 1}}, {1, 1, 6, 6})});
  const OpCase lower{"ConvolutionBackpropData", "strides=2,2 auto_pad=same_lower", {x, w, i64({6, 6})}};
  expect_outputs(lower, {plain_deconvolution(x, w, {{2, 2}, {1, 1}, {0, 0}}, {1, 1, 6, 6})});
}

TEST(Deconvolution, Groups) {
  const Tensor x = noise({1, 4, 3, 3});
  const Tensor w = noise({4, 3, 2, 2}, 2);
  expect_outputs({"GroupConvolutionBackpropData", "strides=2,2", {x, w.reshaped({2, 2, 3, 2, 2})}},
                 {plain_deconvolution(x, w, {{2, 2}, {1, 1}, {0, 0}, 2}, {1, 6, 6, 6})});
}

TEST(Deconvolution, Refusals) {
  const Tensor x = ramp({1, 1, 2, 2});
  const Tensor w = ramp({1, 1, 2, 2});
  expect_invalid({"ConvolutionBackpropData", "pads_begin=2,2 pads_end=1,1", {x, w}}, "leave nothing");
  expect_invalid({"ConvolutionBackpropData", "", {x, w, i64({3})}}, "output_shape has 1 values");
  expect_invalid({"ConvolutionBackpropData", "", {x, w, i64({3, 0})}}, "output_shape is 0");
  expect_invalid({"ConvolutionBackpropData", "output_padding=-1,0", {x, w}}, "output_padding is -1");
}

TEST(MaxPool, ValuesAndIndices) {
  const Tensor x = f32({1, 1, 3, 4}, {1, 2, 3, 4, 8, 7, 6, 5, 9, 0, 11, -1});
  expect_outputs({"MaxPool", "kernel=2,2 strides=1,2", {x}, 1}, {f32({1, 1, 2, 2}, {8, 6, 9, 11})});
  expect_outputs({"MaxPool", "kernel=2,2 strides=1,2 index_element_type=i32 axis=0", {x}, 8},
                 {f32({1, 1, 2, 2}, {8, 6, 9, 11}), Tensor::of<std::int32_t>({1, 1, 2, 2}, {4, 6, 8, 10})});
  EXPECT_EQ(run({"MaxPool", "kernel=2,2 strides=1,2", {x}, 1}).size(), 1U);
}

TEST(MaxPool, IndicesCountFromAxis) {
  const Tensor x = ramp({1, 2, 1, 3});
  expect_outputs({"MaxPool", "kernel=1,3 strides=1,1 axis=0", {x}, 8},
                 {f32({1, 2, 1, 1}, {2, 5}), i64({1, 2, 1, 1}, {2, 5})});
  expect_outputs({"MaxPool", "kernel=1,3 strides=1,1 axis=2", {x}, 8},
                 {f32({1, 2, 1, 1}, {2, 5}), i64({1, 2, 1, 1}, {2, 2})});
}

TEST(MaxPool, RoundingPaddingDilation) {
  const Tensor x = ramp({1, 1, 1, 6}, -6);  // -6 … -1
  expect_outputs({"MaxPool", "kernel=1,3 strides=1,2 rounding_type=floor", {x}, 1}, {f32({1, 1, 1, 2}, {-4, -2})});
  expect_outputs({"MaxPool", "kernel=1,3 strides=1,2 rounding_type=ceil", {x}, 1}, {f32({1, 1, 1, 3}, {-4, -2, -1})});
  // pads never win, not even against negative numbers
  expect_outputs({"MaxPool", "kernel=1,2 strides=1,2 pads_begin=0,1 pads_end=0,1", {x}, 1},
                 {f32({1, 1, 1, 4}, {-6, -4, -2, -1})});
  expect_outputs({"MaxPool", "kernel=1,2 strides=1,1 dilations=1,4", {x}, 8}, {f32({1, 1, 1, 2}, {-2, -1})});
  // 7 positions with pads at stride 4 -> the third window would start in the trailing pad
  expect_outputs({"MaxPool", "kernel=1,2 strides=1,4 pads_end=0,4 rounding_type=ceil", {x}, 1},
                 {f32({1, 1, 1, 3}, {-5, -1, -std::numeric_limits<float>::infinity()})});
  expect_outputs({"MaxPool", "kernel=1,2 strides=1,4 pads_end=0,4 rounding_type=ceil_torch", {x}, 14},
                 {f32({1, 1, 1, 2}, {-5, -1})});
  const Tensor bytes = Tensor::of<std::int8_t>({1, 1, 3}, {-128, -100, -120});
  expect_outputs({"MaxPool", "kernel=2 strides=1", {bytes}, 1}, {Tensor::of<std::int8_t>({1, 1, 2}, {-100, -100})});
}

TEST(AvgPool, PadsCountOrNot) {
  const Tensor x = f32({1, 1, 1, 4}, {2, 4, 6, 8});
  expect_outputs({"AvgPool", "kernel=1,3 strides=1,1 pads_begin=0,1 pads_end=0,1 exclude-pad=true", {x}},
                 {f32({1, 1, 1, 4}, {3, 4, 6, 7})});
  expect_outputs({"AvgPool", "kernel=1,3 strides=1,1 pads_begin=0,1 pads_end=0,1 exclude-pad=false", {x}},
                 {f32({1, 1, 1, 4}, {2, 4, 6, 14.0F / 3})});
  // the last window has one element inside and reaches beyond what there is
  expect_outputs({"AvgPool", "kernel=1,2 strides=1,3 rounding_type=ceil exclude-pad=false", {x}},
                 {f32({1, 1, 1, 2}, {3, 8})});
}

TEST(Pool, Refusals) {
  const Tensor x = ramp({1, 1, 4, 4});
  expect_invalid({"MaxPool", "kernel=2 strides=1,1", {x}}, "kernel has 1 values, expected 2");
  expect_invalid({"MaxPool", "kernel=0,2", {x}}, "kernel extent is 0");
  expect_invalid({"MaxPool", "kernel=5,2", {x}}, "does not fit");
  expect_invalid({"MaxPool", "kernel=2,2 axis=4", {x}, 8}, "axis is 4");
  expect_invalid({"MaxPool", "kernel=2,2 index_element_type=f32", {x}, 8}, "expected i32 or i64");
  expect_invalid({"AvgPool", "kernel=2,2 strides=-1,1", {x}}, "strides is -1");
  expect_invalid({"AvgPool", "kernel=2,2 rounding_type=up", {x}}, "expected one of: floor");
  expect_invalid({"AvgPool", "kernel=2,2", {ramp({4, 4})}}, "data has shape");
}

Tensor plain_product(const Tensor& a, const Tensor& b) {
  Tensor result(DataType::kF32, {a.shape()[0], b.shape()[1]});
  for (std::int64_t i = 0; i < a.shape()[0]; ++i) {
    for (std::int64_t j = 0; j < b.shape()[1]; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < a.shape()[1]; ++k) {
        sum += static_cast<double>(a.data<float>()[static_cast<std::size_t>(i * a.shape()[1] + k)]) *
               static_cast<double>(b.data<float>()[static_cast<std::size_t>(k * b.shape()[1] + j)]);
      }
      result.data<float>()[static_cast<std::size_t>(i * b.shape()[1] + j)] = static_cast<float>(sum);
    }
  }
  return result;
}

Tensor transposed(const Tensor& t) {
  Tensor result(t.data_type(), {t.shape()[1], t.shape()[0]});
  for (std::int64_t i = 0; i < t.shape()[0]; ++i) {
    for (std::int64_t j = 0; j < t.shape()[1]; ++j) {
      result.data<float>()[static_cast<std::size_t>(j * t.shape()[0] + i)] =
          t.data<float>()[static_cast<std::size_t>(i * t.shape()[1] + j)];
    }
  }
  return result;
}

TEST(MatMul, TransposesAndVectors) {
  const Tensor a = noise({3, 4});
  const Tensor b = noise({4, 5}, 2);
  const Tensor expected = plain_product(a, b);
  expect_outputs({"MatMul", "", {a, b}}, {expected});
  expect_outputs({"MatMul", "transpose_b=true", {a, transposed(b)}}, {expected});
  expect_outputs({"MatMul", "transpose_a=true", {transposed(a), b}}, {expected});
  expect_outputs({"MatMul", "transpose_a=true transpose_b=true", {transposed(a), transposed(b)}}, {expected});
  const Tensor row = noise({1, 4}, 3);
  expect_outputs({"MatMul", "transpose_a=true", {row.reshaped({4}), b}}, {plain_product(row, b).reshaped({5})});
  expect_outputs({"MatMul", "", {a, row.reshaped({4})}}, {plain_product(a, row.reshaped({4, 1})).reshaped({3})});
  expect_outputs({"MatMul", "", {f32({2}, {1, 2}), f32({2}, {3, 4})}}, {f32({}, {11})});
}

TEST(MatMul, BatchesBroadcast) {
  const Tensor a = f32({2, 1, 1, 2}, {1, 2, 3, 4});
  const Tensor b = f32({3, 2, 1}, {1, 1, 1, 0, 0, 1});
  expect_outputs({"MatMul", "", {a, b}}, {f32({2, 3, 1, 1}, {3, 1, 2, 7, 3, 4})});
  expect_invalid({"MatMul", "", {a, ramp({3, 1})}}, "expected as many");
  expect_invalid({"MatMul", "", {ramp({2, 2, 3}), ramp({3, 3, 1})}}, "do not broadcast");
  expect_invalid({"MatMul", "", {ramp({}), b}}, "expected rank 1");
}

}  // namespace
}  // namespace fovea::test
