#include "engine/frontends/onnx/tensors.hpp"

#include <algorithm>
#include <cstring>

#include "engine/base/text.hpp"
#include "engine/frontends/onnx/onnx_model.pb.h"

namespace fovea::onnx {
namespace {

TensorType type_of(const proto::TensorProto& message, const std::string& where) {
  TensorType type{data_type_of(message.data_type(), where), {}};
  constexpr int kMaxRank = 16;
  if (message.dims_size() > kMaxRank) {
    fail(ErrorCode::kInvalidModel, "{} has {} axes, expected at most {}", where, message.dims_size(), kMaxRank);
  }
  type.shape.assign(message.dims().begin(), message.dims().end());
  try {
    element_count(type.shape);
  } catch (const Error& error) {
    throw error.with_context(where);
  }
  return type;
}

/// Any byte but 0 is true; other representations of bool would be undefined to read.
void normalise_bools(Tensor& tensor) {
  if (tensor.data_type() == DataType::kBool) {
    for (std::byte& byte : std::span(tensor.mutable_view().bytes, tensor.size())) {
      byte = byte == std::byte{0} ? std::byte{0} : std::byte{1};
    }
  }
}

/// A tensor of a part of a file, read when it is needed.
Tensor defer(const TensorType& type, std::span<const std::byte> bytes, const std::shared_ptr<const MappedFile>& file) {
  if (type.data_type != DataType::kBool && !bytes.empty()) {
    return Tensor::deferred(type, type.data_type, bytes, file);
  }
  Tensor copy(type);
  std::ranges::copy(bytes, copy.mutable_view().bytes);
  normalise_bools(copy);
  return copy;
}

/// A tensor of these bytes: in place where the alignment allows it.
Tensor adopt(const TensorType& type, std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type.data_type) == 0;
  if (aligned && type.data_type != DataType::kBool && !bytes.empty()) {
    return {type, bytes.data(), owner};
  }
  Tensor copy(type);
  std::ranges::copy(bytes, copy.mutable_view().bytes);
  normalise_bools(copy);
  return copy;
}

void check_count(std::size_t given, std::size_t wanted, const TensorType& type, const std::string& where) {
  if (given != wanted) {
    fail(ErrorCode::kInvalidModel, "{} is {} and holds {} values, expected {}", where, to_string(type), given, wanted);
  }
}

template <class To, class List>
void fill(Tensor& tensor, const List& list) {
  const std::span<To> data = tensor.data<To>();
  std::transform(list.begin(), list.end(), data.begin(), [](auto value) { return static_cast<To>(value); });
}

template <class Half>
void fill_halves(Tensor& tensor, const google::protobuf::RepeatedField<std::int32_t>& list) {
  const std::span<Half> data = tensor.data<Half>();
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i].bits = static_cast<std::uint16_t>(list[static_cast<int>(i)]);
  }
}

/// The number of values in the typed list that holds this element type.
int list_size(const proto::TensorProto& message, DataType type) {
  switch (type) {
    case DataType::kF32:
      return message.float_data_size();
    case DataType::kF64:
      return message.double_data_size();
    case DataType::kI64:
      return message.int64_data_size();
    case DataType::kU32:
    case DataType::kU64:
      return message.uint64_data_size();
    default:
      return message.int32_data_size();
  }
}

