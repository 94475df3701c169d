// The MXNet importer on small networks whose parameters the test writes byte by byte.
#include <gtest/gtest.h>

#include "engine/frontends/frontend.hpp"
#include "tests/engine/importers/mxnet_files.hpp"
#include "tests/engine/importers/run_model.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

using ::testing::ElementsAre;

class MxNet : public ::testing::Test {
 protected:
  TempDir dir_;
};

TEST_F(MxNet, RunsAClassifier) {
  dir_.write("net-0000.params", classifier_parameters());
  const auto path = dir_.write("net-symbol.json", kClassifier);
  // 1 to 4: channel 0 is (x + 1)·2/2, at most 5; channel 1 is 20 − x + 1, at most 20. 0.5·(5 + 200)
  EXPECT_THAT(run_model(path, counting({1, 1, 2, 2})), ElementsAre(102.5));
}

TEST_F(MxNet, MovesData) {
  const auto path = dir_.write("net-symbol.json", R"json({
    "nodes": [
      {"op": "null", "name": "data", "attrs": {"__shape__": "(1, 2, 2, 3)"}, "inputs": []},
      {"op": "transpose", "name": "t", "attrs": {"axes": "(0, 2, 3, 1)"}, "inputs": [[0, 0, 0]]},
      {"op": "slice_axis", "name": "s", "attrs": {"axis": "2", "begin": "1", "end": "None"}, "inputs": [[1, 0, 0]]},
      {"op": "Reshape", "name": "r", "attrs": {"shape": "(0, -1)"}, "inputs": [[2, 0, 0]]},
      {"op": "SliceChannel", "name": "c", "attrs": {"num_outputs": "2", "axis": "1"}, "inputs": [[3, 0, 0]]},
      {"op": "elemwise_add", "name": "a", "inputs": [[4, 0, 0], [4, 1, 0]]}],
    "arg_nodes": [0], "heads": [[5, 0, 0]]})json");
  // [y,x,c] for x of 1 and 2: 2 8 3 9 | 5 11 6 12
  EXPECT_THAT(run_model(path, counting({1, 2, 2, 3})), ElementsAre(7, 19, 9, 21));
}

TEST_F(MxNet, RefusesWhatIsWrong) {
  const auto refuses = [&](ErrorCode code, const std::string& json, std::initializer_list<std::string_view> parts) {
    const auto path = dir_.write("net-symbol.json", json);
    expect_error(code, parts, [&] { read_model(path); });
  };
  constexpr auto kModel = ErrorCode::kInvalidModel;
  refuses(kModel, R"({"nodes": [)", {"the JSON is wrong"});
  refuses(kModel, R"({"nodes": []})", {"'heads' is missing"});
  refuses(kModel, R"({"nodes": [{"op": "exp", "name": "e", "inputs": [[0, 0]]}], "heads": [[0, 0]]})",
          {"node 'e': an input", "node below 0"});
  refuses(kModel, R"({"nodes": [{"op": "null", "name": "d", "inputs": []}], "heads": [[7, 0]]})", {"a head"});
  refuses(kModel, "{\"nodes\": " + std::string(100, '[') + std::string(100, ']') + "}", {"nested more than 16"});
  refuses(ErrorCode::kUnsupported, R"({"nodes": [{"op": "Foo", "name": "x", "inputs": []}], "heads": [[0, 0]]})",
          {"1 operator is not supported", "Foo: 1 node: 'x'"});
}

TEST_F(MxNet, RefusesDamagedParameters) {
  const auto path = dir_.write("net-symbol.json", kClassifier);
  const auto refuses = [&](const std::string& bytes, std::initializer_list<std::string_view> parts) {
    dir_.write("net-0000.params", bytes);
    expect_error(ErrorCode::kInvalidModel, parts, [&] { read_model(path); });
  };
  const std::string good = parameters({{"arg:c_weight", {2, 1, 1, 1}, {1, -1}}});
  refuses("12345678", {"mark"});
  refuses(good.substr(0, 60), {"the parameters end at byte 60"});
  refuses(parameters({{"a", {1 << 20, 1 << 19, 1}, {}}}), {"the parameters end"});
  refuses(parameters({{"a", {std::int64_t{1} << 40, 1 << 19}, {}}}), {"2^40"});
  std::string many = good;
  many[16] = '\x7F';
  many[20] = '\x7F';
  refuses(many, {"are said to have"});
}

}  // namespace
}  // namespace fovea::test
