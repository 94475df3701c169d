// Text helpers, mapped files, the log limiter, element types, tensors and .npy files.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <thread>

#include "engine/base/log.hpp"
#include "engine/base/mapped_file.hpp"
#include "engine/base/text.hpp"
#include "engine/graph/tensor.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"
#include "tools/npy.hpp"

namespace fovea::test {
namespace {

using Parts = std::vector<std::string>;

TEST(Text, SplitTrimsPartsAndKeepsEmptyOnes) {
  EXPECT_EQ(split("1, 2 ,3", ','), (Parts{"1", "2", "3"}));
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split(" \t\n", ','), Parts{});
  EXPECT_EQ(split("", ','), Parts{});
  EXPECT_EQ(split("one", ','), Parts{"one"});
}

TEST(Text, ParseIntTakesWholeNumbersOnly) {
  EXPECT_EQ(parse_int("42"), 42);
  EXPECT_EQ(parse_int(" -7 "), -7);
  EXPECT_EQ(parse_int("1.0"), 1);
  EXPECT_EQ(parse_int("1e3"), 1000);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_int("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const std::string_view bad :
       {"", " ", "1.5", "1x", "x1", "1 2", "0x10", "nan", "inf", "9223372036854775808", "1e19"}) {
    EXPECT_EQ(parse_int(bad), std::nullopt) << bad;
  }
}

TEST(Text, ParseDoubleAndBool) {
  EXPECT_EQ(parse_double("+1.5"), 1.5);
  EXPECT_EQ(parse_double("-inf"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(parse_double("nan").value()));
  EXPECT_EQ(parse_double("1,5"), std::nullopt);
  EXPECT_EQ(parse_double(""), std::nullopt);
  EXPECT_EQ(parse_bool("True"), true);
  EXPECT_EQ(parse_bool("off"), false);
  EXPECT_EQ(parse_bool("maybe"), std::nullopt);
}

TEST(Text, NearestNameSuggestsMisspellingsOnly) {
  static constexpr std::array<std::string_view, 3> kNames = {"PERFORMANCE_HINT", "NUM_STREAMS", "PERF_COUNT"};
  EXPECT_EQ(nearest_name("PERFORMANCE_HIT", kNames), "PERFORMANCE_HINT");
  EXPECT_EQ(nearest_name("num_stream", kNames), "NUM_STREAMS");
  EXPECT_EQ(nearest_name("COLOUR", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("x", {}), std::nullopt);
  EXPECT_EQ(did_you_mean("PERF_COUT", kNames), "; did you mean 'PERF_COUNT'?");
  EXPECT_EQ(did_you_mean("COLOUR", kNames), "");
}

TEST(MappedFile, ReadsContentAndRefusesWhatIsNoFile) {
  const TempDir dir;
  const auto file = MappedFile::open(dir.write("a", "abc"));
  ASSERT_EQ(file->bytes().size(), 3U);
  EXPECT_EQ(file->bytes()[2], std::byte{'c'});
  EXPECT_TRUE(MappedFile::open(dir.write("empty", ""))->bytes().empty());
  expect_error(ErrorCode::kNotFound, {"missing", "No such file"}, [&] { MappedFile::open(dir / "missing"); });
  expect_error(ErrorCode::kInvalidArgument, {dir.path().string(), "regular file"},
               [&] { MappedFile::open(dir.path()); });
}

TEST(MappedFile, PipeIsRefusedWithoutWaitingForAWriter) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  expect_error(ErrorCode::kInvalidArgument, {"pipe", "regular file"}, [&] { MappedFile::open(dir / "pipe"); });
}

TEST(LogLimiter, OneLineAPeriodStandsForAllCalls) {
  LogLimiter limiter(std::chrono::hours(1));
  EXPECT_EQ(limiter.admit(), 1U);
  EXPECT_EQ(limiter.admit(), 0U);
  EXPECT_EQ(limiter.admit(), 0U);
  LogLimiter fast(std::chrono::milliseconds(1));
  EXPECT_EQ(fast.admit(), 1U);
  std::uint64_t counted = 0;
  for (int i = 0; i < 3; ++i) {
    counted += fast.admit();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  counted += fast.admit();
  EXPECT_EQ(counted, 4U) << "every call is counted in exactly one line";
}

TEST(Float16, EveryBitPatternSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    Float16 half;
    half.bits = static_cast<std::uint16_t>(bits);
    const auto value = static_cast<float>(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(Float16(value)))) << bits;
    } else {
      ASSERT_EQ(Float16(value).bits, bits) << value;
    }
  }
}

