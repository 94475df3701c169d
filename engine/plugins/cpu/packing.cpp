#include "engine/plugins/cpu/packing.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <tuple>

#include "engine/graph/tensor.hpp"

namespace fovea::cpu {
namespace {

/// What decides the packed bytes: content, form and size.
using Key = std::tuple<std::uint64_t, std::uint64_t, std::string, std::size_t>;

/// The process's packed weights. Owns nothing: entries go with their last user.
struct Store {
  Mutex mutex;
  std::map<Key, std::weak_ptr<const Packed>> entries FOVEA_GUARDED_BY(mutex);
};

Store& store() {
  static Store instance;
  return instance;
}

/// Zeros in memory that is there already: all of it is written next, and asking for its pages one by one takes longer
/// than writing them.
Tensor memory_at_once(std::size_t bytes) {
  Tensor tensor(DataType::kU8, {static_cast<std::int64_t>(bytes)});
#ifdef MADV_POPULATE_WRITE
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(tensor.bytes().data());
  const auto first = (begin + page - 1) / page * page;
  const auto last = (begin + bytes) / page * page;
  if (first < last) {
    ::madvise(reinterpret_cast<void*>(first), last - first, MADV_POPULATE_WRITE);  // a hint, since older kernels refuse
  }
#endif
  return tensor;
}

Key key_of(std::string_view form, const Tensor& weights, std::size_t bytes) {
  const XXH128_hash_t content = XXH3_128bits(weights.bytes().data(), weights.bytes().size());
  return {content.high64, content.low64, fmt::format("{} {}", to_string(weights.type()), form), bytes};
}

std::shared_ptr<const Packed> find_shared(const Key& key) {
  Store& all = store();
  const MutexLock lock(all.mutex);
  const auto found = all.entries.find(key);
  return found == all.entries.end() ? nullptr : found->second.lock();
}

/// \return What is there already, when somebody was faster.
std::shared_ptr<const Packed> share(const Key& key, std::shared_ptr<const Packed> packed) {
  Store& all = store();
  const MutexLock lock(all.mutex);
  std::erase_if(all.entries, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<const Packed>& entry = all.entries[key];
  if (auto earlier = entry.lock()) {
    return earlier;
  }
  entry = packed;
  return packed;
}

}  // namespace

Packing::Packing(std::vector<CompiledParts::Blob> kept) {
  for (CompiledParts::Blob& blob : kept) {
    std::string name = blob.name;
    kept_.emplace(std::move(name), std::move(blob));
  }
}

std::span<const std::byte> Packing::get(const std::string& node, std::string_view form, const Tensor& weights,
                                        std::size_t bytes, const Fill& fill) {
  std::string name = fmt::format("{}\n{}\n{}", node, form, bytes);
  {
    const MutexLock lock(mutex_);
    const int call = calls_[name]++;
    name += fmt::format("\n{}", call);
    if (const auto found = kept_.find(name); found != kept_.end() && found->second.bytes.size() == bytes) {
      const CompiledParts::Blob& blob = found->second;
      entries_.push_back({name, std::make_shared<const Packed>(Packed{blob.bytes, blob.owner, blob.mapped})});
      return blob.bytes;
    }
  }
  std::shared_ptr<const Packed> packed = make(form, weights, bytes, fill);
  const std::span<const std::byte> result = packed->bytes;
  const MutexLock lock(mutex_);
  entries_.push_back({std::move(name), std::move(packed)});
  return result;
}

std::shared_ptr<const Packed> Packing::make(std::string_view form, const Tensor& weights, std::size_t bytes,
                                            const Fill& fill) {
  Tensor buffer;
  Tensor source = weights;
  if (!weights.in_memory()) {
    const auto needed = static_cast<std::int64_t>(byte_size(weights.type()));
    {
      const MutexLock lock(mutex_);
      if (!unused_.empty()) {
        buffer = std::move(unused_.back());
        unused_.pop_back();
      }
    }
    if (buffer.empty() || buffer.shape()[0] < needed) {
      buffer = memory_at_once(static_cast<std::size_t>(needed));
    }
    weights.copy_to({buffer.mutable_view().bytes, static_cast<std::size_t>(needed)});
    source = Tensor(weights.type(), buffer.bytes().data(), nullptr);
  }
  const Key key = key_of(form, source, bytes);
  std::shared_ptr<const Packed> packed = find_shared(key);
  if (packed == nullptr) {
    Tensor target = memory_at_once(bytes);
    fill(source, {target.mutable_view().bytes, bytes});
    const std::span<const std::byte> content = target.bytes();
    packed = share(
        key, std::make_shared<const Packed>(Packed{content, std::make_shared<const Tensor>(std::move(target)), false}));
  }
  weights.forget();
  if (!buffer.empty()) {
    const MutexLock lock(mutex_);
    unused_.push_back(std::move(buffer));
  }
  return packed;
}

std::vector<CompiledParts::Blob> Packing::blobs() const {
  const MutexLock lock(mutex_);
  std::vector<CompiledParts::Blob> result;
  for (const Entry& entry : entries_) {
    result.push_back({entry.name, entry.packed->bytes, entry.packed->owner, entry.packed->mapped});
  }
  return result;
}

void Packing::count(MemoryUse& use) const {
  const MutexLock lock(mutex_);
  std::map<const Packed*, long> own;  // one node may need the same twice
  for (const Entry& entry : entries_) {
    ++own[entry.packed.get()];
  }
  for (const Entry& entry : entries_) {
    const auto mine = own.find(entry.packed.get());
    if (mine == own.end()) {
      continue;
    }
    use.packed += entry.packed->bytes.size();
    use.mapped += entry.packed->mapped ? entry.packed->bytes.size() : 0;
    use.shared += entry.packed.use_count() > mine->second ? entry.packed->bytes.size() : 0;
    own.erase(mine);
  }
}

void Packing::finish() {
  const MutexLock lock(mutex_);
  unused_.clear();
  kept_.clear();
  calls_.clear();
}

}  // namespace fovea::cpu
