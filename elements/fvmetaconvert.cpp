/**
 * SECTION:element-fvmetaconvert
 * @title: fvmetaconvert
 *
 * Turns what is known about a frame into a JSON message on the buffer, for fvpublish or an application.
 *
 * |[
 * gst-launch-1.0 … ! fvdetect model=people.xml ! fvmetaconvert format=native ! fvpublish method=stdout ! fakesink
 * ]|
 */
#include <unistd.h>

#include <array>
#include <climits>

#include "elements/analysis_meta.hpp"
#include "elements/registration.hpp"
#include "elements/small_element.hpp"
#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "publish/message.hpp"

namespace fovea::elements {
namespace {

using Kind = PropertyRow::Kind;

constexpr std::array kProperties = {
    PropertyRow{.name = "format",
                .kind = Kind::kString,
                .blurb = "native: Fovea's versioned message; gva (or json): DL Streamer's",
                .text_default = "native"},
    PropertyRow{.name = "add-empty-results",
                .kind = Kind::kBool,
                .blurb = "Also make messages for frames on which nothing was found",
                .number_default = 0},
    PropertyRow{
        .name = "add-tensor-data", .kind = Kind::kBool, .blurb = "Include raw output tensors", .number_default = 0},
    PropertyRow{.name = "add-mask-runs",
                .kind = Kind::kBool,
                .blurb = "Include segmentation masks cell by cell, run-length encoded",
                .number_default = 0},
    PropertyRow{.name = "node", .kind = Kind::kString, .blurb = "Name of this box; by default the host name"},
    PropertyRow{
        .name = "pipeline", .kind = Kind::kString, .blurb = "Name of this pipeline", .text_default = "pipeline"},
    PropertyRow{.name = "source",
                .kind = Kind::kString,
                .blurb = "URI of the source; credentials are removed before it is published"},
    PropertyRow{.name = "tags", .kind = Kind::kString, .blurb = "JSON object copied into each message (format gva)"},
};

MessageFormat parse_format(const std::string& text) {
  static constexpr std::array<std::string_view, 3> kNames = {"native", "gva", "json"};
  if (text == kNames[0]) {
    return MessageFormat::kNative;
  }
  if (text == kNames[1] || text == kNames[2]) {
    return MessageFormat::kGva;
  }
  fail(ErrorCode::kInvalidArgument, "format is '{}', expected native or gva{}", text, did_you_mean(text, kNames));
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "node";
}

class ConvertWork final : public ElementWork {
 public:
  ConvertWork(GstElement* element, FrameFormat format, MessageContext context)
      : element_(element), format_(std::move(format)), context_(std::move(context)) {}

  void process(GstBuffer* buffer) override {
    if (!info_) {
      return;
    }
    const FrameAnalysis analysis = read_analysis(buffer, *info_);
    context_.pts.reset();
    if (GST_BUFFER_PTS_IS_VALID(buffer)) {
      const GstClockTime time =
          gst_segment_to_stream_time(&GST_BASE_TRANSFORM(element_)->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
      context_.pts = std::chrono::nanoseconds(GST_CLOCK_TIME_IS_VALID(time) ? time : GST_BUFFER_PTS(buffer));
    }
    set_capture_time(buffer);
    if (auto json = frame_message(analysis, context_, format_)) {
      const bool native = format_.format == MessageFormat::kNative;
      add_json(buffer,
               {.text = std::move(*json), .schema = std::string(native ? kFrameSchema : ""), .seq = context_.seq});
      ++context_.seq;
    }
  }

  void set_caps(const GstVideoInfo* info) override {
    info_.reset();
    if (info != nullptr) {
      info_ = *info;
    }
  }

 private:
  /// The camera's clock when rtspsrc attached it, else now.
  void set_capture_time(GstBuffer* buffer) {
    // Seconds between the NTP epoch (1900) and the Unix epoch (1970), RFC 868.
    constexpr GstClockTime kNtpToUnix = 2208988800ULL * GST_SECOND;
    static GstCaps* const ntp = gst_caps_new_empty_simple("timestamp/x-ntp");
    const GstReferenceTimestampMeta* meta = gst_buffer_get_reference_timestamp_meta(buffer, ntp);
    context_.time_source = TimeSource::kArrival;
    context_.capture_time = std::chrono::system_clock::now();
    if (meta != nullptr && meta->timestamp > kNtpToUnix) {
      context_.time_source = TimeSource::kCamera;
      context_.capture_time = WallTime(
          std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(meta->timestamp - kNtpToUnix)));
    }
  }

  GstElement* element_;
  FrameFormat format_;
  MessageContext context_;
  std::optional<GstVideoInfo> info_;
};

std::unique_ptr<ElementWork> make(GstElement* element, const PropertyValues& values) {
  FrameFormat format;
  format.format = parse_format(values.text("format"));
  format.add_empty_results = values.flag("add-empty-results");
  format.add_tensor_data = values.flag("add-tensor-data");
  format.add_mask_runs = values.flag("add-mask-runs");
  format.tags = values.text("tags");
  MessageContext context;
  context.node = values.text("node").empty() ? host_name() : values.text("node");
  context.pipeline = values.text("pipeline");
  context.source = values.text("source");
  check_frame_format(format);  // tells now, not at the first frame, when the tags are no JSON
  return std::make_unique<ConvertWork>(element, std::move(format), std::move(context));
}

constexpr SmallElementInfo kInfo{.type_name = "FvMetaConvert",
                                 .long_name = "Metadata converter",
                                 .klass = "Filter/Metadata",
                                 .description = "Turns what is known about a frame into a JSON message on the buffer",
                                 .any_caps = true,
                                 .properties = kProperties,
                                 .make = make};

}  // namespace

GType fvmetaconvert_get_type() {
  static const GType type = register_small_element(&kInfo);
  return type;
}

}  // namespace fovea::elements
