// The variables of a SavedModel: variables.index, a sorted table as LevelDB writes them, and variables.data-….
// https://github.com/google/leveldb/blob/main/doc/table_format.md
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/mapped_file.hpp"
#include "engine/frontends/tensorflow/tensorflow.pb.h"
#include "engine/graph/tensor.hpp"

namespace fovea::tensorflow {

/// Key and value of each entry of a table, in order.
/// \throws Error{kInvalidModel} naming the offset of what is damaged; Error{kUnsupported} for compressed blocks.
std::vector<std::pair<std::string, std::string>> read_table(std::span<const std::byte> table);

class Checkpoint {
 public:
  /// \param folder  "variables" beside saved_model.pb.
  /// \throws Error{kNotFound, kInvalidModel, kUnsupported}.
  explicit Checkpoint(const std::filesystem::path& folder);

  /// A variable by its name in the graph. The tensor points into the data file where that is aligned.
  /// \throws Error{kNotFound} when the checkpoint does not have it.
  [[nodiscard]] Tensor variable(const std::string& name) const;

  /// Size of the data files.
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  [[nodiscard]] std::span<const std::byte> content(const BundleEntryProto& entry, const std::string& where) const;
  void read_object_graph(const BundleEntryProto& entry);

  std::vector<std::shared_ptr<const MappedFile>> shards_;
  std::map<std::string, BundleEntryProto> entries_;
  std::map<std::string, std::string> keys_;  ///< Of variables whose key is not their name.
};

}  // namespace fovea::tensorflow
