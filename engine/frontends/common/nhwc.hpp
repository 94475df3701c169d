// Building graphs from formats that keep images as [N,H,W,C]. Our operators want [N,C,H,W]; a value is held in
// whichever order it was computed, and transposed only where a reader needs the other one, so that transposes between
// convolutions never come to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/frontends/common/graph_builder.hpp"

namespace fovea::importer {

/// A tensor of the file, by its index in the builder.
using Ref = int;
inline constexpr Ref kNoRef = -1;

/// How a window is padded.
struct Padding {
  enum class Kind : std::uint8_t { kSame, kValid, kExplicit };
  Kind kind = Kind::kValid;
  Ints begin, end;  ///< kExplicit: [height, width].
};

/// Geometry of a convolution or pooling, each [height, width].
struct WindowSpec {
  Ints strides = {1, 1};
  Ints dilations = {1, 1};
  Padding padding;
};

enum class Resize : std::uint8_t { kBilinear, kNearest };

class NhwcBuilder {
 public:
  explicit NhwcBuilder(GraphBuilder& graph) : graph_(graph) {}

  /// Takes a value over: in the file's own order, or in [N,C,H,W] where the file means [N,H,W,C].
  Ref from_plain(ValueId value);
  Ref from_nchw(ValueId value);

  /// The value in the file's own order, or (rank 4) in [N,C,H,W]; transposed when it is not there yet.
  ValueId plain(Ref ref);
  ValueId nchw(Ref ref);

  /// The file's shape, and its element type.
  [[nodiscard]] Shape shape(Ref ref) const;
  [[nodiscard]] DataType data_type(Ref ref) const;
  /// Only [N,C,H,W] is there: operators that work in any order should use it.
  [[nodiscard]] bool prefers_nchw(Ref ref) const;
  /// Content, when it is known; of the plain value.
  [[nodiscard]] const Tensor* known(Ref ref) const;
  [[nodiscard]] Ints known_ints(Ref ref, std::string_view what) const;
  /// `axis` counted from the front. \throws Error{kInvalidModel} when there is none.
  [[nodiscard]] std::size_t axis(Ref ref, std::int64_t axis, std::string_view what = "axis") const;

  // Element-wise operators keep the order their operands have. Axes and shapes are the file's.
  Ref unary(std::string_view op, const std::string& name, Ref x, const Attributes& attributes = {});
  /// An operator whose further inputs are scalars or lists that mean no axes.
  Ref with_scalars(std::string_view op, const std::string& name, Ref x, const std::vector<ValueId>& scalars,
                   const Attributes& attributes = {});
  Ref binary(std::string_view op, const std::string& name, Ref a, Ref b, const Attributes& attributes = {});
  Ref select(const std::string& name, Ref condition, Ref a, Ref b);
  Ref convert(const std::string& name, Ref x, DataType type);
  Ref concat(const std::string& name, const std::vector<Ref>& parts, std::int64_t axis);
  Ref softmax(const std::string& name, Ref x, std::int64_t axis, bool log = false);
  Ref reduce(std::string_view op, const std::string& name, Ref x, const Ints& axes, bool keep_dims);
  /// Indices of the largest (or smallest) elements along an axis, which goes.
  Ref arg_extreme(const std::string& name, Ref x, std::int64_t axis, bool largest, DataType type);
  /// \param begin, end  One value per axis of the file's order.
  Ref pad(const std::string& name, Ref x, const Ints& begin, const Ints& end, std::string_view mode, Ref value);
  std::vector<Ref> split(const std::string& name, Ref x, std::int64_t axis, std::size_t count);
  /// Parts of these lengths; at most one is −1.
  std::vector<Ref> split(const std::string& name, Ref x, std::int64_t axis, const Ints& lengths);
  Ref shape_of(const std::string& name, Ref x, DataType type);
  Ref reshape(const std::string& name, Ref x, ValueId pattern);
  Ref transpose(const std::string& name, Ref x, const Ints& order);
  Ref squeeze(const std::string& name, Ref x, Ints axes);
  Ref unsqueeze(const std::string& name, Ref x, std::int64_t axis);
  /// The tensors side by side along a new axis.
  Ref pack(const std::string& name, const std::vector<Ref>& parts, std::int64_t axis);
  std::vector<Ref> unpack(const std::string& name, Ref x, std::int64_t axis, std::size_t count);
  Ref slice(const std::string& name, Ref x, const Ints& begin, const Ints& size);
  /// Masks as in TensorFlow: bit i is for entry i of the lists.
  struct SliceMasks {
    std::int64_t begin = 0, end = 0, ellipsis = 0, new_axis = 0, shrink = 0;
  };
  Ref strided_slice(const std::string& name, Ref x, Ref begin, Ref end, Ref strides, const SliceMasks& masks);
  Ref gather(const std::string& name, Ref x, Ref indices, std::int64_t axis, std::int64_t batch_dims);

  // Operators on images, rank 4.
  /// \param weights  [O,I,H,W], or [G,O/G,I/G,H,W] for groups.
  Ref convolution(const std::string& name, Ref x, ValueId weights, const WindowSpec& window);
  /// \param weights  [I,O,H,W].
  /// \param output   [height, width] of the result.
  Ref transposed_convolution(const std::string& name, Ref x, ValueId weights, const WindowSpec& window,
                             const Ints& output);
  /// Averages leave pads out.
  Ref pool(const std::string& name, Ref x, bool maximum, const Ints& kernel, const WindowSpec& window);
  /// \param bias  [C], known or not.
  Ref add_bias(const std::string& name, Ref x, ValueId bias) { return with_channels("Add", name, x, bias); }
  /// A binary operator whose second operand has one value for each index of the file's last axis.
  /// \param values  [C], known or not.
  Ref with_channels(std::string_view op, const std::string& name, Ref x, ValueId values);
  Ref resize(const std::string& name, Ref x, Resize mode, const Ints& sizes, bool align_corners, bool half_pixel);
  Ref depth_to_space(const std::string& name, Ref x, std::int64_t block);
  Ref space_to_depth(const std::string& name, Ref x, std::int64_t block);
  /// Lists have one value for each axis from 1 on that is cut into blocks.
  Ref space_to_batch(const std::string& name, Ref x, const Ints& block, const Ints& begin, const Ints& end);
  Ref batch_to_space(const std::string& name, Ref x, const Ints& block, const Ints& begin, const Ints& end);

 private:
  struct Entry {
    ValueId plain = kNone;
    ValueId nchw = kNone;
  };
  [[nodiscard]] const Entry& entry(Ref ref) const { return entries_.at(static_cast<std::size_t>(ref)); }
  Entry& entry(Ref ref) { return entries_.at(static_cast<std::size_t>(ref)); }
  /// The value in the order it prefers.
  ValueId preferred(Ref ref);
  Ref same_order(Ref like, ValueId value);
  /// An operand of lower rank made to broadcast against [N,C,H,W].
  ValueId broadcast_nchw(const std::string& name, Ref ref);
  /// Where an axis of the file lies in the order `ref` prefers.
  [[nodiscard]] std::int64_t preferred_axis(Ref ref, std::int64_t axis) const;
  [[nodiscard]] Ints preferred_list(Ref ref, const Ints& values) const;
  std::vector<Ref> adopt(Ref like, const std::vector<ValueId>& values);

  GraphBuilder& graph_;
  std::vector<Entry> entries_;
};

}  // namespace fovea::importer
