// Movement of data.
// https://www.tensorflow.org/mlir/tfl_ops

#include "engine/frontends/tflite/importer.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::tflite {
namespace {

using importer::Ints;
using importer::Ref;
using Code = schema::BuiltinOperator;

/// All inputs are stepped as the output is.
bool all_keep_steps(const OpContext& c) {
  bool all = c.input_count() > 0;
  for (std::size_t i = 0; all && i < c.input_count(); ++i) {
    all = c.keeps_steps(i);
  }
  return all;
}

/// \param whole  As whole numbers of steps.
std::vector<Ref> all_inputs(const OpContext& c, bool whole) {
  std::vector<Ref> parts;
  for (std::size_t i = 0; i < c.input_count(); ++i) {
    parts.push_back(whole ? c.steps(i) : c.input(i));
  }
  return parts;
}

void concatenation(const OpContext& c) {
  const auto* options = c.op().options_as_ConcatenationOptions();
  const schema::Activation activation = options == nullptr ? schema::Activation::kNone : options->activation();
  const bool moved = activation == schema::Activation::kNone && all_keep_steps(c);
  const Ref joined = c.nhwc().concat(c.name(), all_inputs(c, moved), options == nullptr ? 0 : options->axis());
  if (moved) {
    c.set_moved(joined);
  } else {
    c.set(joined, activation);
  }
}

/// The target shape is an input, or (old files) an option.
void reshape(const OpContext& c) {
  const auto* options = c.op().options_as_ReshapeOptions();
  auto& n = c.nhwc();
  ValueId pattern = kNone;
  if (c.has_input(1)) {
    pattern = n.plain(c.input(1));
  } else if (options != nullptr && options->new_shape() != nullptr) {
    pattern = c.graph().ints(Ints(options->new_shape()->begin(), options->new_shape()->end()));
  } else {
    fail(ErrorCode::kInvalidModel, "has no target shape");
  }
  c.set_moved(n.reshape(c.name(), c.moved_input(), pattern));
}

void squeeze(const OpContext& c) {
  const auto* options = c.op().options_as_SqueezeOptions();
  Ints axes;
  if (options != nullptr && options->axes() != nullptr) {
    axes.assign(options->axes()->begin(), options->axes()->end());
  }
  c.set_moved(c.nhwc().squeeze(c.name(), c.moved_input(), axes));
}

std::int64_t single(const OpContext& c, std::size_t input, std::string_view what) {
  const Ints values = c.ints(input, what);
  if (values.size() != 1) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected 1", what, values.size());
  }
  return values[0];
}

void expand_dims(const OpContext& c) {
  c.set_moved(c.nhwc().unsqueeze(c.name(), c.moved_input(), single(c, 1, "axis")));
}

void transpose(const OpContext& c) { c.set_moved(c.nhwc().transpose(c.name(), c.moved_input(), c.ints(1, "order"))); }

/// Pads come as rows [before, after] of [rank, 2].
void pad_with(const OpContext& c, std::string_view mode) {
  const Ints pads = c.ints(1, "paddings");
  Ints begin, end;
  for (std::size_t i = 0; i + 1 < pads.size(); i += 2) {
    begin.push_back(pads[i]);
    end.push_back(pads[i + 1]);
  }
  if (c.has_input(2)) {  // a value, which has steps of its own
    c.set(c.nhwc().pad(c.name(), c.input(0), begin, end, mode, c.input(2)));
  } else {  // 0, which is 0 steps
    c.set_moved(c.nhwc().pad(c.name(), c.moved_input(), begin, end, mode, importer::kNoRef));
  }
}

void mirror_pad(const OpContext& c) {
  const auto* options = c.op().options_as_MirrorPadOptions();
  pad_with(c, options != nullptr && options->mode() == 1 ? "symmetric" : "reflect");
}

void slice(const OpContext& c) {
  c.set_moved(c.nhwc().slice(c.name(), c.moved_input(), c.ints(1, "begin"), c.ints(2, "size")));
}

void strided_slice(const OpContext& c) {
  const auto* options = c.op().options_as_StridedSliceOptions();
  importer::NhwcBuilder::SliceMasks masks;
  if (options != nullptr) {
    masks = {.begin = options->begin_mask(),
             .end = options->end_mask(),
             .ellipsis = options->ellipsis_mask(),
             .new_axis = options->new_axis_mask(),
             .shrink = options->shrink_axis_mask()};
  }
  c.set_moved(c.nhwc().strided_slice(c.name(), c.moved_input(), c.input(1), c.input(2), c.input(3), masks));
}

void set_all(const OpContext& c, const std::vector<Ref>& values, std::size_t data = 0) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    c.set_moved(values[i], i, data);
  }
}

