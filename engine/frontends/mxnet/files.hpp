// MXNet's two files: the symbol as a list of nodes, and the parameters.
// https://mxnet.apache.org/versions/1.9.1/api/architecture/overview
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/tensor.hpp"

namespace fovea::mxnet {

struct SymbolNode {
  /// An output of a node before.
  struct Input {
    std::size_t node = 0;
    std::size_t output = 0;
  };
  std::string op;  ///< "null": a parameter or an input.
  std::string name;
  std::map<std::string, std::string, std::less<>> attributes;
  std::vector<Input> inputs;
};

struct Symbol {
  std::vector<SymbolNode> nodes;  ///< Each after what it reads.
  std::vector<SymbolNode::Input> heads;
};

/// \throws Error{kInvalidModel} with the byte, node or input that is wrong.
Symbol read_symbol(std::span<const std::byte> json);

/// Parameters by name, without "arg:" and "aux:".
/// \throws Error{kInvalidModel} with the offset that is wrong; Error{kUnsupported} for sparse storage.
std::map<std::string, Tensor, std::less<>> read_parameters(std::span<const std::byte> file);

/// The parameters that belong to "net-symbol.json": "net-0000.params", or else the only "net-*.params" beside it.
/// Empty: there are none. \throws Error{kNotFound} when several could be meant.
std::filesystem::path find_parameters(const std::filesystem::path& symbol);

}  // namespace fovea::mxnet
