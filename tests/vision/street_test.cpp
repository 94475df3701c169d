// The street: the same bits for a seed, a truth that agrees with the pixels, plausible and bounded traffic.
#include "vision/street/street.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "engine/base/error.hpp"
#include "tests/vision/test_frame.hpp"
#include "vision/street/stage.hpp"

namespace fovea {
namespace {

using street::Traffic;
using street::Vec3;
using street::Vehicle;
using street::Walker;
using test::TestFrame;

StreetSettings small(std::uint64_t seed, StreetLight light = StreetLight::kDay) {
  return {.seed = seed, .width_px = 160, .height_px = 96, .light = light, .density = 0.8};
}

TestFrame render(Street& street, std::uint64_t number, PixelFormat format = PixelFormat::kBGR) {
  TestFrame frame(format, street.settings().width_px, street.settings().height_px);
  street.render(number, frame.view);
  return frame;
}

/// FNV-1a of all planes.
std::uint64_t fingerprint(const TestFrame& frame) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const auto& plane : frame.bytes) {
    for (const std::uint8_t byte : plane) {
      hash = (hash ^ byte) * 1099511628211ULL;
    }
  }
  return hash;
}

TEST(Street, GivesTheSameBitsOnEveryMachine) {
  struct Golden {
    StreetSettings settings;
    std::uint64_t frame;
    std::uint64_t hash;
  };
  // Written down once; a change of the pictures changes them, and with them everything measured on the street.
  const std::vector<Golden> cases = {{small(1, StreetLight::kDay), 40, 0xc81b043d5e21030d},
                                     {small(2, StreetLight::kDusk), 40, 0x21ec1091da401960},
                                     {small(3, StreetLight::kNight), 40, 0xc65799157b1aefe5},
                                     {small(4, StreetLight::kRain), 40, 0xb4d667400d4909fe}};
  for (const Golden& golden : cases) {
    SCOPED_TRACE(to_string(golden.settings.light));
    Street street(golden.settings);
    EXPECT_EQ(fmt::format("{:#x}", fingerprint(render(street, golden.frame))), fmt::format("{:#x}", golden.hash));
  }
}

TEST(Street, LeftOutFramesChangeNothing) {
  Street every(small(5, StreetLight::kRain));
  Street some(small(5, StreetLight::kRain));
  for (std::uint64_t i = 0; i < 20; ++i) {
    render(every, i);
  }
  EXPECT_EQ(fingerprint(render(every, 20)), fingerprint(render(some, 20)));
  ASSERT_EQ(every.truth().objects.size(), some.truth().objects.size());
  EXPECT_EQ(render(every, 20).bytes, render(some, 20).bytes) << "a frame may be drawn twice";
}

TEST(Street, SeedsAndLightsDiffer) {
  std::set<std::uint64_t> seen;
  for (const StreetLight light : {StreetLight::kDay, StreetLight::kDusk, StreetLight::kNight, StreetLight::kRain}) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      Street street(small(seed, light));
      seen.insert(fingerprint(render(street, 0)));
      EXPECT_EQ(street.truth().light, light);
    }
  }
  EXPECT_EQ(seen.size(), 12U);
}

TEST(Street, YuvIsTheBgrPictureConverted) {
  for (const ColorMatrix matrix : {ColorMatrix::kBt601, ColorMatrix::kBt709}) {
    for (const ColorRange range : {ColorRange::kLimited, ColorRange::kFull}) {
      Street street(small(6, StreetLight::kDusk));
      TestFrame bgr = render(street, 3);
      TestFrame nv12(PixelFormat::kNV12, 160, 96, 5);
      TestFrame i420(PixelFormat::kI420, 160, 96, 3);
      for (TestFrame* frame : {&nv12, &i420}) {
        frame->view.matrix = matrix;
        frame->view.range = range;
        street.render(3, frame->view);
      }
      const YuvToRgb inverse = yuv_to_rgb(matrix, range);
      int worst = 0;
      for (int y = 0; y < 96; ++y) {
        for (int x = 0; x < 160; ++x) {
          ASSERT_EQ(nv12.at(0, x, y), i420.at(0, x, y));
          ASSERT_EQ(nv12.at(1, x / 2 * 2, y / 2), i420.at(1, x / 2, y / 2));
          ASSERT_EQ(nv12.at(1, x / 2 * 2 + 1, y / 2), i420.at(2, x / 2, y / 2));
          // Luma is independent of chroma: Y = offset + (kr·R + kg·G + kb·B) / luma gain, with kr, kb from the inverse.
          const double gain = inverse.matrix[0][0];
          const double scale = range == ColorRange::kLimited ? 255.0 / 224 : 1;
          const double kr = 1 - inverse.matrix[0][2] / (2 * scale);
          const double kb = 1 - inverse.matrix[2][1] / (2 * scale);
          const double luma =
              kr * bgr.at(0, 3 * x + 2, y) + (1 - kr - kb) * bgr.at(0, 3 * x + 1, y) + kb * bgr.at(0, 3 * x, y);
          worst = std::max(worst, static_cast<int>(std::fabs(inverse.offset[0] + luma / gain - nv12.at(0, x, y))));
        }
      }
      // Each of three weights is rounded to 1/256 (worth up to 255/512 levels) and the sum once more.
      EXPECT_LE(worst, 2);
    }
  }
}

