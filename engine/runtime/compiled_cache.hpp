// A folder of compiled models: what a device made of a model file, one file each, taken up again by later processes.
//
// A file holds 64 bytes of header (magic, size, hash of everything, place of the index), blobs at multiples of 64 bytes
// (packed weights and constants that passes made, mapped and never copied), and an index: the key, the model's files
// with their hashes, outline and graph. Constants that stand in the model's files as they are stay there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/model.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea {

/// Several processes may use one folder at a time. Thread-safe. Whoever may write there decides what models compute:
/// the hashes find damage, not intent.
class CompiledCache {
 public:
  /// \param most_bytes  Of all files together; those used longest ago are removed.
  CompiledCache(std::filesystem::path folder, std::uint64_t most_bytes)
      : folder_(std::move(folder)), most_bytes_(most_bytes) {}

  /// \param model   The model's file. \throws Error{kNotFound} when it cannot be opened.
  /// \param device  All that the compiled model depends on beside the model: Plugin::cache_key.
  struct Key {
    std::string name;   ///< Of the entry.
    std::string model;  ///< Content hash of the model's file.
  };
  [[nodiscard]] static Key key_of(const std::filesystem::path& model, std::string_view device);

  struct Found {
    Model outline;
    CompiledParts parts;
  };
  /// What `store` wrote. nullopt: nothing, or of other model files, or damaged (a warning says so).
  [[nodiscard]] std::optional<Found> load(const Key& key, const std::filesystem::path& model) const;

  /// The graph can be written and read again: static shapes, no variables, no bodies.
  [[nodiscard]] static bool can_keep(const Graph& graph);

  /// Writes an entry under a temporary name, makes sure it is on the disk, renames it, and removes what is too much.
  /// Failing costs the next start its speed only: a warning says why.
  /// \param files  Which the model was read from, its own first.
  void store(const Key& key, const Model& outline, const std::vector<std::filesystem::path>& files,
             const CompiledParts& parts) const;

 private:
  [[nodiscard]] std::filesystem::path file_of(const Key& key) const { return folder_ / (key.name + ".fvc"); }
  void remove_oldest() const;

  std::filesystem::path folder_;
  std::uint64_t most_bytes_;
};

}  // namespace fovea
