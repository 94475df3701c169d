// Chains of element-wise nodes between FakeQuantizes, as one table of 256 bytes each.
#pragma once

#include <array>

#include "engine/plugins/cpu/steps.hpp"

namespace fovea::cpu {

using Table = std::array<std::uint8_t, 256>;

/// The attributes of a node "ByteTable", which exists in graphs of this device only: its input lies on steps, and each
/// of these leads to one of the output's.
struct ByteTable {
  Quantiser input;  ///< Of the node's input, for inputs that are not stored as bytes.
  Table table{};
  Steps steps;  ///< Of the output.
};

/// Replaces each FakeQuantize whose result depends on one value on steps only (SiLU as Sigmoid and Multiply, with
/// FakeQuantizes anywhere between) by a ByteTable of that value, and drops those that change nothing. Which steps come
/// out is computed in double precision by the operators' reference kernels: what REFERENCE computes.
/// \param graph  After the standard passes.
void fold_into_tables(Graph& graph);

/// What a value on steps becomes behind a FakeQuantize.
/// \pre One factor, one scale.
Table requantising_table(const Steps& steps, const Quantiser& quantiser);

}  // namespace fovea::cpu
