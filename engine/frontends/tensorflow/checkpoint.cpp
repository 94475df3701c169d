#include "engine/frontends/tensorflow/checkpoint.hpp"

#include <algorithm>
#include <cstring>

#include "engine/frontends/common/protobuf.hpp"
#include "engine/frontends/tensorflow/tensors.hpp"

namespace fovea::tensorflow {
namespace {

using Bytes = std::span<const std::byte>;

/// Reads numbers from bytes it checks the end of.
class Reader {
 public:
  Reader(Bytes bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint64_t>(take(1)[0]);
      value |= (byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        return value;
      }
    }
    fail(ErrorCode::kInvalidModel, "{}: a number at offset {} has no end", what_, place_);
  }

  Bytes take(std::uint64_t count) {
    if (count > bytes_.size() - place_) {
      fail(ErrorCode::kInvalidModel, "{}: {} bytes wanted at offset {} of {}", what_, count, place_, bytes_.size());
    }
    const Bytes part = bytes_.subspan(place_, count);
    place_ += count;
    return part;
  }

  [[nodiscard]] bool at_end() const { return place_ == bytes_.size(); }

 private:
  Bytes bytes_;
  std::string_view what_;
  std::size_t place_ = 0;
};

struct BlockHandle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

BlockHandle read_handle(Reader& reader) {
  BlockHandle handle;
  handle.offset = reader.varint();
  handle.size = reader.varint();
  return handle;
}

std::uint32_t little_32(Bytes bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) {
    value = value << 8U | static_cast<std::uint32_t>(bytes[i]);
  }
  return value;
}

/// A block is followed by its compression (a byte) and a checksum (four).
Bytes block_at(Bytes table, const BlockHandle& handle) {
  constexpr std::uint64_t kTrailer = 5;
  if (handle.offset > table.size() || handle.size > table.size() - handle.offset ||
      table.size() - handle.offset - handle.size < kTrailer) {
    fail(ErrorCode::kInvalidModel, "the index has {} bytes, a block of {} is said to lie at {}", table.size(),
         handle.size, handle.offset);
  }
  if (table[handle.offset + handle.size] != std::byte{0}) {
    fail(ErrorCode::kUnsupported, "the index has compressed blocks");
  }
  return table.subspan(handle.offset, handle.size);
}

/// Entries share the beginning of their key with the one before; the list of restarts at the end is not needed.
/// \param total  Characters of all keys so far: a key costs one byte in the file and its full length in memory.
void read_block(Bytes block, std::vector<std::pair<std::string, std::string>>& entries, std::uint64_t& total) {
  constexpr std::uint64_t kMaxTotal = std::uint64_t{8} << 20U;
  constexpr std::size_t kWord = 4;
  constexpr std::uint64_t kMaxKey = 4096;
  if (block.size() < kWord) {
    fail(ErrorCode::kInvalidModel, "a block of the index has {} bytes", block.size());
  }
  const std::uint64_t restarts = little_32(block.last(kWord));
  if (restarts > block.size() / kWord - 1) {
    fail(ErrorCode::kInvalidModel, "a block of {} bytes of the index has {} restarts", block.size(), restarts);
  }
  Reader reader(block.first(block.size() - kWord * (restarts + 1)), "the index");
  std::string key;
  while (!reader.at_end()) {
    const std::uint64_t shared = reader.varint();
    const std::uint64_t own = reader.varint();
    const std::uint64_t size = reader.varint();
    if (shared > key.size() || own > kMaxKey || shared + own > kMaxKey) {
      fail(ErrorCode::kInvalidModel, "a key of the index has {} and {} characters, at most {} are supported", shared,
           own, kMaxKey);
    }
    const Bytes rest = reader.take(own);
    const Bytes value = reader.take(size);
    key.resize(shared);
    key.append(reinterpret_cast<const char*>(rest.data()), rest.size());
    constexpr std::uint64_t kEntry = 2 * sizeof(std::string);
    total += kEntry + key.size();
    if (total > kMaxTotal) {
      fail(ErrorCode::kInvalidModel, "the index has more than {} bytes of keys", kMaxTotal);
    }
    entries.emplace_back(key, std::string(reinterpret_cast<const char*>(value.data()), value.size()));
  }
}

Bytes as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

