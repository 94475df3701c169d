// Regions of interest: how detections are written for others, and how fvclassify and fvsegment look at them.
#include <gmock/gmock.h>

#include "tests/elements/inference_fixture.hpp"

namespace fovea::testing {
namespace {

class Regions : public InferenceTest {
 protected:
  /// A picture whose left half has one grey level and whose right half another.
  static BufferPtr halves(const Harness& harness, int left, int right, std::uint64_t number = 0) {
    BufferPtr buffer = harness.picture(left, number);
    for (gsize y = 0; y < kSide; ++y) {
      gst_buffer_memset(buffer.get(), y * kSide + kSide / 2, static_cast<guint8>(right), kSide / 2);
    }
    return buffer;
  }

  /// What another element, say a motion detector, found.
  static void add_region(GstBuffer* buffer, const char* label, guint x, int id = 0) {
    auto* roi = gst_buffer_add_video_region_of_interest_meta(buffer, label, x, 0, kSide / 2, kSide);
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new("detection", "confidence", G_TYPE_DOUBLE, 0.75, "label_id", G_TYPE_INT, 4, nullptr));
    if (id > 0) {
      gst_video_region_of_interest_meta_add_param(roi, gst_structure_new("object_id", "id", G_TYPE_INT, id, nullptr));
    }
  }

  static std::vector<GstVideoRegionOfInterestMeta*> regions_of(GstBuffer* buffer) {
    std::vector<GstVideoRegionOfInterestMeta*> regions;
    gpointer state = nullptr;
    while (GstMeta* meta =
               gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
      regions.push_back(reinterpret_cast<GstVideoRegionOfInterestMeta*>(meta));
    }
    return regions;
  }

  /// Labels of the attributes of an object.
  static std::vector<std::string> attributes(GstBuffer* buffer, std::size_t object) {
    std::vector<std::string> labels;
    for (const Attribute& attribute : find_analysis(buffer)->objects.at(object).attributes) {
      labels.push_back(attribute.label);
    }
    return labels;
  }

  static constexpr gsize kSide = 32;
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(Regions, DetectionsAreWrittenAsDlStreamerDoes) {
  Harness harness(detector() + " ! fvtrack min-hits=1");
  harness.grey();
  ASSERT_EQ(harness.push_level(51), GST_FLOW_OK);  // left edge 0.1
  const BufferPtr buffer = harness.pull();
  ASSERT_NE(buffer, nullptr);
  const auto regions = regions_of(buffer.get());
  ASSERT_EQ(regions.size(), 1U);
  const GstVideoRegionOfInterestMeta* roi = regions[0];
  EXPECT_STREQ(g_quark_to_string(roi->roi_type), "thing");
  EXPECT_EQ(roi->x, 3U);  // 3.2 of 32 pixels
  EXPECT_EQ(roi->y, 8U);
  EXPECT_EQ(roi->w, 8U);
  EXPECT_EQ(roi->h, 16U);
  const GstStructure* detection =
      gst_video_region_of_interest_meta_get_param(const_cast<GstVideoRegionOfInterestMeta*>(roi), "detection");
  ASSERT_NE(detection, nullptr);
  const auto number = [&](const char* field) {
    double value = -1;
    EXPECT_TRUE(gst_structure_get_double(detection, field, &value)) << field;
    return value;
  };
  EXPECT_NEAR(number("x_min"), 0.1, kLevelTolerance / 510);
  EXPECT_NEAR(number("x_max"), 0.35, kLevelTolerance / 510);
  EXPECT_DOUBLE_EQ(number("y_min"), 0.25);
  EXPECT_DOUBLE_EQ(number("y_max"), 0.75);
  EXPECT_DOUBLE_EQ(number("confidence"), kDetectorConfidence);
  int label_id = -1;
  EXPECT_TRUE(gst_structure_get_int(detection, "label_id", &label_id));
  EXPECT_EQ(label_id, 1);
  const GstStructure* object_id =
      gst_video_region_of_interest_meta_get_param(const_cast<GstVideoRegionOfInterestMeta*>(roi), "object_id");
  ASSERT_NE(object_id, nullptr);
  int id = 0;
  EXPECT_TRUE(gst_structure_get_int(object_id, "id", &id));
  EXPECT_EQ(id, roi->id);
  EXPECT_GT(id, 0);
}

TEST_F(Regions, ThresholdDecides) {
  Harness harness(detector("threshold=0.9"));
  harness.grey();
  ASSERT_EQ(harness.push_level(51), GST_FLOW_OK);
  const BufferPtr buffer = harness.pull();
  EXPECT_TRUE(find_analysis(buffer.get())->inferred);
  EXPECT_THAT(find_analysis(buffer.get())->objects, IsEmpty());
  EXPECT_THAT(regions_of(buffer.get()), IsEmpty());
}

TEST_F(Regions, OfOtherElementsAreClassified) {
  Harness harness(classifier());
  harness.grey();
  BufferPtr picture = halves(harness, 20, 220);
  add_region(picture.get(), "person", 0);
  add_region(picture.get(), "car", kSide / 2);
  ASSERT_EQ(harness.push(std::move(picture)), GST_FLOW_OK);
  const BufferPtr buffer = harness.pull();
  ASSERT_NE(buffer, nullptr);
  EXPECT_THAT(attributes(buffer.get(), 0), ElementsAre("dark"));
  EXPECT_THAT(attributes(buffer.get(), 1), ElementsAre("bright"));
  const Object& car = find_analysis(buffer.get())->objects[1];
  EXPECT_EQ(car.label, "car");
  EXPECT_EQ(car.label_id, 4);
  EXPECT_FLOAT_EQ(car.confidence, 0.75F);
  EXPECT_NEAR(car.attributes[0].confidence, 220 / 255.0, kLevelTolerance / 255);
  const auto regions = regions_of(buffer.get());
  ASSERT_EQ(regions.size(), 2U) << "those of upstream are replaced, not doubled";
  bool found = false;
  for (const GList* item = regions[1]->params; item != nullptr; item = item->next) {
    const auto* structure = static_cast<const GstStructure*>(item->data);
    if (g_str_has_prefix(gst_structure_get_name(structure), "classification_layer_name:") != FALSE) {
      found = true;
      EXPECT_STREQ(gst_structure_get_string(structure, "label"), "bright");
      EXPECT_STREQ(gst_structure_get_string(structure, "model_name"), "tiny-classifier");
    }
  }
  EXPECT_TRUE(found);
}

TEST_F(Regions, OfOurDetectorAreClassified) {
  Harness harness(detector() + " ! " + classifier());
  harness.grey();
  // Mean level 120, so the box begins at 120/510 of the width and ends at 0.485: dark.
  ASSERT_EQ(harness.push(halves(harness, 20, 220)), GST_FLOW_OK);
  const BufferPtr buffer = harness.pull();
  ASSERT_NE(buffer, nullptr);
  EXPECT_NEAR(seen_level(buffer.get()), 120, 1) << "resizing mixes some pixels at the edge";
  EXPECT_THAT(attributes(buffer.get(), 0), ElementsAre("dark"));
  EXPECT_EQ(find_analysis(buffer.get())->models.size(), 2U);
}

TEST_F(Regions, ObjectClassChooses) {
  Harness harness(classifier("object-class=bus,car"));
  harness.grey();
  BufferPtr picture = halves(harness, 20, 220);
  add_region(picture.get(), "person", 0);
  add_region(picture.get(), "car", kSide / 2);
  ASSERT_EQ(harness.push(std::move(picture)), GST_FLOW_OK);
  const BufferPtr buffer = harness.pull();
  EXPECT_THAT(attributes(buffer.get(), 0), IsEmpty());
  EXPECT_THAT(attributes(buffer.get(), 1), ElementsAre("bright"));
}

TEST_F(Regions, NoRegionNoRun) {
  Harness harness(classifier());
  harness.grey();
  ASSERT_EQ(harness.push_level(10), GST_FLOW_OK);
  ASSERT_NE(harness.pull(), nullptr);
  EXPECT_EQ(harness.stat("inferred"), 0U);
  EXPECT_EQ(harness.stat("skipped"), 0U);
}

TEST_F(Regions, AWholeFrameIsClassifiedOnRequest) {
  Harness harness(classifier("inference-region=full-frame"));
  harness.grey();
  ASSERT_EQ(harness.push_level(10), GST_FLOW_OK);
  const BufferPtr buffer = harness.pull();
  const auto& found = find_analysis(buffer.get())->attributes;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].label, "dark");
}

