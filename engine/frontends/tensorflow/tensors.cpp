#include "engine/frontends/tensorflow/tensors.hpp"

#include <algorithm>
#include <cstring>

#include "engine/frontends/common/graph_builder.hpp"

namespace fovea::tensorflow {
namespace {

/// Largest tensor that a few values may fill: a line of text must not ask for gigabytes.
constexpr std::size_t kMaxFilled = std::size_t{1} << 22U;

template <class Values, class Convert>
void fill(const TensorView& view, const Values& values, const std::string& where, Convert convert) {
  const std::size_t count = element_count(view.type.shape);
  const auto given = static_cast<std::size_t>(values.size());
  if (given > count || (given == 0 && count > 0 && count > kMaxFilled) || (given < count && count > kMaxFilled)) {
    fail(ErrorCode::kInvalidModel, "{}: {} values for the shape {}", where, given, to_string(view.type.shape));
  }
  for (std::size_t i = 0; i < count && given > 0; ++i) {
    convert(i, values.Get(static_cast<int>(std::min(i, given - 1))));
  }
}

template <class T, class Values>
void fill_as(const TensorView& view, const Values& values, const std::string& where) {
  const std::span<T> data = view.data<T>();
  fill(view, values, where, [&](std::size_t i, auto value) { data[i] = static_cast<T>(value); });
}

}  // namespace

DataType element_type(int type, const std::string& where) {
  constexpr int kReference = 100;
  switch (type > kReference ? type - kReference : type) {
    case 1:
      return DataType::kF32;
    case 2:
      return DataType::kF64;
    case 3:
      return DataType::kI32;
    case 4:
    case 12:  // quantised: what it stands for is said by Dequantize
      return DataType::kU8;
    case 5:
      return DataType::kI16;
    case 6:
    case 11:
      return DataType::kI8;
    case 9:
      return DataType::kI64;
    case 10:
      return DataType::kBool;
    case 14:
      return DataType::kBF16;
    case 17:
      return DataType::kU16;
    case 19:
      return DataType::kF16;
    case 22:
      return DataType::kU32;
    case 23:
      return DataType::kU64;
    default:
      fail(ErrorCode::kUnsupported, "{}: element type number {}", where, type);
  }
}

Shape to_shape(const TensorShapeProto& shape, const std::string& where, bool allow_dynamic) {
  importer::Ints dims;
  for (const auto& dim : shape.dim()) {
    dims.push_back(dim.size());
  }
  return importer::checked_shape(dims, where, allow_dynamic);
}

Tensor to_tensor(const TensorProto& proto, const std::string& where) {
  const TensorType type{element_type(proto.dtype(), where), to_shape(proto.tensor_shape(), where)};
  const std::string& content = proto.tensor_content();
  if (!content.empty()) {
    if (content.size() != byte_size(type)) {
      fail(ErrorCode::kInvalidModel, "{}: {} needs {} bytes, the file has {}", where, to_string(type), byte_size(type),
           content.size());
    }
    Tensor tensor(type);
    std::memcpy(tensor.mutable_view().bytes, content.data(), content.size());
    return tensor;
  }
  const auto given = static_cast<std::size_t>(proto.float_val_size() + proto.double_val_size() + proto.int_val_size() +
                                              proto.int64_val_size() + proto.bool_val_size() + proto.half_val_size());
  if (element_count(type.shape) > kMaxFilled && given < element_count(type.shape)) {
    fail(ErrorCode::kInvalidModel, "{}: {} values for the shape {}", where, given, to_string(type.shape));
  }
  Tensor tensor(type);
  const TensorView view = tensor.mutable_view();
  dispatch(type.data_type, [&]<class T>() {
    if constexpr (std::same_as<T, float>) {
      fill_as<T>(view, proto.float_val(), where);
    } else if constexpr (std::same_as<T, double>) {
      fill_as<T>(view, proto.double_val(), where);
    } else if constexpr (std::same_as<T, bool>) {
      fill_as<T>(view, proto.bool_val(), where);
    } else if constexpr (std::same_as<T, Float16> || std::same_as<T, BFloat16>) {
      const std::span<T> data = view.data<T>();
      fill(view, proto.half_val(), where,
           [&](std::size_t i, std::int32_t bits) { data[i].bits = static_cast<std::uint16_t>(bits); });
    } else if constexpr (sizeof(T) == sizeof(std::int64_t)) {
      fill_as<T>(view, proto.int64_val(), where);
    } else {
      fill_as<T>(view, proto.int_val(), where);
    }
  });
  return tensor;
}

}  // namespace fovea::tensorflow