/// Of the 2x2 block's mean colour, with the weights of BT.601 full range.
TEST(Street, ChromaIsTheMeanOfFourPixels) {
  Street street(small(7));
  TestFrame bgr = render(street, 0);
  TestFrame i420(PixelFormat::kI420, 160, 96);
  i420.view.range = ColorRange::kFull;
  street.render(0, i420.view);
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 80; ++x) {
      std::array<double, 3> mean{};
      for (int i = 0; i < 12; ++i) {
        mean[i % 3] += bgr.at(0, 6 * x + i % 6, 2 * y + i / 6) / 4.0;
      }
      const double u = 128 - 0.168736 * mean[2] - 0.331264 * mean[1] + 0.5 * mean[0];
      const double v = 128 + 0.5 * mean[2] - 0.418688 * mean[1] - 0.081312 * mean[0];
      // Mean, three weights and the sum are rounded: at most 0.5 · (1 + 1) + 3 · 255/512 + 0.5 levels.
      ASSERT_NEAR(i420.at(1, x, y), u, 3);
      ASSERT_NEAR(i420.at(2, x, y), v, 3);
    }
  }
}

TEST(Street, DrawsEverySizeAndFormat) {
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{{16, 16}, {64, 48}, {97, 33}, {33, 97}}) {
    for (const PixelFormat format : {PixelFormat::kBGR, PixelFormat::kNV12, PixelFormat::kI420}) {
      SCOPED_TRACE(fmt::format("{}x{} {}", width, height, to_string(format)));
      Street street({.seed = 8, .width_px = width, .height_px = height, .light = StreetLight::kRain, .density = 1});
      TestFrame frame = render(street, 5, format);
      const auto [least, most] = std::ranges::minmax_element(frame.bytes[0]);
      EXPECT_GT(*most - *least, 20) << "nothing to be seen";
    }
  }
}

bool covers(const Box& box, double x, double y) {
  return x >= box.x && x <= box.right() && y >= box.y && y <= box.bottom();
}

TEST(Street, TruthAgreesWithTheMask) {
  constexpr double kTolerance = 1e-5;  // of floats near 1
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    Street street({.seed = seed, .width_px = 320, .height_px = 180, .density = 0.9});
    render(street, 60);
    const SegmentationMask mask = street.mask(1);
    ASSERT_EQ(mask.width, 320);
    ASSERT_EQ(mask.height, 180);
    for (int y = 0; y < mask.height; ++y) {
      for (int x = 0; x < mask.width; ++x) {
        const std::uint8_t kind = (*mask.classes)[static_cast<std::size_t>(y) * mask.width + x];
        ASSERT_LT(kind, kStreetClasses.size());
        if (kStreetClasses[kind] == "person" || kStreetClasses[kind] == "cyclist" || kStreetClasses[kind] == "car" ||
            kStreetClasses[kind] == "truck") {
          ASSERT_TRUE(std::ranges::any_of(street.truth().objects,
                                          [&](const StreetObject& object) {
                                            return object.label == kStreetClasses[kind] &&
                                                   covers(object.visible_box, (x + 0.5) / mask.width,
                                                          (y + 0.5) / mask.height);
                                          }))
              << "pixel " << x << ", " << y << " shows a " << kStreetClasses[kind];
        }
      }
    }
    for (const StreetObject& object : street.truth().objects) {
      SCOPED_TRACE(fmt::format("{} {}", object.label, object.id));
      EXPECT_GT(object.visible, 0);
      EXPECT_LE(object.visible, 1);
      EXPECT_GT(object.in_frame, 0);
      EXPECT_LE(object.in_frame, 1);
      EXPECT_GE(object.box.x, -kTolerance);
      EXPECT_GE(object.box.y, -kTolerance);
      EXPECT_LE(object.box.right(), 1 + kTolerance);
      EXPECT_LE(object.box.bottom(), 1 + kTolerance);
      EXPECT_GE(object.visible_box.x, object.box.x - kTolerance);
      EXPECT_GE(object.visible_box.y, object.box.y - kTolerance);
      EXPECT_LE(object.visible_box.right(), object.box.right() + kTolerance);
      EXPECT_LE(object.visible_box.bottom(), object.box.bottom() + kTolerance);
      const bool vehicle = object.label == "car" || object.label == "truck";
      EXPECT_EQ(vehicle, !object.color.empty());
      EXPECT_FALSE(object.type.empty());
    }
  }
}

