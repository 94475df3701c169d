#include "engine/graph/tensor.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>
#include <type_traits>

namespace fovea {
namespace {

constexpr std::align_val_t kAlignment{64};  // one cache line, one AVX-512 register

template <class T>
constexpr bool kIsHalf = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

/// One element converted as Tensor::cast documents.
template <class To, class From>
To convert(From value) {
  if constexpr (kIsHalf<From>) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (kIsHalf<To>) {
    return To(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Out-of-range conversions are undefined behaviour in C++; clamp to what 64 bits hold, then wrap.
    constexpr double kLow = -9223372036854775808.0;
    constexpr double kHigh = 9223372036854774784.0;
    const double wide = static_cast<double>(value);
    return wide != wide ? To{} : static_cast<To>(static_cast<std::int64_t>(std::clamp(wide, kLow, kHigh)));
  } else {
    return static_cast<To>(value);
  }
}

template <class To>
std::vector<To> read_as(const ConstTensorView& view) {
  std::vector<To> values(element_count(view.type.shape));
  dispatch(view.type.data_type, [&]<class From>() {
    const auto data = view.data<From>();
    std::ranges::transform(data, values.begin(), [](From value) { return convert<To>(value); });
  });
  return values;
}

template <class From>
void store_from(const TensorView& view, std::span<const From> values) {
  dispatch(view.type.data_type, [&]<class To>() {
    const auto data = view.data<To>();
    if (data.size() != values.size()) {
      fail(ErrorCode::kInternal, "{} values stored into {}", values.size(), to_string(view.type));
    }
    std::ranges::transform(values, data.begin(), [](From value) { return convert<To>(value); });
  });
}

}  // namespace

std::string to_string(const Shape& shape) {
  if (!has_rank(shape)) {
    return "[...]";
  }
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += i == 0 ? "" : ",";
    text += shape[i] == kDynamic ? std::string("?") : std::to_string(shape[i]);
  }
  return text + "]";
}

std::string to_string(const TensorType& type) { return std::string(to_string(type.data_type)) + to_string(type.shape); }

bool is_static(const Shape& shape) {
  return std::ranges::all_of(shape, [](std::int64_t extent) { return extent >= 0; });
}

bool has_rank(const Shape& shape) { return shape.size() != 1 || shape[0] != kUnknownRank; }

bool shape_fits(const Shape& declared, const Shape& actual) {
  if (!has_rank(declared)) {
    return true;
  }
  bool fits = declared.size() == actual.size();
  for (std::size_t i = 0; fits && i < declared.size(); ++i) {
    fits = declared[i] == kDynamic || declared[i] == actual[i];
  }
  return fits;
}

std::size_t element_count(const Shape& shape) {
  std::uint64_t count = 1;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) {
      fail(ErrorCode::kInvalidModel, "shape {} is not static", to_string(shape));
    }
    empty = empty || extent == 0;
    // An extent of 0 must not hide others that strides cannot be computed from.
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(extent, 1));
    if (count > kMaxTensorBytes / factor) {
      fail(ErrorCode::kInvalidModel, "shape {} has more than 2^40 elements", to_string(shape));
    }
    count *= factor;
  }
  return empty ? 0 : count;
}

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * shape[i];
  }
  return strides;
}

std::size_t byte_size(const TensorType& type) { return element_count(type.shape) * size_of(type.data_type); }

Tensor::Tensor(TensorType type) : type_(std::move(type)) {
  const std::size_t size = std::max<std::size_t>(byte_size(type_), 1);
  auto* memory = static_cast<std::byte*>(::operator new(size, kAlignment));
  std::memset(memory, 0, size);
  owner_ = std::shared_ptr<const void>(memory, [](void* pointer) { ::operator delete(pointer, kAlignment); });
  bytes_ = memory;
}

Tensor Tensor::reshaped(Shape shape) const {
  if (element_count(shape) != size()) {
    fail(ErrorCode::kInternal, "cannot view {} as {}", to_string(type_), to_string(shape));
  }
  Tensor result = *this;
  result.type_.shape = std::move(shape);
  return result;
}

Tensor Tensor::clone() const {
  Tensor copy(type_);
  std::ranges::copy(bytes(), copy.bytes_);
  return copy;
}

Tensor Tensor::cast(DataType data_type) const {
  Tensor result(data_type, type_.shape);
  dispatch(type_.data_type, [&]<class From>() {
    dispatch(data_type, [&]<class To>() {
      std::ranges::transform(data<From>(), result.data<To>().begin(), [](From value) { return convert<To>(value); });
    });
  });
  return result;
}

std::vector<double> to_doubles(const ConstTensorView& view) { return read_as<double>(view); }
std::vector<std::int64_t> to_ints(const ConstTensorView& view) { return read_as<std::int64_t>(view); }
void store(const TensorView& view, std::span<const double> values) { store_from(view, values); }
void store(const TensorView& view, std::span<const std::int64_t> values) { store_from(view, values); }

}  // namespace fovea
