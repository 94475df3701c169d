// Collects every operator of a model that is not supported, so that one message names them all.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"

namespace fovea::importer {

/// An operator (or a form of one) that a model needs and Fovea lacks.
struct UnsupportedOperator {
  std::string name;                ///< "Foo", "Foo-13 of ai.onnx".
  std::string needed;              ///< What would make it supported.
  std::vector<std::string> nodes;  ///< All nodes that use it.
};

/// The Error{kUnsupported} that a model's operators lead to, with all of them for tools to show.
class UnsupportedOperators : public Error {
 public:
  UnsupportedOperators(const std::string& message, std::vector<UnsupportedOperator> operators)
      : Error(ErrorCode::kUnsupported, message), operators_(std::move(operators)) {}

  [[nodiscard]] const std::vector<UnsupportedOperator>& operators() const { return operators_; }

  /// As Error's, keeping the operators.
  [[nodiscard]] UnsupportedOperators with_context(std::string_view context) const {
    return {fmt::format("{}: {}", context, what()), operators_};
  }

 private:
  std::vector<UnsupportedOperator> operators_;
};

class UnsupportedReport {
 public:
  /// \param needed  What an operator that the format's list lacks needs, for all that `add` gives no other reason for.
  explicit UnsupportedReport(std::string needed) : needed_(std::move(needed)) {}

  /// \param what  "Foo" or "Foo with bar 3".
  /// \param node  The node's name.
  /// \param reason  Why just this one is not supported; empty: it is not in the list.
  void add(const std::string& what, const std::string& node, const std::string& reason = {});

  [[nodiscard]] bool empty() const { return missing_.empty(); }

  /// \throws UnsupportedOperators, if there is any; the message lists at most 64 operators with eight nodes each.
  void throw_if_any() const;

 private:
  std::string needed_;
  std::map<std::string, UnsupportedOperator> missing_;
};

}  // namespace fovea::importer
