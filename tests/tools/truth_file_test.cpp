// Truth files, good and bad.
#include "tools/assess/truth_file.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::assess {
namespace {

using test::expect_error;

std::string attribute(const Object& object, const std::string& name) {
  for (const Attribute& found : object.attributes) {
    if (found.name == name) {
      return found.label;
    }
  }
  return "";
}

TEST(MotFile, FramesAndPixelsCountFromOne) {
  const test::TempDir dir;
  const auto path = dir.write("gt.txt",
                              "1,7,17,33,32,64,1,1,0.5\n"
                              "\n"
                              "1,8,-15,1,32,16,0,3,1\n"  // half out of the frame, flag 0
                              "3,7,17,33,32,64,1,8,1\n"  // a distractor
                              "3,9,1,1,5,5,1,9,1\n");    // an occluder
  const TruthFile file = TruthFile::read(path);
  EXPECT_EQ(file.frames(), 3U);
  const FrameAnalysis first = file.frame(0, 128, 256);
  ASSERT_EQ(first.objects.size(), 2U);
  EXPECT_EQ(first.objects[0].label, "person");
  EXPECT_EQ(first.objects[0].track_id, 7U);
  EXPECT_EQ(first.objects[0].box, (Box{0.125F, 0.125F, 0.25F, 0.25F}));
  EXPECT_EQ(attribute(first.objects[0], "visible"), "0.5000");
  EXPECT_EQ(attribute(first.objects[0], "ignore"), "");
  EXPECT_EQ(first.objects[1].label, "car");
  EXPECT_EQ(first.objects[1].box.x, 0);
  EXPECT_EQ(attribute(first.objects[1], "in_frame"), "0.5000");
  EXPECT_EQ(attribute(first.objects[1], "ignore"), "true");
  EXPECT_TRUE(file.frame(1, 100, 200).objects.empty());
  ASSERT_EQ(file.frame(2, 100, 200).objects.size(), 1U);
  EXPECT_EQ(attribute(file.frame(2, 100, 200).objects[0], "ignore"), "true");
}

TEST(MotFile, BadLinesAreNamed) {
  const test::TempDir dir;
  const auto refuse = [&](const std::string& line, std::string_view why) {
    const auto path = dir.write("gt.txt", "1,1,1,1,5,5,1,1,1\n" + line + "\n");
    expect_error(ErrorCode::kInvalidArgument, {"gt.txt:2: ", why}, [&] { (void)TruthFile::read(path); });
  };
  refuse("1,2,3", "found 3 values");
  refuse("0,2,1,1,5,5,1", "frame is '0'");
  refuse("99999999999,2,1,1,5,5,1", "frame is '99999999999'");
  refuse("1,-1,1,1,5,5,1", "id is '-1'");
  refuse("1,2,x,1,5,5,1", "left is 'x'");
  refuse("1,2,nan,1,5,5,1", "left is 'nan'");
  refuse("1,2,1,1,0,5,1", "0 wide");
  refuse("1,2,1,1,5,5,1,77", "class is 77");
  refuse("1,1,1,1,5,5,1", "id 1 occurs twice in frame 1");
  expect_error(ErrorCode::kNotFound, {"none.txt"}, [&] { (void)TruthFile::read(dir / "none.txt"); });
  expect_error(ErrorCode::kUnsupported, {"gt.csv", ".json (COCO)"}, [&] { (void)TruthFile::read(dir / "gt.csv"); });
}

TEST(CocoFile, FramesFollowTheListOrTheirNumber) {
  const test::TempDir dir;
  const auto path = dir.write("t.json", R"({
    "categories": [{"id": 3, "name": "person"}],
    "images": [{"id": 11}, {"id": 12}, {"id": 13, "frame_id": 5}],
    "annotations": [
      {"image_id": 12, "category_id": 3, "bbox": [16, 32, 32, 64]},
      {"image_id": 13, "category_id": 3, "bbox": [0, 0, 10, 10], "iscrowd": 1, "track_id": 4},
      {"image_id": 13, "category_id": 3, "bbox": [0, 0, 0, 10]}]})");
  const TruthFile file = TruthFile::read(path);
  ASSERT_EQ(file.frame(1, 100, 100).objects.size(), 1U);
  const Object object = file.frame(1, 128, 128).objects[0];
  EXPECT_EQ(object.box, (Box{0.125F, 0.25F, 0.25F, 0.5F}));
  EXPECT_FALSE(object.track_id);
  ASSERT_EQ(file.frame(5, 100, 100).objects.size(), 1U);
  EXPECT_EQ(file.frame(5, 100, 100).objects[0].track_id, 4U);
  EXPECT_EQ(attribute(file.frame(5, 100, 100).objects[0], "ignore"), "true");
}

TEST(CocoFile, BadEntriesAreNamed) {
  const test::TempDir dir;
  const auto refuse = [&](const std::string& annotation, std::string_view why) {
    const auto path = dir.write("t.json", R"({"categories": [{"id": 1, "name": "a"}], "images": [{"id": 1}],
      "annotations": [)" + annotation + "]}");
    expect_error(ErrorCode::kInvalidArgument, {"t.json: annotations[0]", why}, [&] { (void)TruthFile::read(path); });
  };
  refuse("7", "no key 'image_id'");
  refuse(R"({"image_id": 2})", "image_id 2 is not among");
  refuse(R"({"image_id": 1, "category_id": 9})", "category_id 9");
  refuse(R"({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]})", "bbox is [1,2,3]");
  refuse(R"({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, "x"]})", "bbox is");
  refuse(R"({"image_id": "1"})", "'image_id' is \"1\"");
  expect_error(ErrorCode::kInvalidArgument, {"t.json", "parse error"},
               [&] { (void)TruthFile::read(dir.write("t.json", "{")); });
  expect_error(ErrorCode::kInvalidArgument, {"t.json", "no key 'categories'"},
               [&] { (void)TruthFile::read(dir.write("t.json", "[]")); });
}

}  // namespace
}  // namespace fovea::assess
