// TensorFlow Lite's operators as ours: one converter an operator, and what they share. Quantised tensors flow as the
// real numbers they stand for; each result is brought back onto its tensor's steps by a FakeQuantize.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/frontends/common/nhwc.hpp"
#include "engine/frontends/tflite/file.hpp"

namespace fovea::tflite {

class Importer;

/// What is added before a value is rounded to its tensor's steps, because the original rounds otherwise.
struct Nudge {
  double steps = 0;
  bool away_from_zero = false;  ///< With the value's sign; else upwards.
};

/// One operator while it is converted.
class OpContext {
 public:
  OpContext(Importer& importer, const schema::Operator& op, std::string name)
      : importer_(importer), op_(op), name_(std::move(name)) {}

  [[nodiscard]] const schema::Operator& op() const { return op_; }
  /// Of the node: the first output's.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] importer::NhwcBuilder& nhwc() const;
  [[nodiscard]] importer::GraphBuilder& graph() const;

  [[nodiscard]] std::size_t input_count() const;
  [[nodiscard]] std::size_t output_count() const;
  /// Optional inputs may be missing.
  [[nodiscard]] bool has_input(std::size_t i) const;
  /// \throws Error{kInvalidModel} when it is missing or not computed yet.
  [[nodiscard]] importer::Ref input(std::size_t i) const;
  [[nodiscard]] const TensorInfo& input_info(std::size_t i) const;
  [[nodiscard]] const TensorInfo& output_info(std::size_t i = 0) const;
  /// Values of a constant integer input.
  [[nodiscard]] importer::Ints ints(std::size_t i, std::string_view what) const;
  /// A constant input with its axes reordered and then reshaped; quantised ones stay small and are followed by the
  /// nodes that scale them.
  [[nodiscard]] ValueId weights(std::size_t i, const importer::Ints& order, const Shape& shape) const;

  /// How TensorFlow Lite's rounding of a sum of products of inputs 0 and 1 differs from ours. Its kernels for unsigned
  /// bytes scale by a fixed-point factor q·2^−s, ½ ≤ q < 1, and round twice: to 2^−s of a step, then to a step, halves
  /// away from zero. Values up to 2^−(s+1) below a half so go the other way.
  [[nodiscard]] Nudge product_nudge() const;

  /// Sets the first output after applying the fused activation, and brings it onto the output's quantisation steps.
  void set(importer::Ref value, schema::Activation activation = schema::Activation::kNone, Nudge nudge = {}) const;
  /// Sets output `i`, whose values are some of input `from`'s: no new rounding where the quantisation is the same.
  void set_moved(importer::Ref value, std::size_t i = 0, std::size_t from = 0) const;

 private:
  [[nodiscard]] importer::Ref nudged(importer::Ref value, Nudge nudge) const;

  Importer& importer_;
  const schema::Operator& op_;
  std::string name_;
};

/// \throws Error{kInvalidModel, kUnsupported}; the caller adds the operator's name.
using Converter = void (*)(const OpContext& context);
using Converters = std::map<schema::BuiltinOperator, Converter>;

void add_activation_ops(Converters& converters);  ///< Activations, softmax, quantisation.
void add_image_ops(Converters& converters);       ///< Convolutions, poolings, resizing, blocks.
void add_math_ops(Converters& converters);        ///< Arithmetic, comparison, reductions, matrix products.
void add_shape_ops(Converters& converters);       ///< Movement of data.

/// By operator code.
const Converters& all_converters();

/// Operators with names of their own (detection_ops.cpp).
using CustomConverters = std::map<std::string_view, Converter>;
const CustomConverters& custom_converters();

/// The converter of an operator, or nullptr.
Converter find_converter(const schema::OperatorCode& code);

/// Builds the graph of a file.
class Importer {
 public:
  explicit Importer(const TfliteFile& file);

  /// \throws Error{kUnsupported} naming all operators that are not supported; Error{kInvalidModel}.
  Graph build();

  // For OpContext.
  [[nodiscard]] const TensorInfo& info(std::int32_t tensor) const;
  [[nodiscard]] importer::Ref value(std::int32_t tensor);
  void set_value(std::int32_t tensor, importer::Ref value);
  [[nodiscard]] importer::Ref quantise(const TensorInfo& info, importer::Ref value);
  importer::GraphBuilder& graph() { return graph_; }
  importer::NhwcBuilder& nhwc() { return nhwc_; }

 private:
  void check_operators() const;
  void add_input(std::int32_t tensor);
  void add_operator(const schema::Operator& op);
  void add_output(std::int32_t tensor);

  const TfliteFile& file_;
  importer::GraphBuilder graph_;
  importer::NhwcBuilder nhwc_;
  std::vector<importer::Ref> values_;  ///< By tensor; kNoRef: not there yet.
};

}  // namespace fovea::tflite
