// FileSink: what lands in the file.
#include "publish/file_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/base/error.hpp"
#include "tests/publish/temp_dir.hpp"

namespace fovea {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(FileSink, AppendsLinesAtOnce) {
  const testing::TempDir dir;
  std::ofstream(dir / "out") << "old\n";
  FileSink sink(dir / "out");
  sink.publish({.payload = "{\"a\":1}"});
  sink.publish({.payload = "{\"a\":2}"});
  EXPECT_EQ(content(dir / "out"), "old\n{\"a\":1}\n{\"a\":2}\n") << "without flush or end";
  EXPECT_EQ(sink.stats().published, 2U);
}

TEST(FileSink, JsonFormIsOneValidArray) {
  const testing::TempDir dir;
  for (const int count : {0, 1, 3}) {
    {
      FileSink sink(dir / "out.json", FileFormat::kJson);
      for (int i = 0; i < count; ++i) {
        sink.publish({.payload = std::to_string(i)});
      }
    }
    EXPECT_EQ(nlohmann::json::parse(content(dir / "out.json")).size(), static_cast<std::size_t>(count));
  }
}

TEST(FileSink, TwoSinksDoNotMixLines) {
  const testing::TempDir dir;
  FileSink first(dir / "out");
  FileSink second(dir / "out");
  for (int i = 0; i < 100; ++i) {
    first.publish({.payload = std::string(300, 'a')});
    second.publish({.payload = std::string(300, 'b')});
  }
  std::istringstream lines(content(dir / "out"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_TRUE(line == std::string(300, 'a') || line == std::string(300, 'b')) << line;
  }
  EXPECT_EQ(count, 200);
}

TEST(FileSink, NamesThePathItCannotOpen) {
  try {
    FileSink sink("/nonexistent/out.jsonl");
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("/nonexistent/out.jsonl"));
  }
}

TEST(FileSink, CountsAndGoesOnWhenTheDiskIsFull) {
  FileSink sink("/dev/full");
  sink.publish({.payload = "{}"});
  sink.publish({.payload = "{}"});
  EXPECT_EQ(sink.stats().dropped, 2U);
  EXPECT_EQ(sink.stats().published, 0U);
}

}  // namespace
}  // namespace fovea
