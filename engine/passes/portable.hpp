// Passes whose result is a graph any reader of the file format understands: no post-ops, no operator of our own.
#pragma once

#include <span>

#include "engine/passes/pass.hpp"

namespace fovea {

/// The passes of `fovea convert` in their order. They accept dynamic shapes, and keep port names, element types of
/// integer weights and shape computations (ShapeOf and what follows), so that the model can still be reshaped.
std::span<const Pass> portable_passes();

/// Folds what is known, but keeps what a file is smaller or more telling with: shape computations, the decompression of
/// integer weights, FakeQuantize, and results larger than what they are computed from.
bool fold_portable_constants(Graph& graph);

/// BatchNormInference with constant parameters → Multiply, Add.
bool decompose_batch_norm(Graph& graph);

/// Per-channel factors before and after (transposed) convolutions go into their weights; shifts before convolutions
/// without padding, and chains of shifts, become one shift behind.
bool fuse_affine(Graph& graph);

/// Gather that reorders channels moves behind per-channel arithmetic and into the weights of the convolutions behind
/// it.
bool fuse_channel_order(Graph& graph);

/// Split by channels → equal convolutions → Concat becomes one GroupConvolution.
bool merge_group_convolutions(Graph& graph);

/// Transposes move down through element-wise nodes and Concat where they then cancel; else the graph stays as it is.
bool sink_transposes(Graph& graph);

/// The strides of 1x1 convolutions move up through element-wise nodes to a convolution that then computes less; other
/// branches get a 1x1 pooling that picks the same elements.
bool move_strides(Graph& graph);

}  // namespace fovea
