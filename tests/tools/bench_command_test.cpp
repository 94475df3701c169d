// `fovea bench` as a process: options in both spellings, lines, JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_ir.hpp"

namespace fovea {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class BenchCommand : public ::testing::Test {
 protected:
  struct Result {
    int status = -1;
    std::string out;
    std::string err;
  };

  std::string read(const std::string& name) const {
    std::ifstream in(dir_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  Result bench(const std::string& arguments) const {
    const std::string command = FOVEA_BINARY_DIR "/bin/fovea bench " + arguments + " >" + (dir_ / "out").string() +
                                " 2>" + (dir_ / "err").string();
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out"), read("err")};
  }

  json bench_json(const std::string& arguments) const {
    const Result result = bench(arguments + " --json");
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }

  test::TempDir dir_;
  std::string model_ = testing::make_classifier(dir_.path()).string();
};

TEST_F(BenchCommand, PrintsTheLinesOfBenchmarkApp) {
  const Result result = bench(model_ + " --niter 20");
  ASSERT_EQ(result.status, 0) << result.err;
  for (const std::string line :
       {"[ INFO ] Read model took ", "[ INFO ] Compile model took ", "[ INFO ] Count:               20 iterations\n",
        "[ INFO ] Duration: ", "[ INFO ] Latency:\n",
        "[ INFO ]    Median: ", "[ INFO ]    Average: ", "[ INFO ]    Min: ", "[ INFO ]    Max: ", "[ INFO ]    90 %: ",
        "[ INFO ]    95 %: ", "[ INFO ]    99 %: ", "[ INFO ] Throughput: "}) {
    EXPECT_THAT(result.out, HasSubstr(line));
  }
}

TEST_F(BenchCommand, TakesBothSpellings) {
  for (const std::string& arguments : std::vector<std::string>{
           "--model " + model_ + " --device CPU --hint latency --nstreams 1 --nireq 2 --niter 6 --nthreads 1",
           "-m " + model_ + " -d CPU -hint latency -nstreams 1 -nireq 2 -niter 6 -nthreads=1"}) {
    SCOPED_TRACE(arguments);
    const json report = bench_json(arguments);
    EXPECT_EQ(report["requests"], 2);
    EXPECT_EQ(report["iterations"], 6);
    EXPECT_EQ(report["device"], "CPU");
  }
}

TEST_F(BenchCommand, JsonHasAllFigures) {
  const json report = bench_json(model_ + " --niter 30 --hint throughput");
  for (const std::string key : {"model", "device", "requests", "batch", "iterations", "duration_ms", "read_ms",
                                "compile_ms", "throughput_fps", "latency_ms"}) {
    EXPECT_TRUE(report.contains(key)) << key;
  }
  const json& latency = report["latency_ms"];
  double before = latency["min"];
  for (const std::string key : {"p50", "p90", "p95", "p99", "max"}) {
    EXPECT_GE(latency[key], before) << key;
    before = latency[key];
  }
  EXPECT_GT(latency["average"], 0);
  EXPECT_NEAR(report["throughput_fps"].get<double>(), 30 * 1000 / report["duration_ms"].get<double>(), 1e-3);
  EXPECT_FALSE(report.contains("layers"));
}

TEST_F(BenchCommand, SynchronousMeansOneRequest) {
  EXPECT_EQ(bench_json(model_ + " -api sync -niter 5")["requests"], 1);
}

TEST_F(BenchCommand, ThroughputCountsPictures) {
  const json report = bench_json(model_ + " --niter 5 --input-shape [4,3,8,8]");
  EXPECT_EQ(report["batch"], 4);
  EXPECT_NEAR(report["throughput_fps"].get<double>(), 4 * 5 * 1000 / report["duration_ms"].get<double>(), 1e-3);
}

TEST_F(BenchCommand, PerLayerNamesKernelsAndRates) {
  const json report = bench_json(model_ + " -t 0.05 --per-layer");
  EXPECT_GT(report["machine"]["gflops"], 0);
  EXPECT_GT(report["machine"]["gb_s"], 0);
  ASSERT_FALSE(report["layers"].empty());
  for (const json& layer : report["layers"]) {
    EXPECT_FALSE(layer["kernel"].get<std::string>().empty()) << layer;
    EXPECT_GE(layer["ms"], 0);
    EXPECT_TRUE(layer.contains("gflops") && layer.contains("gb_s") && layer.contains("node")) << layer;
  }
  const Result text = bench(model_ + " -t 0.05 --per-layer");
  EXPECT_THAT(text.out, HasSubstr("sum of medians"));
}

TEST_F(BenchCommand, RefusesNonsense) {
  for (const std::string arguments : {"--hint fast", "--api both", "-t 0", "--nireq -1", "-nireqs 2", "-d TOASTER"}) {
    const Result result = bench(model_ + " --niter 1 " + arguments);
    EXPECT_NE(result.status, 0) << arguments;
    EXPECT_FALSE(result.err.empty()) << arguments;
  }
  EXPECT_NE(bench("").status, 0);
}

}  // namespace
}  // namespace fovea
