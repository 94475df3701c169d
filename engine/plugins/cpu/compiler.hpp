// Turns an optimised graph into steps with kernels, layouts and places in memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/graph/graph.hpp"
#include "engine/plugins/cpu/kernel.hpp"
#include "engine/plugins/cpu/packing.hpp"
#include "engine/runtime/plugin.hpp"

namespace fovea::cpu {

/// Memory of one value in one form: a place in a run's arena or in the request's memory, or a constant.
struct Buffer {
  std::size_t bytes = 0;
  int first = 0;            ///< Step that writes it; 0 for inputs.
  int last = 0;             ///< Last step that reads it.
  std::size_t offset = 0;   ///< In the arena, or in the request's memory.
  bool of_request = false;  ///< An input or output of the graph: it outlives the run.
  std::size_t pitch = 0;    ///< Bytes from pixel to pixel of a picture that lies channels last, else 0.
  int whole = -1;           ///< The buffer this one is a piece of, with `offset` into it until that has its place.
  Tensor constant;          ///< Not empty: the content, shared by all requests.
};

/// One kernel call with its buffers (indices into Program::buffers; -1: absent).
struct ProgramStep {
  StepInfo info;
  KernelPlan plan;
  std::vector<int> inputs;
  std::vector<int> outputs;
  int scratch = -1;
};

/// A compiled model. Immutable, shared by the executions.
struct Program {
  std::vector<ProgramStep> steps;
  std::vector<Buffer> buffers;
  std::vector<int> inputs;   ///< Buffer of each graph input, plain layout.
  std::vector<int> outputs;  ///< Buffer of each graph output, plain layout.
  std::vector<TensorType> input_types;
  std::vector<TensorType> output_types;
  std::size_t arena_bytes = 0;
  std::size_t arena_lower_bound_bytes = 0;
  std::size_t request_bytes = 0;  ///< Inputs and outputs.
  int threads = 1;
  int lanes = 1;
  std::unique_ptr<Packing> packing;  ///< Owns the packed weights.
};

struct CompileOptions {
  int threads = 1;    ///< Cores one run may use.
  int lanes = 1;      ///< Runs at the same time.
  bool bf16 = false;  ///< Products may be of bf16 factors, and f32 values between nodes stored so.
  bool int8 = false;  ///< What FakeQuantize brings onto steps may be stored and multiplied as bytes.
};

/// \param graph    After the standard passes. Weights are let go of as they are packed.
/// \param packing  Empty, or with weights from a cache file.
/// \throws Error{kUnsupported} when no kernel takes a node.
std::shared_ptr<const Program> compile(Graph graph, std::unique_ptr<Packing> packing, const CompileOptions& options);

/// What the program takes.
MemoryUse memory_of(const Program& program);

}  // namespace fovea::cpu
