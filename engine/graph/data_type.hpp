// Element types of tensors, and the two 16-bit floating types C++ does not have.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/base/error.hpp"

namespace fovea {

enum class DataType : std::uint8_t { kF32, kF16, kBF16, kF64, kI8, kI16, kI32, kI64, kU8, kU16, kU32, kU64, kBool };

/// "f32", "i64", "bool", …: the names of the text form and of messages.
std::string_view to_string(DataType type);

/// Inverse of to_string; also accepts IR's "boolean" and its port precisions ("FP32", "I64", "BOOL").
std::optional<DataType> parse_data_type(std::string_view name);

/// Bytes of one element.
std::size_t size_of(DataType type);

/// f32, f16, bf16 or f64.
bool is_float(DataType type);

/// IEEE 754 binary16, stored only; arithmetic happens in float or double.
struct Float16 {
  std::uint16_t bits = 0;
  Float16() = default;
  explicit Float16(float value);  ///< Rounds to nearest even; overflow becomes infinity.
  explicit operator float() const;
};

/// The upper half of a binary32, stored only.
struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value);  ///< Rounds to nearest even.
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U); }
};

/// The DataType of a C++ element type: data_type_of<float>() == kF32.
template <class T>
constexpr DataType data_type_of();
template <>
constexpr DataType data_type_of<float>() {
  return DataType::kF32;
}
template <>
constexpr DataType data_type_of<Float16>() {
  return DataType::kF16;
}
template <>
constexpr DataType data_type_of<BFloat16>() {
  return DataType::kBF16;
}
template <>
constexpr DataType data_type_of<double>() {
  return DataType::kF64;
}
template <>
constexpr DataType data_type_of<std::int8_t>() {
  return DataType::kI8;
}
template <>
constexpr DataType data_type_of<std::int16_t>() {
  return DataType::kI16;
}
template <>
constexpr DataType data_type_of<std::int32_t>() {
  return DataType::kI32;
}
template <>
constexpr DataType data_type_of<std::int64_t>() {
  return DataType::kI64;
}
template <>
constexpr DataType data_type_of<std::uint8_t>() {
  return DataType::kU8;
}
template <>
constexpr DataType data_type_of<std::uint16_t>() {
  return DataType::kU16;
}
template <>
constexpr DataType data_type_of<std::uint32_t>() {
  return DataType::kU32;
}
template <>
constexpr DataType data_type_of<std::uint64_t>() {
  return DataType::kU64;
}
template <>
constexpr DataType data_type_of<bool>() {
  return DataType::kBool;
}

/// Calls `function.template operator()<T>()` with the C++ type of `type`.
template <class Function>
decltype(auto) dispatch(DataType type, Function&& function) {
  switch (type) {
    case DataType::kF32:
      return std::forward<Function>(function).template operator()<float>();
    case DataType::kF16:
      return std::forward<Function>(function).template operator()<Float16>();
    case DataType::kBF16:
      return std::forward<Function>(function).template operator()<BFloat16>();
    case DataType::kF64:
      return std::forward<Function>(function).template operator()<double>();
    case DataType::kI8:
      return std::forward<Function>(function).template operator()<std::int8_t>();
    case DataType::kI16:
      return std::forward<Function>(function).template operator()<std::int16_t>();
    case DataType::kI32:
      return std::forward<Function>(function).template operator()<std::int32_t>();
    case DataType::kI64:
      return std::forward<Function>(function).template operator()<std::int64_t>();
    case DataType::kU8:
      return std::forward<Function>(function).template operator()<std::uint8_t>();
    case DataType::kU16:
      return std::forward<Function>(function).template operator()<std::uint16_t>();
    case DataType::kU32:
      return std::forward<Function>(function).template operator()<std::uint32_t>();
    case DataType::kU64:
      return std::forward<Function>(function).template operator()<std::uint64_t>();
    case DataType::kBool:
      return std::forward<Function>(function).template operator()<bool>();
  }
  fail(ErrorCode::kInternal, "data type {} has no C++ type", static_cast<int>(type));
}

}  // namespace fovea
