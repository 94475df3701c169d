#include "engine/frontends/onnx/graph_order.hpp"

#include <cstdint>
#include <map>

#include "engine/base/error.hpp"
#include "engine/frontends/onnx/onnx_model.pb.h"

namespace fovea::onnx {
namespace {

/// Names a graph reads and does not define. The parser bounds how deep graphs nest.
std::set<std::string> free_names(const proto::GraphProto& graph) {
  std::set<std::string> own;
  for (const auto& input : graph.input()) {
    own.insert(input.name());
  }
  for (const auto& initializer : graph.initializer()) {
    own.insert(initializer.name());
  }
  for (const auto& node : graph.node()) {
    own.insert(node.output().begin(), node.output().end());
  }
  std::set<std::string> names;
  for (const auto& node : graph.node()) {
    names.merge(names_read(node));
  }
  for (const auto& output : graph.output()) {
    names.insert(output.name());
  }
  std::erase_if(names, [&](const std::string& name) { return own.contains(name); });
  return names;
}

/// Which node computes a name.
std::map<std::string, int> index_producers(const proto::GraphProto& graph) {
  std::map<std::string, int> producers;
  for (int i = 0; i < graph.node_size(); ++i) {
    for (const std::string& name : graph.node(i).output()) {
      if (!name.empty() && !producers.emplace(name, i).second) {
        fail(ErrorCode::kInvalidModel, "'{}' is computed by two nodes, '{}' and '{}'", name,
             graph.node(producers.at(name)).name(), graph.node(i).name());
      }
    }
  }
  return producers;
}

/// Nodes a node needs.
std::vector<int> needed_by(const proto::NodeProto& node, const std::map<std::string, int>& producers) {
  std::vector<int> needed;
  for (const std::string& name : names_read(node)) {
    if (const auto found = producers.find(name); found != producers.end()) {
      needed.push_back(found->second);
    }
  }
  return needed;
}

}  // namespace

std::set<std::string> names_read(const proto::NodeProto& node) {
  std::set<std::string> names(node.input().begin(), node.input().end());
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) {
      names.merge(free_names(attribute.g()));
    }
  }
  names.erase("");
  return names;
}

std::vector<int> sorted_nodes(const proto::GraphProto& graph) {
  enum class State : std::uint8_t { kNew, kOpen, kDone };
  struct Visit {
    int node = 0;
    std::vector<int> needed;
    std::size_t next = 0;
  };
  const std::map<std::string, int> producers = index_producers(graph);
  std::vector<State> state(static_cast<std::size_t>(graph.node_size()), State::kNew);
  std::vector<int> order;
  std::vector<Visit> stack;  // explicit: the depth comes from the file
  const auto open = [&](int node) {
    state[static_cast<std::size_t>(node)] = State::kOpen;
    stack.push_back({node, needed_by(graph.node(node), producers), 0});
  };
  for (const auto& output : graph.output()) {
    const auto root = producers.find(output.name());
    if (root != producers.end() && state[static_cast<std::size_t>(root->second)] == State::kNew) {
      open(root->second);
    }
    while (!stack.empty()) {
      Visit& visit = stack.back();
      if (visit.next == visit.needed.size()) {
        state[static_cast<std::size_t>(visit.node)] = State::kDone;
        order.push_back(visit.node);
        stack.pop_back();
        continue;
      }
      const int next = visit.needed[visit.next++];
      if (state[static_cast<std::size_t>(next)] == State::kOpen) {
        fail(ErrorCode::kInvalidModel, "the graph has a cycle through nodes '{}' and '{}'",
             graph.node(visit.node).name(), graph.node(next).name());
      }
      if (state[static_cast<std::size_t>(next)] == State::kNew) {
        open(next);
      }
    }
  }
  return order;
}

}  // namespace fovea::onnx
