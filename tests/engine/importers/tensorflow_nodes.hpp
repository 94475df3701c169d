// Writes small TensorFlow graphs and checkpoints for tests.
#pragma once

#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "engine/frontends/tensorflow/tensorflow.pb.h"
#include "engine/graph/tensor.hpp"

namespace fovea::test {

namespace tf = fovea::tensorflow;

inline constexpr tf::ElementType kFloat = tf::DT_FLOAT;
inline constexpr tf::ElementType kInt = tf::DT_INT32;

/// Adds nodes to a GraphDef or a FunctionDef.
template <class Message>
class Nodes {
 public:
  explicit Nodes(Message& message) : message_(message) {}

  tf::NodeDef& add(const std::string& op, const std::string& name, const std::vector<std::string>& inputs = {}) {
    tf::NodeDef* node = nullptr;
    if constexpr (std::same_as<Message, tf::GraphDef>) {
      node = message_.add_node();
    } else {
      node = message_.add_node_def();
    }
    node->set_op(op);
    node->set_name(name);
    for (const std::string& input : inputs) {
      node->add_input(input);
    }
    return *node;
  }

  void placeholder(const std::string& name, const Shape& shape) {
    tf::NodeDef& node = add("Placeholder", name);
    (*node.mutable_attr())["dtype"].set_type(kFloat);
    for (const std::int64_t extent : shape) {
      (*node.mutable_attr())["shape"].mutable_shape()->add_dim()->set_size(extent);
    }
  }

  void floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    tf::TensorProto& tensor = *(*add("Const", name).mutable_attr())["value"].mutable_tensor();
    tensor.set_dtype(kFloat);
    for (const std::int64_t extent : shape) {
      tensor.mutable_tensor_shape()->add_dim()->set_size(extent);
    }
    tensor.mutable_float_val()->Add(values.begin(), values.end());
  }

  void ints(const std::string& name, const std::vector<int>& values, bool scalar = false) {
    tf::TensorProto& tensor = *(*add("Const", name).mutable_attr())["value"].mutable_tensor();
    tensor.set_dtype(kInt);
    if (!scalar) {
      tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<std::int64_t>(values.size()));
    }
    tensor.mutable_int_val()->Add(values.begin(), values.end());
  }

  void pairs(const std::string& name, const std::vector<int>& values) {
    ints(name, values);
    auto& shape = *(*last().mutable_attr())["value"].mutable_tensor()->mutable_tensor_shape();
    shape.mutable_dim(0)->set_size(static_cast<std::int64_t>(values.size()) / 2);
    shape.add_dim()->set_size(2);
  }

  void convolution(const std::string& name, const std::string& data, const std::string& filter,
                   const std::string& padding) {
    (*add("Conv2D", name, {data, filter}).mutable_attr())["padding"].set_s(padding);
  }

 private:
  tf::NodeDef& last() {
    if constexpr (std::same_as<Message, tf::GraphDef>) {
      return *message_.mutable_node(message_.node_size() - 1);
    } else {
      return *message_.mutable_node_def(message_.node_def_size() - 1);
    }
  }

  Message& message_;
};

inline std::string varint(std::size_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) {
    bytes += static_cast<char>(value | 0x80U);
  }
  return bytes + static_cast<char>(value);
}

/// Entries of a block without shared beginnings of keys.
inline std::string block_of(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string bytes;
  for (const auto& [key, value] : rows) {
    bytes += varint(0) + varint(key.size()) + varint(value.size()) + key + value;
  }
  return bytes;
}

/// A table of one block, as LevelDB writes it without compression.
/// \param entries  The block without its list of restarts.
inline std::string table_of_block(const std::string& entries) {
  const std::string restarts = std::string(4, '\0') + std::string("\1\0\0\0", 4);  // one restart, at 0
  const std::string trailer(5, '\0');  // no compression, a checksum nobody checks
  std::string bytes = entries + restarts;
  const std::string handle = varint(0) + varint(bytes.size());
  bytes += trailer;
  const std::string index = block_of({{"~", handle}}) + restarts;
  std::string footer = varint(0) + varint(0) + varint(bytes.size()) + varint(index.size());
  bytes += index + trailer;
  footer.resize(40, '\0');
  return bytes + footer + "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
}

inline std::string table(const std::vector<std::pair<std::string, std::string>>& entries) {
  return table_of_block(block_of(entries));
}

}  // namespace fovea::test
