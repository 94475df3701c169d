// Writes MXNet files for tests: parameters byte by byte, and the symbol of a small classifier.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/graph/tensor.hpp"

namespace fovea::test {

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

struct Parameter {
  std::string name;
  Shape shape;
  std::vector<float> values;
};

/// A parameter file of the second generation (MXNet 1.x).
inline std::string parameters(const std::vector<Parameter>& list) {
  std::string bytes;
  put<std::uint64_t>(bytes, 0x112);
  put<std::uint64_t>(bytes, 0);
  put<std::uint64_t>(bytes, list.size());
  for (const Parameter& one : list) {
    put<std::uint32_t>(bytes, 0xF993FAC9);
    put<std::int32_t>(bytes, 0);  // dense
    put<std::uint32_t>(bytes, static_cast<std::uint32_t>(one.shape.size()));
    for (const std::int64_t extent : one.shape) {
      put<std::int64_t>(bytes, extent);
    }
    put<std::int32_t>(bytes, 1);  // CPU
    put<std::int32_t>(bytes, 0);
    put<std::int32_t>(bytes, 0);  // f32
    for (const float value : one.values) {
      put(bytes, value);
    }
  }
  put<std::uint64_t>(bytes, list.size());
  for (const Parameter& one : list) {
    put<std::uint64_t>(bytes, one.name.size());
    bytes += one.name;
  }
  return bytes;
}

/// Convolution, batch normalisation, activation, pooling, product; wants the parameters of classifier_parameters().
inline constexpr const char* kClassifier = R"json({
  "nodes": [
    {"op": "null", "name": "data", "inputs": []},
    {"op": "null", "name": "c_weight", "inputs": []},
    {"op": "null", "name": "c_bias", "inputs": []},
    {"op": "Convolution", "name": "c", "attrs": {"kernel": "(1, 1)", "num_filter": "2"},
     "inputs": [[0, 0, 0], [1, 0, 0], [2, 0, 0]]},
    {"op": "null", "name": "b_gamma", "inputs": []},
    {"op": "null", "name": "b_beta", "inputs": []},
    {"op": "null", "name": "b_mean", "inputs": []},
    {"op": "null", "name": "b_var", "inputs": []},
    {"op": "BatchNorm", "name": "b", "attrs": {"eps": "0", "fix_gamma": "False"},
     "inputs": [[3, 0, 0], [4, 0, 0], [5, 0, 0], [6, 0, 1], [7, 0, 1]]},
    {"op": "Activation", "name": "r", "attr": {"act_type": "relu"}, "inputs": [[8, 0, 0]]},
    {"op": "Pooling", "name": "p", "attrs": {"kernel": "(2, 2)", "stride": "(2, 2)", "pool_type": "max"},
     "inputs": [[9, 0, 0]]},
    {"op": "Flatten", "name": "f", "inputs": [[10, 0, 0]]},
    {"op": "null", "name": "d_weight", "inputs": []},
    {"op": "FullyConnected", "name": "d", "attrs": {"num_hidden": "1", "no_bias": "True"},
     "inputs": [[11, 0, 0], [12, 0, 0]]},
    {"op": "_mul_scalar", "name": "m", "attrs": {"scalar": "0.5"}, "inputs": [[13, 0, 0]]}],
  "arg_nodes": [0], "heads": [[14, 0, 0]]})json";

inline std::string classifier_parameters() {
  return parameters({{"arg:c_weight", {2, 1, 1, 1}, {1, -1}},
                     {"arg:c_bias", {2}, {1, 20}},
                     {"arg:b_gamma", {2}, {2, 1}},
                     {"arg:b_beta", {2}, {0, 1}},
                     {"aux:b_mean", {2}, {0, 0}},
                     {"aux:b_var", {2}, {4, 1}},
                     {"arg:d_weight", {1, 2}, {1, 10}}});
}

}  // namespace fovea::test
