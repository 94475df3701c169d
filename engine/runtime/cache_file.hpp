// One file of a folder of compiled models: blobs behind each other, an index, and a hash over all of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/base/mapped_file.hpp"

namespace fovea {

/// Where a blob lies in the file.
struct BlobPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// Writes a file under a temporary name; it gets its own when it is complete. One thread.
class CacheFileWriter {
 public:
  /// \throws Error{kDevice} when the file cannot be made or written; so do all functions below.
  explicit CacheFileWriter(const std::filesystem::path& target);
  CacheFileWriter(const CacheFileWriter&) = delete;
  CacheFileWriter& operator=(const CacheFileWriter&) = delete;
  ~CacheFileWriter();  ///< Removes what was not finished.

  BlobPlace add(std::span<const std::byte> blob);
  /// Writes index and header, waits for the disk, and renames.
  void finish(std::string_view index);

 private:
  struct State;
  void write(std::span<const std::byte> bytes);
  void pad();

  std::unique_ptr<State> state_;
};

/// A file that was read back. Immutable.
struct CacheFile {
  std::shared_ptr<const MappedFile> file;
  std::span<const std::byte> index;

  /// \throws Error{kInvalidModel} for a place outside.
  [[nodiscard]] std::span<const std::byte> blob(BlobPlace place) const;
};

/// \throws Error{kInvalidModel} when a byte is not as it was written; Error{kNotFound} when there is no file.
CacheFile open_cache_file(const std::filesystem::path& path);

}  // namespace fovea
