#include "vision/street/street.hpp"

#include "engine/base/error.hpp"
#include "vision/street/sensor.hpp"
#include "vision/street/stage.hpp"

namespace fovea {
namespace {

struct LightName {
  StreetLight light;
  std::string_view name;
};
constexpr std::array<LightName, 5> kLights = {{{StreetLight::kMixed, "mixed"},
                                               {StreetLight::kDay, "day"},
                                               {StreetLight::kDusk, "dusk"},
                                               {StreetLight::kNight, "night"},
                                               {StreetLight::kRain, "rain"}}};

constexpr int kLeastSidePx = 16;
constexpr int kMostSidePx = 4096;
/// Greatest shake, as a share of the picture's height.
constexpr double kShake = 0.004;

void check(const StreetSettings& settings) {
  const auto side = [](std::string_view name, int value) {
    if (value < kLeastSidePx || value > kMostSidePx) {
      fail(ErrorCode::kInvalidArgument, "street {} is {}, expected {} to {}", name, value, kLeastSidePx, kMostSidePx);
    }
  };
  const auto range = [](std::string_view name, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      fail(ErrorCode::kInvalidArgument, "street {} is {}, expected {} to {}", name, value, low, high);
    }
  };
  side("width", settings.width_px);
  side("height", settings.height_px);
  range("fps", settings.fps, 1, 240);
  range("density", settings.density, 0, 1);
  range("camera shake", settings.camera_shake, 0, 1);
}

StreetLight resolve(StreetLight light, std::uint64_t seed) {
  if (light != StreetLight::kMixed) {
    return light;
  }
  const double luck = street::Random(seed, 5).uniform();
  if (luck < 0.45) {
    return StreetLight::kDay;
  }
  return luck < 0.62 ? StreetLight::kDusk : (luck < 0.82 ? StreetLight::kNight : StreetLight::kRain);
}

}  // namespace

std::string_view to_string(StreetLight light) { return kLights[static_cast<std::size_t>(light)].name; }

std::optional<StreetLight> parse_street_light(std::string_view name) {
  for (const LightName& entry : kLights) {
    if (entry.name == name) {
      return entry.light;
    }
  }
  return std::nullopt;
}

struct Street::Impl {
  using Rect = street::Rect;

  explicit Impl(const StreetSettings& given)
      : settings(given),
        margin(static_cast<int>(std::ceil(given.height_px * kShake)) + 1),
        plan_random(given.seed, 1),
        plan(street::plan_camera(plan_random)),
        layout_random(given.seed, 2),
        layout(street::make_layout(layout_random, given.density, plan.target_y)),
        camera(street::place_camera(plan, layout, given.width_px, given.height_px, margin)),
        light_random(given.seed, 3),
        light(street::make_light(resolve(given.light, given.seed), light_random)),
        stage(given, layout, camera, light, margin),
        traffic(layout, given.density, given.seed),
        sensor(light, given.width_px, given.height_px, given.seed) {}

  /// Wind moves the pole slowly, a passing lorry shakes it quickly.
  [[nodiscard]] Rect window(double seconds) const {
    const double most = settings.camera_shake * kShake * settings.height_px;
    const auto offset = [&](double a, double b, double phase) {
      const double value = 0.6 * street::sine(seconds * a + phase) + 0.4 * street::sine(seconds * b + 2 * phase);
      return static_cast<int>(std::floor(value * most + 0.5));
    };
    const auto phase = static_cast<double>(settings.seed % 13);
    const int x = margin + offset(1.9, 13.0, phase);
    const int y = margin + offset(1.3, 17.0, phase + 1);
    return {x, y, x + settings.width_px, y + settings.height_px};
  }

  StreetSettings settings;
  int margin;
  street::Random plan_random;
  street::CameraPlan plan;
  street::Random layout_random;
  street::Layout layout;
  street::Camera camera;
  street::Random light_random;
  street::Light light;
  street::Stage stage;
  street::Traffic traffic;
  street::Sensor sensor;
  std::uint64_t simulated = 0;  ///< Frame number of the traffic's state.
  Rect last_window;
  StreetTruth truth;
};

Street::Street(const StreetSettings& settings) {
  check(settings);
  impl_ = std::make_unique<Impl>(settings);
}

Street::~Street() = default;

void Street::render(std::uint64_t number, const MutableFrameView& frame) {
  Impl& impl = *impl_;
  check_frame(frame);
  if (frame.format != PixelFormat::kBGR && !is_yuv(frame.format)) {
    fail(ErrorCode::kInvalidArgument, "a street draws BGR, NV12 and I420, not {}", to_string(frame.format));
  }
  if (frame.width_px != impl.settings.width_px || frame.height_px != impl.settings.height_px) {
    fail(ErrorCode::kInvalidArgument, "the frame is {}x{}, the street {}x{}", frame.width_px, frame.height_px,
         impl.settings.width_px, impl.settings.height_px);
  }
  if (number < impl.simulated) {
    fail(ErrorCode::kInvalidArgument, "frame {} lies before frame {}, which the street has reached", number,
         impl.simulated);
  }
  for (; impl.simulated < number; ++impl.simulated) {
    impl.traffic.step(1 / impl.settings.fps);
  }
  const double seconds = static_cast<double>(number) / impl.settings.fps;
  impl.last_window = impl.window(seconds);
  impl.stage.draw(impl.traffic, impl.last_window);
  impl.sensor.expose(impl.stage.canvas(), impl.last_window.x0, impl.last_window.y0, number, seconds, frame);
  impl.truth = {number, impl.light.kind, impl.settings.width_px, impl.settings.height_px, impl.stage.truth()};
}

const StreetTruth& Street::truth() const { return impl_->truth; }

const StreetSettings& Street::settings() const { return impl_->settings; }

SegmentationMask Street::mask(int divisor) const {
  if (divisor < 1 || divisor > 64) {
    fail(ErrorCode::kInvalidArgument, "mask divisor is {}, expected 1 to 64", divisor);
  }
  const Impl& impl = *impl_;
  SegmentationMask mask;
  mask.width = std::max(1, impl.settings.width_px / divisor);
  mask.height = std::max(1, impl.settings.height_px / divisor);
  mask.labels.assign(kStreetClasses.begin(), kStreetClasses.end());
  mask.model = "truth";
  std::vector<std::uint8_t> classes(static_cast<std::size_t>(mask.width) * mask.height);
  const street::Canvas& canvas = impl.stage.canvas();
  const auto middle = [&](int cell, int limit) { return std::min(cell * divisor + divisor / 2, limit - 1); };
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      const std::size_t at = canvas.at(impl.last_window.x0 + middle(x, impl.settings.width_px),
                                       impl.last_window.y0 + middle(y, impl.settings.height_px));
      classes[static_cast<std::size_t>(y) * mask.width + x] = impl.stage.class_of(canvas.id[at]);
    }
  }
  mask.classes = std::make_shared<const std::vector<std::uint8_t>>(std::move(classes));
  return mask;
}

}  // namespace fovea
