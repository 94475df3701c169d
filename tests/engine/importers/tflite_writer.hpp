// Writes small TensorFlow Lite files for tests.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/frontends/tflite/tflite_generated.h"

namespace fovea::test {

/// Writes a model with one subgraph. Tensor 0 is the input, the last one the output, unless said otherwise.
class TfliteWriter {
 public:
  int tensor(const std::vector<int>& shape, tflite::schema::TensorType type, const std::vector<std::uint8_t>& data = {},
             const std::vector<float>& scale = {}, const std::vector<std::int64_t>& zero_point = {}, int axis = 0) {
    buffers_.push_back(tflite::schema::CreateBufferDirect(builder_, data.empty() ? nullptr : &data));
    flatbuffers::Offset<tflite::schema::Quantization> quantisation;
    if (!scale.empty()) {
      quantisation =
          tflite::schema::CreateQuantizationDirect(builder_, nullptr, nullptr, &scale, &zero_point, 0, 0, axis);
    }
    const std::string name = "t" + std::to_string(tensors_.size());
    tensors_.push_back(tflite::schema::CreateTensorDirect(
        builder_, &shape, type, static_cast<std::uint32_t>(buffers_.size() - 1), name.c_str(), quantisation));
    return static_cast<int>(tensors_.size()) - 1;
  }

  template <class T>
  static std::vector<std::uint8_t> bytes(const std::vector<T>& values) {
    const auto* first = reinterpret_cast<const std::uint8_t*>(values.data());
    return {first, first + values.size() * sizeof(T)};
  }

  void add(tflite::schema::BuiltinOperator code, const std::vector<int>& inputs, const std::vector<int>& outputs,
           tflite::schema::Options type = tflite::schema::Options::NONE, flatbuffers::Offset<void> options = 0) {
    constexpr int kOldLimit = 127;
    const int number = static_cast<int>(code);
    codes_.push_back(tflite::schema::CreateOperatorCode(builder_, static_cast<std::int8_t>(std::min(number, kOldLimit)),
                                                        0, 1, number));
    operators_.push_back(tflite::schema::CreateOperatorDirect(builder_, static_cast<std::uint32_t>(codes_.size() - 1),
                                                              &inputs, &outputs, type, options));
  }

  void add_custom(const char* name, const std::vector<int>& inputs, const std::vector<int>& outputs,
                  const std::vector<std::uint8_t>& options) {
    const int number = static_cast<int>(tflite::schema::BuiltinOperator::CUSTOM);
    codes_.push_back(
        tflite::schema::CreateOperatorCodeDirect(builder_, static_cast<std::int8_t>(number), name, 1, number));
    operators_.push_back(tflite::schema::CreateOperatorDirect(builder_, static_cast<std::uint32_t>(codes_.size() - 1),
                                                              &inputs, &outputs, tflite::schema::Options::NONE, 0,
                                                              &options));
  }

  std::string finish() { return finish({0}, {static_cast<int>(tensors_.size()) - 1}); }

  std::string finish(const std::vector<int>& inputs, const std::vector<int>& outputs) {
    const std::vector graphs = {
        tflite::schema::CreateSubGraphDirect(builder_, &tensors_, &inputs, &outputs, &operators_, "main")};
    tflite::schema::FinishModelBuffer(
        builder_, tflite::schema::CreateModelDirect(builder_, 3, &codes_, &graphs, "made by a test", &buffers_));
    return {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()};
  }

  flatbuffers::FlatBufferBuilder& builder() { return builder_; }

 private:
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<flatbuffers::Offset<tflite::schema::Buffer>> buffers_;
  std::vector<flatbuffers::Offset<tflite::schema::Tensor>> tensors_;
  std::vector<flatbuffers::Offset<tflite::schema::OperatorCode>> codes_;
  std::vector<flatbuffers::Offset<tflite::schema::Operator>> operators_;
};

}  // namespace fovea::test
