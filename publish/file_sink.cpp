// FileSink: write(2) with what can go wrong with it.
#include "publish/file_sink.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

constexpr int kSlowReaderMs = 1000;

/// Waits until a pipe's reader has made room. \return false when it does not.
bool wait_writable(int descriptor) {
  pollfd entry{descriptor, POLLOUT, 0};
  return ::poll(&entry, 1, kSlowReaderMs) > 0 && (entry.revents & POLLOUT) != 0;
}

}  // namespace

FileSink::FileSink(std::filesystem::path path, FileFormat format) : path_(std::move(path)), format_(format) {
  if (path_ == "-") {
    path_ = "standard output";
    descriptor_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  } else {
    const int start = format == FileFormat::kJson ? O_TRUNC : 0;
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | start, 0644);
  }
  if (descriptor_ < 0) {
    fail(ErrorCode::kNotFound, "{}: cannot be opened for writing: {}", path_.string(),
         std::generic_category().message(errno));
  }
  stats_.connected = true;
}

FileSink::~FileSink() {
  const MutexLock lock(mutex_);
  if (format_ == FileFormat::kJson) {
    write_text(stats_.published == 0 ? "[]\n" : "\n]\n");
  }
  ::close(descriptor_);
}

void FileSink::publish(Message message) {
  std::string text = std::move(message.payload);
  const MutexLock lock(mutex_);
  if (format_ == FileFormat::kJson) {
    text.insert(0, stats_.published == 0 ? "[\n" : ",\n");
  } else {
    text += '\n';
    if (torn_) {
      text.insert(0, "\n");
    }
  }
  write_text(text);
}

void FileSink::write_text(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(descriptor_, text.data() + done, text.size() - done);
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
      continue;
    }
    const int error = errno;
    if (error == EINTR || ((error == EAGAIN || error == EWOULDBLOCK) && wait_writable(descriptor_))) {
      continue;
    }
    ++stats_.dropped;
    torn_ = torn_ || done > 0;
    if (const auto times = trouble_.admit(); times > 0) {
      FOVEA_LOG(kError, "publish", "{}: cannot write ({} times): {}", path_.string(), times,
                std::generic_category().message(error));
    }
    return;
  }
  torn_ = false;
  ++stats_.published;
}

bool FileSink::flush(std::chrono::milliseconds /*timeout*/) { return true; }

SinkStats FileSink::stats() const {
  const MutexLock lock(mutex_);
  return stats_;
}

}  // namespace fovea
