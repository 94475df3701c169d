// TensorFlow Lite files made to hurt, above all by tables that are referred to many times: each is refused with a
// message that names place, value and expectation, at little cost.
#include <gtest/gtest.h>

#include "tests/engine/importers/limited_child.hpp"
#include "tests/engine/importers/tflite_writer.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

namespace schema = fovea::tflite::schema;
using Code = schema::BuiltinOperator;
using Type = schema::TensorType;
using flatbuffers::Offset;

class HostileTfLite : public ::testing::Test {
 protected:
  void refuses(std::initializer_list<std::string_view> parts) { refuses_bytes(writer_.finish(), parts); }
  void refuses_bytes(const std::string& bytes, std::initializer_list<std::string_view> parts) {
    expect_refused_cheaply(dir_.write("net.tflite", bytes), parts);
    writer_ = TfliteWriter();
  }

  TempDir dir_;
  TfliteWriter writer_;
};

/// A file whose main graph holds one tensor many times.
class SharedTensor {
 public:
  flatbuffers::FlatBufferBuilder& builder() { return builder_; }

  std::string finish(Offset<schema::Tensor> tensor, std::size_t times, const std::vector<std::uint8_t>& data,
                     std::uint64_t offset = 0, std::uint64_t size = 0) {
    const std::vector tensors(times, tensor);
    const std::vector<int> ports = {0};
    const std::vector<Offset<schema::Operator>> operators;
    const std::vector graphs = {schema::CreateSubGraphDirect(builder_, &tensors, &ports, &ports, &operators, "main")};
    const std::vector buffers = {schema::CreateBufferDirect(builder_, data.empty() ? nullptr : &data, offset, size)};
    const std::vector<Offset<schema::OperatorCode>> codes;
    schema::FinishModelBuffer(builder_,
                              schema::CreateModelDirect(builder_, 3, &codes, &graphs, "made by a test", &buffers));
    return {reinterpret_cast<const char*>(builder_.GetBufferPointer()), builder_.GetSize()};
  }

 private:
  flatbuffers::FlatBufferBuilder builder_;
};

TEST_F(HostileTfLite, Shapes) {
  constexpr int kMost = 2'147'483'647;
  writer_.tensor({kMost, kMost, kMost, kMost}, Type::kF32);
  writer_.tensor({1}, Type::kF32);
  writer_.add(Code::RELU, {0}, {1});
  refuses({"tensor 0 't0'", "2^40"});
  writer_.tensor({1, -5}, Type::kF32);
  writer_.tensor({1}, Type::kF32);
  writer_.add(Code::RELU, {0}, {1});
  refuses({"tensor 0 't0'", "[1,-5] has an extent below 0"});
  writer_.tensor({1 << 19, 1 << 19}, Type::kF32, TfliteWriter::bytes<float>({1, 2}));
  writer_.tensor({1}, Type::kF32);
  writer_.add(Code::RELU, {0}, {1});
  refuses({"tensor 0 't0': f32[524288,524288] needs 1099511627776 bytes, the buffer has 8"});
  writer_.tensor(std::vector<int>(1'000'000, 1), Type::kF32);
  writer_.tensor({1}, Type::kF32);
  writer_.add(Code::RELU, {0}, {1});
  refuses({"tensor 0 't0': the shape has 1000000 axes, at most 16"});
  writer_.tensor({1, 2}, Type::kF32);
  writer_.tensor({2}, Type::kI32, TfliteWriter::bytes<std::int32_t>({kMost, kMost}));
  writer_.tensor({1}, Type::kF32);
  writer_.add(Code::TILE, {0, 1}, {2});
  refuses({"operator 't2' (TILE)"});
}

TEST_F(HostileTfLite, BuffersBehindTheTables) {
  for (const auto& [offset, size] : {std::pair<std::uint64_t, std::uint64_t>{UINT64_MAX, 16},
                                     {UINT64_MAX - 8, 16},
                                     {64, UINT64_MAX},
                                     {64, UINT64_MAX - 63},
                                     {1 << 20, 16}}) {
    SharedTensor file;
    const std::vector<int> shape = {4};
    const auto tensor = schema::CreateTensorDirect(file.builder(), &shape, Type::kF32, 0, "w");
    refuses_bytes(file.finish(tensor, 1, {}, offset, size), {"tensor 0 'w': buffer 0 needs", "the file has"});
  }
}

