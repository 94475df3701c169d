// Caffe's layers as our operators: one converter a layer type.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/frontends/caffe/caffe.pb.h"
#include "engine/frontends/common/graph_builder.hpp"

namespace fovea::caffe {

/// One layer while it is converted.
struct LayerContext {
  const LayerParameter& layer;
  importer::GraphBuilder& graph;
  std::vector<ValueId> bottoms;        ///< Values of the bottom blobs.
  const std::vector<Tensor>& weights;  ///< Its blobs from the caffemodel, f32.

  /// The only (or first) bottom. \throws Error{kInvalidModel} when there is none.
  [[nodiscard]] ValueId bottom(std::size_t i = 0) const;
  /// A blob of weights seen as `shape`. \throws Error{kInvalidModel} when it is missing or of another size.
  [[nodiscard]] Tensor blob(std::size_t i, const Shape& shape, std::string_view what) const;
  /// A blob of any shape.
  [[nodiscard]] const Tensor& blob(std::size_t i, std::string_view what) const;
  /// `axis` counted from the front. \throws Error{kInvalidModel} when the first bottom has no such axis.
  [[nodiscard]] std::size_t axis(std::int64_t axis, std::string_view what = "axis") const;
  /// For names of constants and helper nodes.
  [[nodiscard]] std::string name(std::string_view part = {}) const;

  /// A constant f32 of the graph.
  [[nodiscard]] ValueId constant(std::string_view part, Tensor tensor) const;
  /// Adds values [C] along `axis` of a value of rank `rank`.
  [[nodiscard]] ValueId add_bias(ValueId value, const Tensor& bias, std::size_t axis, const std::string& node) const;
};

/// Adds a layer's nodes. \return One value a top blob.
/// \throws Error{kInvalidModel, kUnsupported}; the caller adds the layer's name.
using Converter = std::vector<ValueId> (*)(const LayerContext& context);
using Converters = std::map<std::string, Converter, std::less<>>;

void add_window_layers(Converters& converters);       ///< Convolutions, poolings, inner products, resizing.
void add_elementwise_layers(Converters& converters);  ///< Activations, arithmetic, normalisation.
void add_shape_layers(Converters& converters);        ///< Movement of data, SSD's layers, reductions.

/// By layer type.
const Converters& all_converters();

/// The converter of a layer type, or nullptr.
Converter find_converter(std::string_view type);

}  // namespace fovea::caffe
