// Tracker on written-out paths, the assignment against all permutations, and NMS.
#include "vision/tracker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>
#include <set>

#include "vision/assignment.hpp"

namespace fovea {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

Object detection(float centre_x, float centre_y, float confidence = 0.9F, const std::string& label = "person") {
  Object object;
  object.box = {centre_x - 0.05F, centre_y - 0.15F, 0.1F, 0.3F};
  object.label = label;
  object.label_id = label == "person" ? 1 : 2;
  object.confidence = confidence;
  return object;
}

std::uint64_t id_of(const Object& object) { return object.track_id.value_or(0); }

/// Frame times at 25 frames/s.
nanoseconds frame(int index) { return milliseconds(40) * index; }

TEST(Tracker, GivesAnIdAfterMinHits) {
  Tracker tracker({.min_hits = 3});
  for (int i = 0; i < 5; ++i) {
    std::vector<Object> objects = {detection(0.5F, 0.5F)};
    tracker.update(objects, frame(i), true);
    EXPECT_EQ(id_of(objects[0]), i < 2 ? 0U : 1U) << i;
    EXPECT_EQ(objects[0].box, detection(0.5F, 0.5F).box);
  }
}

TEST(Tracker, CrossingWalkersKeepTheirIds) {
  Tracker tracker({});
  std::uint64_t right = 0;
  std::uint64_t left = 0;
  for (int i = 0; i <= 60; ++i) {
    const float t = static_cast<float>(i) / 60;
    std::vector<Object> objects = {detection(0.2F + 0.6F * t, 0.45F), detection(0.8F - 0.6F * t, 0.55F)};
    if (i % 2 == 1) {
      std::swap(objects[0], objects[1]);
    }
    tracker.update(objects, frame(i), true);
    if (i == 1) {
      right = id_of(objects[1]);
      left = id_of(objects[0]);
      EXPECT_NE(right, left);
    } else if (i > 1) {
      EXPECT_EQ(id_of(objects[static_cast<std::size_t>(i % 2)]), right) << i;
      EXPECT_EQ(id_of(objects[static_cast<std::size_t>(1 - i % 2)]), left) << i;
    }
  }
}

TEST(Tracker, SurvivesAnOcclusionOfTenFrames) {
  Tracker tracker({});
  for (int i = 0; i < 40; ++i) {
    std::vector<Object> objects;
    if (i < 15 || i >= 25) {
      objects.push_back(detection(0.1F + 0.015F * static_cast<float>(i), 0.5F));
    }
    tracker.update(objects, frame(i), true);
    if (i >= 15 && i < 25) {
      EXPECT_TRUE(objects.empty()) << i;  // The detector looked and saw nothing.
    } else if (i >= 1) {
      EXPECT_EQ(id_of(objects.at(0)), 1U) << i;
    }
  }
}

TEST(Tracker, EndsATrackAfterMaxLostAndNeverReusesItsId) {
  Tracker tracker({.max_lost = milliseconds(400)});
  for (int i = 0; i < 40; ++i) {
    std::vector<Object> objects;
    if (i < 5 || i >= 20) {
      objects.push_back(detection(0.5F, 0.5F));
    }
    tracker.update(objects, frame(i), true);
    if (!objects.empty() && i != 0 && i != 20) {
      EXPECT_EQ(id_of(objects[0]), i < 5 ? 1U : 2U) << i;
    }
  }
}

/// With detections every fifth frame of a steady walk, predictions must lie within the measurement noise the filter
/// assumes (1/20 of the mean side, 0.01) once the velocity is known.
TEST(Tracker, PredictsBetweenInferences) {
  Tracker tracker({});
  for (int i = 0; i < 60; ++i) {
    const float x = 0.1F + 0.01F * static_cast<float>(i);
    std::vector<Object> objects;
    const bool inferred = i % 5 == 0;
    if (inferred) {
      objects.push_back(detection(x, 0.5F));
    }
    tracker.update(objects, frame(i), inferred);
    if (i < 6) {
      continue;
    }
    ASSERT_EQ(objects.size(), 1U) << i;
    EXPECT_EQ(objects[0].predicted, !inferred);
    EXPECT_EQ(id_of(objects[0]), 1U);
    EXPECT_EQ(objects[0].label, "person");
    if (i > 15) {
      EXPECT_NEAR(objects[0].box.x + objects[0].box.width / 2, x, 0.01) << i;
      EXPECT_NEAR(objects[0].box.height, 0.3, 0.01) << i;
    }
  }
}

TEST(Tracker, ZeroTermShowsNothingBetweenInferences) {
  Tracker tracker({.type = TrackingType::kZeroTerm});
  for (int i = 0; i < 10; ++i) {
    std::vector<Object> objects;
    if (i % 2 == 0) {
      objects.push_back(detection(0.5F, 0.5F));
    }
    tracker.update(objects, frame(i), i % 2 == 0);
    EXPECT_EQ(objects.size(), i % 2 == 0 ? 1U : 0U);
  }
}

/// A third of a box width a frame of 40 ms; after a gap of 200 ms the walker is five steps on, where only real time
/// finds it.
TEST(Tracker, TimeComesFromTheFrames) {
  Tracker tracker({.min_iou = 0.3F, .max_centre_distance = 0.1F});
  int step = 0;
  for (const int advance : {0, 1, 1, 1, 1, 5, 1, 3, 1, 4}) {
    step += advance;
    std::vector<Object> objects = {detection(0.1F + 0.03F * static_cast<float>(step), 0.5F)};
    tracker.update(objects, frame(step), true);
    if (step > 0) {
      EXPECT_EQ(id_of(objects[0]), 1U) << step;
    }
  }
}

TEST(Tracker, UnsureDetectionsContinueTracksButStartNone) {
  Tracker tracker({.high_confidence = 0.6F});
  for (int i = 0; i < 20; ++i) {
    std::vector<Object> objects = {detection(0.3F, 0.5F, i < 5 ? 0.9F : 0.3F), detection(0.8F, 0.5F, 0.3F)};
    tracker.update(objects, frame(i), true);
    EXPECT_EQ(id_of(objects[0]), i == 0 ? 0U : 1U) << i;
    EXPECT_EQ(id_of(objects[1]), 0U) << i;
  }
}

TEST(Tracker, ClassesAreTrackedApartOnRequest) {
  Tracker apart({.min_hits = 1, .per_class = true});
  for (int i = 0; i < 2; ++i) {
    std::vector<Object> objects = {detection(0.5F, 0.5F, 0.9F, i == 0 ? "person" : "bike")};
    apart.update(objects, frame(i), true);
    EXPECT_EQ(id_of(objects[0]), i == 0 ? 1U : 2U);
    EXPECT_EQ(objects[0].label, i == 0 ? "person" : "bike");
  }
}

TEST(Tracker, ATrackBearsTheLabelItWasGivenMost) {
  Tracker tracker({.min_hits = 1});
  for (int i = 0; i < 40; ++i) {
    const bool flips = i % 4 == 3;
    std::vector<Object> objects = {detection(0.5F, 0.5F, 0.9F, flips ? "bike" : "person")};
    tracker.update(objects, frame(i), true);
    EXPECT_EQ(id_of(objects[0]), 1U) << i;
    EXPECT_EQ(objects[0].label, "person") << i;
    EXPECT_EQ(objects[0].label_id, 1) << i;
  }
  // It was a bike after all: the old votes fade.
  std::string label;
  for (int i = 40; i < 80; ++i) {
    std::vector<Object> objects = {detection(0.5F, 0.5F, 0.9F, "bike")};
    tracker.update(objects, frame(i), true);
    EXPECT_EQ(id_of(objects[0]), 1U) << i;
    label = objects[0].label;
  }
  EXPECT_EQ(label, "bike");
}

TEST(Tracker, ASecondGuessAtTheSameThingStartsNoTrack) {
  Tracker tracker({.min_hits = 1});
  for (int i = 0; i < 3; ++i) {
    std::vector<Object> objects = {detection(0.505F, 0.5F, 0.6F, "bike"), detection(0.5F, 0.5F, 0.9F)};
    tracker.update(objects, frame(i), true);
    EXPECT_EQ(id_of(objects[0]), 0U);
    EXPECT_EQ(objects[0].label, "bike");
    EXPECT_EQ(id_of(objects[1]), 1U);
  }
}

/// A face in the middle of a person, a bike half beside one: other labels with little overlap are other things.
TEST(Tracker, AnotherLabelNearbyDoesNotTakeOverALostTrack) {
  Tracker tracker({.min_hits = 1});
  std::vector<Object> objects = {detection(0.5F, 0.5F)};
  tracker.update(objects, frame(0), true);
  objects = {detection(0.54F, 0.5F, 0.9F, "bike")};  // IoU 3/7
  tracker.update(objects, frame(1), true);
  EXPECT_EQ(id_of(objects[0]), 2U);
  objects = {detection(0.5F, 0.5F, 0.9F, "bike")};
  objects[0].model = "another";  // Two models may well see two things in one place.
  Tracker second({.min_hits = 1});
  std::vector<Object> first = {detection(0.5F, 0.5F)};
  second.update(first, frame(0), true);
  second.update(objects, frame(1), true);
  EXPECT_EQ(id_of(objects[0]), 2U);
}

TEST(Tracker, ResetForgetsTracksButCountsOn) {
  Tracker tracker({.min_hits = 1});
  std::vector<Object> objects = {detection(0.5F, 0.5F)};
  tracker.update(objects, frame(100), true);
  EXPECT_EQ(id_of(objects[0]), 1U);
  tracker.reset();
  objects = {detection(0.5F, 0.5F)};
  tracker.update(objects, frame(0), true);
  EXPECT_EQ(id_of(objects[0]), 2U);
  objects.clear();
  tracker.update(objects, frame(1), false);
  ASSERT_EQ(objects.size(), 1U);
}

TEST(Tracker, AJumpBackInTimeIsANewBeginning) {
  Tracker tracker({.min_hits = 1});
  std::vector<Object> objects = {detection(0.5F, 0.5F)};
  tracker.update(objects, frame(1000), true);
  objects = {detection(0.5F, 0.5F)};
  tracker.update(objects, frame(999), true);  // A little late: the same track.
  EXPECT_EQ(id_of(objects[0]), 1U);
  objects = {detection(0.5F, 0.5F)};
  tracker.update(objects, frame(0), true);
  EXPECT_EQ(id_of(objects[0]), 2U);
}

TEST(Tracker, HoldsAtMostMaxTracks) {
  Tracker tracker({.min_hits = 1, .max_tracks = 3});
  std::vector<Object> objects;
  for (int i = 0; i < 9; ++i) {
    objects.push_back(detection(0.1F * static_cast<float>(i + 1), 0.5F, 0.5F + 0.05F * static_cast<float>(i)));
  }
  tracker.update(objects, frame(0), true);
  int with_id = 0;
  for (const Object& object : objects) {
    with_id += object.track_id ? 1 : 0;
  }
  EXPECT_EQ(with_id, 3);
  EXPECT_TRUE(objects[8].track_id.has_value());  // The most confident come first.
}

TEST(Tracker, AbsurdBoxesAreLeftAlone) {
  Tracker tracker({.min_hits = 1});
  std::vector<Object> objects(6, detection(0.5F, 0.5F));
  objects[0].box.x = NAN;
  objects[1].box.width = INFINITY;
  objects[2].box.height = 0;
  objects[3].confidence = NAN;
  objects[4].box.y = -1e30F;
  for (int i = 0; i < 3; ++i) {
    tracker.update(objects, frame(i), true);
    EXPECT_EQ(id_of(objects[5]), 1U);
    for (std::size_t k = 0; k < 5; ++k) {
      EXPECT_FALSE(objects[k].track_id.has_value()) << k;
    }
  }
}

TEST(Assignment, IsTheBestOfAllPermutations) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    const std::size_t rows = 1 + random() % 5;
    const std::size_t columns = 1 + random() % 5;
    std::vector<double> costs(rows * columns);
    for (double& cost : costs) {
      cost = random() % 4 == 0 ? kForbidden : static_cast<double>(random() % 100) / 50;
    }
    const std::vector<int> pairs = assign(costs, rows, columns);
    // Every row tries every free column or none; forbidden pairs cost kForbidden just as no pair does.
    std::function<double(std::size_t, unsigned)> best = [&](std::size_t row, unsigned used) -> double {
      if (row == rows) {
        return 0;
      }
      double least = kForbidden + best(row + 1, used);
      for (std::size_t j = 0; j < columns; ++j) {
        if ((used >> j & 1U) == 0) {
          least = std::min(least, costs[row * columns + j] + best(row + 1, used | 1U << j));
        }
      }
      return least;
    };
    double total = 0;
    std::set<int> taken;
    for (std::size_t i = 0; i < rows; ++i) {
      total += pairs[i] < 0 ? kForbidden : costs[i * columns + static_cast<std::size_t>(pairs[i])];
      EXPECT_TRUE(pairs[i] < 0 || taken.insert(pairs[i]).second);
    }
    EXPECT_NEAR(total, best(0, 0), 1e-3) << "round " << round;  // 5e9 in double: spacing 1e-6, a few sums.
  }
  EXPECT_TRUE(assign({}, 0, 3).empty());
  EXPECT_EQ(assign({}, 2, 0), (std::vector<int>{-1, -1}));
}

