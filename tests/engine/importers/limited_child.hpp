// Reads a model file in a child process with limits: what a hostile file costs is measured where nothing else runs.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string_view>

namespace fovea::test {

/// Expects that reading the file ends in an Error of the kinds a file can cause, with a message of at most 16 KiB that
/// starts with "model '<path>': " and contains the parts, after at most one second of processor time (ten under a
/// sanitizer) and with at most 100 MiB more memory than before (not measured under a sanitizer). A child that takes far
/// more is ended by the kernel.
void expect_refused_cheaply(const std::filesystem::path& path, std::initializer_list<std::string_view> parts);

}  // namespace fovea::test
