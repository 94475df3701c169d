#include "tests/engine/models/all_models.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "engine/frontends/frontend.hpp"
#include "engine/ops/shape_inference.hpp"

namespace fovea::test {

namespace fs = std::filesystem;

fs::path models_folder() { return fs::path(FOVEA_TEST_DATA) / "models"; }

std::vector<fs::path> model_files() {
  constexpr std::array<std::string_view, 5> kEndings = {".xml", ".onnx", ".prototxt", ".pb", ".tflite"};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(models_folder())) {
    if (std::ranges::find(kEndings, entry.path().extension().string()) != kEndings.end()) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

Model read_with_fixed_extents(const fs::path& file) {
  Model model = read_model(file);
  // Its shapes fit the extents it was trained with only.
  const std::int64_t extent = file.stem() == "opencv_face_detector_uint8" ? 300 : 32;
  std::map<std::string, Shape> shapes;
  for (const GraphPort& input : model.graph.inputs) {
    Shape shape = model.graph.value(input.value).type.shape;
    if (!is_static(shape)) {
      for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        shape[axis] = shape[axis] != kDynamic ? shape[axis] : axis == 0 ? 1 : extent;
      }
      shapes[input.name] = shape;
    }
  }
  if (!shapes.empty()) {
    reshape(model.graph, shapes);
  }
  return model;
}

}  // namespace fovea::test
