// Tensors whose content is made from a part of a mapped file when somebody reads it.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "engine/base/mapped_file.hpp"
#include "engine/graph/tensor.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {
namespace {

class DeferredTensor : public testing::Test {
 protected:
  /// A tensor of these values, stored `gap` bytes after the file's begin.
  template <class T>
  Tensor deferred(const std::vector<T>& values, std::size_t gap) {
    std::string bytes(gap, 'x');
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    file_ = MappedFile::open(dir_.write(std::to_string(gap) + "_" + std::to_string(values.size()), bytes));
    return Tensor::deferred({data_type_of<T>(), {static_cast<std::int64_t>(values.size())}}, data_type_of<T>(),
                            file_->bytes().subspan(gap), file_);
  }

  TempDir dir_;
  std::shared_ptr<const MappedFile> file_;
};

std::vector<float> ramp(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(i) * 0.25F - 100;
  }
  return values;
}

TEST_F(DeferredTensor, IsReadInPlaceWhereTheAlignmentAllowsIt) {
  const std::vector<float> values = ramp(5000);
  const Tensor tensor = deferred(values, 4);
  EXPECT_FALSE(tensor.empty());
  EXPECT_TRUE(tensor.in_memory());
  EXPECT_EQ(tensor.bytes().data(), file_->bytes().data() + 4);
  EXPECT_TRUE(std::ranges::equal(tensor.data<float>(), values));
  EXPECT_EQ(tensor.source().file, file_);
}

TEST_F(DeferredTensor, IsMadeOnceForAllCopies) {
  const std::vector<float> values = ramp(5000);
  const Tensor tensor = deferred(values, 3);
  const Tensor copy = tensor.reshaped({50, 100});
  EXPECT_FALSE(tensor.in_memory());
  EXPECT_TRUE(std::ranges::equal(tensor.data<float>(), values));
  EXPECT_EQ(copy.bytes().data(), tensor.bytes().data());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % 64, 0U);
}

TEST_F(DeferredTensor, IsLoadedForOneReaderOnly) {
  const std::vector<float> values = ramp(70000);
  const Tensor tensor = deferred(values, 1);
  {
    const Tensor loaded = tensor.loaded();
    EXPECT_TRUE(loaded.in_memory());
    EXPECT_TRUE(std::ranges::equal(loaded.data<float>(), values));
    EXPECT_NE(loaded.bytes().data(), tensor.loaded().bytes().data());
  }
  std::vector<float> target(values.size());
  tensor.copy_to(std::as_writable_bytes(std::span(target)));
  EXPECT_EQ(target, values);
  tensor.forget();
  EXPECT_TRUE(std::ranges::equal(tensor.clone().data<float>(), values));
}

TEST_F(DeferredTensor, WidensEveryHalf) {
  std::vector<Float16> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    halves[i].bits = static_cast<std::uint16_t>(i);
  }
  for (const std::size_t gap : {2U, 5U}) {
    const Tensor wide = deferred(halves, gap).cast(DataType::kF32);
    EXPECT_FALSE(wide.in_memory());
    const auto data = wide.data<float>();
    for (std::size_t i = 0; i < halves.size(); ++i) {
      const auto expected = static_cast<float>(halves[i]);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(data[i]), std::bit_cast<std::uint32_t>(expected)) << i;
    }
  }
}

TEST_F(DeferredTensor, CastsLikeAnyOther) {
  const std::vector<float> values = ramp(3000);
  const Tensor plain = Tensor::of({3000}, values);
  const Tensor tensor = deferred(values, 7);
  for (const DataType type : {DataType::kF16, DataType::kBF16, DataType::kF64, DataType::kI32, DataType::kBool}) {
    EXPECT_TRUE(std::ranges::equal(tensor.cast(type).bytes(), plain.cast(type).bytes())) << to_string(type);
    EXPECT_TRUE(std::ranges::equal(tensor.cast(type).cast(DataType::kF32).bytes(),
                                   plain.cast(type).cast(DataType::kF32).bytes()))
        << to_string(type);
  }
}

TEST_F(DeferredTensor, IsReadByManyThreadsAtOnce) {
  const std::vector<float> values = ramp(100000);
  const Tensor tensor = deferred(values, 1);
  std::vector<const std::byte*> seen(4);
  {
    std::vector<std::jthread> threads;
    for (const std::byte*& place : seen) {
      threads.emplace_back([&place, tensor] { place = tensor.bytes().data(); });
    }
  }
  for (const std::byte* place : seen) {
    EXPECT_EQ(place, seen[0]);
  }
  EXPECT_TRUE(std::ranges::equal(tensor.data<float>(), values));
}

TEST_F(DeferredTensor, RefusesOtherSizesAndBools) {
  (void)deferred(ramp(4), 0);
  EXPECT_THROW(Tensor::deferred({DataType::kF32, {5}}, DataType::kF32, file_->bytes(), file_), Error);
  EXPECT_THROW(Tensor::deferred({DataType::kF32, {0}}, DataType::kF32, {}, file_), Error);
  EXPECT_THROW(Tensor::deferred({DataType::kF32, {16}}, DataType::kBool, file_->bytes(), file_), Error);
}

TEST(OpenedFilesNotes, WhatThisThreadMapsMeanwhile) {
  const TempDir dir;
  const auto a = dir.write("a", "1");
  const auto b = dir.write("b", "2");
  const OpenedFiles outer;
  (void)MappedFile::open(a);
  {
    const OpenedFiles inner;
    (void)MappedFile::open(b);
    (void)MappedFile::open(b);
    std::jthread([&] { (void)MappedFile::open(a); }).join();
    EXPECT_EQ(inner.paths(), std::vector{b});
  }
  EXPECT_EQ(outer.paths(), (std::vector{a, b}));
}

}  // namespace
}  // namespace fovea::test
