// Collects every operator of a model that is not supported, so that one message names them all.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace fovea::importer {

class UnsupportedReport {
 public:
  /// \param what  "Foo" or "Foo with bar 3".
  /// \param node  The node's name.
  void add(const std::string& what, const std::string& node) { missing_[what].push_back(node); }

  [[nodiscard]] bool empty() const { return missing_.empty(); }

  /// \throws Error{kUnsupported} listing each operator with its nodes (at most eight names each), if there is any.
  void throw_if_any() const;

 private:
  std::map<std::string, std::vector<std::string>> missing_;
};

}  // namespace fovea::importer
