// ctc_text: class ids in reading order, ended by -1 (a CTCGreedyDecoder layer), become one text: a licence plate.
// https://docs.openvino.ai/2022.3/openvino_docs_ops_sequence_CTCGreedyDecoder_1.html

#include "engine/base/error.hpp"
#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

bool suits(const Shape& shape) { return is_vector(shape); }

class CtcText : public PostProcess {
 public:
  CtcText(std::string output, std::string attribute, std::vector<std::string> labels, std::string model)
      : output_(std::move(output)),
        attribute_(std::move(attribute)),
        labels_(std::move(labels)),
        model_(std::move(model)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& /*context*/, Decoded& decoded) const override {
    std::string text = join_labels(labels_, to_doubles(view_of(output_, outputs)));
    if (!text.empty()) {
      decoded.attributes.push_back({.name = attribute_, .label = std::move(text), .confidence = 1, .model = model_});
    }
  }

 private:
  std::string output_;
  std::string attribute_;
  std::vector<std::string> labels_;
  std::string model_;
};

bool fits(const ModelSpec& /*spec*/, std::span<const OutputInfo> /*outputs*/) { return false; }

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("ctc_text", output, outputs, suits, "class ids [1,T,1,1]");
  std::vector<std::string> labels = labels_of(spec, output);
  if (labels.empty()) {
    fail(ErrorCode::kInvalidConfig, "decoder 'ctc_text' needs labels: the text of each class id");
  }
  return std::make_unique<CtcText>(info.name, attribute_name(output, info.name), std::move(labels), spec.name);
}

}  // namespace

extern const DecoderDef ctc_text;
const DecoderDef ctc_text{
    .name = "ctc_text", .summary = "Class ids until -1, their labels joined to one text", .fits = fits, .make = make};

}  // namespace fovea::decoders
