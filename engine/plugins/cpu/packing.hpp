// Weights in the order a kernel reads them: packed once, shared by all that need the same, kept in cache files.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/mutex.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea::cpu {

/// Immutable; lives as long as somebody uses it.
struct Packed {
  std::span<const std::byte> bytes;  ///< 64-byte aligned.
  std::shared_ptr<const void> owner;
  bool mapped = false;  ///< A part of a file.
};

/// The packed weights of one compiled model. Kernels call `get` while they plan; what it returns lives as long as the
/// compiled model does. Equal weights in an equal form are one in the process, whichever model they belong to.
/// Thread-safe.
class Packing {
 public:
  Packing() = default;
  /// \param kept  From a cache file, by the names that `blobs` gave them.
  explicit Packing(std::vector<CompiledParts::Blob> kept);

  /// Writes all bytes of `packed` (zeros before) from `weights`, whose content is in memory.
  using Fill = std::function<void(const Tensor& weights, std::span<std::byte> packed)>;

  /// \param node  Name of the node that is being planned.
  /// \param form  Names the order and everything beside `weights` that decides the bytes.
  /// \return `bytes` bytes, made by `fill` unless they exist.
  std::span<const std::byte> get(const std::string& node, std::string_view form, const Tensor& weights,
                                 std::size_t bytes, const Fill& fill);

  /// Everything given out so far, for a cache file.
  [[nodiscard]] std::vector<CompiledParts::Blob> blobs() const;

  /// Adds what was given out: MemoryUse::packed, shared, mapped.
  void count(MemoryUse& use) const;

  /// Lets go of what is needed for packing only.
  void finish();

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const Packed> packed;
  };

  std::shared_ptr<const Packed> make(std::string_view form, const Tensor& weights, std::size_t bytes, const Fill& fill);

  mutable Mutex mutex_;
  std::map<std::string, CompiledParts::Blob, std::less<>> kept_ FOVEA_GUARDED_BY(mutex_);
  std::map<std::string, int, std::less<>> calls_ FOVEA_GUARDED_BY(mutex_);  ///< By name without number.
  std::vector<Entry> entries_ FOVEA_GUARDED_BY(mutex_);
  std::vector<Tensor> unused_ FOVEA_GUARDED_BY(mutex_);  ///< Memory that weights are read into, one a thread.
};

}  // namespace fovea::cpu
