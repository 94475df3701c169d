// The elements on the pictures and recordings of the test data, against what was recorded with other programs.
#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "tools/npy.hpp"
#include "vision/geometry.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kData = FOVEA_TEST_DATA;

fs::path model(const std::string& name, const std::string& precision) {
  return kData / "models" / name / precision / (name + ".xml");
}

class RecordedChain : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kData / "models")) {
      GTEST_SKIP() << "no test data at " << kData;
    }
    // Before GStreamer looks: the plugin of this build, a registry of its own, and the descriptions of the source tree.
    ::setenv("GST_PLUGIN_PATH", FOVEA_BINARY_DIR "/lib/gstreamer-1.0", 1);
    ::setenv("GST_REGISTRY", FOVEA_BINARY_DIR "/gst-registry-chain.bin", 1);
    ::setenv("FOVEA_MODEL_SPECS", FOVEA_SOURCE_DIR "/models/omz", 1);
    static const bool initialised = gst_init_check(nullptr, nullptr, nullptr) != FALSE;
    ASSERT_TRUE(initialised);
    folder_ = fs::temp_directory_path() / ("fovea-chain-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Runs a gst-launch line that ends in `fvpublish … ! fakesink` and returns its messages.
  std::vector<json> run(const std::string& line) {
    const fs::path file = folder_ / "messages.jsonl";
    fs::remove(file);
    const std::string whole = line + " ! fvmetaconvert add-empty-results=true ! fvpublish method=file file-path=" +
                              file.string() + " ! fakesink sync=false";
    GError* error = nullptr;
    GstElement* pipeline = gst_parse_launch(whole.c_str(), &error);
    EXPECT_EQ(error, nullptr) << (error == nullptr ? "" : error->message);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus* bus = gst_element_get_bus(pipeline);
    GstMessage* end = gst_bus_timed_pop_filtered(bus, 240 * GST_SECOND,
                                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    EXPECT_TRUE(end != nullptr && GST_MESSAGE_TYPE(end) == GST_MESSAGE_EOS) << whole;
    gst_clear_message(&end);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    std::vector<json> messages;
    std::ifstream in(file);
    for (std::string text; std::getline(in, text);) {
      messages.push_back(json::parse(text));
    }
    return messages;
  }

  /// A recorded [1,3,H,W] u8 input as one raw BGR frame in a file, for filesrc ! rawvideoparse.
  std::string raw_source(const fs::path& npy) {
    const Tensor tensor = read_npy(npy);
    const std::int64_t height = tensor.shape()[2];
    const std::int64_t width = tensor.shape()[3];
    const std::vector<double> planar = to_doubles(tensor.view());
    std::ofstream out(folder_ / "frame.bgr", std::ios::binary);
    for (std::int64_t i = 0; i < height * width; ++i) {
      for (std::int64_t c = 0; c < 3; ++c) {
        out.put(static_cast<char>(static_cast<unsigned char>(planar[static_cast<std::size_t>(c * height * width + i)])));
      }
    }
    return "filesrc location=" + (folder_ / "frame.bgr").string() + " ! rawvideoparse format=bgr width=" +
           std::to_string(width) + " height=" + std::to_string(height) + " framerate=1/1";
  }

  fs::path folder_;
};

/// The largest entry of a recorded output.
std::size_t argmax(const fs::path& npy) {
  const Tensor tensor = read_npy(npy);
  const std::vector<double> values = to_doubles(tensor.view());
  return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

Box box_of(const json& object) {
  const json& box = object.at("box");
  return {box.at("x"), box.at("y"), box.at("width"), box.at("height")};
}

const json* find_attribute(const json& message, const std::string& name) {
  if (!message.contains("attributes")) {
    return nullptr;
  }
  for (const json& attribute : message.at("attributes")) {
    if (attribute.at("name") == name) {
      return &attribute;
    }
  }
  return nullptr;
}

TEST_F(RecordedChain, WalkersKeepTheirIds) {
  const auto messages =
      run("filesrc location=" + (kData / "media/videos/one-by-one-person-detection.mp4").string() +
          " ! qtdemux ! h264parse ! avdec_h264 ! fvdetect model=" + model("person-detection-retail-0013", "FP32").string() +
          " inference-interval=3 ! fvtrack");
  ASSERT_EQ(messages.size(), 1394U);  // frames of the recording; the tracker predicts on two of three
  std::map<int, std::pair<std::size_t, std::size_t>> lives;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(messages[i].at("seq"), i);
    EXPECT_TRUE(i == 0 || messages[i].at("pts_ns") > messages[i - 1].at("pts_ns"));
    for (const json& object : messages[i].at("objects")) {
      if (object.contains("id")) {
        lives.try_emplace(object.at("id").get<int>(), i, i).first->second.second = i;
      }
    }
  }
  // Six people walk through one after the other: six ids, and each ends before the next begins.
  ASSERT_EQ(lives.size(), 6U);
  std::size_t end = 0;
  for (const auto& [id, life] : lives) {
    EXPECT_GT(life.first, end) << "id " << id;
    end = life.second;
  }
  // Frame 150 was recorded: the decoder's conversion differs from the recorder's by a few grey levels, so confidence
  // and box agree to a hundredth only.
  const Tensor recorded = read_npy(kData / "models/person-detection-retail-0013/ref/one-by-one_f150/FP32/out_detection_out.npy");
  const std::vector<double> row = to_doubles(recorded.view());
  const json& objects = messages[150].at("objects");
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_NEAR(objects[0].at("confidence").get<double>(), row[2], 0.02);
  const Box box = box_of(objects[0]);
  EXPECT_NEAR(box.x, row[3], 0.01);
  EXPECT_NEAR(box.y, row[4], 0.01);
  EXPECT_NEAR(box.right(), row[5], 0.01);
  EXPECT_NEAR(box.bottom(), row[6], 0.01);
}

TEST_F(RecordedChain, PeopleOfAPictureAreThoseRecorded) {
  const auto messages = run(raw_source(kData / "models/person-detection-retail-0013/ref/people_detection/in_data.npy") +
                            " ! fvdetect threshold=0.5 model=" + model("person-detection-retail-0013", "FP32").string());
  const Tensor recorded = read_npy(kData / "models/person-detection-retail-0013/ref/people_detection/FP32/out_detection_out.npy");
  const std::vector<double> rows = to_doubles(recorded.view());
  ASSERT_EQ(messages.size(), 1U);
  std::size_t expected = 0;
  for (std::size_t i = 0; i + 7 <= rows.size() && rows[i] >= 0; i += 7) {
    if (rows[i + 2] < 0.5) {
      continue;
    }
    ++expected;
    const Box box = clip({static_cast<float>(rows[i + 3]), static_cast<float>(rows[i + 4]),
                          static_cast<float>(rows[i + 5] - rows[i + 3]), static_cast<float>(rows[i + 6] - rows[i + 4])});
    const json& objects = messages[0].at("objects");
    EXPECT_TRUE(std::ranges::any_of(objects, [&](const json& object) {
      return iou(box_of(object), box) > 0.98F && std::abs(object.at("confidence").get<double>() - rows[i + 2]) < 1e-3;
    })) << "row " << i / 7;
  }
  EXPECT_EQ(messages[0].at("objects").size(), expected);
}

TEST_F(RecordedChain, CarsHaveTheirColourAndType) {
  const fs::path ref = kData / "models/vehicle-attributes-recognition-barrier-0039/ref";
  for (const std::string picture : {"black_car", "red_car", "white_car"}) {
    SCOPED_TRACE(picture);
    const auto messages = run(raw_source(ref / picture / "in_input.npy") + " ! fvclassify inference-region=full-frame model=" +
                              model("vehicle-attributes-recognition-barrier-0039", "FP32").string());
    ASSERT_EQ(messages.size(), 1U);
    for (const std::string name : {"color", "type"}) {
      const json* attribute = find_attribute(messages[0], name);
      ASSERT_NE(attribute, nullptr) << name;
      EXPECT_EQ(attribute->at("label_id"), argmax(ref / picture / "FP32" / ("out_" + name + ".npy")));
    }
    EXPECT_EQ(find_attribute(messages[0], "color")->at("label"), picture.substr(0, picture.find('_')));
  }
}

TEST_F(RecordedChain, CarsOfARecordingAreFollowedAndDescribed) {
  const auto messages = run("filesrc location=" + (kData / "media/videos/car-detection.mp4").string() +
                            " ! qtdemux ! h264parse ! avdec_h264 ! fvdetect threshold=0.6 model=" +
                            model("person-vehicle-bike-detection-2000", "FP16").string() + " ! fvtrack ! fvclassify " +
                            "object-class=vehicle reclassify-interval=10 model=" +
                            model("vehicle-attributes-recognition-barrier-0039", "FP32").string());
  std::map<int, std::map<std::string, int>> colours;
  for (const json& message : messages) {
    for (const json& object : message.at("objects")) {
      if (!object.contains("id")) {
        continue;
      }
      for (const json& attribute : object.value("attributes", json::array())) {
        if (attribute.at("name") == "color") {
          ++colours[object.at("id").get<int>()][attribute.at("label").get<std::string>()];
        }
      }
    }
  }
  // The recording shows white cars and a red one; a followed car keeps its colour.
  int white = 0;
  int red = 0;
  for (const auto& [id, counts] : colours) {
    EXPECT_EQ(counts.size(), 1U) << "car " << id << " changed its colour";
    white += counts.contains("white") ? 1 : 0;
    red += counts.contains("red") ? 1 : 0;
  }
  EXPECT_GE(white, 2);
  EXPECT_GE(red, 1);
}

TEST_F(RecordedChain, HeadsTurnAsRecorded) {
  const fs::path ref = kData / "models/head-pose-estimation-adas-0001/ref";
  const std::map<std::string, std::string> outputs = {{"yaw", "angle_y_fc"}, {"pitch", "angle_p_fc"}, {"roll", "angle_r_fc"}};
  for (const std::string person : {"man", "woman"}) {
    const auto messages = run(raw_source(ref / person / "in_data.npy") + " ! fvclassify inference-region=full-frame model=" +
                              model("head-pose-estimation-adas-0001", "FP16").string());
    ASSERT_EQ(messages.size(), 1U);
    for (const auto& [name, output] : outputs) {
      const json* attribute = find_attribute(messages[0], name);
      ASSERT_NE(attribute, nullptr) << name;
      const Tensor recorded = read_npy(ref / person / "FP16" / ("out_" + output + ".npy"));
      const double degrees = to_doubles(recorded.view())[0];
      // The text carries the digits its description asks for; half of the last one and f32 rounding.
      EXPECT_NEAR(std::stod(attribute->at("label").get<std::string>()), degrees, 0.06) << name;
    }
  }
}

TEST_F(RecordedChain, RoadIsWhereItWasRecorded) {
  const fs::path ref = kData / "models/road-segmentation-adas-0001/ref/empty_road";
  const auto messages = run(raw_source(ref / "in_data.npy") + " ! fvsegment model=" +
                            model("road-segmentation-adas-0001", "FP32").string() + " ! fvmetaconvert add-mask-runs=true");
  ASSERT_FALSE(messages.empty());
  const json& mask = messages[0].at("masks").at(0);
  std::vector<int> classes;
  const json& runs = mask.at("runs");  // class, length, class, length, …
  for (std::size_t i = 0; i + 1 < runs.size(); i += 2) {
    classes.insert(classes.end(), runs[i + 1].get<std::size_t>(), runs[i].get<int>());
  }
  const auto width = mask.at("width").get<std::size_t>();
  ASSERT_EQ(classes.size(), width * mask.at("height").get<std::size_t>());
  const Tensor recorded = read_npy(ref / "FP32/out_L0317_ReWeight__crop_y170_x298_192x192.npy");
  const std::vector<double> scores = to_doubles(recorded.view());
  constexpr std::size_t kSide = 192;
  std::size_t same = 0;
  for (std::size_t i = 0; i < kSide * kSide; ++i) {
    std::size_t best = 0;
    for (std::size_t c = 1; c < 4; ++c) {
      best = scores[c * kSide * kSide + i] > scores[best * kSide * kSide + i] ? c : best;
    }
    same += classes[(170 + i / kSide) * width + 298 + i % kSide] == static_cast<int>(best) ? 1U : 0U;
  }
  // Scores agree to 1e-4, so only cells with two equal scores can differ.
  EXPECT_GE(same, kSide * kSide * 999 / 1000);
}

}  // namespace
}  // namespace fovea
