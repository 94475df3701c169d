// Reads ONNX models (.onnx, with or without external data) into a Model.
// https://onnx.ai/onnx/repo-docs/IR.html

#include "engine/base/mapped_file.hpp"
#include "engine/frontends/common/protobuf.hpp"
#include "engine/frontends/content_hash.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/onnx/importer.hpp"
#include "engine/frontends/onnx/onnx_model.pb.h"
#include "engine/frontends/onnx/onnx_ops.hpp"
#include "engine/frontends/onnx/weight_places.hpp"

namespace fovea {
namespace onnx {
namespace {

/// ONNX files have no magic number, but all begin with the format version, a small number in field 1, and go on with
/// another field of the model message.
bool looks_like_onnx(std::span<const std::byte> head) {
  constexpr std::byte kVersionField{0x08};
  constexpr int kNewestVersion = 64;
  if (head.size() < 3 || head[0] != kVersionField || std::to_integer<int>(head[1]) > kNewestVersion) {
    return false;
  }
  const int field = std::to_integer<int>(head[2]) >> 3;
  const int wire_type = std::to_integer<int>(head[2]) & 7;
  return field >= 2 && field <= 8 && wire_type == (field == 5 ? 0 : 2);
}

bool recognises(const std::filesystem::path& path, std::span<const std::byte> head) {
  return path.extension() == ".onnx" || looks_like_onnx(head);
}

std::vector<FrontendOperator> operators() {
  std::vector<FrontendOperator> list;
  for (const OnnxOp& op : all_onnx_ops()) {
    list.push_back({std::string(op.name), fmt::format("{}{}{}", op.domain == Domain::kOnnx ? "" : "com.microsoft ",
                                                      op.since, op.until == 0 ? "+" : fmt::format("–{}", op.until))});
  }
  return list;
}

std::shared_ptr<const proto::ModelProto> parse(std::span<const std::byte> bytes, const std::string& what) {
  auto message = std::make_shared<proto::ModelProto>();
  if (const auto slim = without_weights(bytes)) {
    try {
      importer::parse_binary(*message, std::as_bytes(std::span(*slim)), what);
      return message;
    } catch (const Error&) {
      message->Clear();  // what is wrong is to be said about the file's own bytes
    }
  }
  importer::parse_binary(*message, bytes, what);
  return message;
}

Model read(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file->bytes();
  const std::shared_ptr<const proto::ModelProto> message = parse(bytes, fmt::format("'{}'", path.filename().string()));
  if (!message->has_graph()) {
    fail(ErrorCode::kInvalidModel, "the file holds no graph");
  }
  TensorReader tensors(path.parent_path(), file, message);
  Model model;
  model.name = path.stem().string();
  model.path = path;
  model.graph = Importer(*message, tensors).run();
  std::vector<std::filesystem::path> files = {path};
  for (const auto& [name, external] : tensors.files()) {
    files.push_back(external->path());
  }
  model.hash = content_hash_of(files);
  model.format = "ONNX";
  for (const auto& import : message->opset_import()) {
    if (import.domain().empty() || import.domain() == "ai.onnx") {
      model.format = fmt::format("ONNX opset {}", import.version());
    }
  }
  for (const auto& entry : message->metadata_props()) {
    model.metadata["framework/" + entry.key()] = entry.value();
  }
  return model;
}

}  // namespace
}  // namespace onnx

namespace frontends {
extern const Frontend onnx;
const Frontend onnx{.name = "ONNX",
                    .recognises = fovea::onnx::recognises,
                    .read = fovea::onnx::read,
                    .operators = fovea::onnx::operators};
}  // namespace frontends

}  // namespace fovea
