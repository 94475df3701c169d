// Winograd convolutions: chosen where they should be, right at all edges, and exact where arithmetic is.
#include "engine/plugins/cpu/winograd.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/ops/graph_text.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {
namespace {

using cpu::WinogradShape;

/// A convolution in double precision; both tensors channels last, weights [outputs, channels, 3, 3].
std::vector<double> convolve(const WinogradShape& s, const std::vector<float>& x, const std::vector<float>& w) {
  std::vector<double> y;
  for (std::int64_t row = 0; row < s.out_height; ++row) {
    for (std::int64_t column = 0; column < s.out_width; ++column) {
      for (std::int64_t k = 0; k < s.outputs; ++k) {
        double sum = 0;
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t i = row + tap / 3 - s.pad_top;
          const std::int64_t j = column + tap % 3 - s.pad_left;
          for (std::int64_t c = 0; i >= 0 && i < s.height && j >= 0 && j < s.width && c < s.channels; ++c) {
            sum += static_cast<double>(x[static_cast<std::size_t>((i * s.width + j) * s.channels + c)]) *
                   w[static_cast<std::size_t>((k * s.channels + c) * 9 + tap)];
          }
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

/// Small whole numbers as input, multiples of 24² as weights: all intermediate results are whole and, with these
/// numbers, below 2^24, so nothing is rounded and the result is right to the last bit.
void is_exact(const WinogradShape& shape, int threads) {
  SCOPED_TRACE(fmt::format("{} to {} channels, {}x{} to {}x{}, pads {} and {}, {} threads", shape.channels,
                           shape.outputs, shape.height, shape.width, shape.out_height, shape.out_width, shape.pad_top,
                           shape.pad_left, threads));
  std::mt19937 random(5);
  const auto three = [&] { return static_cast<float>(random() % 3) - 1; };
  std::vector<float> x(static_cast<std::size_t>(shape.height * shape.width * shape.channels));
  std::vector<float> w(static_cast<std::size_t>(shape.outputs * shape.channels * 9));
  std::ranges::generate(x, three);
  std::ranges::generate(w, [&] { return 576 * three(); });
  const cpu::WinogradPlan plan = cpu::plan_winograd(shape, threads);
  Tensor packed(DataType::kF32, {static_cast<std::int64_t>(cpu::packed_winograd_floats(plan))});
  cpu::pack_winograd_weights(plan, w.data(), packed.data<float>().data());
  cpu::Finish finish;
  finish.bias.resize(static_cast<std::size_t>(plan.padded_outputs), 3);
  Tensor scratch(DataType::kF32, {static_cast<std::int64_t>(plan.scratch_floats)});
  // Two pictures; what lies around the second one must not change.
  const auto pixels = static_cast<std::size_t>(shape.out_height * shape.out_width * shape.outputs);
  x.insert(x.begin(), x.size(), 1e30F);
  std::vector<float> y(2 * pixels + 64, -7);
  const cpu::WinogradMemory memory{.src = x.data(),
                                   .src_stride = shape.channels,
                                   .weights = packed.data<float>().data(),
                                   .dst = y.data(),
                                   .dst_stride = shape.outputs};
  for (std::int64_t block = 0; block < plan.blocks; ++block) {
    cpu::run_winograd_block(plan, finish, memory, 1, block, scratch.data<float>().data());
  }
  x.erase(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2));
  const std::vector<double> expected = convolve(shape, x, w);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const bool inside = i >= pixels && i < 2 * pixels;
    ASSERT_EQ(y[i], inside ? expected[i - pixels] + 3 : -7) << "element " << i;
  }
}

WinogradShape padded_by_one(std::int64_t channels, std::int64_t outputs, std::int64_t height, std::int64_t width) {
  return {.channels = channels,
          .outputs = outputs,
          .height = height,
          .width = width,
          .out_height = height,
          .out_width = width,
          .pad_top = 1,
          .pad_left = 1};
}

TEST(CpuWinograd, ExactAtAllEdges) {
  // Whole tiles, parts of tiles, pictures smaller than a tile; blocks of several threads.
  for (const std::int64_t height : {1, 3, 4, 5, 12, 13}) {
    for (const std::int64_t width : {1, 2, 4, 7, 14, 33}) {
      is_exact(padded_by_one(16, 16, height, width), 1);
    }
  }
  for (const int threads : {1, 2, 3, 16}) {
    is_exact(padded_by_one(16, 20, 50, 70), threads);
  }
  // Pads of zero and two, different ones on both sides.
  WinogradShape shape = padded_by_one(5, 3, 15, 16);
  shape.pad_top = shape.pad_left = 0;
  shape.out_height = 13;
  shape.out_width = 14;
  is_exact(shape, 1);
  shape.pad_top = 2;
  shape.out_height = 15;
  shape.out_width = 16;
  is_exact(shape, 2);
}

TEST(CpuWinograd, ExactForAllChannels) {
  for (const std::int64_t channels : {1, 3, 8, 15, 16, 17, 33}) {
    for (const std::int64_t outputs : {1, 4, 15, 16, 19, 31, 32, 50}) {
      is_exact(padded_by_one(channels, outputs, 9, 10), 1);
    }
  }
}

/// The rule's two ends, far from where its constants matter: much arithmetic on few weights, and the reverse.
TEST(CpuWinograd, ChosenWhereItPays) {
  const auto kernel_of = [](const std::string& text) {
    Graph graph = parse_graph(text);
    randomise_constants(graph, 3);
    return run_on("CPU", graph, 1).kernels.at(1);  // after the input's reorder
  };
  EXPECT_THAT(kernel_of("y = Convolution(x: f32[1,64,56,56], w: f32[64,64,3,3]{0}) pads_begin=1,1 pads_end=1,1"),
              ::testing::StartsWith("winograd"));
  for (const std::string text :
       {"y = Convolution(x: f32[1,512,4,4], w: f32[512,512,3,3]{0}) pads_begin=1,1 pads_end=1,1",
        "y = Convolution(x: f32[1,3,64,64], w: f32[16,3,3,3]{0}) pads_begin=1,1 pads_end=1,1",
        "y = Convolution(x: f32[1,64,56,56], w: f32[64,64,3,3]{0}) strides=2,2 pads_begin=1,1 pads_end=1,1",
        "y = Convolution(x: f32[1,64,56,56], w: f32[64,64,3,3]{0}) dilations=2,2 pads_begin=2,2 pads_end=2,2",
        "y = Convolution(x: f32[1,64,28,28], w: f32[64,64,1,3]{0}) pads_begin=0,1 pads_end=0,1"}) {
    EXPECT_THAT(kernel_of(text), ::testing::StartsWith("onednn")) << text;
  }
}

TEST(CpuWinograd, ManyBlocksAndPostOps) {
  const std::string c = "y = Convolution(x: f32[2,16,50,70], w: f32[24,16,3,3]{0}) pads_begin=1,1 pads_end=1,1 ";
  for (const std::string chain :
       {"", "| add(b: f32[1,24,1,1]{0})", "| add(b: f32[1,24,1,1]{0}) | relu", "| relu | add(r: f32[2,24,50,70])",
        "| add(b: f32[24,1,1]{0}) | clamp(-1,2) | add(r: f32[2,24,50,70]) | relu(0.1)", "| swish(1)",
        "| add(b: f32[1,24,1,1]{0}) | swish(1) | multiply(m: f32[1,24,1,1]{0}) | add(a: f32[1]{0})",
        "| prelu(p: f32[1,24,1,1]{0}) | hswish", "| add(r: f32[2,24,50,70]) | mish"}) {
    SCOPED_TRACE(chain);
    Graph graph = parse_graph(c + chain);
    randomise_constants(graph, 3);
    const std::vector<std::string> kernels = expect_device_agrees("CPU", graph, 11);
    EXPECT_TRUE(std::ranges::any_of(kernels, [](const std::string& k) { return k.starts_with("winograd"); }));
    EXPECT_TRUE(std::ranges::none_of(kernels, [](const std::string& k) { return k.starts_with("elementwise"); }));
  }
}

}  // namespace
}  // namespace fovea::test