std::vector<std::pair<std::string, std::string>> read_table(Bytes table) {
  constexpr std::size_t kFooter = 48;
  constexpr std::string_view kMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
  if (table.size() < kFooter ||
      std::memcmp(table.data() + table.size() - kMagic.size(), kMagic.data(), kMagic.size()) != 0) {
    fail(ErrorCode::kInvalidModel, "the index has no table's footer");
  }
  Reader footer(table.last(kFooter), "the index's footer");
  read_handle(footer);  // of the filters
  std::vector<std::pair<std::string, std::string>> index;
  std::uint64_t keys = 0;
  read_block(block_at(table, read_handle(footer)), index, keys);
  std::vector<std::pair<std::string, std::string>> entries;
  std::uint64_t total = 0;
  for (const auto& [key, value] : index) {
    Reader reader(as_bytes(value), "a handle of the index");
    const BlockHandle handle = read_handle(reader);
    total += handle.size;
    if (total > table.size()) {  // blocks read twice and more: the answer would grow without end
      fail(ErrorCode::kInvalidModel, "the blocks of the index overlap");
    }
    read_block(block_at(table, handle), entries, keys);
  }
  return entries;
}

Checkpoint::Checkpoint(const std::filesystem::path& folder) {
  const auto index = MappedFile::open(folder / "variables.index");
  BundleHeaderProto header;
  for (const auto& [key, value] : read_table(index->bytes())) {
    if (key.empty()) {
      importer::parse_binary(header, as_bytes(value), "'variables.index': the header");
    } else {
      importer::parse_binary(entries_[key], as_bytes(value), fmt::format("'variables.index': '{}'", key));
    }
  }
  constexpr int kMaxShards = 1000;
  if (header.endianness() != 0 || header.num_shards() < 1 || header.num_shards() > kMaxShards) {
    fail(ErrorCode::kUnsupported, "'variables.index': {} data files, byte order {}", header.num_shards(),
         header.endianness());
  }
  for (int i = 0; i < header.num_shards(); ++i) {
    shards_.push_back(MappedFile::open(folder / fmt::format("variables.data-{:05}-of-{:05}", i, header.num_shards())));
  }
  if (const auto graph = entries_.find("_CHECKPOINTABLE_OBJECT_GRAPH"); graph != entries_.end()) {
    read_object_graph(graph->second);
  }
}

std::uint64_t Checkpoint::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) {
    sum += shard->bytes().size();
  }
  return sum;
}

Bytes Checkpoint::content(const BundleEntryProto& entry, const std::string& where) const {
  if (entry.shard_id() < 0 || static_cast<std::size_t>(entry.shard_id()) >= shards_.size()) {
    fail(ErrorCode::kInvalidModel, "{}: data file {} of {}", where, entry.shard_id(), shards_.size());
  }
  const Bytes all = shards_[static_cast<std::size_t>(entry.shard_id())]->bytes();
  const auto offset = static_cast<std::uint64_t>(entry.offset());
  const auto size = static_cast<std::uint64_t>(entry.size());
  if (offset > all.size() || size > all.size() - offset) {
    fail(ErrorCode::kInvalidModel, "{}: needs {} bytes from {} on, the data file has {}", where, size, offset,
         all.size());
  }
  return all.subspan(offset, size);
}

/// A string tensor: its length, a checksum of four bytes, its characters.
void Checkpoint::read_object_graph(const BundleEntryProto& entry) {
  Reader reader(content(entry, "the object graph"), "the object graph");
  const std::uint64_t length = reader.varint();
  constexpr std::uint64_t kChecksum = 4;
  reader.take(kChecksum);
  TrackableObjectGraph graph;
  importer::parse_binary(graph, reader.take(length), "the object graph");
  for (const auto& object : graph.nodes()) {
    for (const auto& attribute : object.attributes()) {
      keys_[attribute.full_name()] = attribute.checkpoint_key();
    }
  }
}

Tensor Checkpoint::variable(const std::string& name) const {
  auto found = entries_.find(name);
  if (found == entries_.end()) {
    const auto key = keys_.find(name);
    found = key == keys_.end() ? entries_.end() : entries_.find(key->second);
  }
  const std::string where = fmt::format("variable '{}'", name);
  if (found == entries_.end()) {
    fail(ErrorCode::kNotFound, "{} is not in the checkpoint", where);
  }
  const BundleEntryProto& entry = found->second;
  if (!entry.slices().empty()) {
    fail(ErrorCode::kUnsupported, "{} is stored in slices", where);
  }
  const TensorType type{element_type(entry.dtype(), where), to_shape(entry.shape(), where)};
  const Bytes bytes = content(entry, where);
  if (bytes.size() != byte_size(type)) {
    fail(ErrorCode::kInvalidModel, "{}: {} needs {} bytes, the checkpoint has {}", where, to_string(type),
         byte_size(type), bytes.size());
  }
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type.data_type) == 0) {
    return {type, bytes.data(), shards_[static_cast<std::size_t>(entry.shard_id())]};
  }
  Tensor copy(type);
  std::memcpy(copy.mutable_view().bytes, bytes.data(), bytes.size());
  return copy;
}

}  // namespace fovea::tensorflow