Tensor read_lists(const proto::TensorProto& message, const TensorType& type, const std::string& where) {
  check_count(static_cast<std::size_t>(list_size(message, type.data_type)), element_count(type.shape), type, where);
  Tensor tensor(type);
  switch (type.data_type) {
    case DataType::kF32:
      fill<float>(tensor, message.float_data());
      break;
    case DataType::kF64:
      fill<double>(tensor, message.double_data());
      break;
    case DataType::kI64:
      fill<std::int64_t>(tensor, message.int64_data());
      break;
    case DataType::kU32:
      fill<std::uint32_t>(tensor, message.uint64_data());
      break;
    case DataType::kU64:
      fill<std::uint64_t>(tensor, message.uint64_data());
      break;
    case DataType::kF16:
      fill_halves<Float16>(tensor, message.int32_data());
      break;
    case DataType::kBF16:
      fill_halves<BFloat16>(tensor, message.int32_data());
      break;
    case DataType::kBool:
      fill<bool>(tensor, message.int32_data());
      break;
    case DataType::kI8:
      fill<std::int8_t>(tensor, message.int32_data());
      break;
    case DataType::kI16:
      fill<std::int16_t>(tensor, message.int32_data());
      break;
    case DataType::kI32:
      fill<std::int32_t>(tensor, message.int32_data());
      break;
    case DataType::kU8:
      fill<std::uint8_t>(tensor, message.int32_data());
      break;
    case DataType::kU16:
      fill<std::uint16_t>(tensor, message.int32_data());
      break;
  }
  return tensor;
}

/// Value of an external_data entry as a number ≥ 0.
std::uint64_t external_number(const std::string& key, const std::string& text, const std::string& where) {
  const auto number = parse_int(text);
  if (!number || *number < 0) {
    fail(ErrorCode::kInvalidModel, "{}: external data {} is '{}', expected a number ≥ 0", where, key,
         text.substr(0, 80));
  }
  return static_cast<std::uint64_t>(*number);
}

}  // namespace

DataType data_type_of(std::int32_t number, std::string_view where) {
  switch (number) {
    case 1:
      return DataType::kF32;
    case 2:
      return DataType::kU8;
    case 3:
      return DataType::kI8;
    case 4:
      return DataType::kU16;
    case 5:
      return DataType::kI16;
    case 6:
      return DataType::kI32;
    case 7:
      return DataType::kI64;
    case 9:
      return DataType::kBool;
    case 10:
      return DataType::kF16;
    case 11:
      return DataType::kF64;
    case 12:
      return DataType::kU32;
    case 13:
      return DataType::kU64;
    case 16:
      return DataType::kBF16;
    case 8:
      fail(ErrorCode::kUnsupported, "{}: strings are not supported", where);
    case 14:
    case 15:
      fail(ErrorCode::kUnsupported, "{}: complex numbers are not supported", where);
    case 17:
    case 18:
    case 19:
    case 20:
    case 21:
    case 22:
    case 23:
      fail(ErrorCode::kUnsupported, "{}: element types of 4 bits and floating ones of 8 bits are not supported", where);
    default:
      fail(ErrorCode::kInvalidModel, "{}: element type is {}, expected a number of ONNX's list of types", where,
           number);
  }
}

Tensor TensorReader::read(const proto::TensorProto& message, const std::string& where) {
  const TensorType type = type_of(message, where);
  if (message.data_location() == proto::TensorProto::EXTERNAL) {
    return read_external(message, type, where);
  }
  if (message.has_raw_place()) {
    return read_in_place(message, type, where);
  }
  if (!message.has_raw_data()) {
    return read_lists(message, type, where);
  }
  const std::string& raw = message.raw_data();
  if (raw.size() != byte_size(type)) {
    fail(ErrorCode::kInvalidModel, "{} is {} and holds {} bytes, expected {}", where, to_string(type), raw.size(),
         byte_size(type));
  }
  return adopt(type, std::as_bytes(std::span(raw)), owner_);
}

Tensor TensorReader::read_in_place(const proto::TensorProto& message, const TensorType& type,
                                   const std::string& where) const {
  const std::span<const std::byte> file = model_->bytes();
  const std::uint64_t place = message.raw_place();
  const std::uint64_t size = message.raw_bytes();
  if (place > file.size() || size > file.size() - place) {
    fail(ErrorCode::kInvalidModel, "{}: bytes {} to {} of a file of {}", where, place, place + size, file.size());
  }
  if (size != byte_size(type)) {
    fail(ErrorCode::kInvalidModel, "{} is {} and holds {} bytes, expected {}", where, to_string(type), size,
         byte_size(type));
  }
  return defer(type, file.subspan(place, size), model_);
}

