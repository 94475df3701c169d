// Movement of data, constants, variables.
// https://www.tensorflow.org/api_docs/python/tf/raw_ops

#include <cmath>

#include "engine/frontends/tensorflow/importer.hpp"
#include "engine/frontends/tensorflow/tensors.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::tensorflow {
namespace {

using importer::Ints;
using importer::Ref;
using Refs = std::vector<Ref>;

Refs identity(const NodeContext& c) { return {c.input(0)}; }

/// All inputs at once.
Refs identity_n(const NodeContext& c) {
  Refs values;
  for (std::size_t i = 0; i < c.input_count(); ++i) {
    values.push_back(c.input(i));
  }
  return values;
}

Refs nothing(const NodeContext& /*context*/) { return {}; }

Refs constant(const NodeContext& c) {
  const auto found = c.node().attr().find("value");
  if (found == c.node().attr().end()) {
    fail(ErrorCode::kInvalidModel, "has no value");
  }
  if (found->second.tensor().dtype() == kStringType) {  // names of assets and the like, which nothing here reads
    return {};
  }
  return {c.nhwc().from_plain(c.graph().constant(c.name(), to_tensor(found->second.tensor(), "value")))};
}

/// A variable of the checkpoint; reading it is an identity.
Refs variable(const NodeContext& c) {
  const std::string name = c.text_attr("shared_name", c.name());
  return {c.nhwc().from_plain(c.graph().constant(c.name(), c.importer().variable(name)))};
}

/// Weights stored as bytes between two limits.
Refs dequantize(const NodeContext& c) {
  const Tensor& stored = c.known(0, "the stored values");
  const std::vector<double> least = to_doubles(c.known(1, "min").view());
  const std::vector<double> most = to_doubles(c.known(2, "max").view());
  const std::string mode = c.text_attr("mode", "MIN_COMBINED");
  if (stored.data_type() != DataType::kU8 || least.size() != 1 || most.size() != 1) {
    fail(ErrorCode::kUnsupported, "{} between {} and {} limits, only unsigned bytes between one each are supported",
         to_string(stored.data_type()), least.size(), most.size());
  }
  constexpr double kSteps = 255;
  double step = (most[0] - least[0]) / kSteps;
  double base = least[0];
  if (mode == "MIN_FIRST") {  // the least value lies on a step
    base = step == 0 ? base : std::round(base / step) * step;
  } else if (mode == "SCALED") {
    step = most[0] / kSteps;
    base = 0;
  } else if (mode != "MIN_COMBINED") {
    fail(ErrorCode::kInvalidModel, "mode is '{}'", mode);
  }
  Tensor real(DataType::kF32, stored.shape());
  const std::span<const std::uint8_t> bytes = stored.data<std::uint8_t>();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    real.data<float>()[i] = static_cast<float>(base + step * bytes[i]);
  }
  return {c.nhwc().from_plain(c.graph().constant(c.name(), std::move(real)))};
}

Refs concat(const NodeContext& c) {
  const std::size_t count = c.input_count();
  const bool axis_first = c.node().op() == "Concat";
  if (count < 2) {
    fail(ErrorCode::kInvalidModel, "has {} inputs, expected at least 2", count);
  }
  Refs parts;
  for (std::size_t i = axis_first ? 1 : 0; i < (axis_first ? count : count - 1); ++i) {
    parts.push_back(c.input(i));
  }
  return {c.nhwc().concat(c.name(), parts, c.single_int(axis_first ? 0 : count - 1, "axis"))};
}

Refs reshape(const NodeContext& c) { return {c.nhwc().reshape(c.name(), c.input(0), c.nhwc().plain(c.input(1)))}; }

Refs transpose(const NodeContext& c) { return {c.nhwc().transpose(c.name(), c.input(0), c.ints(1, "perm"))}; }

Refs squeeze(const NodeContext& c) {
  const Ints axes = c.node().attr().contains("squeeze_dims") ? c.list_attr("squeeze_dims") : c.list_attr("axis");
  return {c.nhwc().squeeze(c.name(), c.input(0), axes)};
}

Refs expand_dims(const NodeContext& c) { return {c.nhwc().unsqueeze(c.name(), c.input(0), c.single_int(1, "axis"))}; }

Refs pad(const NodeContext& c) {
  const Ints pads = c.ints(1, "paddings");
  Ints begin, end;
  for (std::size_t i = 0; i + 1 < pads.size(); i += 2) {
    begin.push_back(pads[i]);
    end.push_back(pads[i + 1]);
  }
  std::string_view mode = "constant";
  if (c.node().op() == "MirrorPad") {
    mode = c.text_attr("mode", "REFLECT") == "SYMMETRIC" ? "symmetric" : "reflect";
  }
  const Ref value = c.node().op() == "PadV2" ? c.input(2) : importer::kNoRef;
  return {c.nhwc().pad(c.name(), c.input(0), begin, end, mode, value)};
}