TEST(Street, AnUnhiddenThingFillsItsBoxAndAHiddenOneLess) {
  int whole = 0;
  int hidden = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    Street street({.seed = seed, .width_px = 640, .height_px = 360, .light = StreetLight::kDay, .density = 0.7});
    render(street, 30);
    for (const StreetObject& object : street.truth().objects) {
      if (object.visible == 1 && object.in_frame == 1 && object.box.height * 360 > 20) {
        // Pixels at acute corners and thin limbs are covered too little to be marked: a tyre of 5 cm, a shoe's tip.
        EXPECT_GT(object.visible_box.width * 640, 0.8 * object.box.width * 640 - 1) << object.label;
        EXPECT_GT(object.visible_box.height * 360, 0.85 * object.box.height * 360 - 1) << object.label;
        ++whole;
      }
      hidden += object.visible < 0.9F ? 1 : 0;
    }
  }
  EXPECT_GT(whole, 10);
  EXPECT_GT(hidden, 5);
}

TEST(Street, IdsStayWithTheirThings) {
  Street street({.seed = 9, .width_px = 320, .height_px = 180, .density = 0.8});
  std::map<std::uint64_t, StreetObject> before;
  int followed = 0;
  for (std::uint64_t i = 0; i < 90; ++i) {
    render(street, i);
    std::map<std::uint64_t, StreetObject> now;
    for (const StreetObject& object : street.truth().objects) {
      ASSERT_TRUE(now.emplace(object.id, object).second) << "id " << object.id << " twice in a frame";
      const auto old = before.find(object.id);
      if (old == before.end()) {
        continue;
      }
      ++followed;
      EXPECT_EQ(old->second.label, object.label);
      EXPECT_EQ(old->second.color, object.color);
      EXPECT_EQ(old->second.shape, object.shape);
      // The fastest, 14.5 m/s, moves half a metre a frame, less than its own size.
      if (old->second.in_frame == 1 && object.in_frame == 1) {
        EXPECT_GT(iou(old->second.box, object.box), 0) << object.label << " " << object.id;
      }
    }
    before = std::move(now);
  }
  EXPECT_GT(followed, 500);
}

TEST(Street, EmptyStreetHasOnlyParkedVehicles) {
  Street street({.seed = 1, .width_px = 160, .height_px = 96, .density = 0});
  render(street, 100);
  for (const StreetObject& object : street.truth().objects) {
    EXPECT_LT(object.id, 1000U) << object.label;
  }
}

TEST(Street, TruthBecomesAnAnalysis) {
  Street street({.seed = 1, .width_px = 320, .height_px = 180, .light = StreetLight::kDay});
  render(street, 30);
  const FrameAnalysis analysis = to_analysis(street.truth());
  ASSERT_FALSE(analysis.objects.empty());
  ASSERT_EQ(analysis.objects.size(), street.truth().objects.size());
  for (std::size_t i = 0; i < analysis.objects.size(); ++i) {
    const Object& object = analysis.objects[i];
    const StreetObject& truth = street.truth().objects[i];
    EXPECT_EQ(object.box, truth.box);
    EXPECT_EQ(object.label, truth.label);
    EXPECT_EQ(object.track_id, truth.id);
    EXPECT_EQ(object.confidence, 1);
    const auto visible = std::ranges::find(object.attributes, "visible", &Attribute::name);
    ASSERT_NE(visible, object.attributes.end());
    EXPECT_EQ(visible->label, fmt::format("{:.2f}", truth.visible));
  }
}