Tensor TensorReader::read_external(const proto::TensorProto& message, const TensorType& type,
                                   const std::string& where) {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  for (const auto& entry : message.external_data()) {
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset") {
      offset = external_number(entry.key(), entry.value(), where);
    } else if (entry.key() == "length") {
      length = external_number(entry.key(), entry.value(), where);
    }
  }
  const std::size_t needed = byte_size(type);
  if (length && *length != needed) {
    fail(ErrorCode::kInvalidModel, "{} is {}, which needs {} bytes, external data length is {}", where, to_string(type),
         needed, *length);
  }
  const std::shared_ptr<const MappedFile>& file = open(location, where);
  const std::span<const std::byte> bytes = file->bytes();
  if (offset > bytes.size() || needed > bytes.size() - offset) {
    fail(ErrorCode::kInvalidModel, "{} needs {} bytes from {} on of '{}', which has {}", where, needed, offset,
         location, bytes.size());
  }
  return defer(type, bytes.subspan(offset, needed), file);
}

const std::shared_ptr<const MappedFile>& TensorReader::open(const std::string& location, const std::string& where) {
  if (const auto found = files_.find(location); found != files_.end()) {
    return found->second;
  }
  // A model must not make us read files it has no business with, be it by path or by symbolic link.
  const std::filesystem::path relative(location);
  std::error_code error;
  const auto root = std::filesystem::weakly_canonical(folder_.empty() ? "." : folder_, error);
  const auto target = std::filesystem::weakly_canonical(root / relative, error);
  const auto inside = std::mismatch(root.begin(), root.end(), target.begin(), target.end());
  if (location.empty() || relative.is_absolute() || error || inside.first != root.end()) {
    fail(ErrorCode::kInvalidModel, "{}: external data lies in '{}', expected a file inside the model's folder", where,
         location.substr(0, 200));
  }
  try {
    const auto& file = files_.emplace(location, MappedFile::open(target)).first->second;
    bytes_ += file->bytes().size();
    return file;
  } catch (const Error& reason) {
    throw reason.with_context(where);
  }
}

Tensor TensorReader::read(const proto::SparseTensorProto& message, const std::string& where) {
  constexpr std::size_t kMaxDenseBytes = std::size_t{32} << 20U;  // a few stored values must not ask for gigabytes
  proto::TensorProto whole;
  *whole.mutable_dims() = message.dims();
  whole.set_data_type(message.values().data_type());
  const TensorType type = type_of(whole, where);
  if (byte_size(type) > kMaxDenseBytes) {
    fail(ErrorCode::kUnsupported, "{}: a sparse tensor of {} is larger than {} bytes written out", where,
         to_string(type), kMaxDenseBytes);
  }
  const Tensor values = read(message.values(), where + " values");
  const std::vector<std::int64_t> indices = to_ints(read(message.indices(), where + " indices").view());
  const Shape strides = row_major_strides(type.shape);
  const std::size_t count = values.size();
  const bool linear = indices.size() == count && message.indices().dims_size() == 1;
  check_count(indices.size(), linear ? count : count * strides.size(), type, where + " indices");
  Tensor dense(type);
  const std::size_t size = size_of(type.data_type);
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t flat = linear ? indices[i] : 0;
    for (std::size_t axis = 0; !linear && axis < strides.size(); ++axis) {
      const std::int64_t index = indices[i * strides.size() + axis];
      flat = index < 0 || index >= type.shape[axis] ? -1 : flat < 0 ? flat : flat + index * strides[axis];
    }
    if (flat < 0 || static_cast<std::size_t>(flat) >= dense.size()) {
      fail(ErrorCode::kInvalidModel, "{}: an index lies outside {}", where, to_string(type));
    }
    std::memcpy(dense.mutable_view().bytes + static_cast<std::size_t>(flat) * size, values.bytes().data() + i * size,
                size);
  }
  return dense;
}

}  // namespace fovea::onnx
