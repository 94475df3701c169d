// Real models from a cache compute the same bits as compiled ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <random>

#include "engine/runtime/compiled_cache.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/models/all_models.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

class CachedModels : public testing::TestWithParam<std::filesystem::path> {};

/// All outputs of one run on reproducible noise, as bytes.
std::vector<std::byte> run(const CompiledModel& compiled) {
  std::mt19937 random(3);
  InferRequest request = compiled.create_infer_request();
  const Graph& graph = compiled.model().graph;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const TensorView input = request.input(i);
    std::vector<double> values(element_count(input.shape()));
    std::ranges::generate(values, [&] { return static_cast<double>(random() % 256) / 256; });
    store(input, values);
  }
  request.infer();
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ConstTensorView output = request.output(i);
    bytes.insert(bytes.end(), output.bytes, output.bytes + byte_size(output.type));
  }
  return bytes;
}

TEST_P(CachedModels, ComputeTheSameBits) {
  const TempDir folder;
  const Properties properties = {{"PERFORMANCE_HINT", "LATENCY"}, {"CACHE_DIR", folder.path().string()}};
  std::vector<std::byte> cold;
  {
    Core core;
    if (!CompiledCache::can_keep(core.read_model(GetParam()).graph)) {
      // Open shapes, variables or bodies: compiled each time.
      (void)core.compile_model(GetParam(), "CPU", properties);
      EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
      return;
    }
    cold = run(core.compile_model(GetParam(), "CPU", properties));
  }
  ASSERT_FALSE(std::filesystem::is_empty(folder.path())) << "was kept";
  Core core;
  const CompiledModel warm = core.compile_model(GetParam(), "CPU", properties);
  EXPECT_GE(warm.memory().mapped, warm.memory().packed) << "nothing was packed again";
  EXPECT_EQ(run(warm), cold);
}

std::vector<std::filesystem::path> files() {
  return std::filesystem::exists(models_folder()) ? model_files() : std::vector<std::filesystem::path>();
}

std::string name_of(const testing::TestParamInfo<std::filesystem::path>& info) {
  std::string name = std::filesystem::relative(info.param, models_folder()).string();
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, CachedModels, testing::ValuesIn(files()), name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CachedModels);

}  // namespace
}  // namespace fovea::test
