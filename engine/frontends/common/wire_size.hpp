// How much memory a protocol buffer message will take, told from its bytes before it is parsed: an empty message is two
// bytes in a file and hundreds in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace google::protobuf {
class Descriptor;
}

namespace fovea::importer {

/// An estimate, rather too large than too small. Stops counting above `most`, and where the bytes are no message.
/// \return Bytes of memory.
std::uint64_t memory_of_message(const google::protobuf::Descriptor& type, std::span<const std::byte> bytes,
                                std::uint64_t most);

}  // namespace fovea::importer
