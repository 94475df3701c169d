// A tiny ONNX detector that looks like an Ultralytics export: the form of its output and the metadata of its file.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/onnx_bytes.hpp"

namespace fovea::test {

/// Keys as Ultralytics writes them, for a detector of two classes.
inline std::vector<std::pair<std::string, std::string>> ultralytics_metadata() {
  return {{"description", "Ultralytics YOLOv8n model trained on things"},
          {"author", "Ultralytics"},
          {"stride", "8"},
          {"task", "detect"},
          {"batch", "1"},
          {"imgsz", "[16, 16]"},
          {"names", "{0: 'nothing', 1: \"it's a thing\"}"}};
}

/// Detector [1,3,16,16] → [1,6,8]: one candidate of class 1 over the middle of the picture, as sure as the mean of the
/// input's values is large (1: certain), so only pixels divided by 255 give a confidence between 0 and 1.
inline std::filesystem::path make_ultralytics_detector(
    const std::filesystem::path& directory, const std::string& name = "export",
    const std::vector<std::pair<std::string, std::string>>& metadata = ultralytics_metadata()) {
  constexpr std::size_t kRows = 6;
  constexpr std::size_t kColumns = 8;
  std::vector<float> boxes(kRows * kColumns, 0.0F);
  std::vector<float> sure(kRows * kColumns, 0.0F);
  for (std::size_t row = 0; row < 4; ++row) {
    boxes[row * kColumns] = 8;  // centre (8, 8), 8 wide and high
  }
  sure[5 * kColumns] = 1;
  const auto tensor = [](const char* tensor_name, const std::vector<float>& values) {
    return onnx::tensor(tensor_name, {1, kRows, kColumns}, onnx::kFloat,
                        {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  };
  const onnx::Message axes = onnx::Message().text(1, "axes").number(8, 1).number(8, 2).number(8, 3).number(20, 7);
  const onnx::Message graph = onnx::graph(
      {.nodes = {onnx::node("ReduceMean", {"images"}, {"mean"}, {axes, onnx::integer_attribute("keepdims", 0)}, "mean"),
                 onnx::node("Mul", {"sure", "mean"}, {"scores"}, {}, "scores"),
                 onnx::node("Add", {"boxes", "scores"}, {"output0"}, {}, "join")},
       .initializers = {tensor("boxes", boxes), tensor("sure", sure)},
       .inputs = {onnx::value_info("images", {1, 3, 16, 16})},
       .outputs = {onnx::value_info("output0", {1, kRows, kColumns})}});
  const std::filesystem::path path = directory / (name + ".onnx");
  std::ofstream(path, std::ios::binary) << onnx::model(graph, 13, metadata);
  return path;
}

}  // namespace fovea::test