TEST(Float16, RoundsToNearestEven) {
  const auto round = [](double value) { return static_cast<float>(Float16(static_cast<float>(value))); };
  EXPECT_EQ(round(2049), 2048);  // halfway between 2048 and 2050: even
  EXPECT_EQ(round(2051), 2052);  // halfway between 2050 and 2052: even
  EXPECT_EQ(round(2049.1), 2050);
  EXPECT_EQ(round(65504), 65504);
  EXPECT_EQ(round(65519.9), 65504);
  EXPECT_EQ(round(65520), std::numeric_limits<float>::infinity());
  EXPECT_EQ(round(-1e30), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(round(std::ldexp(1.0, -25)), 0);                          // half of the smallest: even is 0
  EXPECT_EQ(round(std::ldexp(1.5, -25)), std::ldexp(1.0F, -24));      // above half of the smallest
  EXPECT_EQ(round(std::ldexp(1023.75, -24)), std::ldexp(1.0F, -14));  // subnormals carry into the normals
}

TEST(BFloat16, EveryBitPatternSurvivesTheRoundTripAndRoundsToEven) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    BFloat16 half;
    half.bits = static_cast<std::uint16_t>(bits);
    const auto value = static_cast<float>(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(value)))) << bits;
    } else {
      ASSERT_EQ(BFloat16(value).bits, bits) << value;
    }
  }
  EXPECT_EQ(static_cast<float>(BFloat16(257.0F)), 256.0F);  // halfway between 256 and 258: even
  EXPECT_EQ(static_cast<float>(BFloat16(259.0F)), 260.0F);  // halfway between 258 and 260: even
  EXPECT_EQ(static_cast<float>(BFloat16(std::numeric_limits<float>::max())), std::numeric_limits<float>::infinity());
}

TEST(DataType, NamesOfTextAndIrAreKnown) {
  for (int i = 0; i <= static_cast<int>(DataType::kBool); ++i) {
    const auto type = static_cast<DataType>(i);
    EXPECT_EQ(parse_data_type(to_string(type)), type);
    EXPECT_EQ(dispatch(type, []<class T>() { return sizeof(T); }), size_of(type)) << to_string(type);
  }
  EXPECT_EQ(parse_data_type("FP32"), DataType::kF32);
  EXPECT_EQ(parse_data_type("FP16"), DataType::kF16);
  EXPECT_EQ(parse_data_type("boolean"), DataType::kBool);
  EXPECT_EQ(parse_data_type("u4"), std::nullopt);
}

