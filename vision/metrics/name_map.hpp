// NameMap: names that mean the same in the truth and in a model's labels.
#pragma once

#include <map>
#include <string>

namespace fovea {

/// A plain value. Without entries every name stands for itself.
class NameMap {
 public:
  /// From now on both names mean one thing. The group is called as the left name of its first pair.
  void unite(const std::string& left, const std::string& right) {
    const std::string group = canonical(left);
    const std::string joined = canonical(right);
    group_.try_emplace(left, group);
    group_.try_emplace(right, group);
    for (auto& [name, called] : group_) {
      if (called == joined) {
        called = group;
      }
    }
  }

  [[nodiscard]] const std::string& canonical(const std::string& name) const {
    const auto found = group_.find(name);
    return found == group_.end() ? name : found->second;
  }

 private:
  std::map<std::string, std::string> group_;  ///< Name → what its group is called.
};

}  // namespace fovea
