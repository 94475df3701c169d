// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace fovea {

/// Owns a read-only mapping of a whole file. Immutable, thread-safe, shared by the tensors that point into it.
class MappedFile {
 public:
  /// \throws Error{kNotFound} if the file cannot be opened, Error{kInvalidArgument} if it is no regular file.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// As it was opened.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes) : path_(std::move(path)), bytes_(bytes) {}
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

/// Notes which files this thread maps while the object lives: what a model was read from. They can be nested.
class OpenedFiles {
 public:
  OpenedFiles();
  OpenedFiles(const OpenedFiles&) = delete;
  OpenedFiles& operator=(const OpenedFiles&) = delete;
  ~OpenedFiles();

  /// In the order of opening, each path once.
  [[nodiscard]] const std::vector<std::filesystem::path>& paths() const { return paths_; }

 private:
  friend class MappedFile;
  OpenedFiles* outer_;
  std::vector<std::filesystem::path> paths_;
};

/// Gives back the memory of the pages that lie wholly in this part of a mapped file; they are read from the file again
/// when they are needed. Resident file pages count as this process's memory.
void forget_pages(std::span<const std::byte> mapped);

}  // namespace fovea
