#include "engine/frontends/caffe/net.hpp"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>

#include "engine/base/error.hpp"
#include "engine/frontends/common/graph_builder.hpp"
#include "engine/frontends/common/protobuf.hpp"

namespace fovea::caffe {
namespace {

namespace pb = google::protobuf;

/// Today's name of a V1 layer type: CONVOLUTION → Convolution.
std::string modern_type(V1LayerParameter::LayerType type) {
  static const std::map<V1LayerParameter::LayerType, std::string> kSpecial = {
      {V1LayerParameter::BNLL, "BNLL"},          {V1LayerParameter::LRN, "LRN"},
      {V1LayerParameter::RELU, "ReLU"},          {V1LayerParameter::TANH, "TanH"},
      {V1LayerParameter::ARGMAX, "ArgMax"},      {V1LayerParameter::MVN, "MVN"},
      {V1LayerParameter::ABSVAL, "AbsVal"},      {V1LayerParameter::SOFTMAX_LOSS, "SoftmaxWithLoss"},
      {V1LayerParameter::HDF5_DATA, "HDF5Data"}, {V1LayerParameter::HDF5_OUTPUT, "HDF5Output"},
      {V1LayerParameter::IM2COL, "Im2col"},
  };
  if (const auto found = kSpecial.find(type); found != kSpecial.end()) {
    return found->second;
  }
  std::string name;
  bool upper = true;
  for (const char c : V1LayerParameter::LayerType_Name(type)) {
    if (c != '_') {
      name += upper || c < 'A' || c > 'Z' ? c : static_cast<char>(c - 'A' + 'a');
    }
    upper = c == '_';
  }
  return name;
}

/// Copies fields of the same name and form; parameters of layers have the same messages in both.
void modernise(const V1LayerParameter& old, LayerParameter& layer) {
  layer.set_type(modern_type(old.type()));
  std::vector<const pb::FieldDescriptor*> fields;
  old.GetReflection()->ListFields(old, &fields);
  for (const pb::FieldDescriptor* from : fields) {
    const pb::FieldDescriptor* to = LayerParameter::descriptor()->FindFieldByName(from->name());
    if (to == nullptr || from->name() == "type") {
      continue;
    }
    const pb::Reflection& source = *old.GetReflection();
    const pb::Reflection& target = *layer.GetReflection();
    if (from->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING && from->is_repeated()) {
      for (int i = 0; i < source.FieldSize(old, from); ++i) {
        target.AddString(&layer, to, source.GetRepeatedString(old, from, i));
      }
    } else if (from->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
      target.SetString(&layer, to, source.GetString(old, from));
    } else if (from->is_repeated()) {
      for (int i = 0; i < source.FieldSize(old, from); ++i) {
        target.AddMessage(&layer, to)->CopyFrom(source.GetRepeatedMessage(old, from, i));
      }
    } else {
      target.MutableMessage(&layer, to)->CopyFrom(source.GetMessage(old, from));
    }
  }
}

/// The state of inference is phase TEST, level 0, no stages.
bool is_met(const NetStateRule& rule) {
  return (!rule.has_phase() || rule.phase() == TEST) && rule.min_level() <= 0 &&
         (!rule.has_max_level() || rule.max_level() >= 0) && rule.stage().empty();
}

bool takes_part(const LayerParameter& layer) {
  if (!layer.include().empty()) {
    return std::any_of(layer.include().begin(), layer.include().end(), is_met);
  }
  return std::none_of(layer.exclude().begin(), layer.exclude().end(), is_met);
}

/// `input` and its shapes at the top of a network become Input layers.
void add_inputs(const NetParameter& net, NetParameter& result) {
  constexpr int kOldRank = 4;
  for (int i = 0; i < net.input_size(); ++i) {
    LayerParameter& layer = *result.add_layer();
    layer.set_name(net.input(i));
    layer.set_type("Input");
    layer.add_top(net.input(i));
    if (i < net.input_shape_size()) {
      *layer.mutable_input_param()->add_shape() = net.input_shape(i);
    } else if (net.input_dim_size() >= kOldRank * (i + 1)) {
      BlobShape& shape = *layer.mutable_input_param()->add_shape();
      for (int d = 0; d < kOldRank; ++d) {
        shape.add_dim(net.input_dim(kOldRank * i + d));
      }
    }
  }
}

importer::Ints blob_dims(const BlobProto& blob) {
  if (blob.has_shape()) {
    return {blob.shape().dim().begin(), blob.shape().dim().end()};
  }
  return {blob.num(), blob.channels(), blob.height(), blob.width()};
}

Tensor to_tensor(const BlobProto& blob, const std::string& where) {
  const auto given = static_cast<std::size_t>(blob.double_data_size() > 0 ? blob.double_data_size() : blob.data_size());
  const Shape shape = importer::checked_shape(blob_dims(blob), where);
  if (element_count(shape) != given) {
    fail(ErrorCode::kInvalidModel, "{}: the shape {} needs {} values, the file has {}", where, to_string(shape),
         element_count(shape), given);
  }
  Tensor tensor(DataType::kF32, shape);
  const std::span<float> data = tensor.data<float>();
  if (blob.double_data_size() > 0) {
    std::ranges::transform(blob.double_data(), data.begin(), [](double value) { return static_cast<float>(value); });
  } else {
    std::ranges::copy(blob.data(), data.begin());
  }
  return tensor;
}

template <class Layers>
void collect(const Layers& layers, Weights& weights, const std::string& file) {
  for (const auto& layer : layers) {
    if (layer.blobs().empty()) {
      continue;
    }
    std::vector<Tensor>& blobs = weights[layer.name()];
    blobs.clear();
    for (int i = 0; i < layer.blobs_size(); ++i) {
      blobs.push_back(to_tensor(layer.blobs(i), fmt::format("{}: layer '{}': blob {}", file, layer.name(), i)));
    }
  }
}

}  // namespace

NetParameter read_network(std::span<const std::byte> prototxt, const std::string& file) {
  // What only training reads.
  static constexpr std::array<std::string_view, 14> kTraining = {
      "param",          "weight_filler",          "bias_filler", "filler",
      "scale_filler",   "transform_param",        "loss_param",  "loss_weight",
      "propagate_down", "dropout_param",          "blobs_lr",    "weight_decay",
      "engine",         "moving_average_fraction"};
  NetParameter net;
  importer::parse_text(net, {reinterpret_cast<const char*>(prototxt.data()), prototxt.size()}, file, kTraining);
  if (!net.layers().empty() && !net.layer().empty()) {
    fail(ErrorCode::kInvalidModel, "{} has layers of both forms, 'layers' and 'layer'", file);
  }
  NetParameter result;
  result.set_name(net.name());
  add_inputs(net, result);
  for (const V1LayerParameter& old : net.layers()) {
    LayerParameter layer;
    modernise(old, layer);
    if (takes_part(layer)) {
      *result.add_layer() = std::move(layer);
    }
  }
  for (LayerParameter& layer : *net.mutable_layer()) {
    if (takes_part(layer)) {
      *result.add_layer() = std::move(layer);
    }
  }
  if (result.layer().empty()) {
    fail(ErrorCode::kInvalidModel, "{} has no layer", file);
  }
  return result;
}

std::filesystem::path find_weights(const std::filesystem::path& prototxt) {
  std::filesystem::path same = prototxt;
  same.replace_extension(".caffemodel");
  std::error_code unreadable;  // then there is none, and the layers that need weights say so
  if (std::filesystem::exists(same, unreadable)) {
    return same;
  }
  const std::filesystem::path folder = prototxt.has_parent_path() ? prototxt.parent_path() : ".";
  std::vector<std::filesystem::path> found;
  for (auto entry = std::filesystem::directory_iterator(folder, unreadable);
       !unreadable && entry != std::filesystem::directory_iterator(); entry.increment(unreadable)) {
    if (entry->path().extension() == ".caffemodel") {
      found.push_back(entry->path());
    }
  }
  if (found.size() > 1) {
    fail(ErrorCode::kNotFound, "there is no '{}', and {} other .caffemodel files lie beside it",
         same.filename().string(), found.size());
  }
  return found.empty() ? std::filesystem::path() : found[0];
}

Weights read_weights(std::span<const std::byte> caffemodel, const std::string& file) {
  NetParameter net;
  importer::parse_binary(net, caffemodel, file);
  Weights weights;
  collect(net.layers(), weights, file);
  collect(net.layer(), weights, file);
  return weights;
}

}  // namespace fovea::caffe
