#include "tools/npy.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <string>

#include "engine/base/mapped_file.hpp"
#include "engine/base/text.hpp"

namespace fovea {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct Descr {
  std::string_view text;
  DataType type;
};

constexpr std::array kDescrs = {
    Descr{"<f4", DataType::kF32}, Descr{"<f2", DataType::kF16}, Descr{"<f8", DataType::kF64},
    Descr{"|i1", DataType::kI8},  Descr{"<i2", DataType::kI16}, Descr{"<i4", DataType::kI32},
    Descr{"<i8", DataType::kI64}, Descr{"|u1", DataType::kU8},  Descr{"<u2", DataType::kU16},
    Descr{"<u4", DataType::kU32}, Descr{"<u8", DataType::kU64}, Descr{"|b1", DataType::kBool}};

/// The text after `'key':` in the header's dictionary.
std::string_view entry(std::string_view header, std::string_view key) {
  const auto at = header.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos) {
    fail(ErrorCode::kInvalidArgument, "the header has no '{}'", key);
  }
  return trim(header.substr(header.find(':', at) + 1));
}

TensorType parse_header(std::string_view header) {
  std::string_view descr = entry(header, "descr");
  descr = descr.substr(std::min<std::size_t>(1, descr.size()), 3);  // without the quote
  TensorType type;
  bool known = false;
  for (const Descr& row : kDescrs) {
    if (row.text == descr) {
      type.data_type = row.type;
      known = true;
    }
  }
  if (!known) {
    fail(ErrorCode::kUnsupported, "element type '{}'", descr);
  }
  if (!entry(header, "fortran_order").starts_with("False")) {
    fail(ErrorCode::kUnsupported, "Fortran order; save with numpy.ascontiguousarray");
  }
  std::string_view shape = entry(header, "shape");
  const auto close = shape.find(')');
  if (!shape.starts_with('(') || close == std::string_view::npos) {
    fail(ErrorCode::kInvalidArgument, "malformed shape");
  }
  for (const std::string& extent : split(shape.substr(1, close - 1), ',')) {
    if (extent.empty()) {
      continue;  // "(3,)"
    }
    const auto number = parse_int(extent);
    if (!number || *number < 0) {
      fail(ErrorCode::kInvalidArgument, "extent '{}'", extent);
    }
    type.shape.push_back(*number);
  }
  return type;
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  try {
    if (!text.starts_with(kMagic) || text.size() < 12) {
      fail(ErrorCode::kInvalidArgument, "not a .npy file");
    }
    const bool wide = text[6] >= 2;  // version 2 widened the header's length to 32 bits
    std::uint32_t length = 0;
    std::memcpy(&length, text.data() + 8, wide ? 4 : 2);
    const std::size_t begin = (wide ? 12 : 10) + static_cast<std::size_t>(length);
    if (begin > text.size()) {
      fail(ErrorCode::kInvalidArgument, "the header is cut off");
    }
    const TensorType type = parse_header(text.substr(wide ? 12 : 10, length));
    if (byte_size(type) != text.size() - begin) {
      fail(ErrorCode::kInvalidArgument, "{} needs {} bytes of data, the file has {}", to_string(type), byte_size(type),
           text.size() - begin);
    }
    Tensor tensor(type);
    std::memcpy(tensor.mutable_view().bytes, text.data() + begin, byte_size(type));
    return tensor;
  } catch (const Error& error) {
    throw error.with_context(fmt::format("'{}'", path.string()));
  }
}

void write_npy(const std::filesystem::path& path, const ConstTensorView& tensor) {
  if (tensor.type.data_type == DataType::kBF16) {
    const Tensor shared(tensor.type, tensor.bytes, nullptr);
    return write_npy(path, shared.cast(DataType::kF32).view());
  }
  std::string descr;
  for (const Descr& row : kDescrs) {
    descr = row.type == tensor.type.data_type ? row.text : descr;
  }
  std::string shape;
  for (const std::int64_t extent : tensor.shape()) {
    shape += std::to_string(extent) + ",";
  }
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  constexpr std::size_t kPrologue = 10;
  constexpr std::size_t kAlignment = 64;
  header.append(kAlignment - (kPrologue + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());
  std::ofstream out(path, std::ios::binary);
  out << kMagic << '\x01' << '\0' << static_cast<char>(length & 0xFFU) << static_cast<char>(length >> 8U) << header;
  out.write(reinterpret_cast<const char*>(tensor.bytes), static_cast<std::streamsize>(byte_size(tensor.type)));
  if (!out.flush()) {
    fail(ErrorCode::kInvalidArgument, "cannot write '{}'", path.string());
  }
}

}  // namespace fovea
