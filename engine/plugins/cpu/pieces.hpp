// Concat and Split that move nothing: pictures are computed at their place in the concatenated one, and read at their
// place in the one that is split.
#pragma once

#include "engine/plugins/cpu/compiler.hpp"

namespace fovea::cpu {

/// Gives buffers a place in others (Buffer::whole, offset, pitch) where all steps that touch them can deal with pixels
/// that lie further apart. \pre Buffers of requests are marked, none has its place yet.
void join_pieces(Program& program);

}  // namespace fovea::cpu
