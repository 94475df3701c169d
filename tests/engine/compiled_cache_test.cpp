// CACHE_DIR: compiled models are taken up again, damage is found, the folder stays within its bounds.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/base/mapped_file.hpp"
#include "engine/runtime/core.hpp"
#include "tests/support/onnx_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;
using onnx::kFloat;
using onnx::Message;
using onnx::node;
using onnx::tensor;
using onnx::value_info;

std::string random_floats(std::size_t count, unsigned seed) {
  std::vector<float> values(count);
  for (float& value : values) {
    seed = seed * 1664525U + 1013904223U;
    value = static_cast<float>(seed >> 8U) / (1 << 24) - 0.5F;
  }
  return {reinterpret_cast<const char*>(values.data()), count * sizeof(float)};
}

/// Convolution, activation, addition of a large constant and a matrix product; `shift` moves where weights lie.
std::string network(unsigned seed = 1, std::size_t shift = 0) {
  const std::vector<Message> nodes = {node("Conv", {"x", "w"}, {"c"}, {}, "conv" + std::string(shift, '_')),
                                      node("Relu", {"c"}, {"r"}),
                                      node("Add", {"r", "k"}, {"a"}),
                                      node("GlobalAveragePool", {"a"}, {"g"}),
                                      node("Flatten", {"g"}, {"f"}),
                                      node("MatMul", {"f", "m"}, {"y"})};
  return onnx::model(
      onnx::graph({.nodes = nodes,
                   .initializers = {tensor("w", {32, 32, 3, 3}, kFloat, random_floats(32 * 32 * 9, seed)),
                                    tensor("k", {1, 32, 18, 18}, kFloat, random_floats(32 * 324, 7)),
                                    tensor("m", {32, 4}, kFloat, random_floats(32 * 4, 8))},
                   .inputs = {value_info("x", {1, 32, 20, 20})},
                   .outputs = {value_info("y", {1, 4})}}));
}

std::vector<float> run(const CompiledModel& compiled) {
  InferRequest request = compiled.create_infer_request();
  float value = -1;
  for (float& x : request.input().data<float>()) {
    x = value = value > 1 ? -1 : value + 0.0173F;
  }
  request.infer();
  const auto result = request.output().data<float>();
  return {result.begin(), result.end()};
}

class Cache : public testing::Test {
 protected:
  struct Outcome {
    std::vector<float> outputs;
    bool hit = false;
    Model outline;
  };

  /// What a process of its own would do: a Core that waits for its files when it goes.
  Outcome start(const fs::path& model, Properties properties = {}) const {
    properties.try_emplace("CACHE_DIR", folder().string());
    properties.try_emplace("NUM_STREAMS", "1");
    Core core;
    const CompiledModel compiled = core.compile_model(model, "CPU", properties);
    return {run(compiled), compiled.memory().mapped >= compiled.memory().packed, compiled.model()};
  }

  [[nodiscard]] fs::path folder() const { return dir_ / "cache"; }

  [[nodiscard]] std::vector<fs::path> entries() const {
    std::vector<fs::path> files;
    if (fs::exists(folder())) {
      for (const auto& file : fs::directory_iterator(folder())) {
        files.push_back(file.path());
      }
    }
    return files;
  }

  TempDir dir_;
};

TEST_F(Cache, TheSecondStartTakesUpWhatTheFirstMade) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    const fs::path model = dir_.write("m" + std::to_string(shift) + ".onnx", network(1, shift));
    const Outcome cold = start(model);
    const Outcome warm = start(model);
    EXPECT_FALSE(cold.hit);
    EXPECT_TRUE(warm.hit);
    EXPECT_EQ(cold.outputs, warm.outputs);
    EXPECT_EQ(cold.outputs, start(model, {{"CACHE_DIR", ""}}).outputs);
    EXPECT_EQ(warm.outline.name, cold.outline.name);
    EXPECT_EQ(warm.outline.hash, cold.outline.hash);
    EXPECT_EQ(warm.outline.format, cold.outline.format);
    EXPECT_EQ(warm.outline.path, cold.outline.path);
    EXPECT_EQ(warm.outline.graph.outputs.at(0).name, "y");
  }
  EXPECT_EQ(entries().size(), 4U) << "one file each, nothing temporary";
}

TEST_F(Cache, AnotherModelOrOtherOptionsAreOtherEntries) {
  const fs::path model = dir_.write("m.onnx", network());
  (void)start(model);
  EXPECT_FALSE(
      start(model, {{"NUM_STREAMS", "1"}, {"INFERENCE_NUM_THREADS", "1"}, {"EXECUTION_MODE_HINT", "PERFORMANCE"}})
          .hit &&
      entries().size() == 1);
  dir_.write("m.onnx", network(2));
  const Outcome other = start(model);
  EXPECT_FALSE(other.hit);
  EXPECT_EQ(other.outputs, start(model).outputs);
}

TEST_F(Cache, TheSameContentUnderAnotherNameIsAHit) {
  (void)start(dir_.write("m.onnx", network()));
  const Outcome moved = start(dir_.write("other.onnx", network()));
  EXPECT_TRUE(moved.hit);
  EXPECT_EQ(moved.outline.name, "other");
}

