/**
 * SECTION:element-fvfpscounter
 * @title: fvfpscounter
 *
 * Measures the frame rate of all fvfpscounter elements of the process and prints it, as DL Streamer's does.
 *
 * |[
 * gst-launch-1.0 … ! fvdetect model=people.xml ! fvfpscounter ! fakesink sync=false
 * ]|
 */
#include <array>

#include "elements/fps_meter.hpp"
#include "elements/registration.hpp"
#include "elements/small_element.hpp"

namespace fovea::elements {
namespace {

using Kind = PropertyRow::Kind;

constexpr std::array kProperties = {
    PropertyRow{.name = "interval",
                .kind = Kind::kUint,
                .blurb = "Seconds between two lines",
                .least = 1,
                .most = 3600,
                .number_default = 1},
    PropertyRow{.name = "starting-frame",
                .kind = Kind::kUint,
                .blurb = "Frames of the stream not counted at its start",
                .most = 1e9},
};

class CountWork final : public ElementWork {
 public:
  CountWork(std::chrono::seconds interval, std::uint64_t starting_frame)
      : stream_(FpsMeter::shared().add_stream(interval)), starting_frame_(starting_frame) {}
  ~CountWork() override { FpsMeter::shared().remove_stream(stream_); }

  void process(GstBuffer* /*buffer*/) override {
    if (++seen_ > starting_frame_) {
      FpsMeter::shared().count(stream_);
    }
  }

  void end_of_stream() override { FpsMeter::shared().finish(stream_); }

 private:
  FpsMeter::Stream* stream_;
  std::uint64_t starting_frame_;
  std::uint64_t seen_ = 0;
};

std::unique_ptr<ElementWork> make(GstElement* /*element*/, const PropertyValues& values) {
  return std::make_unique<CountWork>(std::chrono::seconds(static_cast<std::int64_t>(values.number("interval"))),
                                     static_cast<std::uint64_t>(values.number("starting-frame")));
}

constexpr SmallElementInfo kInfo{.type_name = "FvFpsCounter",
                                 .long_name = "Frame rate counter",
                                 .klass = "Filter/Analyzer",
                                 .description = "Prints the frame rate of each stream and of all together",
                                 .any_caps = true,
                                 .passthrough = true,
                                 .properties = kProperties,
                                 .make = make};

}  // namespace

GType fvfpscounter_get_type() {
  static const GType type = register_small_element(&kInfo);
  return type;
}

}  // namespace fovea::elements
