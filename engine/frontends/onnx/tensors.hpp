// Tensors of an ONNX file as ours: typed lists, raw bytes, bytes in another file.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/mapped_file.hpp"
#include "engine/graph/tensor.hpp"

namespace fovea::onnx {

namespace proto {
class SparseTensorProto;
class TensorProto;
}  // namespace proto

/// The element type behind a number of TensorProto.DataType.
/// \throws Error{kUnsupported} for strings, complex and 8-bit floating types, Error{kInvalidModel} for other numbers.
DataType data_type_of(std::int32_t number, std::string_view where);

/// Reads tensors; knows where the model's file lies and keeps the files with external data open.
class TensorReader {
 public:
  /// \param folder  Of the model file; external data must lie inside.
  /// \param model   The model file.
  /// \param owner   Keeps the parsed messages alive: tensors point into them where alignment allows.
  TensorReader(std::filesystem::path folder, std::shared_ptr<const MappedFile> model, std::shared_ptr<const void> owner)
      : folder_(std::move(folder)),
        model_(std::move(model)),
        bytes_(model_->bytes().size()),
        owner_(std::move(owner)) {}

  /// Changes what keeps the messages alive that are read from now on. \return The owner until now.
  std::shared_ptr<const void> set_owner(std::shared_ptr<const void> owner) {
    return std::exchange(owner_, std::move(owner));
  }

  /// \param where  Begins messages: "initializer 'w'".
  /// \throws Error{kInvalidModel, kUnsupported, kNotFound}
  Tensor read(const proto::TensorProto& message, const std::string& where);

  /// All elements written out, zeros included.
  Tensor read(const proto::SparseTensorProto& message, const std::string& where);

  /// Size of the model file and of the files read so far.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  /// Files read so far, by name.
  [[nodiscard]] const std::map<std::string, std::shared_ptr<const MappedFile>>& files() const { return files_; }

 private:
  Tensor read_in_place(const proto::TensorProto& message, const TensorType& type, const std::string& where) const;
  Tensor read_external(const proto::TensorProto& message, const TensorType& type, const std::string& where);
  const std::shared_ptr<const MappedFile>& open(const std::string& location, const std::string& where);

  std::filesystem::path folder_;
  std::shared_ptr<const MappedFile> model_;
  std::uint64_t bytes_;
  std::shared_ptr<const void> owner_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace fovea::onnx
