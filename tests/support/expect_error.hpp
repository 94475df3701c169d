// Expects that something ends in a fovea::Error of a kind whose message contains given parts.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace fovea::test {

/// Runs `function` and checks code and message of what it throws.
template <class Function>
void expect_error(ErrorCode code, std::initializer_list<std::string_view> parts, Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.code()), to_string(code)) << error.what();
    for (const std::string_view part : parts) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(std::string(part)));
    }
    return;
  }
  ADD_FAILURE() << "nothing was thrown, expected " << to_string(code) << " with '"
                << (parts.size() == 0 ? std::string_view() : *parts.begin()) << "'";
}

}  // namespace fovea::test
