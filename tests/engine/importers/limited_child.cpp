#include "tests/engine/importers/limited_child.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>

#include "engine/base/error.hpp"
#include "engine/frontends/frontend.hpp"

namespace fovea::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr std::int64_t kMaxGrowth = std::int64_t{100} << 20;
constexpr double kMaxSeconds = kSanitized ? 10 : 1;

/// Resident and virtual pages of this process, in bytes.
std::pair<std::int64_t, std::int64_t> memory_now() {
  std::int64_t virtual_pages = 0;
  std::int64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  return {resident_pages * page, virtual_pages * page};
}

void limit(__rlimit_resource resource, std::int64_t amount) {
  const rlimit limits{static_cast<rlim_t>(amount), static_cast<rlim_t>(amount)};
  setrlimit(resource, &limits);
}

/// What the child says: its memory before, the error's code, the error's text. "accepted" as text when there was none.
[[noreturn]] void run_child(const std::filesystem::path& path, int answer) {
  constexpr std::int64_t kGuard = std::int64_t{1} << 30;
  constexpr std::int64_t kGuardSeconds = 20;
  const auto [resident, reserved] = memory_now();
  if (!kSanitized) {  // sanitizers reserve terabytes
    limit(RLIMIT_AS, reserved + kGuard);
  }
  limit(RLIMIT_CPU, kGuardSeconds);
  std::string text = std::to_string(resident) + " ";
  try {
    (void)read_model(path);
    text += "accepted: the file was read";
  } catch (const Error& error) {
    text += std::string(to_string(error.code())) + ": " + error.what();
  } catch (const std::exception& error) {
    text += std::string("foreign exception: ") + error.what();
  }
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = write(answer, rest.data(), rest.size());
    if (written <= 0) {
      break;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  _exit(0);
}

std::string read_all(int file) {
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t count = 0; (count = read(file, part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace

void expect_refused_cheaply(const std::filesystem::path& path, std::initializer_list<std::string_view> parts) {
  malloc_trim(0);  // what the test needed for writing the file is not the child's
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    run_child(path, ends[1]);
  }
  close(ends[1]);
  const std::string text = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  ASSERT_EQ(wait4(child, &status, 0, &usage), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
      << "ended by signal " << (WIFSIGNALED(status) ? WTERMSIG(status) : 0) << ": " << text;
  const std::size_t blank = text.find(' ');
  const std::string message = text.substr(blank + 1);
  EXPECT_THAT(message, testing::AnyOf(testing::StartsWith("invalid model: model '" + path.string() + "': "),
                                      testing::StartsWith("unsupported: model '" + path.string() + "': "),
                                      testing::StartsWith("not found: model '" + path.string() + "': ")));
  for (const std::string_view part : parts) {
    EXPECT_THAT(message, testing::HasSubstr(std::string(part)));
  }
  EXPECT_LE(message.size(), std::size_t{16} << 10U);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  EXPECT_LT(seconds(usage.ru_utime) + seconds(usage.ru_stime), kMaxSeconds) << message;
  if (!kSanitized) {
    const std::int64_t growth = std::int64_t{usage.ru_maxrss} * 1024 - std::stoll(text.substr(0, blank));
    EXPECT_LT(growth, kMaxGrowth) << message;
  }
}

}  // namespace fovea::test