TEST(NonMaximumSuppression, KeepsTheMostConfidentOfEachLabel) {
  std::vector<Object> objects = {detection(0.5F, 0.5F, 0.6F), detection(0.51F, 0.5F, 0.9F),
                                 detection(0.5F, 0.5F, 0.7F, "bike"), detection(0.9F, 0.5F, 0.2F),
                                 detection(0.1F, 0.5F, NAN)};
  non_maximum_suppression(objects, 0.45F);
  ASSERT_EQ(objects.size(), 3U);
  EXPECT_FLOAT_EQ(objects[0].confidence, 0.9F);
  EXPECT_EQ(objects[1].label, "bike");
  EXPECT_FLOAT_EQ(objects[2].confidence, 0.2F);
}

TEST(NonMaximumSuppression, OverlapOfExactlyTheLimitSurvives) {
  std::vector<Object> objects(2);
  objects[0].box = {0, 0, 0.5F, 0.5F};
  objects[1].box = {0, 0, 0.5F, 0.25F};
  std::vector<Object> copy = objects;
  non_maximum_suppression(objects, 0.5F);
  EXPECT_EQ(objects.size(), 2U);
  non_maximum_suppression(copy, 0.49F);
  EXPECT_EQ(copy.size(), 1U);
}

}  // namespace
}  // namespace fovea