/// Inputs: axis, data.
void split(const OpContext& c) {
  set_all(c, c.nhwc().split(c.name(), c.moved_input(1), single(c, 0, "axis"), c.output_count()), 1);
}

/// Inputs: data, lengths, axis.
void split_v(const OpContext& c) {
  const Ints lengths = c.ints(1, "lengths");
  if (lengths.size() != c.output_count()) {
    fail(ErrorCode::kInvalidModel, "{} lengths for {} outputs", lengths.size(), c.output_count());
  }
  set_all(c, c.nhwc().split(c.name(), c.moved_input(), single(c, 2, "axis"), lengths));
}

void pack(const OpContext& c) {
  const auto* options = c.op().options_as_PackOptions();
  const bool moved = all_keep_steps(c);
  const Ref packed = c.nhwc().pack(c.name(), all_inputs(c, moved), options == nullptr ? 0 : options->axis());
  if (moved) {
    c.set_moved(packed);
  } else {
    c.set(packed);
  }
}

void unpack(const OpContext& c) {
  const auto* options = c.op().options_as_UnpackOptions();
  set_all(c, c.nhwc().unpack(c.name(), c.moved_input(), options == nullptr ? 0 : options->axis(), c.output_count()));
}

void gather(const OpContext& c) {
  const auto* options = c.op().options_as_GatherOptions();
  c.set_moved(c.nhwc().gather(c.name(), c.moved_input(), c.input(1), options == nullptr ? 0 : options->axis(),
                              options == nullptr ? 0 : options->batch_dims()));
}

void gather_nd(const OpContext& c) {
  auto& n = c.nhwc();
  c.set_moved(n.from_plain(c.graph().add("GatherND", c.name(), {n.plain(c.moved_input()), n.plain(c.input(1))})));
}

void tile(const OpContext& c) {
  auto& n = c.nhwc();
  c.set_moved(n.from_plain(c.graph().add("Tile", c.name(), {n.plain(c.moved_input()), n.plain(c.input(1))})));
}

void broadcast_to(const OpContext& c) {
  auto& n = c.nhwc();
  c.set_moved(n.from_plain(c.graph().add("Broadcast", c.name(), {n.plain(c.moved_input()), n.plain(c.input(1))})));
}

/// Inputs: shape, value.
void fill(const OpContext& c) {
  auto& n = c.nhwc();
  c.set(n.from_plain(c.graph().add("Broadcast", c.name(), {n.plain(c.input(1)), n.plain(c.input(0))})));
}

void shape(const OpContext& c) { c.set(c.nhwc().shape_of(c.name(), c.input(0), c.output_info().type.data_type)); }

void cast(const OpContext& c) {
  if (c.input_info(0).quant && is_float(c.output_info().type.data_type)) {
    fail(ErrorCode::kUnsupported, "a cast of a quantised tensor reads its stored integers");
  }
  c.set(c.nhwc().convert(c.name(), c.input(0), c.output_info().type.data_type));
}

void select(const OpContext& c) { c.set(c.nhwc().select(c.name(), c.input(0), c.input(1), c.input(2))); }

void reverse(const OpContext& c) {
  auto& n = c.nhwc();
  c.set_moved(n.from_plain(
      c.graph().add("Reverse", c.name(), {n.plain(c.moved_input()), n.plain(c.input(1))}, {{"mode", "index"}})));
}

}  // namespace

void add_shape_ops(Converters& converters) {
  const Converters own = {
      {Code::BROADCAST_TO, broadcast_to},
      {Code::CAST, cast},
      {Code::CONCATENATION, concatenation},
      {Code::EXPAND_DIMS, expand_dims},
      {Code::FILL, fill},
      {Code::GATHER, gather},
      {Code::GATHER_ND, gather_nd},
      {Code::MIRROR_PAD, mirror_pad},
      {Code::PACK, pack},
      {Code::PAD, [](const OpContext& c) { pad_with(c, "constant"); }},
      {Code::PADV2, [](const OpContext& c) { pad_with(c, "constant"); }},
      {Code::RESHAPE, reshape},
      {Code::REVERSE_V2, reverse},
      {Code::SELECT, select},
      {Code::SELECT_V2, select},
      {Code::SHAPE, shape},
      {Code::SLICE, slice},
      {Code::SPLIT, split},
      {Code::SPLIT_V, split_v},
      {Code::SQUEEZE, squeeze},
      {Code::STRIDED_SLICE, strided_slice},
      {Code::TILE, tile},
      {Code::TRANSPOSE, transpose},
      {Code::UNPACK, unpack},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::tflite
