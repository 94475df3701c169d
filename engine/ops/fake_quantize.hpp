// The attributes of FakeQuantize, for kernels and passes.
#pragma once

#include <cstdint>

#include "engine/ops/binary.hpp"

namespace fovea::ops {

struct FakeQuantizeAttributes : BroadcastAttributes {
  std::int64_t levels = 256;  ///< At least 2.

  template <class Visitor>
  void describe(Visitor& visit) {
    BroadcastAttributes::describe(visit);
    visit("levels", levels);
  }
  bool operator==(const FakeQuantizeAttributes&) const = default;
};

}  // namespace fovea::ops
