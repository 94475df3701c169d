#include "engine/frontends/tflite/file.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/frontends/common/graph_builder.hpp"

namespace fovea::tflite {
namespace {

/// Tables may be referred to any number of times: what is copied out of them is bounded by itself.
constexpr std::size_t kMaxTensors = 100'000;
constexpr std::size_t kMaxNameBytes = std::size_t{16} << 20U;
constexpr std::size_t kMaxScales = 1'000'000;
constexpr std::size_t kExtraCopiedBytes = std::size_t{16} << 20U;

DataType element_type(const schema::Tensor& tensor, const std::string& where) {
  switch (tensor.type()) {
    case schema::TensorType::kF32:
      return DataType::kF32;
    case schema::TensorType::kF16:
      return DataType::kF16;
    case schema::TensorType::kF64:
      return DataType::kF64;
    case schema::TensorType::kI8:
      return DataType::kI8;
    case schema::TensorType::kI16:
      return DataType::kI16;
    case schema::TensorType::kI32:
      return DataType::kI32;
    case schema::TensorType::kI64:
      return DataType::kI64;
    case schema::TensorType::kU8:
      return DataType::kU8;
    case schema::TensorType::kBool:
      return DataType::kBool;
    default:
      fail(ErrorCode::kUnsupported, "{}: element type {}", where, static_cast<int>(tensor.type()));
  }
}

/// The shape the original's interpreter starts with: extents the file leaves open are 1 in it.
Shape read_shape(const schema::Tensor& tensor, const std::string& where) {
  importer::Ints list;
  constexpr std::size_t kMaxRank = 16;
  if (tensor.shape() != nullptr) {
    if (tensor.shape()->size() > kMaxRank) {
      fail(ErrorCode::kInvalidModel, "{}: the shape has {} axes, at most {} are supported", where,
           tensor.shape()->size(), kMaxRank);
    }
    list.assign(tensor.shape()->begin(), tensor.shape()->end());
  }
  return importer::checked_shape(list, where);
}

std::optional<Quantisation> read_quantisation(const schema::Tensor& tensor, const TensorType& type,
                                              const std::string& where) {
  const schema::Quantization* q = tensor.quantization();
  if (q == nullptr || q->scale() == nullptr || q->scale()->size() == 0 || is_float(type.data_type) ||
      type.data_type == DataType::kBool) {
    return std::nullopt;
  }
  Quantisation result;
  result.scale.assign(q->scale()->begin(), q->scale()->end());
  if (q->zero_point() != nullptr) {
    if (q->zero_point()->size() > result.scale.size()) {
      fail(ErrorCode::kInvalidModel, "{}: {} zero points for {} scales", where, q->zero_point()->size(),
           result.scale.size());
    }
    result.zero_point.assign(q->zero_point()->begin(), q->zero_point()->end());
  }
  if (result.zero_point.size() <= 1) {
    result.zero_point.resize(result.scale.size(), result.zero_point.empty() ? 0 : result.zero_point[0]);
  }
  constexpr std::int64_t kMostZeroPoint = 1 << 20;  // any zero point of a type of up to 16 bits
  const auto bad_zero = [](std::int64_t zero) { return zero < -kMostZeroPoint || zero > kMostZeroPoint; };
  if (result.zero_point.size() != result.scale.size() || std::ranges::any_of(result.zero_point, bad_zero)) {
    fail(ErrorCode::kInvalidModel, "{}: {} zero points for {} scales, expected one each, within ±2^20", where,
         result.zero_point.size(), result.scale.size());
  }
  if (!std::ranges::all_of(result.scale, [](float scale) { return std::isfinite(scale) && scale > 0; })) {
    // Converters write an empty quantisation with a scale of 0 on tensors that have none.
    if (std::ranges::all_of(result.scale, [](float scale) { return scale == 0; })) {
      return std::nullopt;
    }
    fail(ErrorCode::kInvalidModel, "{}: a quantisation scale is not a number above 0", where);
  }
  if (result.scale.size() > 1) {
    const std::int32_t axis = q->quantized_dimension();
    if (axis < 0 || static_cast<std::size_t>(axis) >= type.shape.size() ||
        type.shape[static_cast<std::size_t>(axis)] != static_cast<std::int64_t>(result.scale.size())) {
      fail(ErrorCode::kInvalidModel, "{}: {} scales along axis {} of {}", where, result.scale.size(), axis,
           to_string(type.shape));
    }
    result.axis = static_cast<std::size_t>(axis);
  }
  return result;
}

/// Content of a buffer: inside the tables, or (large models) behind them.
std::span<const std::byte> buffer_bytes(const TfliteFile& file, std::uint32_t index, const std::string& where) {
  const auto* buffers = file.model->buffers();
  if (buffers == nullptr || index >= buffers->size() || buffers->Get(index) == nullptr) {
    fail(ErrorCode::kInvalidModel, "{}: there is no buffer {}", where, index);
  }
  const schema::Buffer& buffer = *buffers->Get(index);
  if (buffer.data() != nullptr && buffer.data()->size() > 0) {
    return {reinterpret_cast<const std::byte*>(buffer.data()->data()), buffer.data()->size()};
  }
  const std::span<const std::byte> all = file.file->bytes();
  constexpr std::uint64_t kLeastOffset = 2;  // 0 and 1 say that there is none
  if (buffer.offset() < kLeastOffset) {
    return {};
  }
  if (buffer.offset() > all.size() || buffer.size() > all.size() - buffer.offset()) {
    fail(ErrorCode::kInvalidModel, "{}: buffer {} needs {} bytes from {} on, the file has {}", where, index,
         buffer.size(), buffer.offset(), all.size());
  }
  return all.subspan(buffer.offset(), buffer.size());
}

Tensor to_tensor(const TfliteFile& file, const TensorType& type, std::span<const std::byte> bytes,
                 const std::string& where) {
  if (byte_size(type) != bytes.size()) {
    fail(ErrorCode::kInvalidModel, "{}: {} needs {} bytes, the buffer has {}", where, to_string(type), byte_size(type),
         bytes.size());
  }
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type.data_type) == 0) {
    return {type, bytes.data(), file.file};
  }
  Tensor copy(type);
  std::memcpy(copy.mutable_view().bytes, bytes.data(), bytes.size());
  return copy;
}

