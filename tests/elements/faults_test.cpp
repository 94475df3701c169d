// Inference that fails, and everything an element refuses at the start: the messages people see.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/elements/inference_fixture.hpp"

namespace fovea::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class FailingInference : public InferenceTest {};

TEST_F(FailingInference, FramesPassAndAWarningTells) {
  Harness harness(detector("nireq=1"));
  harness.grey();
  constexpr int kFrames = 60;
  int seen = 0;
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_EQ(harness.push_level(i), GST_FLOW_OK);
    const BufferPtr buffer = harness.pull();
    ASSERT_NE(buffer, nullptr);
    const bool found = seen_level(buffer.get()) >= 0;
    EXPECT_EQ(find_analysis(buffer.get())->inferred, found);
    seen += found ? 1 : 0;
  }
  EXPECT_EQ(seen, kFrames * 2 / 3) << "every third run fails";
  EXPECT_EQ(harness.stat("failed"), static_cast<std::uint64_t>(kFrames - seen));
  EXPECT_EQ(harness.stat("inferred"), static_cast<std::uint64_t>(seen));
  const MessagePtr warning = harness.message(GST_MESSAGE_WARNING);
  ASSERT_NE(warning, nullptr);
  EXPECT_THAT(text_of(warning.get()), AllOf(HasSubstr("inference failed"), HasSubstr("injected fault")));
  EXPECT_EQ(harness.message(GST_MESSAGE_ERROR, std::chrono::nanoseconds{0}), nullptr);
}

class BrokenInference : public InferenceTest {};

TEST_F(BrokenInference, GivesUpAfterThirtyFailuresInARow) {
  Harness harness(detector("nireq=1"));
  harness.grey();
  GstFlowReturn flow = GST_FLOW_OK;
  int passed = 0;
  for (int i = 0; i < 100 && flow == GST_FLOW_OK; ++i) {
    flow = harness.push_level(i);
    // The 30th frame is the one given up on.
    if (flow == GST_FLOW_OK && passed < 29) {
      ASSERT_NE(harness.pull(), nullptr);
      ++passed;
    }
  }
  EXPECT_EQ(flow, GST_FLOW_ERROR);
  EXPECT_EQ(passed, 29);
  EXPECT_EQ(harness.waiting_buffers(), 0U);
  EXPECT_EQ(harness.stat("failed"), 30U);
  EXPECT_THAT(harness.error(), HasSubstr("injected fault"));
}

class BadInput : public InferenceTest {};

TEST_F(BadInput, NoModel) { EXPECT_THAT(start_error("fvdetect"), HasSubstr("model is not set")); }

TEST_F(BadInput, MissingModelFile) {
  EXPECT_THAT(start_error("fvdetect model=/nowhere/people.xml"), HasSubstr("/nowhere/people.xml"));
}

TEST_F(BadInput, MissingWeights) {
  ModelPath weights = detector_;
  std::filesystem::remove(weights.replace_extension(".bin"));
  EXPECT_THAT(start_error(detector()), HasSubstr("tiny-detector.bin"));
}

TEST_F(BadInput, TruncatedWeights) {
  ModelPath weights = detector_;
  weights.replace_extension(".bin");
  std::filesystem::resize_file(weights, 16);
  EXPECT_THAT(start_error(detector()), HasSubstr("tiny-detector"));
}

TEST_F(BadInput, TruncatedModel) {
  std::filesystem::resize_file(detector_, 300);
  EXPECT_THAT(start_error(detector()), HasSubstr("tiny-detector.xml"));
}

TEST_F(BadInput, UnknownDevice) {
  EXPECT_THAT(start_error(detector("device=CPUU")), AllOf(HasSubstr("CPUU"), HasSubstr("CPU")));
}

TEST_F(BadInput, UnknownEngineOption) {
  EXPECT_THAT(start_error(detector("ie-config=NUM_STREAM=2")),
              AllOf(HasSubstr("NUM_STREAM"), HasSubstr("NUM_STREAMS")));
}

TEST_F(BadInput, UnknownKeyInTheDescription) {
  ModelPath spec = detector_;
  std::ofstream(spec.replace_extension(".yaml")) << "version: 1\ntreshold: 0.5\n";
  EXPECT_THAT(start_error(detector()), AllOf(HasSubstr("tiny-detector.yaml:2"), HasSubstr("threshold")));
}

TEST_F(BadInput, MissingModelProcAndLabels) {
  EXPECT_THAT(start_error(detector("model-proc=/nowhere/proc.json")), HasSubstr("/nowhere/proc.json"));
  EXPECT_THAT(start_error(detector("labels-file=/nowhere/labels.txt")), HasSubstr("/nowhere/labels.txt"));
}

TEST_F(BadInput, ObjectClassNeedsRegions) {
  EXPECT_THAT(start_error(detector("object-class=person")), HasSubstr("inference-region=roi-list"));
}

TEST_F(BadInput, FormatsOutsideTheTemplateAreRefused) {
  Harness harness(detector());
  harness.grey();
  ASSERT_EQ(harness.push_level(1), GST_FLOW_OK);
  GstCaps* caps = gst_caps_from_string(video_caps("P010_10LE", 32, 32).c_str());
  GstPad* pad = gst_element_get_static_pad(harness.element(), "sink");
  EXPECT_FALSE(gst_pad_query_accept_caps(pad, caps));
  gst_object_unref(pad);
  gst_caps_unref(caps);
}

TEST_F(BadInput, AStartThatFailedCanBeRepaired) {
  GstElement* element = gst_element_factory_make("fvdetect", nullptr);
  ASSERT_NE(element, nullptr);
  gst_object_ref_sink(element);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  g_object_set(element, "model", detector_.c_str(), nullptr);
  EXPECT_NE(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_object_unref(element);
}

}  // namespace
}  // namespace fovea::testing
