// Shapes, tensor types, owning tensors and borrowed views of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/mapped_file.hpp"
#include "engine/graph/data_type.hpp"

namespace fovea {

/// Extents, outermost first; empty for a scalar. kDynamic marks an extent that is not known yet.
using Shape = std::vector<std::int64_t>;
inline constexpr std::int64_t kDynamic = -1;
/// The only entry of a shape of which not even the rank is known: that of a value computed from others whose content
/// decides it. Appears inside graphs only, never in tensors.
inline constexpr std::int64_t kUnknownRank = -2;

/// Largest tensor any file may ask for: 2^40 bytes lets sizes be multiplied without overflow checks further on.
inline constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{1} << 40U;

/// "[1,3,320,544]"; dynamic extents print as "?", an unknown rank as "[...]".
std::string to_string(const Shape& shape);

/// All extents are known.
bool is_static(const Shape& shape);

/// The shape is not kUnknownRank's.
bool has_rank(const Shape& shape);

/// A tensor of shape `actual` can be what `declared` announces: same rank and extents where those are known.
bool shape_fits(const Shape& declared, const Shape& actual);

/// Product of the extents; 1 for a scalar.
/// \throws Error{kInvalidModel} when an extent is negative or the product exceeds 2^40.
std::size_t element_count(const Shape& shape);

/// Elements between neighbours along each axis for row-major storage.
Shape row_major_strides(const Shape& shape);

/// Element type and shape of a value: what shape inference computes.
struct TensorType {
  DataType data_type = DataType::kF32;
  Shape shape;
  bool operator==(const TensorType&) const = default;
};

/// "f32[1,3,320,544]".
std::string to_string(const TensorType& type);

/// Bytes of a row-major tensor of this (static) type.
std::size_t byte_size(const TensorType& type);

/// A borrowed, read-only, row-major tensor. Valid while the memory it points to lives.
struct ConstTensorView {
  TensorType type;
  const std::byte* bytes = nullptr;

  [[nodiscard]] const Shape& shape() const { return type.shape; }

  /// \throws Error{kInternal} when T is not the element type.
  template <class T>
  [[nodiscard]] std::span<const T> data() const {
    if (data_type_of<T>() != type.data_type) {
      fail(ErrorCode::kInternal, "{} tensor read as {}", to_string(type.data_type), to_string(data_type_of<T>()));
    }
    return {reinterpret_cast<const T*>(bytes), element_count(type.shape)};
  }
};

/// A borrowed, writable, row-major tensor.
struct TensorView {
  TensorType type;
  std::byte* bytes = nullptr;

  [[nodiscard]] const Shape& shape() const { return type.shape; }
  operator ConstTensorView() const {
    return {type, bytes};
  }  // NOLINT(google-explicit-constructor): reading is always fine

  template <class T>
  [[nodiscard]] std::span<T> data() const {
    if (data_type_of<T>() != type.data_type) {
      fail(ErrorCode::kInternal, "{} tensor written as {}", to_string(type.data_type), to_string(data_type_of<T>()));
    }
    return {reinterpret_cast<T*>(bytes), element_count(type.shape)};
  }
};

/// A row-major tensor that owns its memory, or shares the owner of borrowed memory (a mapped file), or whose content is
/// made from a part of a mapped file when it is first read (weights, which most readers want only once and in another
/// form). Copies share the memory; `clone` does not. Thread-compatible.
class Tensor {
 public:
  Tensor() = default;

  /// Zero-filled, 64-byte aligned memory of its own.
  explicit Tensor(TensorType type);
  Tensor(DataType data_type, Shape shape) : Tensor(TensorType{data_type, std::move(shape)}) {}

  /// Points into memory that `owner` keeps alive; never written. The pointer must be aligned for the element type.
  Tensor(TensorType type, const std::byte* bytes, std::shared_ptr<const void> owner)
      : type_(std::move(type)), bytes_(const_cast<std::byte*>(bytes)), owner_(std::move(owner)) {}

