#include "engine/runtime/compiled_cache.hpp"

#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "engine/base/build_id.hpp"
#include "engine/base/log.hpp"
#include "engine/frontends/content_hash.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/runtime/cache_file.hpp"
#include "engine/runtime/graph_bytes.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".fvc";
constexpr std::string_view kTemporaryEnding = ".tmp";
constexpr std::size_t kLeastEntry = 8;  // bytes of anything in a list: its first text's length

/// How a constant's content is found again.
enum class Origin : std::uint8_t {
  kFile,  ///< A part of one of the model's files.
  kBlob,  ///< A blob of the entry.
};

std::string hash_of_file(const fs::path& path) { return content_hash_of({path}); }

/// As an entry names one of the model's files: from the model's folder on where that is possible.
std::string name_of(const fs::path& file, const fs::path& model) {
  const fs::path own = fs::absolute(file).lexically_normal();
  const fs::path relative = own.lexically_relative(fs::absolute(model).lexically_normal().parent_path());
  return relative.empty() || *relative.begin() == ".." ? own.string() : relative.string();
}

/// Writes an entry's constants: those that stand in a file are only referred to.
class ConstantWriter {
 public:
  ConstantWriter(CacheFileWriter& file, ByteWriter& index, const std::vector<fs::path>& files)
      : file_(file), index_(index), files_(files) {}

  void write(const Tensor& tensor) {
    const Tensor::Source source = tensor.source();
    const auto place = source.file == nullptr ? files_.end() : std::ranges::find(files_, source.file->path());
    if (place != files_.end()) {
      index_.put(Origin::kFile);
      index_.put(static_cast<std::uint64_t>(place - files_.begin()));
      index_.put(static_cast<std::uint64_t>(source.bytes.data() - source.file->bytes().data()));
      index_.put(static_cast<std::uint64_t>(source.bytes.size()));
      index_.put(source.stored);
      return;
    }
    // Constants that the passes share are one blob.
    const auto [known, added] = blobs_.try_emplace(tensor.identity());
    if (added) {
      known->second = file_.add(tensor.bytes());
    }
    index_.put(Origin::kBlob);
    index_.put(known->second.offset);
    index_.put(known->second.size);
  }

 private:
  CacheFileWriter& file_;
  ByteWriter& index_;
  const std::vector<fs::path>& files_;
  std::map<const void*, BlobPlace> blobs_;
};

/// Reads them back.
class ConstantReader {
 public:
  ConstantReader(const CacheFile& entry, ByteReader& index, const fs::path& folder,
                 const std::vector<std::string>& files)
      : entry_(entry), index_(index), folder_(folder), names_(files), files_(files.size()) {}

  Tensor read(const TensorType& type) {
    if (index_.get<Origin>() == Origin::kFile) {
      return read_from_file(type);
    }
    BlobPlace place{.offset = index_.get<std::uint64_t>()};
    place.size = index_.get<std::uint64_t>();
    const std::span<const std::byte> bytes = entry_.blob(place);
    if (bytes.size() != byte_size(type)) {
      fail(ErrorCode::kInvalidModel, "{} bytes for {}", bytes.size(), to_string(type));
    }
    return bytes.empty() || type.data_type == DataType::kBool
               ? Tensor(type, bytes.data(), entry_.file)
               : Tensor::deferred(type, type.data_type, bytes, entry_.file);
  }

 private:
  Tensor read_from_file(const TensorType& type) {
    const auto number = index_.get<std::uint64_t>();
    const auto offset = index_.get<std::uint64_t>();
    const auto size = index_.get<std::uint64_t>();
    const auto stored = index_.get<DataType>();
    if (number >= files_.size()) {
      fail(ErrorCode::kInvalidModel, "file {} of {}", number, files_.size());
    }
    std::shared_ptr<const MappedFile>& file = files_[number];
    if (file == nullptr) {
      file = MappedFile::open(folder_ / names_[number]);
    }
    const std::span<const std::byte> bytes = file->bytes();
    if (offset > bytes.size() || size > bytes.size() - offset || stored == DataType::kBool ||
        size != element_count(type.shape) * size_of(stored)) {
      fail(ErrorCode::kInvalidModel, "{} bytes at {} of '{}' for {}", size, offset, names_[number], to_string(type));
    }
    return Tensor::deferred(type, stored, bytes.subspan(offset, size), file);
  }

  const CacheFile& entry_;
  ByteReader& index_;
  const fs::path& folder_;
  const std::vector<std::string>& names_;
  std::vector<std::shared_ptr<const MappedFile>> files_;  ///< Opened when a constant needs them.
};

void write_blobs(CacheFileWriter& file, ByteWriter& index, const std::vector<CompiledParts::Blob>& blobs) {
  std::map<const void*, BlobPlace> written;  // several names may share one
  index.put(static_cast<std::uint64_t>(blobs.size()));
  for (const CompiledParts::Blob& blob : blobs) {
    const auto [known, added] = written.try_emplace(blob.bytes.data());
    if (added) {
      known->second = file.add(blob.bytes);
    }
    index.put(blob.name);
    index.put(known->second.offset);
    index.put(known->second.size);
  }
}