TEST(Tensor, CastsAsDocumented) {
  const Tensor floats = Tensor::of<float>({5}, {0, 1.9F, -1.9F, 300, std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(to_ints(floats.cast(DataType::kI32).view()), (std::vector<std::int64_t>{0, 1, -1, 300, 0}));
  EXPECT_EQ(to_ints(floats.cast(DataType::kBool).view()), (std::vector<std::int64_t>{0, 1, 1, 1, 1}));
  const Tensor huge = Tensor::of<float>({2}, {1e30F, -std::numeric_limits<float>::infinity()});
  EXPECT_EQ(to_ints(huge.cast(DataType::kI64).view())[1], std::numeric_limits<std::int64_t>::min());
  const Tensor small = Tensor::of<float>({1}, {0.25F});
  EXPECT_EQ(to_doubles(small.cast(DataType::kF16).cast(DataType::kBF16).view())[0], 0.25);
  EXPECT_EQ(to_ints(small.cast(DataType::kF16).cast(DataType::kBool).view())[0], 1) << "not zero, though it truncates";
}

TEST(Tensor, SharesMemoryUntilCloned) {
  Tensor original = Tensor::of<float>({2}, {1, 2});
  const Tensor copy = original;
  const Tensor clone = original.clone();
  original.data<float>()[0] = 5;
  EXPECT_EQ(copy.data<float>()[0], 5);
  EXPECT_EQ(clone.data<float>()[0], 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(clone.bytes().data()) % 64, 0U);
  expect_error(ErrorCode::kInternal, {"f32", "i32"}, [&] { (void)original.data<std::int32_t>(); });
  expect_error(ErrorCode::kInternal, {"[3]"}, [&] { (void)original.reshaped({3}); });
}

TEST(Shape, ElementCountRefusesWhatCannotBeStored) {
  EXPECT_EQ(element_count({}), 1U);
  EXPECT_EQ(element_count({2, 0, 3}), 0U);
  EXPECT_EQ(element_count({1 << 20, 1 << 20}), std::size_t{1} << 40U);
  expect_error(ErrorCode::kInvalidModel, {"2^40"}, [] { element_count({1 << 20, (1 << 20) + 1}); });
  expect_error(ErrorCode::kInvalidModel, {"2^40"}, [] { element_count({std::int64_t{1} << 62, 2, 2}); });
  expect_error(ErrorCode::kInvalidModel, {"[0,", "2^40"}, [] {
    element_count({0, std::int64_t{1} << 60, std::int64_t{1} << 60});
  });
  expect_error(ErrorCode::kInvalidModel, {"[?,3]", "not static"}, [] { element_count({kDynamic, 3}); });
  EXPECT_EQ(row_major_strides({2, 3, 4}), (Shape{12, 4, 1}));
}

class Npy : public ::testing::Test {
 protected:
  /// A version 1 file with this header dictionary and so many zero bytes of data.
  std::filesystem::path file(const std::string& header, std::size_t data) {
    std::string content = "\x93NUMPY";
    content += '\x01';
    content += '\0';
    content += static_cast<char>(header.size());
    content += '\0';
    return dir_.write("t.npy", content + header + std::string(data, '\0'));
  }

  void refuses(const std::filesystem::path& path, ErrorCode code, std::string_view part) {
    expect_error(code, {"t.npy", part}, [&] { read_npy(path); });
  }

  TempDir dir_;
};

TEST_F(Npy, WritesAndReadsEveryType) {
  for (int i = 0; i <= static_cast<int>(DataType::kBool); ++i) {
    const auto type = static_cast<DataType>(i);
    const Tensor tensor = Tensor::of<float>({2, 3}, {0, 1, 1, 0, 1, 0}).cast(type);
    write_npy(dir_ / "t.npy", tensor.view());
    const Tensor back = read_npy(dir_ / "t.npy");
    EXPECT_EQ(back.data_type(), type == DataType::kBF16 ? DataType::kF32 : type);
    EXPECT_EQ(back.shape(), tensor.shape());
    EXPECT_EQ(to_doubles(back.view()), to_doubles(tensor.view()));
  }
  write_npy(dir_ / "t.npy", Tensor::scalar(3.0F).view());
  EXPECT_EQ(read_npy(dir_ / "t.npy").shape(), Shape{});
  write_npy(dir_ / "t.npy", Tensor::of<float>({0, 4}, {}).view());
  EXPECT_EQ(read_npy(dir_ / "t.npy").shape(), (Shape{0, 4}));
}

TEST_F(Npy, RefusesBadFiles) {
  refuses(dir_ / "t.npy", ErrorCode::kNotFound, "cannot open");
  refuses(dir_.write("t.npy", ""), ErrorCode::kInvalidArgument, "not a .npy file");
  refuses(dir_.write("t.npy", "hello world, this is text"), ErrorCode::kInvalidArgument, "not a .npy file");
  refuses(dir_.write("t.npy", std::string("\x93NUMPY\x01\0\xFF\x7F{}", 12)), ErrorCode::kInvalidArgument, "cut off");
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(read_npy(file(good, 8)).shape(), Shape{2});
  refuses(file(good, 7), ErrorCode::kInvalidArgument, "needs 8 bytes of data, the file has 7");
  refuses(file(good, 9), ErrorCode::kInvalidArgument, "needs 8 bytes of data, the file has 9");
  refuses(file("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8), ErrorCode::kUnsupported, "Fortran");
  refuses(file("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", 8), ErrorCode::kUnsupported, ">f4");
  refuses(file("{'descr': '<f4', 'fortran_order': False}", 8), ErrorCode::kInvalidArgument, "no 'shape'");
  refuses(file("{'fortran_order': False, 'shape': (2,), }", 8), ErrorCode::kInvalidArgument, "no 'descr'");
  refuses(file("{'descr': '<f4', 'fortran_order': False, 'shape': (2", 8), ErrorCode::kInvalidArgument, "shape");
  refuses(file("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 0), ErrorCode::kInvalidArgument, "-1");
  refuses(file("{'descr': '<f4', 'fortran_order': False, 'shape': (x,), }", 0), ErrorCode::kInvalidArgument, "x");
  refuses(file("{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976, 16), }", 8),
          ErrorCode::kInvalidModel, "2^40");
  refuses(file("{'descr':", 0), ErrorCode::kUnsupported, "element type ''");
}

}  // namespace
}  // namespace fovea::test
