#include "tools/model_inputs.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "engine/base/error.hpp"
#include "engine/ops/shape_inference.hpp"
#include "tools/convert/convert_model.hpp"
#include "tools/npy.hpp"
#include "vision/image_file.hpp"
#include "vision/model_spec_resolve.hpp"
#include "vision/picture_input.hpp"

namespace fovea::tools {
namespace {

const Shape& shape_of(const Model& model, std::size_t input) {
  return model.graph.value(model.graph.inputs.at(input).value).type.shape;
}

/// "NAME=FILE" or "FILE"; a '=' inside an existing file's name belongs to the name.
std::pair<std::string, std::filesystem::path> split_input(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || std::filesystem::exists(text)) {
    return {"", text};
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

GivenInputs read_arrays(const Model& model, const InputOptions& options) {
  GivenInputs given;
  for (const std::string& text : options.arrays) {
    const auto [name, file] = split_input(text);
    const std::size_t index = find_port(model.graph.inputs, name, "input");
    Tensor tensor = read_npy(file);
    if (tensor.shape().size() + 1 == shape_of(model, index).size()) {
      Shape shape = tensor.shape();
      shape.insert(shape.begin(), 1);
      tensor = tensor.reshaped(shape);
    }
    if (!given.emplace(index, std::move(tensor)).second) {
      fail(ErrorCode::kInvalidArgument, "--input: '{}' is given twice", model.graph.inputs[index].name);
    }
  }
  return given;
}

/// A picture's size for the open height and width of the input; 1 and 3 for an open batch and channels.
Shape closed_for_picture(const GraphPort& port, Shape shape, const Image& image) {
  constexpr std::size_t kRank = 4;
  if (shape.size() != kRank) {
    return shape;
  }
  const bool nchw = picture_layout(port, shape) == TensorLayout::kNchw;
  const std::int64_t height = image.height_px;
  const std::int64_t width = image.width_px;
  const Shape wanted = nchw ? Shape{1, 3, height, width} : Shape{1, height, width, 3};
  for (std::size_t axis = 0; axis < kRank; ++axis) {
    shape[axis] = shape[axis] == kDynamic ? wanted[axis] : shape[axis];
  }
  return shape;
}

void feed_image(const Model& model, const ModelSpec& spec, std::size_t index, const Image& image, GivenInputs& given) {
  const GraphPort& port = model.graph.inputs[index];
  TensorType type = model.graph.value(port.value).type;
  type.data_type = is_float(type.data_type) ? DataType::kF32 : type.data_type;
  const PreProcessSpec preprocess = resolve_preprocess(spec, type, picture_layout(port, type.shape));
  Tensor tensor(type);
  PreProcess(preprocess).run(image.view(), {0, 0, 1, 1}, tensor.mutable_view());
  given.insert_or_assign(index, std::move(tensor));
  for (const ExtraInput& extra : spec.extra_inputs) {
    const std::size_t other = find_port(model.graph.inputs, extra.input, "input");
    Tensor values(DataType::kF32, shape_of(model, other));
    fill_extra_input(extra, preprocess, values.mutable_view());
    given.emplace(other, std::move(values));
  }
}

void check_shapes(const Model& model, const GivenInputs& given) {
  for (const auto& [index, tensor] : given) {
    if (tensor.shape() != shape_of(model, index)) {
      fail(ErrorCode::kInvalidArgument, "--input: the array for '{}' is {}, the model takes {}",
           model.graph.inputs[index].name, to_string(tensor.shape()), to_string(shape_of(model, index)));
    }
  }
}

}  // namespace

void add_input_options(CLI::App& app, InputOptions& options) {
  app.add_option("-i,--input", options.arrays, "NAME=FILE.npy, cast to the input's type; NAME= may be left out")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--image", options.image, "PNG or JPEG, fed as the model's description says");
  app.add_option("--input-shape", options.shapes,
                 "[1,3,224,224] or NAME[…],…: for extents that the model leaves open, or instead of its own");
}

GivenInputs prepare_inputs(Model& model, const InputOptions& options) {
  if (!options.shapes.empty()) {
    ConvertRequest request;
    request.input_shape = options.shapes;
    request.simplify = false;
    convert_model(model, request, [](std::string_view) {});
  }
  GivenInputs given = read_arrays(model, options);
  std::map<std::string, Shape> closed;
  for (const auto& [index, tensor] : given) {
    if (!is_static(shape_of(model, index))) {
      closed[model.graph.inputs[index].name] = tensor.shape();
    }
  }
  const bool picture = !options.image.empty();
  const Image image = picture ? read_image(options.image) : Image{};
  const ModelSpec spec = picture ? resolve_model_spec(model) : ModelSpec{};
  const std::size_t index = picture ? find_picture_input(model.graph.inputs, spec) : 0;
  if (picture && !is_static(shape_of(model, index))) {
    const GraphPort& port = model.graph.inputs[index];
    closed[port.name] = closed_for_picture(port, shape_of(model, index), image);
  }
  if (!closed.empty()) {
    try {
      reshape(model.graph, closed);
    } catch (const Error& error) {
      throw error.with_context("the extents of what was given do not suit the model; --input-shape says others");
    }
  }
  if (picture) {
    feed_image(model, spec, index, image, given);
  }
  check_shapes(model, given);
  return given;
}

}  // namespace fovea::tools