std::vector<CompiledParts::Blob> read_blobs(const CacheFile& entry, ByteReader& index) {
  std::vector<CompiledParts::Blob> blobs(index.get_count(kLeastEntry));
  for (CompiledParts::Blob& blob : blobs) {
    blob.name = index.get_text();
    BlobPlace place{.offset = index.get<std::uint64_t>()};
    place.size = index.get<std::uint64_t>();
    blob.bytes = entry.blob(place);
    blob.owner = entry.file;
    blob.mapped = true;
  }
  return blobs;
}

}  // namespace

CompiledCache::Key CompiledCache::key_of(const fs::path& model, std::string_view device) {
  std::string content = hash_of_file(model);
  const std::string text = fmt::format("{}\n{}\n{}", build_id(), device, content);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {fmt::format("{:016x}{:016x}", hash.high64, hash.low64), std::move(content)};
}

bool CompiledCache::can_keep(const Graph& graph) {
  const auto open = [](const Value& value) { return !is_static(value.type.shape); };
  const auto special = [](const Node& node) {
    return node.op->has_bodies || node.op->name == "ReadValue" || node.op->name == "Assign";
  };
  return std::ranges::none_of(graph.values, open) && std::ranges::none_of(graph.nodes, special);
}

std::optional<CompiledCache::Found> CompiledCache::load(const Key& key, const fs::path& model) const {
  const fs::path path = file_of(key);
  std::error_code error;
  if (!fs::exists(path, error)) {
    return std::nullopt;
  }
  try {
    const CacheFile entry = open_cache_file(path);
    ByteReader index(entry.index);
    if (index.get_text() != key.name) {
      fail(ErrorCode::kInvalidModel, "it belongs to another model");
    }
    std::vector<std::string> files(std::max<std::size_t>(index.get_count(2 * kLeastEntry), 1));
    const fs::path folder = model.parent_path();
    for (std::size_t i = 0; i < files.size(); ++i) {
      files[i] = index.get_text();
      const std::string hash = index.get_text();
      // The first one is the model's own file, whose content decided the key.
      if (i > 0 && (!fs::exists(folder / files[i], error) || hash_of_file(folder / files[i]) != hash)) {
        return std::nullopt;
      }
    }
    Found found{.outline = read_outline(index), .parts = {}};
    if (found.outline.name == fs::path(files[0]).stem()) {
      found.outline.name = model.stem().string();  // the same content under another name
    }
    found.outline.path = model;
    files[0] = model.filename().string();
    ConstantReader constants(entry, index, folder, files);
    found.parts.graph = read_graph(index, [&](const TensorType& type) { return constants.read(type); });
    found.parts.blobs = read_blobs(entry, index);
    fs::last_write_time(path, fs::file_time_type::clock::now(), error);  // it is among the last to go
    return found;
  } catch (const Error& reason) {
    FOVEA_LOG(kWarning, "engine", "cache entry '{}' is not used, {}; it is made anew", path.string(), reason.what());
    fs::remove(path, error);
    return std::nullopt;
  }
}

void CompiledCache::store(const Key& key, const Model& outline, const std::vector<fs::path>& files,
                          const CompiledParts& parts) const {
  try {
    std::size_t bytes = 0;
    for (const CompiledParts::Blob& blob : parts.blobs) {
      bytes += blob.bytes.size();
    }
    if (bytes > most_bytes_) {
      FOVEA_LOG(kInfo, "engine", "model '{}' is not cached: its {} bytes of weights are more than CACHE_SIZE_MB allows",
                outline.name, bytes);
      return;
    }
    fs::create_directories(folder_);
    CacheFileWriter file(file_of(key));
    ByteWriter index;
    index.put(key.name);
    index.put(static_cast<std::uint64_t>(files.size()));
    for (const fs::path& path : files) {
      const std::string hash = hash_of_file(path);
      if (path == files.front() && hash != key.model) {
        return;  // replaced while it was read
      }
      index.put(name_of(path, outline.path));
      index.put(hash);
    }
    write_outline(index, outline);
    ConstantWriter constants(file, index, files);
    if (!write_graph(index, parts.graph, [&](const Tensor& tensor) { constants.write(tensor); })) {
      FOVEA_LOG(kInfo, "engine", "model '{}' is not cached: it has attributes without exact text", outline.name);
      return;
    }
    write_blobs(file, index, parts.blobs);
    file.finish(index.bytes());
    remove_oldest();
  } catch (const std::exception& error) {  // of the file system, too
    FOVEA_LOG(kWarning, "engine", "model '{}' is not cached: {}", outline.name, error.what());
  }
}

void CompiledCache::remove_oldest() const {
  struct Entry {
    fs::path path;
    fs::file_time_type used;
    std::uint64_t bytes;
  };
  constexpr auto kForgotten = std::chrono::hours(1);  // no writer takes so long
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  std::error_code error;  // other processes remove files, too
  for (const fs::directory_entry& file : fs::directory_iterator(folder_)) {
    const fs::file_time_type used = file.last_write_time(error);
    const std::string name = file.path().filename().string();
    if (name.ends_with(kTemporaryEnding) && name.find(kEnding) != std::string::npos &&
        fs::file_time_type::clock::now() - used > kForgotten) {
      fs::remove(file.path(), error);
    }
    if (name.ends_with(kEnding)) {
      entries.push_back({file.path(), used, file.file_size(error)});
      total += entries.back().bytes;
    }
  }
  std::ranges::sort(entries, {}, &Entry::used);
  for (const Entry& entry : entries) {
    if (total <= most_bytes_) {
      break;
    }
    fs::remove(entry.path, error);
    total -= entry.bytes;
  }
}

}  // namespace fovea
