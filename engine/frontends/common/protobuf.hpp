// Reading protocol buffer messages from files of strangers, binary and text.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace fovea::importer {

/// Parses the binary form. Nesting is limited to 100 messages, the size to 2 GiB, memory to some times the size.
/// \param what  "'net.caffemodel'" for the message.
/// \throws Error{kInvalidModel} when the bytes are not such a message.
void parse_binary(google::protobuf::Message& message, std::span<const std::byte> bytes, std::string_view what);

/// Parses the text form of at most 8 MiB. Nesting is limited to 64 messages, their number to 50,000. Unknown fields are
/// skipped; one log line names them. \param quiet  Fields that need no mention, since they mean nothing here. \throws
/// Error{kInvalidModel} with line and column of the first mistake.
void parse_text(google::protobuf::Message& message, std::string_view text, std::string_view what,
                std::span<const std::string_view> quiet = {});

}  // namespace fovea::importer