/// What all tensors together have taken so far.
struct Copied {
  std::size_t names = 0;
  std::size_t scales = 0;
  std::size_t bytes = 0;  ///< Of constants that lie unaligned in the file.
};

void check_copied(const TfliteFile& file, const Copied& copied, const std::string& where) {
  const std::size_t most = kExtraCopiedBytes + file.file->bytes().size();
  if (copied.names > kMaxNameBytes || copied.scales > kMaxScales || copied.bytes > most) {
    fail(ErrorCode::kInvalidModel,
         "{}: up to here tensors have {} bytes of names, {} scales and {} bytes of unaligned constants, expected at "
         "most {}, {} and {}",
         where, copied.names, copied.scales, copied.bytes, kMaxNameBytes, kMaxScales, most);
  }
}

TensorInfo read_tensor(const TfliteFile& file, const schema::Tensor& tensor, std::size_t index, Copied& copied) {
  TensorInfo info;
  constexpr std::size_t kMostShown = 200;
  copied.names += tensor.name() == nullptr ? 0 : tensor.name()->size();
  check_copied(file, copied, fmt::format("tensor {}", index));
  info.name =
      tensor.name() == nullptr || tensor.name()->size() == 0 ? fmt::format("tensor{}", index) : tensor.name()->str();
  const std::string where = fmt::format("tensor {} '{}'", index, info.name.substr(0, kMostShown));
  const std::span<const std::byte> bytes = buffer_bytes(file, tensor.buffer(), where);
  const bool constant = !bytes.empty() && !tensor.is_variable();
  info.type = {element_type(tensor, where), read_shape(tensor, where)};
  if (tensor.sparsity() != nullptr) {
    fail(ErrorCode::kUnsupported, "{}: sparse storage", where);
  }
  const auto* scales = tensor.quantization() == nullptr ? nullptr : tensor.quantization()->scale();
  copied.scales += scales == nullptr ? 0 : scales->size();
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(info.type.data_type) == 0;
  copied.bytes += constant && !aligned ? bytes.size() : 0;
  check_copied(file, copied, where);
  info.quant = read_quantisation(tensor, info.type, where);
  if (constant) {
    info.constant = to_tensor(file, info.type, bytes, where);
  }
  return info;
}

}  // namespace

schema::BuiltinOperator code_of(const schema::OperatorCode& code) {
  return static_cast<schema::BuiltinOperator>(std::max<std::int32_t>(code.old_code(), code.code()));
}

TfliteFile open_file(std::shared_ptr<const MappedFile> mapped) {
  const std::span<const std::byte> bytes = mapped->bytes();
  constexpr std::size_t kMaxBytes = FLATBUFFERS_MAX_BUFFER_SIZE;
  constexpr int kMaxDepth = 64;
  constexpr int kMaxTables = 1'000'000;
  // What lies behind the tables of a file above 2 GiB is reached by offset only.
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                 std::min(bytes.size(), kMaxBytes - 1), kMaxDepth, kMaxTables);
  if (!schema::VerifyModelBuffer(verifier)) {
    fail(ErrorCode::kInvalidModel, "the file is damaged: its tables do not verify");
  }
  TfliteFile file;
  file.file = std::move(mapped);
  file.model = schema::GetModel(bytes.data());
  constexpr std::uint32_t kVersion = 3;
  if (file.model->version() != kVersion) {
    fail(ErrorCode::kUnsupported, "schema version {}, expected {}", file.model->version(), kVersion);
  }
  const auto* graphs = file.model->subgraphs();
  if (graphs == nullptr || graphs->size() == 0 || graphs->Get(0)->tensors() == nullptr) {
    fail(ErrorCode::kInvalidModel, "the file has no graph");
  }
  file.graph = graphs->Get(0);
  const std::size_t count = file.graph->tensors()->size();
  if (count > kMaxTensors) {
    fail(ErrorCode::kUnsupported, "the graph has {} tensors, expected at most {}", count, kMaxTensors);
  }
  Copied copied;
  for (std::size_t i = 0; i < count; ++i) {
    const schema::Tensor& tensor = *file.graph->tensors()->Get(static_cast<flatbuffers::uoffset_t>(i));
    file.tensors.push_back(read_tensor(file, tensor, i, copied));
  }
  return file;
}

}  // namespace fovea::tflite
