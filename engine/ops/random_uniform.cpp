// RandomUniform: numbers drawn evenly from [minval, maxval); inputs are the shape and both bounds. The seeds decide the
// numbers: equal seeds give equal numbers in every run and on every device. Both seeds 0: other numbers in each run.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/generation/random-uniform-8.html

#include <array>
#include <bit>
#include <random>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/type_attribute.hpp"

namespace fovea::ops {
namespace {

/// Whose numbers they are.
enum class Alignment : std::uint8_t {
  kTensorflow,  ///< Philox 4x32, 10 rounds; key and counter are the seeds.
  kPytorch,     ///< Mersenne Twister, seeded with the lower half of global_seed.
};

}  // namespace
}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::Alignment> {
  static constexpr std::array kNames = {std::pair{"tensorflow", ops::Alignment::kTensorflow},
                                        std::pair{"pytorch", ops::Alignment::kPytorch}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  DataType output_type = DataType::kF32;
  std::int64_t global_seed = 0;
  std::int64_t op_seed = 0;
  Alignment alignment = Alignment::kTensorflow;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("output_type", output_type);
    visit("global_seed", global_seed);
    visit("op_seed", op_seed);
    visit("alignment", alignment);
  }
  bool operator==(const Attributes&) const = default;
};

/// The four numbers of place `n` in the sequence of a key and a counter.
std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t counter, std::uint64_t n) {
  constexpr int kRounds = 10;
  constexpr std::uint64_t kFactorN = 0xD2511F53;
  constexpr std::uint64_t kFactorCounter = 0xCD9E8D57;
  constexpr std::uint32_t kStepLow = 0x9E3779B9;
  constexpr std::uint32_t kStepHigh = 0xBB67AE85;
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32U); };
  std::array<std::uint32_t, 4> words = {low(n), high(n), low(counter), high(counter)};
  std::uint32_t key_low = low(key);
  std::uint32_t key_high = high(key);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t of_n = kFactorN * words[0];
    const std::uint64_t of_counter = kFactorCounter * words[2];
    words = {high(of_counter) ^ words[1] ^ key_low, low(of_counter), high(of_n) ^ words[3] ^ key_high, low(of_n)};
    key_low += kStepLow;
    key_high += kStepHigh;
  }
  return words;
}

/// 32-bit numbers one after another.
class Words {
 public:
  explicit Words(const Attributes& attributes)
      : alignment_(attributes.alignment),
        key_(static_cast<std::uint64_t>(attributes.global_seed)),
        counter_(static_cast<std::uint64_t>(attributes.op_seed)) {
    if (key_ == 0 && counter_ == 0) {
      std::random_device device;
      const auto draw = [&] { return (std::uint64_t{device()} << 32U) | device(); };
      key_ = draw();
      counter_ = draw();
    }
    twister_.seed(static_cast<std::uint32_t>(key_));
  }

  std::uint32_t next() {
    if (alignment_ == Alignment::kPytorch) {
      return static_cast<std::uint32_t>(twister_());
    }
    if (used_ % words_.size() == 0) {
      words_ = philox(key_, counter_, used_ / words_.size());
    }
    return words_[used_++ % words_.size()];
  }

 private:
  Alignment alignment_;
  std::uint64_t key_;
  std::uint64_t counter_;
  std::uint64_t used_ = 0;
  std::array<std::uint32_t, 4> words_{};
  std::mt19937 twister_;
};

/// Bits of the significand behind the leading 1.
int fraction_bits(DataType type) {
  switch (type) {
    case DataType::kF16:
      return 10;
    case DataType::kBF16:
      return 7;
    case DataType::kF64:
      return 52;
    default:
      return 23;
  }
}

/// A number in [0, 1) with as many bits as the type holds; Mersenne Twister's have the leading one, too.
double draw_real(Words& words, DataType type, Alignment alignment) {
  const int bits = fraction_bits(type) + (alignment == Alignment::kPytorch ? 1 : 0);
  std::uint64_t word = words.next();
  if (type == DataType::kF64) {
    word = (word << 32U) | words.next();
  }
  const std::uint64_t mask = (std::uint64_t{1} << static_cast<unsigned>(bits)) - 1;
  return static_cast<double>(word & mask) / static_cast<double>(mask + 1);
}

/// A non-negative number; two words where the type asks for them.
std::uint64_t draw_integer(Words& words, DataType type, Alignment alignment, std::int64_t most) {
  constexpr std::int64_t kWord = 0xFFFFFFFF;
  std::uint64_t word = words.next();
  if (type == DataType::kI64 && (alignment == Alignment::kTensorflow || most > kWord)) {
    const std::uint64_t second = words.next();
    word = alignment == Alignment::kTensorflow ? (second << 32U) | word : (word << 32U) | second;
  }
  return word;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check_index_type(inputs[0].type.data_type, "the type of the shape");
  const DataType type = attributes.output_type;
  if (!is_float(type) && type != DataType::kI32 && type != DataType::kI64) {
    fail(ErrorCode::kInvalidModel, "output_type is {}, expected a float, i32 or i64", to_string(type));
  }
  for (std::size_t i = 1; i < 3; ++i) {
    const TensorType& bound = inputs[i].type;
    if (bound.data_type != type || (is_static(bound.shape) && element_count(bound.shape) != 1)) {
      fail(ErrorCode::kInvalidModel, "a bound is {}, expected a single {}", to_string(bound), to_string(type));
    }
  }
  Shape shape = open_shape(inputs[0]);
  if (shape.empty()) {
    shape = constant_ints(inputs[0], "shape");
    for (const std::int64_t extent : shape) {
      check_range(extent, 0, kMaxAttribute, "an extent");
    }
  }
  return {{type, shape}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  const std::size_t count = element_count(outputs[0].shape());
  Words words(attributes);
  if (is_float(attributes.output_type)) {
    const double least = to_doubles(inputs[1]).at(0);
    const double range = to_doubles(inputs[2]).at(0) - least;
    std::vector<double> values(count);
    for (double& value : values) {
      value = draw_real(words, attributes.output_type, attributes.alignment) * range + least;
    }
    store(outputs[0], values);
    return;
  }
  const std::int64_t least = to_ints(inputs[1]).at(0);
  const std::int64_t most = to_ints(inputs[2]).at(0);
  if (most <= least) {
    fail(ErrorCode::kInvalidArgument, "draws integers from [{}, {}), expected at least one", least, most);
  }
  const std::uint64_t range = static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least);
  std::vector<std::int64_t> values(count);
  for (std::int64_t& value : values) {
    const std::uint64_t drawn = draw_integer(words, attributes.output_type, attributes.alignment, most) % range;
    value = static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + drawn);
  }
  store(outputs[0], values);
}

}  // namespace

extern const OpDef random_uniform;
const OpDef random_uniform{
    .name = "RandomUniform",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/generation/"
        "random-uniform-8.html",
    .inputs = {3, 3},
    .openvino = {.type = "RandomUniform", .versions = {8}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
    .widen_attributes = widen_type_attribute<Attributes, &Attributes::output_type>,
};

}  // namespace fovea::ops
