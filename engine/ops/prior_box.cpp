// PriorBox: boxes of given sizes and aspect ratios around every cell of a feature map, and their variances. Inputs are
// the extents [height, width] of the feature map and of the image.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/prior-box-8.html

#include <algorithm>
#include <cmath>

#include "engine/ops/op_def.hpp"
#include "engine/ops/prior_cell.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  std::vector<double> min_size;
  std::vector<double> max_size;
  std::vector<double> aspect_ratio;
  std::vector<double> density;  ///< One per fixed size: boxes along each side of a dense grid.
  std::vector<double> fixed_ratio;
  std::vector<double> fixed_size;
  bool clip = false;
  bool flip = false;
  double step = 0;
  double offset = 0;
  std::vector<double> variance;
  bool scale_all_sizes = true;  ///< false: sizes and step are in image heights (the MXNet way).
  bool min_max_aspect_ratios_order = true;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("min_size", min_size);
    visit("max_size", max_size);
    visit("aspect_ratio", aspect_ratio);
    visit("density", density);
    visit("fixed_ratio", fixed_ratio);
    visit("fixed_size", fixed_size);
    visit("clip", clip);
    visit("flip", flip);
    visit("step", step);
    visit("offset", offset);
    visit("variance", variance);
    visit("scale_all_sizes", scale_all_sizes);
    visit("min_max_aspect_ratios_order", min_max_aspect_ratios_order);
  }
  bool operator==(const Attributes&) const = default;
};

constexpr double kSameRatio = 1e-6;   // as the reference implementation compares ratios
constexpr double kMaxDensity = 64;  // boxes along a side; far above any trained model, keeps the list small

/// 1, then the distinct ratios, each followed by its inverse with `flip`.
std::vector<double> aspect_ratios(const Attributes& attributes) {
  std::vector<double> ratios = {1.0};
  for (const double ratio : attributes.aspect_ratio) {
    const bool known = std::ranges::any_of(ratios, [&](double r) { return std::abs(r - ratio) < kSameRatio; });
    if (!known) {
      ratios.push_back(ratio);
      if (attributes.flip) {
        ratios.push_back(1.0 / ratio);
      }
    }
  }
  return ratios;
}

/// A grid of density² boxes of one form, spread over a square of the fixed size.
void add_dense(double fixed_size, double density, double ratio, std::vector<CellBox>& boxes) {
  const double root = std::sqrt(ratio);
  const double whole = std::trunc(fixed_size);  // the reference implementation truncates size and shift
  const double shift = std::trunc(fixed_size / density);
  const double start = shift / 2 - std::trunc(whole / 2);
  for (double row = 0; row < density; ++row) {
    for (double column = 0; column < density; ++column) {
      boxes.push_back({.shift_x = start + column * shift,
                       .shift_y = start + row * shift,
                       .half_width = fixed_size / 2 * root,
                       .half_height = fixed_size / 2 / root,
                       .clip = true});
    }
  }
}

void add_fixed(const Attributes& attributes, const std::vector<double>& ratios, std::vector<CellBox>& boxes) {
  for (std::size_t i = 0; i < attributes.fixed_size.size(); ++i) {
    const double size = attributes.fixed_size[i];
    const double density = std::trunc(attributes.density[i]);
    const std::vector<double>& forms = attributes.fixed_ratio.empty() ? ratios : attributes.fixed_ratio;
    for (const double ratio : forms) {
      add_dense(size, density, ratio, boxes);
    }
  }
}

/// The boxes of one cell.
/// \param unit  Image pixels that a size of 1 stands for.
std::vector<CellBox> cell_boxes(const Attributes& attributes, double unit) {
  const std::vector<double> ratios = aspect_ratios(attributes);
  std::vector<CellBox> boxes;
  add_fixed(attributes, ratios, boxes);
  const auto add = [&](double width, double height) {
    boxes.push_back({.half_width = width / 2, .half_height = height / 2});
  };
  for (std::size_t i = 0; i < attributes.min_size.size(); ++i) {
    const double size = attributes.min_size[i] * unit;
    add(size, size);
    const auto add_largest = [&] {
      if (i < attributes.max_size.size()) {
        const double side = std::sqrt(size * attributes.max_size[i]);
        add(side, side);
      }
    };
    const auto add_ratios = [&] {
      if (!attributes.scale_all_sizes && i + 1 != attributes.min_size.size()) {
        return;
      }
      const double base = attributes.min_size[attributes.scale_all_sizes ? i : 0] * unit;
      for (const double ratio : ratios) {
        if (std::abs(ratio - 1.0) >= kSameRatio) {
          add(base * std::sqrt(ratio), base / std::sqrt(ratio));
        }
      }
    };
    if (attributes.min_max_aspect_ratios_order) {
      add_largest();
      add_ratios();
    } else {
      add_ratios();
      add_largest();
    }
  }
  return boxes;
}

void check(const Attributes& attributes) {
  const auto positive = [](const std::vector<double>& values, std::string_view what) {
    for (const double value : values) {
      if (!(value > 0) || !std::isfinite(value)) {
        fail(ErrorCode::kInvalidModel, "{} has the value {}, expected positive numbers", what, value);
      }
    }
  };
  positive(attributes.min_size, "min_size");
  positive(attributes.max_size, "max_size");
  positive(attributes.aspect_ratio, "aspect_ratio");
  positive(attributes.fixed_ratio, "fixed_ratio");
  positive(attributes.fixed_size, "fixed_size");
  if (attributes.density.size() < attributes.fixed_size.size()) {
    fail(ErrorCode::kInvalidModel, "density has {} values, expected one for each of {} fixed sizes",
         attributes.density.size(), attributes.fixed_size.size());
  }
  for (const double density : attributes.density) {
    if (!(density >= 1 && density <= kMaxDensity)) {
      fail(ErrorCode::kInvalidModel, "density has the value {}, expected 1 to {}", density, kMaxDensity);
    }
  }
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check(attributes);
  return infer_cells(inputs, cell_boxes(attributes, 1).size(), attributes.variance.size());
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  CellGrid grid = read_grid(to_ints(inputs[0]), to_ints(inputs[1]));
  const auto image_height = static_cast<double>(grid.image_height);
  const auto natural_x = static_cast<double>(grid.image_width) / static_cast<double>(grid.layer_width);
  const auto natural_y = image_height / static_cast<double>(grid.layer_height);
  double unit = 1;
  double step = attributes.step;
  if (!attributes.scale_all_sizes) {
    unit = image_height;
    step = step == -1 ? natural_y : step * image_height;
  }
  grid.step_x = step == 0 ? natural_x : step;
  grid.step_y = step == 0 ? natural_y : step;
  grid.offset = step == 0 ? 0.5 : attributes.offset;
  grid.clip = attributes.clip;
  fill_cells(grid, cell_boxes(attributes, unit), attributes.variance, outputs[0]);
}

}  // namespace

extern const OpDef prior_box;
const OpDef prior_box{
    .name = "PriorBox",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/detection/"
        "prior-box-8.html",
    .inputs = {2, 2},
    .openvino = {.type = "PriorBox", .versions = {1, 8}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
