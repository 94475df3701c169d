#include "engine/graph/data_type.hpp"

#include <array>
#include <cmath>

#include "engine/base/text.hpp"

namespace fovea {
namespace {

struct TypeRow {
  DataType type;
  std::string_view name;
  std::string_view precision;  ///< As IR writes it on ports.
  std::size_t size;
};

constexpr std::array kTypes = {
    TypeRow{DataType::kF32, "f32", "fp32", 4},      TypeRow{DataType::kF16, "f16", "fp16", 2},
    TypeRow{DataType::kBF16, "bf16", "bf16", 2},    TypeRow{DataType::kF64, "f64", "fp64", 8},
    TypeRow{DataType::kI8, "i8", "i8", 1},          TypeRow{DataType::kI16, "i16", "i16", 2},
    TypeRow{DataType::kI32, "i32", "i32", 4},       TypeRow{DataType::kI64, "i64", "i64", 8},
    TypeRow{DataType::kU8, "u8", "u8", 1},          TypeRow{DataType::kU16, "u16", "u16", 2},
    TypeRow{DataType::kU32, "u32", "u32", 4},       TypeRow{DataType::kU64, "u64", "u64", 8},
    TypeRow{DataType::kBool, "bool", "boolean", 1},
};

}  // namespace

std::string_view to_string(DataType type) { return kTypes.at(static_cast<std::size_t>(type)).name; }

std::size_t size_of(DataType type) { return kTypes.at(static_cast<std::size_t>(type)).size; }

bool is_float(DataType type) {
  return type == DataType::kF32 || type == DataType::kF16 || type == DataType::kBF16 || type == DataType::kF64;
}

std::optional<DataType> parse_data_type(std::string_view name) {
  const std::string lower = to_lower(name);
  for (const TypeRow& row : kTypes) {
    if (lower == row.name || lower == row.precision) {
      return row.type;
    }
  }
  return std::nullopt;
}

Float16::Float16(float value) {
  const auto f = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (f >> 16U) & 0x8000U;
  const std::uint32_t magnitude = f & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000U) {
    half = 0x7E00U;  // NaN
  } else if (magnitude >= 0x477FF000U) {
    half = 0x7C00U;  // 65520 and above round to infinity
  } else if (magnitude < 0x38800000U) {
    // Below 2^-14: adding 0.5 lets the FPU round the subnormal's ten bits to nearest even.
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3F000000U;
  } else {
    const std::uint32_t odd = (magnitude >> 13U) & 1U;
    half = (magnitude - 0x38000000U + 0xFFFU + odd) >> 13U;
  }
  bits = static_cast<std::uint16_t>(sign | half);
}

Float16::operator float() const {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 0x7F800000U : (exponent + 112U) << 23U;
  return std::bit_cast<float>(sign | wide | (mantissa << 13U));
}

BFloat16::BFloat16(float value) {
  const auto f = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) {
    bits = static_cast<std::uint16_t>((f >> 16U) | 0x40U);
    return;
  }
  bits = static_cast<std::uint16_t>((f + 0x7FFFU + ((f >> 16U) & 1U)) >> 16U);
}

}  // namespace fovea