Refs shape(const NodeContext& c) {
  return {c.nhwc().shape_of(c.name(), c.input(0), c.type_attr("out_type", DataType::kI32))};
}

Refs rank(const NodeContext& c) {
  const auto count = static_cast<std::int32_t>(c.nhwc().shape(c.input(0)).size());
  return {c.nhwc().from_plain(c.graph().constant(c.name(), Tensor::scalar(count)))};
}

Refs slice(const NodeContext& c) {
  return {c.nhwc().slice(c.name(), c.input(0), c.ints(1, "begin"), c.ints(2, "size"))};
}

Refs strided_slice(const NodeContext& c) {
  return {c.nhwc().strided_slice(c.name(), c.input(0), c.input(1), c.input(2), c.input(3),
                                 {.begin = c.int_attr("begin_mask", 0),
                                  .end = c.int_attr("end_mask", 0),
                                  .ellipsis = c.int_attr("ellipsis_mask", 0),
                                  .new_axis = c.int_attr("new_axis_mask", 0),
                                  .shrink = c.int_attr("shrink_axis_mask", 0)})};
}

constexpr std::int64_t kMostParts = 4096;  // of a split; far above any real one

Refs split(const NodeContext& c) {
  const std::int64_t count = c.int_attr("num_split", 1);
  ops::check_range(count, 1, kMostParts, "num_split");
  return c.nhwc().split(c.name(), c.input(1), c.single_int(0, "axis"), static_cast<std::size_t>(count));
}

Refs split_v(const NodeContext& c) {
  return c.nhwc().split(c.name(), c.input(0), c.single_int(2, "axis"), c.ints(1, "lengths"));
}

Refs pack(const NodeContext& c) { return {c.nhwc().pack(c.name(), identity_n(c), c.int_attr("axis", 0))}; }

Refs unpack(const NodeContext& c) {
  const std::int64_t count = c.int_attr("num", 1);
  ops::check_range(count, 1, kMostParts, "num");
  return c.nhwc().unpack(c.name(), c.input(0), c.int_attr("axis", 0), static_cast<std::size_t>(count));
}

Refs gather(const NodeContext& c) {
  const std::int64_t axis = c.input_count() > 2 ? c.single_int(2, "axis") : 0;
  return {c.nhwc().gather(c.name(), c.input(0), c.input(1), axis, c.int_attr("batch_dims", 0))};
}

/// Two inputs in the file's own order, named as our operator is.
Refs plain_pair(const NodeContext& c, std::string_view op, bool swapped = false) {
  auto& n = c.nhwc();
  return {n.from_plain(
      c.graph().add(op, c.name(), {n.plain(c.input(swapped ? 1 : 0)), n.plain(c.input(swapped ? 0 : 1))}))};
}

Refs range(const NodeContext& c) {
  auto& n = c.nhwc();
  return {n.from_plain(c.graph().add("Range", c.name(), {n.plain(c.input(0)), n.plain(c.input(1)), n.plain(c.input(2))},
                                     {{"output_type", n.data_type(c.input(0))}}, 4))};
}

Refs cast(const NodeContext& c) {
  return {c.nhwc().convert(c.name(), c.input(0), c.type_attr("DstT", DataType::kF32))};
}

Refs select(const NodeContext& c) { return {c.nhwc().select(c.name(), c.input(0), c.input(1), c.input(2))}; }

}  // namespace

void add_shape_ops(Converters& converters) {
  const Converters own = {
      {"BroadcastTo", [](const NodeContext& c) { return plain_pair(c, "Broadcast"); }},
      {"Cast", cast},
      {"Concat", concat},
      {"ConcatV2", concat},
      {"Const", constant},
      {"Dequantize", dequantize},
      {"ExpandDims", expand_dims},
      {"Fill", [](const NodeContext& c) { return plain_pair(c, "Broadcast", true); }},
      {"Gather", gather},
      {"GatherNd", [](const NodeContext& c) { return plain_pair(c, "GatherND"); }},
      {"GatherV2", gather},
      {"Identity", identity},
      {"IdentityN", identity_n},
      {"MirrorPad", pad},
      {"NoOp", nothing},
      {"Pack", pack},
      {"Pad", pad},
      {"PadV2", pad},
      {"PlaceholderWithDefault", identity},
      {"PreventGradient", identity},
      {"Range", range},
      {"Rank", rank},
      {"ReadVariableOp", identity},
      {"Reshape", reshape},
      {"Select", select},
      {"SelectV2", select},
      {"Shape", shape},
      {"Slice", slice},
      {"Snapshot", identity},
      {"Split", split},
      {"SplitV", split_v},
      {"Squeeze", squeeze},
      {"StopGradient", identity},
      {"StridedSlice", strided_slice},
      {"Tile", [](const NodeContext& c) { return plain_pair(c, "Tile"); }},
      {"Transpose", transpose},
      {"Unpack", unpack},
      {"VarHandleOp", variable},
      {"Variable", variable},
      {"VariableV2", variable},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::tensorflow
