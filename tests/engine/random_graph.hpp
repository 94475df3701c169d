// Random small graphs of common vision operators, as text, for property tests.
#pragma once

#include <cstdint>
#include <string>

namespace fovea::test {

/// A graph of some ten nodes: convolutions, element-wise steps with operands of every kind, poolings, reshapes,
/// transpositions, concatenations. The same seed gives the same text on every machine.
std::string random_graph_text(std::uint32_t seed);

}  // namespace fovea::test