TEST(Street, RefusesNonsense) {
  const auto message = [](const StreetSettings& settings) -> std::string {
    try {
      const Street street(settings);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({.width_px = 15}), "street width is 15, expected 16 to 4096");
  EXPECT_EQ(message({.height_px = 5000}), "street height is 5000, expected 16 to 4096");
  EXPECT_EQ(message({.fps = 0}), "street fps is 0, expected 1 to 240");
  EXPECT_EQ(message({.density = std::nan("")}), "street density is nan, expected 0 to 1");
  Street street(small(1));
  render(street, 5);
  EXPECT_THROW(render(street, 4), Error);
  TestFrame gray(PixelFormat::kGray8, 160, 96);
  EXPECT_THROW(street.render(6, gray.view), Error);
  TestFrame other(PixelFormat::kBGR, 96, 160);
  EXPECT_THROW(street.render(6, other.view), Error);
  EXPECT_THROW(street.mask(0), Error);
  EXPECT_THROW(street.mask(65), Error);
}

TEST(Street, LightsHaveNames) {
  for (const StreetLight light :
       {StreetLight::kMixed, StreetLight::kDay, StreetLight::kDusk, StreetLight::kNight, StreetLight::kRain}) {
    EXPECT_EQ(parse_street_light(to_string(light)), light);
  }
  EXPECT_EQ(parse_street_light("noon"), std::nullopt);
}

TEST(StreetTraffic, IsBoundedAndPlausibleOverTenThousandFrames) {
  street::Random random(3, 2);
  const street::Layout layout = street::make_layout(random, 1, 25);
  Traffic traffic(layout, 1, 3);
  const std::size_t walkers = traffic.walkers().size();
  int crossing = 0;
  int waiting_vehicles = 0;
  std::set<std::uint64_t> ids;
  for (int i = 0; i < 10000; ++i) {
    traffic.step(1.0 / 30);
    ASSERT_EQ(traffic.walkers().size(), walkers);
    for (const Walker& walker : traffic.walkers()) {
      crossing += walker.state == Walker::State::kCross ? 1 : 0;
      ids.insert(walker.id);
      ASSERT_LT(std::fabs(walker.x), std::max(layout.facade[0], layout.facade[1]));
    }
    for (const Traffic::Row& row : traffic.rows()) {
      ASSERT_LE(row.vehicles.size(), Traffic::kMaxVehicles);
      for (std::size_t k = 0; k < row.vehicles.size(); ++k) {
        const Vehicle& vehicle = row.vehicles[k];
        ids.insert(vehicle.id);
        waiting_vehicles += vehicle.speed < 0.2 ? 1 : 0;
        ASSERT_LE(vehicle.speed, 15);
        if (k > 0) {
          ASSERT_LT(vehicle.along, row.vehicles[k - 1].along - row.vehicles[k - 1].length) << "vehicles overlap";
        }
      }
    }
  }
  EXPECT_GT(crossing, 100);
  EXPECT_GT(waiting_vehicles, 100);
  EXPECT_GT(ids.size(), 150U) << "new vehicles and people should keep coming";
}

TEST(StreetOrder, ThePlaneBetweenTwoThingsDecides) {
  const Vec3 eye{-5, 0, 6};
  const auto box = [](double x0, double x1, double y0, double y1) {
    const double dx = (x0 + x1) / 2 + 5;
    const double dy = (y0 + y1) / 2;
    return street::Footprint{x0, x1, y0, y1, std::sqrt(dx * dx + dy * dy)};
  };
  const auto lorry = box(-2, 0, 10, 22);
  const auto car = box(1, 3, 10.5, 14.5);  // beside the lorry's rear, nearer by its middle, but behind it from the left
  ASSERT_LT(car.distance, lorry.distance);
  EXPECT_TRUE(street::in_front(lorry, car, {-5, 0, 6}));
  EXPECT_FALSE(street::in_front(car, lorry, eye));
  EXPECT_TRUE(street::in_front(box(0, 1, 4, 5), lorry, eye));
  EXPECT_FALSE(street::in_front(lorry, box(0, 1, 4, 5), eye));
}

}  // namespace
}  // namespace fovea
