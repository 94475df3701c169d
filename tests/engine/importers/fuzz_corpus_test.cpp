// Replays the corpora of the fuzz targets (tests/fuzz): seeds, and what fuzzing found before. Reading ends in a model
// or in an error that blames the file.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "engine/base/error.hpp"
#include "engine/frontends/frontend.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;

/// As in tests/fuzz/CMakeLists.txt.
struct Target {
  const char* name;
  const char* file;
  const char* read;
};
constexpr Target kTargets[] = {
    {"ir", "m.xml", "m.xml"},
    {"onnx", "m.onnx", "m.onnx"},
    {"caffe", "m.prototxt", "m.prototxt"},
    {"caffemodel", "m.caffemodel", "m.prototxt"},
    {"mxnet", "m-symbol.json", "m-symbol.json"},
    {"mxnet_params", "m-0000.params", "m-symbol.json"},
    {"tensorflow", "m.pb", "m.pb"},
    {"checkpoint", "variables/variables.index", "saved_model.pb"},
    {"tflite", "m.tflite", "m.tflite"},
};

void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

class FuzzCorpus : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override {
    const fs::path beside = fs::path(FOVEA_SOURCE_DIR) / "tests/fuzz/beside" / GetParam().name;
    if (fs::exists(beside)) {
      fs::copy(beside, dir_.path(), fs::copy_options::recursive);
    }
    fs::create_directories((dir_ / GetParam().file).parent_path());
    for (const auto& seed :
         fs::directory_iterator(fs::path(FOVEA_SOURCE_DIR) / "tests/fuzz/corpus" / GetParam().name)) {
      std::ostringstream content;
      content << std::ifstream(seed.path(), std::ios::binary).rdbuf();
      seeds_.push_back(content.str());
    }
    ASSERT_FALSE(seeds_.empty());
  }

  /// \return Whether it is a model.
  bool reads(const std::string& content) const {
    dir_.write(GetParam().file, content);
    try {
      (void)read_model(dir_ / GetParam().read);
      return true;
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
      return false;
    }
  }

  TempDir dir_;
  std::vector<std::string> seeds_;
};

TEST_P(FuzzCorpus, EndsInAModelOrAnErrorOfTheFile) {
  int models = 0;
  for (const std::string& seed : seeds_) {
    models += reads(seed) ? 1 : 0;
  }
  EXPECT_GT(models, 0) << "no seed is a model: the corpus no longer reaches what lies behind the parser";
}

/// One random change: a byte, a few bytes gone or doubled, a number of some size, a piece of another seed.
void mutate(std::string& text, const std::string& other, std::mt19937_64& random) {
  if (text.empty()) {
    return;
  }
  static constexpr std::string_view kTextBytes = "<>\"'/=&;-0123456789,.eE{}[]: \n";
  static constexpr std::uint64_t kNumbers[] = {
      0,       1,          0x7F,       0x80,       0xFF,           0x7FFF,    0xFFFF,         0x10000,
      1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000000, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
  const std::size_t at = random() % text.size();
  switch (random() % 7) {
    case 0:
      text[at] = static_cast<char>(random());
      break;
    case 1:
      text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
      break;
    case 2:
      text[at] = kTextBytes[random() % kTextBytes.size()];
      break;
    case 3:
      text.erase(at, 1 + random() % 8);
      break;
    case 4:
      text.insert(at, text.substr(random() % text.size(), 1 + random() % 64));
      break;
    case 5: {
      const std::uint64_t number = kNumbers[random() % std::size(kNumbers)];
      const std::size_t size = std::min<std::size_t>(std::size_t{1} << random() % 4, text.size() - at);
      std::memcpy(text.data() + at, &number, size);
      break;
    }
    default:
      text.insert(at, other.substr(random() % (other.size() + 1), 1 + random() % 64));
  }
}

TEST_P(FuzzCorpus, MutationsEndInAModelOrAnErrorOfTheFile) {
  using Clock = std::chrono::steady_clock;
  const char* wish = std::getenv("FOVEA_MUTATION_SECONDS");
  const auto end = Clock::now() + std::chrono::milliseconds(wish == nullptr ? 300 : 1000 * std::atoi(wish));
  const std::uint64_t first = wish == nullptr ? 0 : std::random_device()();
  const fs::path kept = fs::path(FOVEA_BINARY_DIR) / (std::string("mutation_") + GetParam().name);
  constexpr std::uint64_t kRounds = 20'000;
  std::uint64_t round = 0;
  for (; Clock::now() < end && (wish != nullptr || round < kRounds); ++round) {
    std::mt19937_64 random(first + round);
    std::string text = seeds_[random() % seeds_.size()];
    for (auto changes = 1 + random() % 6; changes > 0; --changes) {
      mutate(text, seeds_[random() % seeds_.size()], random);
    }
    if (wish != nullptr) {  // a crash leaves the file behind
      std::ofstream(kept, std::ios::binary) << text;
    }
    const auto begin = Clock::now();
    static_cast<void>(reads(text));
    const bool slow = wish != nullptr && Clock::now() - begin > std::chrono::seconds(5);
    EXPECT_FALSE(slow) << "more than five seconds";
    if (HasFailure()) {
      std::ofstream(kept, std::ios::binary) << text;
      FAIL() << "round " << first + round << ", the file is " << kept;
    }
  }
  fs::remove(kept);
  EXPECT_GT(round, 0U);
  RecordProperty("rounds", std::to_string(round));
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpus, testing::ValuesIn(kTargets),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace fovea::test
