// Einsum: sums of products by the equation's axis letters ("bij,bjk->bik", "...ii->...i"); capital and small letters
// differ, a repeated letter within one term is a diagonal, "..." stands for axes that broadcast.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/matrix/einsum-7.html

#include <algorithm>
#include <map>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::string equation;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("equation", equation);
  }
  bool operator==(const Attributes&) const = default;
};

/// One loop of the computation; letters below 0 are the axes of "...", counted from the right.
using Label = int;
constexpr Label kEllipsis = -1000;

/// "...ij" → labels; the ellipsis becomes `ellipsis` axes.
std::vector<Label> parse_term(std::string_view term, std::size_t ellipsis) {
  std::vector<Label> labels;
  for (std::size_t i = 0; i < term.size(); ++i) {
    const char c = term[i];
    if (c == '.') {
      if (term.substr(i, 3) != "..." || std::ranges::find(labels, kEllipsis) != labels.end()) {
        fail(ErrorCode::kInvalidModel, "term '{}' is malformed", term.substr(0, 80));
      }
      i += 2;
      labels.push_back(kEllipsis);
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      labels.push_back(c);
    } else {
      fail(ErrorCode::kInvalidModel, "term '{}' holds '{}', expected letters", term.substr(0, 80), c);
    }
  }
  const auto place = std::ranges::find(labels, kEllipsis);
  if (place != labels.end()) {
    std::vector<Label> axes;
    for (std::size_t i = ellipsis; i > 0; --i) {
      axes.push_back(-static_cast<Label>(i));
    }
    const auto at = labels.erase(place);
    labels.insert(at, axes.begin(), axes.end());
  }
  return labels;
}

/// The equation with every loop's extent.
struct Plan {
  std::vector<std::vector<Label>> inputs;
  std::vector<Label> output;
  std::map<Label, std::int64_t> extents;
};

std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

/// Extents of the loops; what broadcasts may be 1 in some inputs.
void read_extents(Plan& plan, std::span<const Shape> shapes) {
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (plan.inputs[i].size() != shapes[i].size()) {
      fail(ErrorCode::kInvalidModel, "input {} is {}, the equation gives it {} axes", i, to_string(shapes[i]),
           plan.inputs[i].size());
    }
    for (std::size_t axis = 0; axis < shapes[i].size(); ++axis) {
      const std::int64_t extent = shapes[i][axis];
      const auto [known, fresh] = plan.extents.emplace(plan.inputs[i][axis], extent);
      if (!fresh && known->second != extent && known->second != 1 && extent != 1) {
        fail(ErrorCode::kInvalidModel, "input {} is {}: an axis has {} where another input has {}", i,
             to_string(shapes[i]), extent, known->second);
      }
      known->second = known->second == 1 ? extent : known->second;
    }
  }
}

