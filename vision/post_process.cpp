// The list of decoders (decoders.inc) as data, look-up by name, and all decoders of a model as one.
#include "vision/post_process.hpp"

#include <algorithm>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea {
namespace decoders {
#define FOVEA_DECODER(name) extern const DecoderDef name;  // NOLINT(bugprone-macro-parentheses): a declared name
#include "vision/decoders.inc"
#undef FOVEA_DECODER
}  // namespace decoders

namespace {

class Several : public PostProcess {
 public:
  explicit Several(std::vector<std::unique_ptr<PostProcess>> parts) : parts_(std::move(parts)) {}

  void decode(std::span<const NamedView> outputs, const DecodeContext& context, Decoded& decoded) const override {
    for (const auto& part : parts_) {
      part->decode(outputs, context, decoded);
    }
  }

 private:
  std::vector<std::unique_ptr<PostProcess>> parts_;
};

const DecoderDef& get_decoder(const std::string& name, const ModelSpec& spec) {
  if (const DecoderDef* decoder = find_decoder(name)) {
    return *decoder;
  }
  std::vector<std::string_view> names;
  for (const DecoderDef* decoder : all_decoders()) {
    names.push_back(decoder->name);
  }
  const auto origin = spec.origins.find("outputs");
  fail(ErrorCode::kInvalidConfig, "unknown decoder '{}'{}, expected one of {}{}", name,
       origin == spec.origins.end() ? "" : fmt::format(" (from {})", origin->second), fmt::join(names, ", "),
       did_you_mean(name, names));
}

const DecoderDef& natural_decoder(const ModelSpec& spec, std::span<const OutputInfo> outputs) {
  for (const DecoderDef* decoder : all_decoders()) {
    if (decoder->fits(spec, outputs)) {
      return *decoder;
    }
  }
  fail(ErrorCode::kInternal, "no decoder fits: decoders.inc must end with raw");
}

}  // namespace

std::span<const DecoderDef* const> all_decoders() {
#define FOVEA_DECODER(name) &decoders::name,
  static constexpr std::array kAll = {
#include "vision/decoders.inc"
  };
#undef FOVEA_DECODER
  return kAll;
}

const DecoderDef* find_decoder(std::string_view name) {
  if (name.empty()) {
    return nullptr;
  }
  for (const DecoderDef* decoder : all_decoders()) {
    if (decoder->name == name || std::ranges::find(decoder->aliases, name) != decoder->aliases.end()) {
      return decoder;
    }
  }
  return nullptr;
}

const DecoderDef& decoder_of(const ModelSpec& spec, const OutputSpec& output, std::span<const OutputInfo> outputs) {
  if (!output.decoder.empty()) {
    return get_decoder(output.decoder, spec);
  }
  const auto named = std::ranges::find(outputs, output.output, &OutputInfo::name);
  return natural_decoder(
      spec, named == outputs.end() ? outputs : outputs.subspan(static_cast<std::size_t>(named - outputs.begin()), 1));
}

std::unique_ptr<PostProcess> make_post_process(const ModelSpec& spec, std::span<const OutputInfo> outputs) {
  try {
    std::vector<std::unique_ptr<PostProcess>> parts;
    for (const OutputSpec& output : spec.outputs) {
      parts.push_back(decoder_of(spec, output, outputs).make(spec, output, outputs));
    }
    if (parts.empty()) {
      parts.push_back(natural_decoder(spec, outputs).make(spec, OutputSpec{}, outputs));
    }
    return std::make_unique<Several>(std::move(parts));
  } catch (const Error& error) {
    throw error.with_context(fmt::format("model '{}'", spec.name));
  }
}

}  // namespace fovea
