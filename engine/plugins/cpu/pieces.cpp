#include "engine/plugins/cpu/pieces.hpp"

#include <algorithm>

namespace fovea::cpu {
namespace {

/// Steps that leave gaps between pixels move whole pairs of cache lines all the same. That costs nothing where a core's
/// caches hold the picture, and little where pixels are long; else more than the copy that is saved (unet_small, whose
/// pixels are one or two lines long, ran at 0.94 of its speed).
bool is_worth_it(const Buffer& piece, const Buffer& whole) {
  constexpr std::size_t kCached = 1024 * 1024;
  constexpr std::size_t kLongPixel = 256;
  return whole.bytes <= kCached || piece.pitch >= kLongPixel;
}

class Joiner {
 public:
  explicit Joiner(Program& program) : program_(program), movable_(program.buffers.size(), true) {
    std::vector<int> writers(program.buffers.size(), 0);
    for (const ProgramStep& step : program.steps) {
      for (const std::vector<int>* ids : {&step.inputs, &step.outputs}) {
        for (const int id : *ids) {
          if (id >= 0 && !step.plan.pitched) {
            movable_[index(id)] = false;
          }
        }
      }
      for (const int id : step.outputs) {
        // Written twice is written in place, by a view's reader or a post-op.
        movable_[index(id)] = movable_[index(id)] && ++writers[index(id)] == 1;
      }
    }
    for (std::size_t i = 0; i < program.buffers.size(); ++i) {
      const Buffer& buffer = program.buffers[i];
      movable_[i] = movable_[i] && writers[i] == 1 && buffer.constant.empty() && !buffer.of_request && buffer.pitch > 0;
    }
  }

  void join() {
    for (ProgramStep& step : program_.steps) {
      if (step.plan.pieces && !step.plan.pieces->of_output) {
        divide(step);
      }
    }
    for (ProgramStep& step : program_.steps) {
      if (step.plan.pieces && step.plan.pieces->of_output) {
        gather(step);
      }
    }
    for (Buffer& piece : program_.buffers) {
      settle(piece);
    }
  }

 private:
  static std::size_t index(int id) { return static_cast<std::size_t>(id); }
  [[nodiscard]] Buffer& buffer(int id) { return program_.buffers[index(id)]; }

  void put(int piece, int whole, std::size_t offset) {
    buffer(piece).whole = whole;
    buffer(piece).offset = offset;
    movable_[index(piece)] = false;
  }

  static void tell(ProgramStep& step, std::size_t in_place, std::size_t all) {
    if (in_place > 0) {
      step.info.kernel += in_place == all ? " (in place)" : fmt::format(" ({} of {} in place)", in_place, all);
    }
  }

  /// Outputs become pieces of what is split.
  void divide(ProgramStep& step) {
    const int whole = step.inputs[0];
    if (!buffer(whole).constant.empty() || buffer(whole).of_request || buffer(whole).pitch == 0) {
      return;
    }
    std::size_t in_place = 0;
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      if (movable_[index(step.outputs[i])]) {
        put(step.outputs[i], whole, step.plan.pieces->offsets[i]);
        ++in_place;
      }
    }
    tell(step, in_place, step.outputs.size());
  }

  /// Inputs become pieces of the concatenation.
  void gather(ProgramStep& step) {
    const int whole = step.outputs[0];
    const std::vector<std::size_t>& offsets = step.plan.pieces->offsets;
    if (buffer(whole).of_request) {
      return;
    }
    std::size_t in_place = 0;
    for (std::size_t i = 0; i < step.inputs.size();) {
      const int input = step.inputs[i];
      const std::size_t count = movable_[index(input)] ? 1 : pieces_in_order(step.inputs, i);
      const int piece = movable_[index(input)] ? input : buffer(input).whole;
      if (count > 0 && is_worth_it(buffer(piece), buffer(whole))) {
        put(piece, whole, offsets[i]);
        in_place += count;
      }
      i += std::max<std::size_t>(count, 1);
    }
    tell(step, in_place, step.inputs.size());
  }

  /// How many inputs from `first` on are, one after another, all of a picture that was split and can be moved; or 0.
  std::size_t pieces_in_order(const std::vector<int>& inputs, std::size_t first) {
    const int split = buffer(inputs[first]).whole;
    if (split < 0 || !movable_[index(split)]) {
      return 0;
    }
    std::size_t bytes = 0;
    std::size_t next = first;
    for (; next < inputs.size() && buffer(inputs[next]).whole == split && buffer(inputs[next]).offset == bytes;
         ++next) {
      bytes += buffer(inputs[next]).pitch;
    }
    return bytes == buffer(split).pitch ? next - first : 0;
  }

  /// Pieces of pieces have their place in the outermost, which lives as long as any of them. Its last step writes it in
  /// parts, so it begins with the first.
  void settle(Buffer& piece) {
    while (piece.whole >= 0 && buffer(piece.whole).whole >= 0) {
      piece.offset += buffer(piece.whole).offset;
      piece.whole = buffer(piece.whole).whole;
    }
    if (piece.whole >= 0) {
      Buffer& whole = buffer(piece.whole);
      whole.first = std::min(whole.first, piece.first);
      whole.last = std::max(whole.last, piece.last);
      piece.pitch = whole.pitch;
    }
  }

  Program& program_;
  std::vector<bool> movable_;  ///< By buffer: all steps that touch it can deal with it as a piece, and it is none yet.
};

}  // namespace

void join_pieces(Program& program) { Joiner(program).join(); }

}  // namespace fovea::cpu
