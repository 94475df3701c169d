// Attributes given as text: IR layers and the graph's text form.
#pragma once

#include <map>
#include <string>

#include "engine/ops/attributes.hpp"

namespace fovea {

/// Attributes by name, each value as IR writes it: "1,1", "1, 1", "true", "0.5", "" for an empty list.
class StringSource final : public SourceNode {
 public:
  StringSource(std::string where, int version) : where_(std::move(where)), version_(version) {}

  void set(std::string_view attribute, std::string_view value) { values_[std::string(attribute)] = value; }

  bool read(std::string_view attribute, std::int64_t& value) const override;
  bool read(std::string_view attribute, double& value) const override;
  bool read(std::string_view attribute, bool& value) const override;
  bool read(std::string_view attribute, std::string& value) const override;
  bool read(std::string_view attribute, std::vector<std::int64_t>& value) const override;
  bool read(std::string_view attribute, std::vector<double>& value) const override;
  bool read(std::string_view attribute, DataType& value) const override;

  [[nodiscard]] int version() const override { return version_; }
  [[nodiscard]] std::string where() const override { return where_; }

 private:
  [[nodiscard]] const std::string* find(std::string_view attribute) const;

  std::map<std::string, std::string, std::less<>> values_;
  std::string where_;
  int version_;
};

}  // namespace fovea
