#include "engine/frontends/common/protobuf.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <climits>
#include <set>
#include <string>

#include "engine/base/error.hpp"
#include "engine/base/log.hpp"
#include "engine/frontends/common/wire_size.hpp"

namespace fovea::importer {
namespace {

/// What the messages of a file may take: those of real networks take some times their bytes, weights their own size.
constexpr std::uint64_t kMessageGrowth = 8;
constexpr std::uint64_t kExtraMessageBytes = std::uint64_t{24} << 20U;
/// A network in text form has some hundred layers; weights are not written as text.
constexpr std::size_t kMaxTextBytes = std::size_t{8} << 20U;
constexpr std::ptrdiff_t kMaxTextMessages = 50'000;

/// Keeps the first mistake, and what was skipped.
class Collector final : public google::protobuf::io::ErrorCollector {
 public:
  explicit Collector(std::span<const std::string_view> quiet) : quiet_(quiet) {}

  void AddError(int line, int column, const std::string& message) override {
    if (error_.empty()) {
      error_ = fmt::format("line {}, column {}: {}", line + 1, column + 1, message);
    }
  }
  void AddWarning(int line, int /*column*/, const std::string& message) override {
    constexpr std::size_t kMaxKept = 16;
    if (seen_.size() >= kMaxKept) {
      return;
    }
    const auto names = [&](std::string_view field) {
      return message.find(fmt::format("\"{}\"", field)) != std::string::npos;
    };
    if (std::ranges::any_of(quiet_, names)) {
      return;
    }
    if (seen_.insert(message).second) {
      skipped_ += fmt::format("{}line {}: {}", skipped_.empty() ? "" : "; ", line + 1, message);
    }
  }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const std::string& skipped() const { return skipped_; }

 private:
  std::span<const std::string_view> quiet_;
  std::string error_;
  std::string skipped_;
  std::set<std::string> seen_;
};

}  // namespace

void parse_binary(google::protobuf::Message& message, std::span<const std::byte> bytes, std::string_view what) {
  if (bytes.size() > INT_MAX) {
    fail(ErrorCode::kInvalidModel, "{} has {} bytes, protocol buffers hold at most 2 GiB", what, bytes.size());
  }
  const std::uint64_t most = kExtraMessageBytes + kMessageGrowth * bytes.size();
  if (memory_of_message(*message.GetDescriptor(), bytes, most) > most) {
    fail(ErrorCode::kInvalidModel, "{}: its {} bytes describe messages that take more than {} bytes of memory", what,
         bytes.size(), most);
  }
  const google::protobuf::LogSilencer silencer;  // a line for each text that is no UTF-8
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  constexpr int kMaxDepth = 100;
  stream.SetRecursionLimit(kMaxDepth);
  if (!message.ParsePartialFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    fail(ErrorCode::kInvalidModel,
         "{} is no message of type {} (damaged, cut off or nested deeper than {} messages near "
         "byte {})",
         what, message.GetTypeName(), kMaxDepth, stream.CurrentPosition());
  }
}

void parse_text(google::protobuf::Message& message, std::string_view text, std::string_view what,
                std::span<const std::string_view> quiet) {
  if (text.size() > kMaxTextBytes) {
    fail(ErrorCode::kInvalidModel, "{} has {} bytes, a network in text form at most {}", what, text.size(),
         kMaxTextBytes);
  }
  const auto messages = std::ranges::count_if(text, [](char c) { return c == '{' || c == '<'; });
  if (messages > kMaxTextMessages) {
    fail(ErrorCode::kInvalidModel, "{} has {} messages, expected at most {}", what, messages, kMaxTextMessages);
  }
  const google::protobuf::LogSilencer silencer;
  Collector collector(quiet);
  google::protobuf::TextFormat::Parser parser;
  constexpr int kMaxDepth = 64;
  parser.SetRecursionLimit(kMaxDepth);
  parser.AllowUnknownField(true);
  parser.AllowPartialMessage(true);
  parser.RecordErrorsTo(&collector);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&stream, &message)) {
    fail(ErrorCode::kInvalidModel, "{}: {}", what, collector.error().empty() ? "not understood" : collector.error());
  }
  if (!collector.skipped().empty()) {
    FOVEA_LOG(kWarning, "engine", "{}: skipped what is not known here: {}", what, collector.skipped());
  }
}

}  // namespace fovea::importer
