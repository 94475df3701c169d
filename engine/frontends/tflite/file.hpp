// A TensorFlow Lite file, verified and taken apart: tensors with their quantisation, constants that point into the
// file.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/mapped_file.hpp"
#include "engine/frontends/tflite/tflite_generated.h"
#include "engine/graph/tensor.hpp"

namespace fovea::tflite {

/// real = scale · (stored − zero_point); one pair, or one for each index along `axis`.
struct Quantisation {
  std::vector<float> scale;
  std::vector<std::int64_t> zero_point;  ///< As many as scales.
  std::size_t axis = 0;
  bool operator==(const Quantisation&) const = default;
};

struct TensorInfo {
  std::string name;
  TensorType type;                    ///< As stored.
  std::optional<Quantisation> quant;  ///< Integers that stand for real numbers.
  std::optional<Tensor> constant;     ///< As stored; points into the file where that is aligned.
};

/// The main subgraph. The schema's tables point into `file`.
struct TfliteFile {
  std::shared_ptr<const MappedFile> file;
  const schema::Model* model = nullptr;
  const schema::SubGraph* graph = nullptr;
  std::vector<TensorInfo> tensors;
};

/// Number of an operator, CUSTOM included.
schema::BuiltinOperator code_of(const schema::OperatorCode& code);

/// \throws Error{kInvalidModel, kUnsupported} for a damaged file, naming the tensor or table that is wrong.
TfliteFile open_file(std::shared_ptr<const MappedFile> file);

}  // namespace fovea::tflite