Plan make_plan(const std::string& equation, std::span<const Shape> shapes) {
  const std::string text = without_blanks(equation);
  const auto arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  std::vector<std::string> terms = split(left, ',');
  terms.resize(std::max<std::size_t>(terms.size(), 1));
  if (terms.size() != shapes.size()) {
    fail(ErrorCode::kInvalidModel, "equation '{}' has {} terms, there are {} inputs", equation.substr(0, 80),
         terms.size(), shapes.size());
  }
  std::size_t ellipsis = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const bool open = terms[i].find("...") != std::string::npos;
    const std::size_t letters = terms[i].size() - (open ? 3 : 0);
    ellipsis = open && shapes[i].size() > letters ? std::max(ellipsis, shapes[i].size() - letters) : ellipsis;
  }
  Plan plan;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const bool open = terms[i].find("...") != std::string::npos;
    const std::size_t letters = terms[i].size() - (open ? 3 : 0);
    plan.inputs.push_back(parse_term(terms[i], shapes[i].size() > letters ? shapes[i].size() - letters : 0));
  }
  read_extents(plan, shapes);
  if (arrow != std::string::npos) {
    plan.output = parse_term(std::string_view(text).substr(arrow + 2), ellipsis);
  } else {
    // Without a right side: the ellipsis, then the letters that occur once, in the alphabet's order.
    for (const auto& [label, extent] : plan.extents) {
      std::size_t count = 0;
      for (const auto& labels : plan.inputs) {
        count += static_cast<std::size_t>(std::ranges::count(labels, label));
      }
      if (count == 1 || label < 0) {
        plan.output.push_back(label);
      }
    }
  }
  for (std::size_t i = 0; i < plan.output.size(); ++i) {
    if (!plan.extents.contains(plan.output[i]) ||
        std::find(plan.output.begin(), plan.output.begin() + static_cast<std::ptrdiff_t>(i), plan.output[i]) !=
            plan.output.begin() + static_cast<std::ptrdiff_t>(i)) {
      fail(ErrorCode::kInvalidModel, "equation '{}': the right side repeats an axis or names an unknown one",
           equation.substr(0, 80));
    }
  }
  return plan;
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  std::vector<Shape> shapes;
  for (const InputInfo& input : inputs) {
    check_same_type(inputs[0], input);
    check_static(input.type.shape, "an input");
    shapes.push_back(input.type.shape);
  }
  const Plan plan = make_plan(node.attrs<Attributes>().equation, shapes);
  Shape result;
  Shape loops;
  for (const Label label : plan.output) {
    result.push_back(plan.extents.at(label));
  }
  for (const auto& [label, extent] : plan.extents) {
    loops.push_back(extent);
  }
  constexpr std::size_t kMaxProducts = std::size_t{1} << 30U;  // some seconds of the reference kernel
  if (element_count(loops) > kMaxProducts) {
    fail(ErrorCode::kUnsupported, "needs {} products, at most {} are supported; use MatMul", element_count(loops),
         kMaxProducts);
  }
  return {{inputs[0].type.data_type, result}};
}

/// Steps of each loop through a tensor of this shape.
Shape loop_strides(const std::vector<Label>& labels, const Shape& shape, const std::vector<Label>& loops) {
  const Shape strides = row_major_strides(shape);
  Shape steps(loops.size(), 0);
  for (std::size_t axis = 0; axis < labels.size(); ++axis) {
    if (shape[axis] != 1) {
      const auto loop = std::ranges::find(loops, labels[axis]) - loops.begin();
      steps[static_cast<std::size_t>(loop)] += strides[axis];
    }
  }
  return steps;
}

void run(const Plan& plan, const std::vector<std::vector<double>>& values, std::span<const ConstTensorView> inputs,
         const TensorView& output) {
  std::vector<Label> loops;
  Shape extents;
  for (const auto& [label, extent] : plan.extents) {
    loops.push_back(label);
    extents.push_back(extent);
  }
  std::vector<Shape> steps;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    steps.push_back(loop_strides(plan.inputs[i], inputs[i].shape(), loops));
  }
  const Shape target = loop_strides(plan.output, output.shape(), loops);
  std::vector<double> sums(element_count(output.shape()), 0.0);
  Shape index(loops.size(), 0);
  const std::size_t count = element_count(extents);
  for (std::size_t i = 0; i < count; ++i) {
    double product = 1;
    for (std::size_t k = 0; k < values.size(); ++k) {
      product *= values[k][static_cast<std::size_t>(flat_index(index, steps[k]))];
    }
    sums[static_cast<std::size_t>(flat_index(index, target))] += product;
    next_index(index, extents);
  }
  store(output, sums);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  std::vector<Shape> shapes;
  std::vector<std::vector<double>> values;
  for (const ConstTensorView& input : inputs) {
    shapes.push_back(input.shape());
    values.push_back(to_doubles(input));
  }
  run(make_plan(node.attrs<Attributes>().equation, shapes), values, inputs, outputs[0]);
}

}  // namespace

extern const OpDef einsum;
const OpDef einsum{
    .name = "Einsum",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/matrix/"
        "einsum-7.html",
    .inputs = {1, kVariadic},
    .openvino = {.type = "Einsum", .versions = {7}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