  /// Elements of `stored` in a mapped file, at any alignment, converted as by `cast`.
  /// \param stored  Not kBool.
  /// \param source  Inside `file`, not empty.
  static Tensor deferred(TensorType type, DataType stored, std::span<const std::byte> source,
                         std::shared_ptr<const MappedFile> file);

  /// A tensor with these values, row-major.
  template <class T>
  static Tensor of(Shape shape, const std::vector<T>& values);

  /// A rank-0 tensor.
  template <class T>
  static Tensor scalar(T value) {
    return of<T>({}, {value});
  }

  [[nodiscard]] const TensorType& type() const { return type_; }
  [[nodiscard]] const Shape& shape() const { return type_.shape; }
  [[nodiscard]] DataType data_type() const { return type_.data_type; }
  [[nodiscard]] std::size_t size() const { return element_count(type_.shape); }
  [[nodiscard]] bool empty() const { return bytes_ == nullptr && deferred_ == nullptr; }
  /// Deferred content is made now and kept for all copies of the tensor.
  [[nodiscard]] std::span<const std::byte> bytes() const { return {content(), byte_size(type_)}; }

  [[nodiscard]] ConstTensorView view() const { return {type_, content()}; }
  [[nodiscard]] TensorView mutable_view() { return {type_, content()}; }

  /// The same tensor with content in memory. What was deferred until now is made for this result only, and goes with
  /// it.
  [[nodiscard]] Tensor loaded() const;
  /// Copies the content without keeping what is made of deferred content. \param target  As large as bytes().
  void copy_to(std::span<std::byte> target) const;
  /// Reading it makes nothing.
  [[nodiscard]] bool in_memory() const { return bytes_ != nullptr; }
  /// Says that the content is not read again soon: pages of the file it lies in are given back.
  void forget() const;
  /// Tells contents apart without reading them: equal for tensors that share one. Valid while the tensor lives.
  [[nodiscard]] const void* identity() const;
  /// The part of a file the content is made from, and its elements there; empty for other tensors.
  struct Source {
    std::span<const std::byte> bytes;
    DataType stored = DataType::kF32;
    std::shared_ptr<const MappedFile> file = nullptr;
  };
  [[nodiscard]] Source source() const;

  template <class T>
  [[nodiscard]] std::span<const T> data() const {
    return view().data<T>();
  }
  template <class T>
  [[nodiscard]] std::span<T> data() {
    return mutable_view().data<T>();
  }

  /// Same memory, other shape of the same element count.
  [[nodiscard]] Tensor reshaped(Shape shape) const;

  /// A copy with memory of its own.
  [[nodiscard]] Tensor clone() const;

  /// A copy converted to another element type: floats round to nearest, float to integer truncates toward zero,
  /// any to bool is "not zero".
  [[nodiscard]] Tensor cast(DataType data_type) const;

 private:
  struct Deferred;

  [[nodiscard]] std::byte* content() const { return bytes_ != nullptr || deferred_ == nullptr ? bytes_ : made(); }
  [[nodiscard]] std::byte* made() const;

  TensorType type_;
  std::byte* bytes_ = nullptr;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<Deferred> deferred_;  ///< Set for parts of mapped files; with bytes_ where they are usable in place.
};

template <class T>
Tensor Tensor::of(Shape shape, const std::vector<T>& values) {
  Tensor tensor(data_type_of<T>(), std::move(shape));
  const std::span<T> data = tensor.data<T>();
  if (data.size() != values.size()) {
    fail(ErrorCode::kInternal, "{} values for a tensor of {}", values.size(), to_string(tensor.shape()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    data[i] = values[i];
  }
  return tensor;
}

/// Values of any numeric tensor, converted. These are how reference kernels and shape inference read.
std::vector<double> to_doubles(const ConstTensorView& view);
std::vector<std::int64_t> to_ints(const ConstTensorView& view);

/// Writes values converted to the view's element type (integers saturate at 64 bits only).
void store(const TensorView& view, std::span<const double> values);
void store(const TensorView& view, std::span<const std::int64_t> values);

}  // namespace fovea
