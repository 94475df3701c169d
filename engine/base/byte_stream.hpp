// Plain values in and out of bytes, every read checked: for files that only this program reads.
#pragma once

#include <concepts>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "engine/base/error.hpp"

namespace fovea {

/// Appends values in this machine's byte order; texts and lists after their length.
class ByteWriter {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(T value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }

  void put(std::string_view text) {
    put(static_cast<std::uint64_t>(text.size()));
    bytes_.append(text);
  }

  template <class T>
  void put_list(const std::vector<T>& values) {
    put(static_cast<std::uint64_t>(values.size()));
    for (const T& value : values) {
      put(value);
    }
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Reads what ByteWriter wrote. \throws Error{kInvalidModel} when the bytes end before a value does.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T> T get() {
    T value;
    std::memcpy(&value, take(sizeof(value)).data(), sizeof(value));
    return value;
  }

  /// A number of things that take at least `least_bytes` each.
  std::size_t get_count(std::size_t least_bytes) {
    const auto count = get<std::uint64_t>();
    if (count > rest_.size() / least_bytes) {
      fail(ErrorCode::kInvalidModel, "{} things announced, {} bytes left", count, rest_.size());
    }
    return static_cast<std::size_t>(count);
  }

  std::string get_text() {
    const auto bytes = take(get_count(1));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  template <class T>
  std::vector<T> get_list() {
    std::vector<T> values(get_count(sizeof(T)));
    for (T& value : values) {
      value = get<T>();
    }
    return values;
  }

 private:
  std::span<const std::byte> take(std::size_t count) {
    if (count > rest_.size()) {
      fail(ErrorCode::kInvalidModel, "{} bytes needed, {} left", count, rest_.size());
    }
    const auto part = rest_.first(count);
    rest_ = rest_.subspan(count);
    return part;
  }

  std::span<const std::byte> rest_;
};

}  // namespace fovea
