#include "tests/support/tiny_ir.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <fstream>

namespace fovea::testing {
namespace {

std::string dims(const TinyIr::Shape& shape) {
  std::string text;
  for (const std::int64_t dim : shape) {
    text += fmt::format("<dim>{}</dim>", dim);
  }
  return text;
}

/// Mean over all axes, divided by 255: [1,1,1,1].
TinyIr::Value brightness(TinyIr& ir, TinyIr::Value picture) {
  const auto mean = ir.layer("ReduceMean", R"(keep_dims="true")", {picture, ir.constant({1, 2, 3})}, {1, 1, 1, 1});
  return ir.layer("Multiply", R"(auto_broadcast="numpy")",
                  {mean, ir.constant(std::vector<float>{1.0F / 255}, {1, 1, 1, 1})}, {1, 1, 1, 1});
}

TinyIr::Value scalar(TinyIr& ir, float value) { return ir.constant(std::vector<float>{value}, {1, 1, 1, 1}); }

}  // namespace

TinyIr::Value TinyIr::add(Layer layer) {
  if (layer.name.empty()) {
    layer.name = fmt::format("{}_{}", layer.type, layers_.size());
  }
  layers_.push_back(std::move(layer));
  return layers_.size() - 1;
}

TinyIr::Value TinyIr::parameter(const std::string& name, const Shape& shape) {
  return add({"Parameter", name, fmt::format(R"(shape="{}" element_type="f32")", fmt::join(shape, ",")), {}, shape});
}

TinyIr::Value TinyIr::add_constant(std::span<const std::byte> bytes, const char* type, const char* precision,
                                   const Shape& shape) {
  const std::size_t offset = weights_.size();
  weights_.insert(weights_.end(), bytes.begin(), bytes.end());
  weights_.resize((weights_.size() + 7) / 8 * 8);  // as the writers of IR files align
  return add({"Const",
              {},
              fmt::format(R"(element_type="{}" shape="{}" offset="{}" size="{}")", type, fmt::join(shape, ","), offset,
                          bytes.size()),
              {},
              shape,
              precision});
}

TinyIr::Value TinyIr::constant(const std::vector<float>& values, const Shape& shape) {
  return add_constant(std::as_bytes(std::span(values)), "f32", "FP32", shape);
}

TinyIr::Value TinyIr::constant(const std::vector<std::int64_t>& values) {
  return add_constant(std::as_bytes(std::span(values)), "i64", "I64", {static_cast<std::int64_t>(values.size())});
}

TinyIr::Value TinyIr::layer(const std::string& type, const std::string& data, const std::vector<Value>& inputs,
                            const Shape& shape) {
  return add({type, {}, data, inputs, shape});
}

void TinyIr::result(Value value) { add({"Result", {}, {}, {value}, layers_[value].shape}); }

std::filesystem::path TinyIr::save(const std::filesystem::path& directory) const {
  std::string layers;
  std::string edges;
  for (std::size_t id = 0; id < layers_.size(); ++id) {
    const Layer& layer = layers_[id];
    layers += fmt::format(R"(<layer id="{}" name="{}" type="{}" version="opset1">)", id, layer.name, layer.type);
    layers += layer.data.empty() ? "" : fmt::format("<data {}/>", layer.data);
    if (!layer.inputs.empty()) {
      layers += "<input>";
      for (std::size_t port = 0; port < layer.inputs.size(); ++port) {
        layers += fmt::format(R"(<port id="{}">{}</port>)", port, dims(layers_[layer.inputs[port]].shape));
        edges += fmt::format(R"(<edge from-layer="{}" from-port="{}" to-layer="{}" to-port="{}"/>)", layer.inputs[port],
                             layers_[layer.inputs[port]].inputs.size(), id, port);
      }
      layers += "</input>";
    }
    if (layer.type != "Result") {
      layers += fmt::format(R"(<output><port id="{}" precision="{}" names="{}">{}</port></output>)",
                            layer.inputs.size(), layer.precision, layer.name, dims(layer.shape));
    }
    layers += "</layer>\n";
  }
  const std::filesystem::path xml = directory / (name_ + ".xml");
  std::ofstream(xml) << fmt::format(
      "<?xml version=\"1.0\"?>\n<net name=\"{}\" version=\"11\">\n<layers>\n{}</layers>\n<edges>{}</edges>\n</net>\n",
      name_, layers, edges);
  std::filesystem::path bin = xml;
  bin.replace_extension(".bin");
  std::ofstream(bin, std::ios::binary)
      .write(reinterpret_cast<const char*>(weights_.data()), static_cast<std::streamsize>(weights_.size()));
  return xml;
}

ModelPath make_detector(const std::filesystem::path& directory, const std::string& name) {
  TinyIr ir(name);
  const auto bright = brightness(ir, ir.parameter("data", {1, 3, 16, 16}));
  const auto left = ir.layer("Multiply", R"(auto_broadcast="numpy")", {bright, scalar(ir, 0.5F)}, {1, 1, 1, 1});
  const auto right = ir.layer("Add", R"(auto_broadcast="numpy")", {left, scalar(ir, 0.25F)}, {1, 1, 1, 1});
  const auto head = ir.constant(std::vector<float>{0, 1, kDetectorConfidence}, {1, 1, 1, 3});
  const auto row =
      ir.layer("Concat", R"(axis="3")", {head, left, scalar(ir, 0.25F), right, scalar(ir, 0.75F)}, {1, 1, 1, 7});
  const auto end = ir.constant(std::vector<float>{-1, 0, 0, 0, 0, 0, 0}, {1, 1, 1, 7});
  ir.result(ir.layer("Concat", R"(axis="2")", {row, end}, {1, 1, 2, 7}));
  return ir.save(directory);
}

ModelPath make_classifier(const std::filesystem::path& directory, const std::string& name) {
  TinyIr ir(name);
  const auto bright = brightness(ir, ir.parameter("data", {1, 3, 8, 8}));
  const auto dark = ir.layer("Subtract", R"(auto_broadcast="numpy")", {scalar(ir, 1), bright}, {1, 1, 1, 1});
  ir.result(ir.layer("Concat", R"(axis="1")", {dark, bright}, {1, 2, 1, 1}));
  return ir.save(directory);
}

ModelPath make_segmenter(const std::filesystem::path& directory, const std::string& name) {
  TinyIr ir(name);
  const auto picture = ir.parameter("data", {1, 3, 8, 8});
  const auto mean = ir.layer("ReduceMean", R"(keep_dims="true")", {picture, ir.constant({1})}, {1, 1, 8, 8});
  const auto bright = ir.layer("Multiply", R"(auto_broadcast="numpy")", {mean, scalar(ir, 1.0F / 255)}, {1, 1, 8, 8});
  const auto half = ir.constant(std::vector<float>(64, 0.5F), {1, 1, 8, 8});
  ir.result(ir.layer("Concat", R"(axis="1")", {half, bright}, {1, 2, 8, 8}));
  return ir.save(directory);
}

}  // namespace fovea::testing
