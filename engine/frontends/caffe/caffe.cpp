// Reads a Caffe network: a prototxt with the layers and the caffemodel beside it with the weights.
// https://caffe.berkeleyvision.org/tutorial/net_layer_blob.html

#include <algorithm>
#include <set>

#include "engine/base/mapped_file.hpp"
#include "engine/frontends/caffe/layers.hpp"
#include "engine/frontends/caffe/net.hpp"
#include "engine/frontends/common/unsupported.hpp"
#include "engine/frontends/content_hash.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/graph/model.hpp"

namespace fovea {
namespace caffe {
namespace {

/// Every layer type without a converter, all at once.
void check_layers(const NetParameter& net) {
  importer::UnsupportedReport report("a converter in engine/frontends/caffe");
  for (const LayerParameter& layer : net.layer()) {
    if (layer.type() != "Input" && find_converter(layer.type()) == nullptr) {
      report.add(layer.type().empty() ? "a layer without a type" : layer.type(), layer.name());
    }
  }
  report.throw_if_any();
}

/// Turns layers into nodes, keeping the value each blob holds at the moment: layers may write over their bottom.
class NetBuilder {
 public:
  NetBuilder(const NetParameter& net, const Weights& weights, std::uint64_t bytes) : net_(net), weights_(weights) {
    graph_.set_source_bytes(bytes);
  }

  Graph build() {
    for (const LayerParameter& layer : net_.layer()) {
      try {
        if (layer.type() == "Input") {
          add_inputs(layer);
        } else {
          add_layer(layer);
        }
      } catch (const Error& error) {
        throw error.with_context(fmt::format("layer '{}' ({})", layer.name(), layer.type()));
      }
    }
    for (const std::string& blob : order_) {
      if (unread_.contains(blob)) {
        graph_.output(blobs_.at(blob), blob);
      }
    }
    return graph_.finish(net_.name());
  }

 private:
  void add_inputs(const LayerParameter& layer) {
    const InputParameter& p = layer.input_param();
    for (int i = 0; i < layer.top_size(); ++i) {
      if (p.shape_size() == 0) {
        fail(ErrorCode::kInvalidModel, "has no shape");
      }
      const BlobShape& shape = p.shape(std::min(i, p.shape_size() - 1));
      const Shape checked = importer::checked_shape({shape.dim().begin(), shape.dim().end()}, "input_param");
      set_blob(layer.top(i), graph_.input(layer.top(i), {DataType::kF32, checked}, checked.size() == 4 ? "NCHW" : ""));
    }
  }

  void add_layer(const LayerParameter& layer) {
    static const std::vector<Tensor> kNone;
    const auto weights = weights_.find(layer.name());
    LayerContext context{layer, graph_, {}, weights == weights_.end() ? kNone : weights->second};
    for (const std::string& bottom : layer.bottom()) {
      const auto found = blobs_.find(bottom);
      if (found == blobs_.end()) {
        fail(ErrorCode::kInvalidModel, "bottom blob '{}' is not produced by a layer before", bottom);
      }
      context.bottoms.push_back(found->second);
      unread_.erase(bottom);
    }
    const std::vector<ValueId> tops = find_converter(layer.type())(context);
    for (std::size_t i = 0; i < std::min(tops.size(), static_cast<std::size_t>(layer.top_size())); ++i) {
      set_blob(layer.top(static_cast<int>(i)), tops[i]);
    }
  }

  void set_blob(const std::string& blob, ValueId value) {
    if (blobs_.insert_or_assign(blob, value).second) {
      order_.push_back(blob);
    }
    unread_.insert(blob);
  }

  const NetParameter& net_;
  const Weights& weights_;
  importer::GraphBuilder graph_;
  std::map<std::string, ValueId, std::less<>> blobs_;
  std::vector<std::string> order_;  ///< Blobs as they first appeared.
  std::set<std::string> unread_;    ///< Blobs no layer has read since they were written: the outputs.
};

bool recognises(const std::filesystem::path& path, std::span<const std::byte> /*head*/) {
  return path.extension() == ".prototxt";
}

std::vector<FrontendOperator> operators() {
  std::vector<FrontendOperator> list = {{"Input", ""}};
  for (const auto& [type, converter] : all_converters()) {
    list.push_back({type, ""});
  }
  return list;
}

Model read(const std::filesystem::path& path) {
  const auto prototxt = MappedFile::open(path);
  const NetParameter net = read_network(prototxt->bytes(), fmt::format("'{}'", path.filename().string()));
  check_layers(net);
  const std::filesystem::path weights_path = find_weights(path);
  Weights weights;
  std::shared_ptr<const MappedFile> caffemodel;
  if (!weights_path.empty()) {
    caffemodel = MappedFile::open(weights_path);
    weights = read_weights(caffemodel->bytes(), fmt::format("'{}'", weights_path.filename().string()));
  }
  Model model;
  model.name = path.stem().string();
  model.path = path;
  model.format = "Caffe";
  model.hash = content_hash_of({path, caffemodel == nullptr ? std::filesystem::path() : caffemodel->path()});
  const std::size_t bytes = prototxt->bytes().size() + (caffemodel == nullptr ? 0 : caffemodel->bytes().size());
  model.graph = NetBuilder(net, weights, bytes).build();
  if (model.graph.outputs.empty()) {
    fail(ErrorCode::kInvalidModel, "the network has no output: every blob is read by a layer");
  }
  return model;
}

}  // namespace
}  // namespace caffe

namespace frontends {
extern const Frontend caffe;
const Frontend caffe{.name = "Caffe",
                     .recognises = fovea::caffe::recognises,
                     .read = fovea::caffe::read,
                     .operators = fovea::caffe::operators};
}  // namespace frontends

}  // namespace fovea
