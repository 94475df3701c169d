// TensorFlow Lite's operators as ours: one converter an operator, and what they share.
//
// A quantised tensor flows as whole numbers, stored − zero point, in f32, which holds them and their sums of products
// exactly up to 2^24. Convolutions and the like therefore count as the original does: whole numbers times whole
// numbers, a factor, rounding, limits. Operators that compute with real numbers read the numbers times their scale,
// and their results are brought back onto steps.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/frontends/common/nhwc.hpp"
#include "engine/frontends/tflite/file.hpp"

namespace fovea::tflite {

class Importer;

/// True for activations in whole steps: one scale, at most 16 bits (wider ones are biases and indices).
bool is_stepped(const TensorInfo& info);

/// True for activations that only limit their input, which whole numbers can do.
bool is_limits(schema::Activation activation);

/// What is added, in steps, before a value is rounded to its tensor's steps, because the original rounds otherwise.
struct Nudge {
  double steps = 0;
  bool away_from_zero = false;  ///< With the value's sign; else upwards.
};

/// An operator that adds up products of its data with its weights.
struct Product {
  std::size_t data = 0, weights = 1, bias = 2;  ///< Inputs; the bias may be missing.
  std::size_t outputs_axis = 0;                 ///< Of the weights, along which they may have one scale each.
  schema::Activation activation = schema::Activation::kNone;
  bool halves_up = true;  ///< The original rounds halves up in its second rounding; else away from zero.
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
  [[nodiscard]] const TensorInfo& input_info(std::size_t i) const;
  [[nodiscard]] const TensorInfo& output_info(std::size_t i = 0) const;
  /// The input as the numbers it stands for.
  /// \throws Error{kInvalidModel} when it is missing or not computed yet.
  [[nodiscard]] importer::Ref input(std::size_t i) const;
  /// A stepped input as whole numbers.
  [[nodiscard]] importer::Ref steps(std::size_t i) const;
  /// Values of a constant integer input.
  [[nodiscard]] importer::Ints ints(std::size_t i, std::string_view what) const;

  /// Input `from` and all outputs are stepped alike: its whole numbers can be moved about.
  [[nodiscard]] bool keeps_steps(std::size_t from = 0) const;
  /// As whole numbers where `keeps_steps`, otherwise as real ones.
  [[nodiscard]] importer::Ref moved_input(std::size_t from = 0) const;

  /// Data and weights of a product, both whole or both real; the weights with their axes reordered and then reshaped.
  /// Quantised constants stay small and are followed by the nodes that centre and scale them.
  [[nodiscard]] importer::Ref data(const Product& product) const;
  [[nodiscard]] ValueId weights(const Product& product, const importer::Ints& order, const Shape& shape) const;
  /// Sets the first output from the sums of products, to which bias and activation are added.
  void set_product(importer::Ref sums, const Product& product) const;

  /// Sets the first output from real numbers after applying the fused activation, on its steps where it has some.
  void set(importer::Ref value, schema::Activation activation = schema::Activation::kNone) const;
  /// Sets the first output, which is stepped, from numbers that `factors` make steps: one factor, or one for each index
  /// of the last axis.
  void set_steps(importer::Ref numbers, const std::vector<double>& factors,
                 schema::Activation activation = schema::Activation::kNone, Nudge nudge = {}) const;
  /// Sets output `i` from values of moved_input(from).
  void set_moved(importer::Ref value, std::size_t i = 0, std::size_t from = 0) const;

  /// How the original's fixed-point kernels round a number times `factor`: 2^s · q, ½ ≤ q < 1, and two roundings, to
  /// 2^s of a step and then to a step. What lies up to 2^(s−1) below a half so goes the other way.
  [[nodiscard]] static Nudge fixed_point_nudge(double factor, bool halves_up);

 private:
  /// Data, weights, bias and output are integers, and the activation is limits: the original counts in integers.
  [[nodiscard]] bool counts(const Product& product) const;
  [[nodiscard]] std::vector<double> product_factors(const Product& product) const;
  [[nodiscard]] importer::Ref with_real_bias(importer::Ref sums, const Product& product) const;
  [[nodiscard]] importer::Ref nudged_away(importer::Ref numbers, double amount) const;
  /// Numbers from 0 to `most`, rounded and counted from `low` up; those beyond become the limit.
  [[nodiscard]] importer::Ref rounded(importer::Ref numbers, const std::string& name, double most, double low) const;
  [[nodiscard]] ValueId scalar(double value) const;

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

/// Range of the integers that store a stepped tensor.
struct StoredRange {
  std::int64_t least = 0;
  std::int64_t most = 0;
};
/// \throws Error{kUnsupported} for tensors that are not stepped.
StoredRange stored_range(const TensorInfo& info);

/// Builds the graph of a file.
class Importer {
 public:
  explicit Importer(const TfliteFile& file);

  /// \throws Error{kUnsupported} naming all operators that are not supported; Error{kInvalidModel}.
  Graph build();

  // For OpContext.
  [[nodiscard]] const TensorInfo& info(std::int32_t tensor) const;
  /// The tensor as the numbers it stands for.
  [[nodiscard]] importer::Ref value(std::int32_t tensor);
  /// A stepped tensor as whole numbers, stored − zero point.
  [[nodiscard]] importer::Ref steps(std::int32_t tensor);
  /// Real numbers; those of a stepped tensor are brought onto its steps.
  void set_value(std::int32_t tensor, importer::Ref value);
  void set_steps(std::int32_t tensor, importer::Ref steps);
  importer::GraphBuilder& graph() { return graph_; }
  importer::NhwcBuilder& nhwc() { return nhwc_; }

 private:
  void check_operators() const;
  void add_input(std::int32_t tensor);
  void add_operator(const schema::Operator& op);
  void add_output(std::int32_t tensor);

  /// A tensor's value in the graph, in the forms that were asked for so far.
  struct Held {
    importer::Ref real = importer::kNoRef;
    importer::Ref steps = importer::kNoRef;
  };
  /// \throws Error{kInvalidModel} when the tensor has a value already.
  Held& unset(std::int32_t tensor);

  const TfliteFile& file_;
  importer::GraphBuilder graph_;
  importer::NhwcBuilder nhwc_;
  std::vector<Held> values_;  ///< By tensor.
};

}  // namespace fovea::tflite
