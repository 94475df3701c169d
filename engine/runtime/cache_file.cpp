#include "engine/runtime/cache_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "engine/base/error.hpp"
#include "engine/base/read_file.hpp"

namespace fovea {
namespace {

constexpr std::array<char, 8> kMagic = {'F', 'O', 'V', 'E', 'A', 'C', 'M', '1'};
constexpr std::size_t kAlignment = 64;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint64_t size = 0;  ///< Of the file.
  std::uint64_t hash = 0;  ///< Of the header with 0 here, and of all that follows.
  std::uint64_t index = 0;
  std::uint64_t index_size = 0;
  std::array<std::uint64_t, 3> unused = {};
};
static_assert(sizeof(Header) == kAlignment);

/// A hash that is fed piece by piece.
class Hash {
 public:
  explicit Hash(Header header) {
    header.hash = 0;
    XXH3_64bits_reset(state_.get());
    add(std::as_bytes(std::span(&header, 1)));
  }
  void add(std::span<const std::byte> bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
  [[nodiscard]] std::uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_{XXH3_createState(), XXH3_freeState};
};

/// Hash of the header and all that follows it in the file.
std::uint64_t hash_of(const Header& header, std::span<const std::byte> file, Pages pages) {
  Hash hash(header);
  std::size_t skip = sizeof(Header);
  read_in_blocks(file, pages, [&](std::span<const std::byte> block) {
    hash.add(block.subspan(skip));
    skip = 0;
  });
  return hash.value();
}

[[noreturn]] void fail_to_write(const std::filesystem::path& path) {
  fail(ErrorCode::kDevice, "cannot write '{}': {}", path.string(), std::generic_category().message(errno));
}

}  // namespace

struct CacheFileWriter::State {
  std::filesystem::path target;
  std::filesystem::path temporary;
  int file = -1;
  std::uint64_t at = 0;
};

CacheFileWriter::CacheFileWriter(const std::filesystem::path& target) : state_(std::make_unique<State>()) {
  static std::atomic<unsigned> counter = 0;
  state_->target = target;
  state_->temporary = target;
  state_->temporary += fmt::format(".{}-{}.tmp", ::getpid(), counter++);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): POSIX
  state_->file = ::open(state_->temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (state_->file < 0) {
    fail_to_write(state_->temporary);
  }
  const Header room;
  write(std::as_bytes(std::span(&room, 1)));
}

CacheFileWriter::~CacheFileWriter() {
  if (state_->file >= 0) {
    ::close(state_->file);
    ::unlink(state_->temporary.c_str());
  }
}

void CacheFileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(state_->file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      fail_to_write(state_->temporary);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    state_->at += static_cast<std::uint64_t>(written);
  }
}

void CacheFileWriter::pad() {
  constexpr std::array<std::byte, kAlignment> kZeros{};
  write(std::span(kZeros).first((kAlignment - state_->at % kAlignment) % kAlignment));
}

BlobPlace CacheFileWriter::add(std::span<const std::byte> blob) {
  pad();
  const BlobPlace place{state_->at, blob.size()};
  write(blob);
  return place;
}

void CacheFileWriter::finish(std::string_view index) {
  const BlobPlace place = add(std::as_bytes(std::span(index)));
  Header header{.size = state_->at, .index = place.offset, .index_size = place.size};
  const auto written = MappedFile::open(state_->temporary);
  header.hash = hash_of(header, written->bytes(), Pages::kForget);
  if (::pwrite(state_->file, &header, sizeof(header), 0) != static_cast<ssize_t>(sizeof(header)) ||
      ::fsync(state_->file) != 0) {
    fail_to_write(state_->temporary);
  }
  ::close(std::exchange(state_->file, -1));
  std::error_code error;
  std::filesystem::rename(state_->temporary, state_->target, error);
  if (error) {
    ::unlink(state_->temporary.c_str());
    fail(ErrorCode::kDevice, "cannot write '{}': {}", state_->target.string(), error.message());
  }
}

std::span<const std::byte> CacheFile::blob(BlobPlace place) const {
  const std::span<const std::byte> bytes = file->bytes();
  if (place.offset % kAlignment != 0 || place.offset > bytes.size() || place.size > bytes.size() - place.offset) {
    fail(ErrorCode::kInvalidModel, "blob of {} bytes at {} of {}", place.size, place.offset, bytes.size());
  }
  return bytes.subspan(place.offset, place.size);
}

CacheFile open_cache_file(const std::filesystem::path& path) {
  CacheFile result{.file = MappedFile::open(path), .index = {}};
  const std::span<const std::byte> bytes = result.file->bytes();
  Header header;
  if (bytes.size() < sizeof(header)) {
    fail(ErrorCode::kInvalidModel, "it has {} bytes", bytes.size());
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kMagic || header.size != bytes.size()) {
    fail(ErrorCode::kInvalidModel, "it is cut off, or of another format");
  }
  // Its pages stay: nearly all of them are weights that the first run reads.
  if (hash_of(header, bytes, Pages::kKeep) != header.hash) {
    fail(ErrorCode::kInvalidModel, "its content is not what was written");
  }
  result.index = result.blob({header.index, header.index_size});
  return result;
}

}  // namespace fovea