TEST_F(Regions, ATrackedObjectKeepsItsAttributesBetweenTwoLooks) {
  for (const int interval : {3, 0}) {
    Harness harness(classifier("reclassify-interval=" + std::to_string(interval)));
    harness.grey();
    std::vector<std::string> seen;
    for (std::uint64_t i = 0; i < 5; ++i) {
      // Dark when first seen, bright from then on.
      BufferPtr picture = halves(harness, i == 0 ? 20 : 220, 0, i);
      add_region(picture.get(), "person", 0, 7);
      ASSERT_EQ(harness.push(std::move(picture)), GST_FLOW_OK);
      const BufferPtr buffer = harness.pull();
      ASSERT_NE(buffer, nullptr);
      const auto labels = attributes(buffer.get(), 0);
      ASSERT_EQ(labels.size(), 1U);
      seen.push_back(labels[0]);
    }
    if (interval == 3) {
      EXPECT_THAT(seen, ElementsAre("dark", "dark", "dark", "bright", "bright"));
    } else {
      EXPECT_THAT(seen, ElementsAre("dark", "dark", "dark", "dark", "dark")) << "looked at once";
    }
    EXPECT_EQ(harness.stat("inferred"), interval == 3 ? 2U : 1U);
  }
}

TEST_F(Regions, ASegmenterLabelsEachCell) {
  Harness harness("fvsegment labels=wall,door model=" + make_segmenter(dir_.path()).string());
  harness.grey();
  ASSERT_EQ(harness.push(halves(harness, 20, 220)), GST_FLOW_OK);
  const BufferPtr buffer = harness.pull();
  ASSERT_NE(buffer, nullptr);
  const auto& masks = find_analysis(buffer.get())->masks;
  ASSERT_EQ(masks.size(), 1U);
  ASSERT_EQ(masks[0].width, 8);
  ASSERT_EQ(masks[0].height, 8);
  EXPECT_THAT(masks[0].labels, ElementsAre("wall", "door"));
  for (int cell = 0; cell < 64; ++cell) {
    EXPECT_EQ(masks[0].classes->at(static_cast<std::size_t>(cell)), cell % 8 < 4 ? 0 : 1) << cell;
  }
}

TEST_F(Regions, RawInferenceAttachesTheOutputs) {
  Harness harness("fvinference model=" + make_classifier(dir_.path()).string());
  harness.grey();
  ASSERT_EQ(harness.push_level(51), GST_FLOW_OK);
  const BufferPtr buffer = harness.pull();
  ASSERT_NE(buffer, nullptr);
  const auto& tensors = find_analysis(buffer.get())->tensors;
  ASSERT_EQ(tensors.size(), 1U);
  ASSERT_EQ(tensors[0].tensor.shape(), (Shape{1, 2, 1, 1}));
  EXPECT_NEAR(tensors[0].tensor.data<float>()[1], 0.2F, kLevelTolerance / 255);
}

}  // namespace
}  // namespace fovea::testing
