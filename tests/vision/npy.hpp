// Reads little-endian float32 .npy files (format 1.0), which is what the recorded outputs are.
#pragma once

#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "engine/graph/tensor.hpp"
#include "vision/yaml_reader.hpp"

namespace fovea::test {

inline Tensor read_npy(const std::filesystem::path& file) {
  const std::string bytes = read_text_file(file, std::size_t{1} << 26U);
  const auto header_bytes = static_cast<std::size_t>(static_cast<unsigned char>(bytes.at(8))) +
                            256 * static_cast<std::size_t>(static_cast<unsigned char>(bytes.at(9)));
  const std::string header = bytes.substr(10, header_bytes);
  if (header.find("'<f4'") == std::string::npos) {
    throw std::runtime_error(file.string() + " is not float32");
  }
  Shape shape;
  std::size_t at = header.find('(') + 1;
  while (header[at] != ')') {
    std::size_t used = 0;
    shape.push_back(std::stoll(header.substr(at), &used));
    at += used;
    while (header[at] == ',' || header[at] == ' ') {
      ++at;
    }
  }
  Tensor tensor(DataType::kF32, shape);
  std::memcpy(tensor.data<float>().data(), bytes.data() + 10 + header_bytes, byte_size(tensor.type()));
  return tensor;
}

}  // namespace fovea::test
