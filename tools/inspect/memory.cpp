#include "tools/inspect/memory.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace fovea::tools {
namespace {

void print_line(std::string_view what, std::size_t bytes, std::string_view remark) {
  fmt::print("  {:<22} {:>10.3f} MB{}{}\n", what, static_cast<double>(bytes) / 1e6, remark.empty() ? "" : "  ", remark);
}

}  // namespace

MemoryReport memory_report(const CompiledModel& compiled) {
  return {compiled.device(), compiled.memory(), compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")};
}

void print_memory(const MemoryReport& report) {
  const MemoryUse& use = report.use;
  fmt::print("on {}:\n", report.device);
  print_line("packed weights", use.packed, "");
  print_line("other constants", use.constants, "");
  print_line("of these, in files", use.mapped, "pages that the system shares and takes back at need");
  print_line("each request", use.request, fmt::format("{} keep the device busy", report.requests));
  print_line("each run under way", use.arena, "all models share it");
  print_line("of it, scratch", use.scratch, "the most a single step needs");
}

nlohmann::json memory_json(const MemoryReport& report) {
  const MemoryUse& use = report.use;
  return {{"device", report.device},
          {"packed_bytes", use.packed},
          {"constant_bytes", use.constants},
          {"mapped_bytes", use.mapped},
          {"request_bytes", use.request},
          {"arena_bytes", use.arena},
          {"scratch_bytes", use.scratch},
          {"requests", std::stoi(report.requests)}};
}

}  // namespace fovea::tools