TEST_F(Cache, DamageIsFoundWhereverItIs) {
  const fs::path model = dir_.write("m.onnx", network());
  const std::vector<float> expected = start(model).outputs;
  ASSERT_EQ(entries().size(), 1U);
  const fs::path entry = entries()[0];
  std::string good(fs::file_size(entry), '\0');
  std::ifstream(entry, std::ios::binary).read(good.data(), static_cast<std::streamsize>(good.size()));
  const std::size_t size = good.size();
  // The header byte by byte, then all over the file, the last bytes too.
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < 64; ++at) {
    places.push_back(at);
  }
  for (std::size_t at = 64; at < size; at += size / 40) {
    places.push_back(at);
  }
  places.push_back(size - 1);
  for (const std::size_t at : places) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    std::ofstream(entry, std::ios::binary | std::ios::trunc) << bad;
    const Outcome outcome = start(model);
    EXPECT_FALSE(outcome.hit) << "byte " << at << " of " << size;
    EXPECT_EQ(outcome.outputs, expected) << "byte " << at;
    EXPECT_TRUE(start(model).hit) << "made anew after byte " << at;
  }
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, std::size_t{64}, size / 2, size - 1}) {
    std::ofstream(entry, std::ios::binary | std::ios::trunc) << good.substr(0, length);
    EXPECT_FALSE(start(model).hit) << length << " bytes";
  }
  std::ofstream(entry, std::ios::binary | std::ios::app) << "more";
  EXPECT_FALSE(start(model).hit);
  EXPECT_TRUE(start(model).hit);
}

TEST_F(Cache, AnEntryOfAnotherModelIsNotTaken) {
  const fs::path first = dir_.write("a.onnx", network(1));
  const std::vector<float> expected = start(first).outputs;
  const fs::path entry = entries().at(0);
  (void)start(dir_.write("b.onnx", network(2)));
  for (const fs::path& other : entries()) {
    if (other != entry) {
      fs::copy_file(other, entry, fs::copy_options::overwrite_existing);
    }
  }
  const Outcome outcome = start(first);
  EXPECT_FALSE(outcome.hit);
  EXPECT_EQ(outcome.outputs, expected);
}

TEST_F(Cache, ExternalDataThatChangedIsNoticed) {
  const auto with_data = [&](unsigned seed) {
    dir_.write("w.bin", random_floats(16 * 32 * 9, seed));
    Message weights;
    for (const std::uint64_t extent : {16U, 32U, 3U, 3U}) {
      weights.number(1, extent);
    }
    weights.number(2, kFloat).text(8, "w").number(14, 1);
    weights.message(13, Message().text(1, "location").text(2, "w.bin"));
    return dir_.write("m.onnx", onnx::model(onnx::graph({.nodes = {node("Conv", {"x", "w"}, {"y"})},
                                                         .initializers = {weights},
                                                         .inputs = {value_info("x", {1, 32, 8, 8})},
                                                         .outputs = {value_info("y", {1, 16, 6, 6})}})));
  };
  const fs::path model = with_data(1);
  const std::vector<float> first = start(model).outputs;
  EXPECT_TRUE(start(model).hit);
  (void)with_data(2);
  const Outcome changed = start(model);
  EXPECT_FALSE(changed.hit);
  EXPECT_NE(changed.outputs, first);
  EXPECT_TRUE(start(model).hit);
}

TEST_F(Cache, TheFolderStaysWithinItsBounds) {
  const Properties one_megabyte = {{"CACHE_SIZE_MB", "1"}};
  for (unsigned i = 0; i < 12; ++i) {
    (void)start(dir_.write(std::to_string(i) + ".onnx", network(i)), one_megabyte);
    std::uintmax_t total = 0;
    for (const fs::path& entry : entries()) {
      total += fs::file_size(entry);
    }
    EXPECT_LE(total, std::uintmax_t{1} << 20U);
  }
  EXPECT_GT(entries().size(), 1U);
  EXPECT_TRUE(start(dir_ / "11.onnx", one_megabyte).hit) << "the last one is there";
  EXPECT_FALSE(start(dir_ / "0.onnx", one_megabyte).hit) << "the first one had to go";
  EXPECT_FALSE(start(dir_ / "1.onnx", {{"CACHE_SIZE_MB", "0"}}).hit) << "nothing fits";
}

TEST_F(Cache, ManyWritersMakeOneEntry) {
  const fs::path model = dir_.write("m.onnx", network());
  std::vector<Outcome> outcomes(4);
  {
    std::vector<std::jthread> threads;
    for (Outcome& outcome : outcomes) {
      threads.emplace_back([&] { outcome = start(model); });
    }
  }
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.outputs, outcomes[0].outputs);
  }
  EXPECT_EQ(entries().size(), 1U);
  EXPECT_TRUE(start(model).hit);
}

TEST_F(Cache, AFolderThatCannotBeUsedCostsSpeedOnly) {
  const fs::path model = dir_.write("m.onnx", network());
  dir_.write("cache", "a file in its place");
  EXPECT_EQ(start(model).outputs, start(model, {{"CACHE_DIR", ""}}).outputs);
  EXPECT_THROW(start(dir_ / "missing.onnx"), Error);
}

TEST_F(Cache, ModelsWithOpenShapesAreCompiledEachTime) {
  const fs::path model = dir_.write("m.onnx", onnx::model(onnx::graph({.nodes = {node("Relu", {"x"}, {"y"})},
                                                                       .initializers = {},
                                                                       .inputs = {value_info("x", {4, -1})},
                                                                       .outputs = {value_info("y", {4, -1})}})));
  Core core;
  const CompiledModel compiled = core.compile_model(model, "CPU", {{"CACHE_DIR", folder().string()}});
  InferRequest request = compiled.create_infer_request();
  request.set_input_shape("x", {4, 2});
  request.infer();
  EXPECT_TRUE(entries().empty());
}

TEST_F(Cache, OldTemporaryFilesAreRemoved) {
  fs::create_directories(folder());
  const fs::path left = folder() / "0123.fvc.99-0.tmp";
  std::ofstream(left) << "half";
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
  (void)start(dir_.write("m.onnx", network()));
  EXPECT_FALSE(fs::exists(left));
}

}  // namespace
}  // namespace fovea::test
