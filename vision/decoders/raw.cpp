// raw: outputs are copied as they are, for embeddings and for those who decode themselves.

#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

class Raw : public PostProcess {
 public:
  Raw(std::vector<std::string> outputs, std::string name, std::string model)
      : outputs_(std::move(outputs)), name_(std::move(name)), model_(std::move(model)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& /*context*/, Decoded& decoded) const override {
    for (const std::string& output : outputs_) {
      const ConstTensorView& view = view_of(output, outputs);
      const Tensor borrowed(view.type, view.bytes, nullptr);
      decoded.tensors.push_back({.name = name_.empty() ? output : name_, .model = model_, .tensor = borrowed.clone()});
    }
  }

 private:
  std::vector<std::string> outputs_;
  std::string name_;
  std::string model_;
};

bool fits(const ModelSpec& /*spec*/, std::span<const OutputInfo> /*outputs*/) { return true; }

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  std::vector<std::string> names;
  if (output.output.empty()) {
    for (const OutputInfo& info : outputs) {
      names.push_back(info.name);
    }
  } else {
    const auto any = [](const Shape& /*shape*/) { return true; };
    names.push_back(choose_output("raw", output, outputs, any, "any output").name);
  }
  return std::make_unique<Raw>(std::move(names), output.attribute, spec.name);
}

}  // namespace

extern const DecoderDef raw;
const DecoderDef raw{.name = "raw",
                     .summary = "The output as it is; without a name, all outputs",
                     .aliases = {"raw_data_copy", "tensor_to_raw"},
                     .fits = fits,
                     .make = make};

}  // namespace fovea::decoders
