// text: numbers of a regression (age, angle) become an attribute whose text is value · text_scale.

#include <cmath>

#include "vision/decoders/common.hpp"

namespace fovea::decoders {
namespace {

bool suits(const Shape& shape) { return is_vector(shape); }

class Text : public PostProcess {
 public:
  Text(std::string output, OutputSpec spec, std::string model)
      : output_(std::move(output)), spec_(std::move(spec)), model_(std::move(model)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& /*context*/, Decoded& decoded) const override {
    std::string text;
    for (const double value : to_doubles(view_of(output_, outputs))) {
      if (!std::isfinite(value)) {
        return;
      }
      text += fmt::format("{}{:.{}f}", text.empty() ? "" : ", ", value * spec_.text_scale, spec_.text_precision);
    }
    decoded.attributes.push_back(
        {.name = attribute_name(spec_, output_), .label = std::move(text), .confidence = 1, .model = model_});
  }

 private:
  std::string output_;
  OutputSpec spec_;
  std::string model_;
};

bool fits(const ModelSpec& /*spec*/, std::span<const OutputInfo> /*outputs*/) { return false; }

std::unique_ptr<PostProcess> make(const ModelSpec& spec, const OutputSpec& output,
                                  std::span<const OutputInfo> outputs) {
  const OutputInfo& info = choose_output("text", output, outputs, suits, "numbers [1,C]");
  return std::make_unique<Text>(info.name, output, spec.name);
}

}  // namespace

extern const DecoderDef text;
const DecoderDef text{.name = "text",
                      .summary = "Numbers [1,C], scaled and printed, as a text attribute",
                      .aliases = {"tensor_to_text"},
                      .fits = fits,
                      .make = make};

}  // namespace fovea::decoders
