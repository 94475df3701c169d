// The unit file: systemd understands it, and it is shut in as far as it was when it was written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/publish/temp_dir.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

/// Tenths of systemd's exposure score, 0 (shut in) to 100. 18 was measured with systemd 252 for this unit; @resources,
/// which pinning threads needs, costs 0.3 of it.
constexpr const char* kMaxScore = "18";

class Unit : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/bin/systemd-analyze")) {
      GTEST_SKIP() << "systemd-analyze is not installed";
    }
    // ExecStart must name a program that exists, wherever this build will be installed.
    std::ifstream installed(fs::path(FOVEA_BINARY_DIR) / "fovead.service");
    std::stringstream text;
    text << installed.rdbuf();
    unit_ = text.str();
    const auto start = unit_.find("ExecStart=");
    ASSERT_NE(start, std::string::npos);
    unit_.replace(start, unit_.find(' ', start) - start, "ExecStart=" FOVEA_BINARY_DIR "/bin/fovead");
    std::ofstream(dir_ / "fovead.service") << unit_;
  }

  /// \return Exit status and everything printed.
  static std::pair<int, std::string> run(const std::string& command) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::string out;
    std::array<char, 4096> part{};
    for (std::size_t count = 0; (count = std::fread(part.data(), 1, part.size(), pipe)) > 0;) {
      out.append(part.data(), count);
    }
    return {::pclose(pipe), out};
  }

  testing::TempDir dir_;
  std::string unit_;
};

TEST_F(Unit, IsUnderstood) {
  const auto [status, out] = run("systemd-analyze verify --man=no '" + (dir_ / "fovead.service").string() + "'");
  EXPECT_EQ(status, 0) << out;
  EXPECT_THAT(out, ::testing::Not(::testing::HasSubstr("fovead.service"))) << "no complaint about any line";
}

TEST_F(Unit, IsShutIn) {
  const auto [status, out] = run(std::string("systemd-analyze security --no-pager --offline=true --threshold=") +
                                 kMaxScore + " '" + (dir_ / "fovead.service").string() + "'");
  EXPECT_EQ(status, 0) << out;
}

TEST_F(Unit, TellsSystemdWhenItWorks) {
  EXPECT_THAT(unit_, ::testing::HasSubstr("Type=notify"));
  EXPECT_THAT(unit_, ::testing::HasSubstr("WatchdogSec=30s"));
  EXPECT_THAT(unit_, ::testing::HasSubstr("fovea/fovea.yaml"));
}

}  // namespace
}  // namespace fovea
