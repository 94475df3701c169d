// ONNX control flow whose outcome hangs on data: sub-graphs become bodies of our If, Loop and TensorIterator.
#pragma once

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {

/// An If that runs one of its branches when the model runs. Branches may give other extents, and even other ranks.
Values add_if(NodeContext& node, ValueId condition);

/// A Loop that counts its rounds when the model runs. Extents of the states may change from round to round.
Values add_loop(NodeContext& node);

/// What a Scan does to its inputs and outputs, batch axes aside.
struct ScanForm {
  Values states;
  Values sequences;
  std::vector<std::int64_t> input_axes;  ///< From the front, one a sequence.
  std::vector<bool> input_reversed;
  std::vector<std::int64_t> output_axes;  ///< As in the file; 0 for those that are not listed.
  std::vector<bool> output_reversed;      ///< false for those that are not listed.
};

/// A TensorIterator: as many rounds as the sequences have parts when the model runs.
Values add_scan(NodeContext& node, const ScanForm& form);

}  // namespace fovea::onnx
