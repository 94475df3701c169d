#include "engine/frontends/common/protobuf.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <climits>
#include <set>
#include <string>

#include "engine/base/error.hpp"
#include "engine/base/log.hpp"

namespace fovea::importer {
namespace {

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
    const auto names = [&](std::string_view field) {
      return message.find(fmt::format("\"{}\"", field)) != std::string::npos;
    };
    if (std::ranges::any_of(quiet_, names)) {
      return;
    }
    constexpr std::size_t kMaxKept = 16;
    if (seen_.size() < kMaxKept && seen_.insert(message).second) {
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
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  constexpr int kMaxDepth = 100;
  stream.SetRecursionLimit(kMaxDepth);
  if (!message.ParsePartialFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    fail(ErrorCode::kInvalidModel, "{} is no message of type {} (damaged or cut off near byte {})", what,
         message.GetTypeName(), stream.CurrentPosition());
  }
}

void parse_text(google::protobuf::Message& message, std::string_view text, std::string_view what,
                std::span<const std::string_view> quiet) {
  if (text.size() > INT_MAX) {
    fail(ErrorCode::kInvalidModel, "{} has {} bytes, protocol buffers hold at most 2 GiB", what, text.size());
  }
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
