// Reads a TensorFlow Lite model (.tflite).
// https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/schema/schema.fbs

#include <cstring>

#include "engine/frontends/content_hash.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/tflite/importer.hpp"

namespace fovea {
namespace tflite {
namespace {

bool recognises(const std::filesystem::path& path, std::span<const std::byte> head) {
  constexpr std::string_view kIdentifier = "TFL3";
  constexpr std::size_t kPlace = 4;
  return path.extension() == ".tflite" ||
         (head.size() >= kPlace + kIdentifier.size() &&
          std::memcmp(head.data() + kPlace, kIdentifier.data(), kIdentifier.size()) == 0);
}

std::vector<FrontendOperator> operators() {
  std::vector<FrontendOperator> list;
  for (const auto& [code, converter] : all_converters()) {
    list.push_back({schema::EnumNameBuiltinOperator(code), ""});
  }
  for (const auto& [name, converter] : custom_converters()) {
    list.push_back({std::string(name), ""});
  }
  return list;
}

Model read(const std::filesystem::path& path) {
  const auto mapped = MappedFile::open(path);
  const TfliteFile file = open_file(mapped);
  Model model;
  model.name = path.stem().string();
  model.path = path;
  model.format = "TensorFlow Lite";
  model.hash = content_hash_of({path});
  model.graph = Importer(file).build();
  if (file.model->description() != nullptr) {
    model.metadata["description"] = file.model->description()->str();
  }
  return model;
}

}  // namespace
}  // namespace tflite

namespace frontends {
extern const Frontend tflite;
const Frontend tflite{.name = "TensorFlow Lite",
                      .recognises = fovea::tflite::recognises,
                      .read = fovea::tflite::read,
                      .operators = fovea::tflite::operators};
}  // namespace frontends

}  // namespace fovea
