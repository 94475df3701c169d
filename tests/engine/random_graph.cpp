#include "tests/engine/random_graph.hpp"

#include <fmt/format.h>

#include <array>
#include <random>
#include <vector>

namespace fovea::test {
namespace {

constexpr std::array kChannels = {1, 3, 8, 17};
constexpr std::array kUnaries = {"Relu", "Sigmoid", "HSwish", "Tanh", "Abs", "Mish", "SoftPlus", "Relu"};

/// A value [1, channels, height, width] made so far.
struct Picture {
  std::string name;
  int channels, height, width;

  [[nodiscard]] std::string type() const { return fmt::format("f32[1,{},{},{}]", channels, height, width); }
};

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string text() {
    const Picture input{"x", channels(), 4 + below(7), 4 + below(7)};
    pictures_.push_back(input);
    add_line(fmt::format("n0 = Abs(x: {})", input.type()));
    pictures_.push_back({"n0", input.channels, input.height, input.width});
    for (int i = 5 + below(9); i > 0; --i) {
      add_node();
    }
    // A value in the middle may be an output, too, which forbids fusing over it.
    text_ += "-> " + pictures_.back().name;
    if (below(2) == 0) {
      text_ += ", " + pick().name;
    }
    return text_ + "\n";
  }

 private:
  int below(int count) { return static_cast<int>(random_() % static_cast<std::uint32_t>(count)); }
  int channels() { return kChannels[static_cast<std::size_t>(below(kChannels.size()))]; }
  std::string new_name(std::string_view prefix) { return fmt::format("{}{}", prefix, ++count_); }
  void add_line(const std::string& line) { text_ += line + "\n"; }

  /// Mostly the newest, so that chains form.
  const Picture& pick() {
    const auto size = static_cast<int>(pictures_.size());
    return pictures_[static_cast<std::size_t>(below(3) == 0 ? below(size) : size - 1)];
  }

  void add(const std::string& expression, int channels, int height, int width) {
    const std::string name = new_name("n");
    add_line(name + " = " + expression);
    pictures_.push_back({name, channels, height, width});
  }

  void add_same(const std::string& expression, const Picture& x) { add(expression, x.channels, x.height, x.width); }

  void add_node() {
    const Picture x = pick();
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return add_convolution(x);
      case 3:
      case 4:
        return add_with_constant(x);
      case 5:
        return add_with_value(x);
      case 6:
        return add_same(fmt::format("{}({})", kUnaries[static_cast<std::size_t>(below(kUnaries.size()))], x.name), x);
      case 7:
        return add_same(fmt::format("PRelu({}, {}: f32[{}]{{0}})", x.name, new_name("p"),
                                    below(2) == 0 ? "1" : fmt::format("{}", x.channels)),
                        x);
      case 8:
        return add_pooling(x);
      case 9:
        return add_concat(x);
      case 10:
        return add_round_trip(x);
      default:
        return add_gate(x);
    }
  }

  void add_convolution(const Picture& x) {
    const int kernel = below(2) == 0 || x.height < 3 || x.width < 3 ? 1 : 3;
    const int pad = kernel == 3 && below(3) > 0 ? 1 : 0;
    const int stride = 1 + below(2);
    const auto extent = [&](int size) { return (size + 2 * pad - kernel) / stride + 1; };
    const std::string attributes = fmt::format(" strides={0},{0} pads_begin={1},{1} pads_end={1},{1}", stride, pad);
    const bool depthwise = below(3) == 0;
    const int out = depthwise ? x.channels : channels();
    const std::string weights = depthwise ? fmt::format("{},1,1,{},{}", out, kernel, kernel)
                                          : fmt::format("{},{},{},{}", out, x.channels, kernel, kernel);
    add(fmt::format("{}({}, {}: f32[{}]{{0}}){}", depthwise ? "GroupConvolution" : "Convolution", x.name, new_name("w"),
                    weights, attributes),
        out, extent(x.height), extent(x.width));
  }

  void add_with_constant(const Picture& x) {
    static constexpr std::array kOps = {"Add", "Multiply", "Subtract", "Divide", "Maximum"};
    const std::array shapes = {fmt::format("1,{},1,1", x.channels), fmt::format("{},1,1", x.channels), std::string(),
                               fmt::format("1,1,1,{}", x.width), fmt::format("{},{}", x.height, x.width)};
    const std::string op = kOps[static_cast<std::size_t>(below(kOps.size()))];
    const std::string constant =
        fmt::format("{}: f32[{}]{{0}}", new_name("c"), shapes[static_cast<std::size_t>(below(5))]);
    const bool first = op != "Divide" && below(4) == 0;
    add_same(first ? fmt::format("{}({}, {})", op, constant, x.name) : fmt::format("{}({}, {})", op, x.name, constant),
             x);
  }

  void add_with_value(const Picture& x) {
    for (const Picture& other : pictures_) {
      if (other.type() == x.type() && below(2) == 0) {
        return add_same(fmt::format("{}({}, {})", below(3) == 0 ? "Multiply" : "Add", x.name, other.name), x);
      }
    }
    add_same(fmt::format("Add({}, {}: {})", x.name, new_name("i"), x.type()), x);
  }

  void add_pooling(const Picture& x) {
    if (x.height < 2 || x.width < 2) {
      return add_same(fmt::format("Abs({})", x.name), x);
    }
    add(fmt::format("{}({}) kernel=2,2 strides=2,2 rounding_type=floor", below(2) == 0 ? "MaxPool" : "AvgPool", x.name),
        x.channels, x.height / 2, x.width / 2);
  }

  void add_concat(const Picture& x) {
    for (const Picture& other : pictures_) {
      if (other.height == x.height && other.width == x.width && other.channels + x.channels < 40 && below(2) == 0) {
        return add(fmt::format("Concat({}, {}) axis=1", x.name, other.name), x.channels + other.channels, x.height,
                   x.width);
      }
    }
    add_same(fmt::format("Relu({})", x.name), x);
  }

  /// To another shape and back.
  void add_round_trip(const Picture& x) {
    const std::string there = new_name("t");
    if (below(2) == 0) {
      add_line(fmt::format("{} = Reshape({}, {}: i64[2]{{1,-1}}) special_zero=false", there, x.name, new_name("s")));
      return add_same(fmt::format("Reshape({}, {}: i64[4]{{1,{},{},{}}}) special_zero=false", there, new_name("s"),
                                  x.channels, x.height, x.width),
                      x);
    }
    add_line(fmt::format("{} = Transpose({}, {}: i64[4]{{0,2,3,1}})", there, x.name, new_name("o")));
    add_same(fmt::format("Transpose({}, {}: i64[4]{{0,3,1,2}})", there, new_name("o")), x);
  }

  /// Squeeze and excite: a factor per channel computed from the picture itself.
  void add_gate(const Picture& x) {
    const std::string mean = new_name("m");
    const std::string gate = new_name("g");
    add_line(fmt::format("{} = ReduceMean({}, {}: i64[2]{{2,3}}) keep_dims=true", mean, x.name, new_name("a")));
    add_line(fmt::format("{} = Sigmoid({})", gate, mean));
    add_same(fmt::format("Multiply({}, {})", x.name, gate), x);
  }

  std::mt19937 random_;
  std::string text_;
  std::vector<Picture> pictures_;
  int count_ = 0;
};

}  // namespace

std::string random_graph_text(std::uint32_t seed) { return Generator(seed).text(); }

}  // namespace fovea::test
