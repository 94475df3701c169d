// Reads a TensorFlow model: a frozen graph (.pb, or .pbtxt as text), or a SavedModel (saved_model.pb with the folder
// "variables" beside it). https://www.tensorflow.org/guide/saved_model

#include "engine/frontends/content_hash.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/tensorflow/importer.hpp"

namespace fovea {
namespace tensorflow {
namespace {

bool recognises(const std::filesystem::path& path, std::span<const std::byte> /*head*/) {
  return path.extension() == ".pb" || path.extension() == ".pbtxt";
}

std::vector<FrontendOperator> operators() {
  std::vector<FrontendOperator> list = {{"Placeholder", ""}};
  for (const auto& [op, converter] : all_converters()) {
    list.push_back({op, ""});
  }
  return list;
}

Model read(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  LoadedGraph loaded = load_graph(file->bytes(), fmt::format("'{}'", path.filename().string()),
                                  path.extension() == ".pbtxt" ? Encoding::kText : Encoding::kBinary);
  fold_dilated_convolutions(loaded.nodes);
  const std::filesystem::path variables = path.parent_path() / "variables";
  Model model;
  model.path = path;
  model.name = loaded.saved_model ? path.parent_path().filename().string() : path.stem().string();
  model.format = loaded.saved_model ? "TensorFlow SavedModel" : "TensorFlow frozen graph";
  model.graph = Importer(loaded, variables).build(model.name);
  std::error_code absent;  // a SavedModel without variables has no index
  const auto index = variables / "variables.index";
  model.hash = loaded.saved_model && std::filesystem::exists(index, absent) ? content_hash_of({path, index})
                                                                            : content_hash_of({path});
  return model;
}

}  // namespace
}  // namespace tensorflow

namespace frontends {
extern const Frontend tensorflow;
const Frontend tensorflow{.name = "TensorFlow",
                          .recognises = fovea::tensorflow::recognises,
                          .read = fovea::tensorflow::read,
                          .operators = fovea::tensorflow::operators};
}  // namespace frontends

}  // namespace fovea
