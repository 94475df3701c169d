// Writes tiny OpenVINO IR models whose answers follow from the picture, so that tests need no model files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace fovea::testing {

/// Builds an IR v11 model layer by layer; all values are f32 unless said otherwise.
class TinyIr {
 public:
  using Shape = std::vector<std::int64_t>;
  /// A layer's only output.
  using Value = std::size_t;

  explicit TinyIr(std::string name) : name_(std::move(name)) {}

  Value parameter(const std::string& name, const Shape& shape);
  Value constant(const std::vector<float>& values, const Shape& shape);
  Value constant(const std::vector<std::int64_t>& values);
  /// \param data  Attributes of the layer's <data> element: `axis="3"`.
  Value layer(const std::string& type, const std::string& data, const std::vector<Value>& inputs, const Shape& shape);
  void result(Value value);

  /// Writes `<directory>/<name>.xml` and `.bin`. \return the path of the .xml.
  [[nodiscard]] std::filesystem::path save(const std::filesystem::path& directory) const;

 private:
  struct Layer {
    std::string type;
    std::string name;
    std::string data;
    std::vector<Value> inputs;
    Shape shape;
    const char* precision = "FP32";
  };

  Value add(Layer layer);
  Value add_constant(std::span<const std::byte> bytes, const char* type, const char* precision, const Shape& shape);

  std::string name_;
  std::vector<Layer> layers_;
  std::vector<std::byte> weights_;
};

/// A model file's directory and path.
using ModelPath = std::filesystem::path;

/// What make_detector's model says of a picture with mean brightness `level` (0…255): one object of label 1 with
/// confidence `kConfidence`, at y 0.25…0.75, whose left edge is level/255/2 and whose width is 0.25.
inline constexpr float kDetectorConfidence = 0.875F;
inline float detector_left(double level) { return static_cast<float>(level / 510); }
/// The level a detection's left edge stands for.
inline double level_of_left(float left) { return static_cast<double>(left) * 510; }

/// Detector [1,3,16,16] → [1,1,2,7]: the second row ends the list.
ModelPath make_detector(const std::filesystem::path& directory, const std::string& name = "tiny-detector");

/// Classifier [1,3,8,8] → [1,2,1,1]: 1 − brightness, brightness (0…1).
ModelPath make_classifier(const std::filesystem::path& directory, const std::string& name = "tiny-classifier");

/// Segmenter [1,3,8,8] → [1,2,8,8]: class 1 where a cell is brighter than one half.
ModelPath make_segmenter(const std::filesystem::path& directory, const std::string& name = "tiny-segmenter");

}  // namespace fovea::testing
