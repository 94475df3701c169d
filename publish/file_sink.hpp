// Messages into a file or to standard output.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "engine/base/log.hpp"
#include "engine/base/mutex.hpp"
#include "publish/sink.hpp"

namespace fovea {

enum class FileFormat : std::uint8_t {
  kJsonLines,  ///< One message a line; appended to what the file holds.
  kJson,       ///< One array of messages; the file is started anew and is valid JSON once the sink is destroyed.
};

/// Writes each message at once with one write(2) in append mode: nothing is buffered here, lines of several processes
/// do not mix, and what a crash leaves behind are whole lines. Thread-safe; blocks as long as the disk does, at most
/// one second when the reader of a pipe does not read.
class FileSink final : public MessageSink {
 public:
  /// \param path  "-" is standard output.
  /// \throws Error{kNotFound} naming the path when it cannot be opened for writing.
  explicit FileSink(std::filesystem::path path, FileFormat format = FileFormat::kJsonLines);
  ~FileSink() override;

  void publish(Message message) override;

  /// Always true: publish() has already written. Does not wait for the disk itself.
  bool flush(std::chrono::milliseconds timeout) override;

  [[nodiscard]] SinkStats stats() const override;

 private:
  void write_text(const std::string& text) FOVEA_REQUIRES(mutex_);

  std::filesystem::path path_;
  FileFormat format_;
  LogLimiter trouble_;
  mutable Mutex mutex_;
  int descriptor_ FOVEA_GUARDED_BY(mutex_) = -1;
  bool torn_ FOVEA_GUARDED_BY(mutex_) = false;  ///< The last line is incomplete: the disk was full in the middle of it.
  SinkStats stats_ FOVEA_GUARDED_BY(mutex_);
};

}  // namespace fovea