TEST_F(HostileTfLite, CyclesAndMissingValues) {
  writer_.tensor({1}, Type::kF32);
  const int a = writer_.tensor({1}, Type::kF32);
  const int b = writer_.tensor({1}, Type::kF32);
  writer_.add(Code::RELU, {b}, {a});
  writer_.add(Code::RELU, {a}, {b});
  refuses({"operator 't1' (RELU)", "reads tensor 't2', which nothing has computed yet"});
  writer_.tensor({1}, Type::kF32);
  writer_.tensor({1}, Type::kF32);
  writer_.add(Code::RELU, {0}, {0});
  refuses({"writes tensor 't0', which has a value already"});
  writer_.tensor({1}, Type::kF32);
  writer_.tensor({1}, Type::kF32);
  writer_.add(Code::RELU, {2'147'483'647}, {1});
  refuses({"refers to tensor 2147483647, the graph has 2"});
}

TEST_F(HostileTfLite, SharedTables) {
  const std::vector<int> shape = {4};
  {
    SharedTensor file;
    const auto tensor = schema::CreateTensorDirect(file.builder(), &shape, Type::kF32, 0, "w");
    refuses_bytes(file.finish(tensor, 900'000, {}), {"has 900000 tensors, expected at most 100000"});
  }
  {  // a name of a megabyte that ninety thousand tensors share
    SharedTensor file;
    const std::string name(1 << 20, 'w');
    const auto tensor = schema::CreateTensorDirect(file.builder(), &shape, Type::kF32, 0, name.c_str());
    refuses_bytes(file.finish(tensor, 90'000, {}), {"tensor 16", "bytes of names", "at most"});
  }
  {  // scales of a megabyte
    SharedTensor file;
    const std::vector<float> scales(250'000, 1.0F);
    const std::vector<std::int64_t> zeros(250'000, 0);
    const std::vector<int> wide = {250'000};
    const auto quantisation = schema::CreateQuantizationDirect(file.builder(), nullptr, nullptr, &scales, &zeros);
    const auto tensor = schema::CreateTensorDirect(file.builder(), &wide, Type::kI8, 0, "w", quantisation);
    refuses_bytes(file.finish(tensor, 90'000, {}), {"tensor 4 'w'", "1250000 scales", "at most"});
  }
  {  // more zero points than scales
    SharedTensor file;
    const std::vector<float> scales = {1};
    const std::vector<std::int64_t> zeros(500'000, 0);
    const auto quantisation = schema::CreateQuantizationDirect(file.builder(), nullptr, nullptr, &scales, &zeros);
    const auto tensor = schema::CreateTensorDirect(file.builder(), &shape, Type::kI8, 0, "w", quantisation);
    refuses_bytes(file.finish(tensor, 90'000, {}), {"tensor 0 'w': 500000 zero points for 1 scales"});
  }
  {  // a constant of a megabyte that lies unaligned
    SharedTensor file;
    const std::vector<int> wide = {250'000};
    const auto tensor = schema::CreateTensorDirect(file.builder(), &wide, Type::kF32, 0, "w");
    std::string bytes = file.finish(tensor, 90'000, {}, 0xAAAAAAAAAAAAAAAAU, 1'000'000);
    // Offsets count from the beginning of the file: an odd one where the content lies.
    const std::string mark(8, '\xAA');
    const std::size_t at = bytes.find(mark);
    ASSERT_NE(at, std::string::npos);
    bytes += std::string((bytes.size() % 2) + 1, '\0');
    const std::uint64_t offset = bytes.size() % 2 == 1 ? bytes.size() : bytes.size() + 1;
    bytes.replace(at, 8, reinterpret_cast<const char*>(&offset), 8);
    bytes += std::string(1'000'016, '\1');
    refuses_bytes(bytes, {"tensor ", "bytes of unaligned constants", "at most"});
  }
}

TEST_F(HostileTfLite, DamagedTables) {
  writer_.tensor({1, 2}, Type::kF32);
  writer_.tensor({1, 2}, Type::kF32);
  writer_.add(Code::RELU, {0}, {1});
  const std::string good = writer_.finish();
  std::string root = good;
  root.replace(0, 4, "\xff\xff\xff\x7f");
  refuses_bytes(root, {"its tables do not verify"});
  root.replace(0, 4, std::string(4, '\0'));
  refuses_bytes(root, {"its tables do not verify"});
  refuses_bytes(good.substr(0, good.size() / 2), {"its tables do not verify"});
}

}  // namespace
}  // namespace fovea::test
