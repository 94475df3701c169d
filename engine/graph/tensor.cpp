#include "engine/graph/tensor.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <mutex>
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

/// Pages of their own, that the system clears and gets back at once; large ones where they are few (2 MiB each):
/// touching memory for the first time costs as much as filling it.
std::shared_ptr<std::byte> allocate_pages(std::size_t size) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20U;
  const std::size_t slack = size >= kHugePage ? kHugePage : 0;
  void* const mapped = ::mmap(nullptr, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    throw std::bad_alloc();
  }
  auto* const begin = static_cast<std::byte*>(mapped);
  std::byte* memory = begin;
  if (slack > 0) {
    const auto lead = (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
    memory = begin + lead;
    ::madvise(memory, size / kHugePage * kHugePage, MADV_HUGEPAGE);  // a hint
  }
  return {memory, [begin, whole = size + slack](std::byte* /*memory*/) { ::munmap(begin, whole); }};
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool kMapsPages = false;  // it watches the ends of what operator new gives
#else
constexpr bool kMapsPages = true;
#endif

/// Zero-filled memory.
std::shared_ptr<std::byte> allocate(std::size_t size) {
  constexpr std::size_t kOwnPages = std::size_t{256} << 10U;
  if (kMapsPages && size >= kOwnPages) {
    return allocate_pages(size);
  }
  auto* memory = static_cast<std::byte*>(::operator new(std::max<std::size_t>(size, 1), kAlignment));
  std::memset(memory, 0, size);
  return {memory, [](std::byte* pointer) { ::operator delete(pointer, kAlignment); }};
}

/// Float16's conversion without branches, so that the compiler vectorises it: weights are millions of these.
void widen_halves(const Float16* halves, float* wide, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t sign = (halves[i].bits & 0x8000U) << 16U;
    const std::uint32_t magnitude = (halves[i].bits & 0x7FFFU) << 13U;
    // The product makes numbers of subnormals, too; infinity and NaN only get the wider exponent.
    const auto number = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
    wide[i] = std::bit_cast<float>(sign | (magnitude >= 0x0F800000U ? magnitude + 0x70000000U : number));
  }
}

/// Converts `count` elements that may lie at any address.
void convert_unaligned(DataType stored, const std::byte* source, DataType wanted, std::byte* target,
                       std::size_t count) {
  if (stored == wanted) {
    std::memcpy(target, source, count * size_of(stored));
    return;
  }
  dispatch(stored, [&]<class From>() {
    dispatch(wanted, [&]<class To>() {
      constexpr std::size_t kBlock = 1024;
      std::array<From, kBlock> block;
      auto* out = reinterpret_cast<To*>(target);
      for (std::size_t begin = 0; begin < count; begin += kBlock) {
        const std::size_t length = std::min(kBlock, count - begin);
        std::memcpy(block.data(), source + begin * sizeof(From), length * sizeof(From));
        if constexpr (std::is_same_v<From, Float16> && std::is_same_v<To, float>) {
          widen_halves(block.data(), out + begin, length);
        } else {
          std::transform(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(length), out + begin,
                         [](From value) { return convert<To>(value); });
        }
      }
    });
  });
}

}  // namespace

/// A part of a file, and what was made of it.
struct Tensor::Deferred {
  DataType stored;
  std::span<const std::byte> source;
  std::shared_ptr<const MappedFile> file;
  std::once_flag once;
  std::shared_ptr<std::byte> made;

  [[nodiscard]] std::shared_ptr<std::byte> make(const TensorType& type) const {
    auto memory = allocate(byte_size(type));
    convert_unaligned(stored, source.data(), type.data_type, memory.get(), element_count(type.shape));
    forget_pages(source);
    return memory;
  }
};

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
  auto memory = allocate(byte_size(type_));
  bytes_ = memory.get();
  owner_ = std::move(memory);
}

Tensor Tensor::deferred(TensorType type, DataType stored, std::span<const std::byte> source,
                        std::shared_ptr<const MappedFile> file) {
  // Any bytes are numbers of these types, but a bool has two values only.
  if (source.size() != element_count(type.shape) * size_of(stored) || source.empty() || stored == DataType::kBool) {
    fail(ErrorCode::kInternal, "{} bytes for {} stored as {}", source.size(), to_string(type), to_string(stored));
  }
  Tensor tensor;
  const bool usable =
      type.data_type == stored && reinterpret_cast<std::uintptr_t>(source.data()) % size_of(stored) == 0;
  tensor.bytes_ = usable ? const_cast<std::byte*>(source.data()) : nullptr;
  tensor.type_ = std::move(type);
  tensor.deferred_ = std::make_shared<Deferred>();
  tensor.deferred_->stored = stored;
  tensor.deferred_->source = source;
  tensor.deferred_->file = std::move(file);
  return tensor;
}

std::byte* Tensor::made() const {
  std::call_once(deferred_->once, [this] { deferred_->made = deferred_->make(type_); });
  return deferred_->made.get();
}

Tensor Tensor::loaded() const {
  if (bytes_ != nullptr || deferred_ == nullptr) {
    return *this;
  }
  Tensor result;
  auto memory = deferred_->make(type_);
  result.type_ = type_;
  result.bytes_ = memory.get();
  result.owner_ = std::move(memory);
  return result;
}

void Tensor::copy_to(std::span<std::byte> target) const {
  if (deferred_ != nullptr) {
    convert_unaligned(deferred_->stored, deferred_->source.data(), type_.data_type, target.data(), size());
    forget_pages(deferred_->source);
  } else {
    std::ranges::copy(bytes(), target.begin());
  }
}

void Tensor::forget() const {
  if (deferred_ != nullptr) {
    forget_pages(deferred_->source);
  }
}

const void* Tensor::identity() const { return bytes_ != nullptr ? static_cast<const void*>(bytes_) : deferred_.get(); }

Tensor::Source Tensor::source() const {
  return deferred_ == nullptr ? Source{} : Source{deferred_->source, deferred_->stored, deferred_->file};
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
  copy_to({copy.bytes_, byte_size(type_)});
  return copy;
}

Tensor Tensor::cast(DataType data_type) const {
  if (deferred_ != nullptr && deferred_->stored == type_.data_type) {
    return deferred({data_type, type_.shape}, deferred_->stored, deferred_->source, deferred_->file);
  }
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
