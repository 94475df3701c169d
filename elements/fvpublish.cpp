/**
 * SECTION:element-fvpublish
 * @title: fvpublish
 *
 * Sends the messages that fvmetaconvert made to a file, standard output or an MQTT broker. Trouble with the broker
 * never stops the video: messages wait in a bounded queue.
 *
 * |[
 * gst-launch-1.0 … ! fvmetaconvert ! fvpublish method=mqtt address=localhost:1883 topic=fovea/box/door/frames !
 * fakesink
 * ]|
 */
#include <array>

#include "elements/analysis_meta.hpp"
#include "elements/registration.hpp"
#include "elements/small_element.hpp"
#include "engine/base/error.hpp"
#include "engine/base/text.hpp"
#include "publish/file_sink.hpp"
#include "publish/mqtt/mqtt_client.hpp"

namespace fovea::elements {
namespace {

using Kind = PropertyRow::Kind;

constexpr std::array kProperties = {
    PropertyRow{.name = "method",
                .kind = Kind::kString,
                .blurb = "Where messages go: file, stdout or mqtt",
                .text_default = "file"},
    PropertyRow{.name = "file-path", .kind = Kind::kString, .blurb = "File for method=file; unset: standard output"},
    PropertyRow{.name = "file-format",
                .kind = Kind::kString,
                .blurb = "json-lines: one message a line; json: one array",
                .text_default = "json-lines"},
    PropertyRow{.name = "address",
                .kind = Kind::kString,
                .blurb = "Broker: host:port, mqtt://host:port or mqtts://host:port",
                .text_default = "localhost:1883"},
    PropertyRow{.name = "topic", .kind = Kind::kString, .blurb = "MQTT topic", .text_default = "fovea/frames"},
    PropertyRow{.name = "mqtt-client-id",
                .kind = Kind::kString,
                .blurb = "Client id, unique at the broker; unset: made of host name and process id"},
    PropertyRow{.name = "qos",
                .kind = Kind::kInt,
                .blurb = "MQTT quality of service: 0 at most once, 1 at least once",
                .most = 1},
    PropertyRow{
        .name = "retain", .kind = Kind::kBool, .blurb = "Ask the broker to keep the last message", .number_default = 0},
    PropertyRow{.name = "username", .kind = Kind::kString, .blurb = "User name at the broker"},
    PropertyRow{.name = "password-file",
                .kind = Kind::kString,
                .blurb = "File holding the password; read anew for each connection"},
    PropertyRow{
        .name = "ca-file", .kind = Kind::kString, .blurb = "Certificates to trust for mqtts://; unset: the system's"},
};

/// Time for messages to reach the broker at the end of a stream.
constexpr std::chrono::milliseconds kEndTimeout{3000};

class PublishWork final : public ElementWork {
 public:
  PublishWork(std::shared_ptr<MessageSink> sink, Message pattern)
      : sink_(std::move(sink)), pattern_(std::move(pattern)) {}

  void process(GstBuffer* buffer) override {
    for (const JsonMessage* json : find_json(buffer)) {
      Message message = pattern_;
      message.payload = json->text;
      message.schema = json->schema;
      message.seq = json->seq;
      sink_->publish(std::move(message));
    }
  }

  void end_of_stream() override { sink_->flush(kEndTimeout); }

 private:
  std::shared_ptr<MessageSink> sink_;
  Message pattern_;
};

std::shared_ptr<MessageSink> make_sink(const PropertyValues& values) {
  static constexpr std::array<std::string_view, 3> kMethods = {"file", "stdout", "mqtt"};
  static constexpr std::array<std::string_view, 2> kFormats = {"json-lines", "json"};
  const std::string& method = values.text("method");
  if (method == "mqtt") {
    MqttSettings settings;
    settings.address = values.text("address");
    settings.client_id = values.text("mqtt-client-id");
    settings.username = values.text("username");
    settings.password_file = values.text("password-file");
    settings.tls.ca_file = values.text("ca-file");
    return MqttClient::shared(settings);
  }
  const std::string& format = values.text("file-format");
  if (format != kFormats[0] && format != kFormats[1]) {
    fail(ErrorCode::kInvalidArgument, "file-format is '{}', expected json-lines or json{}", format,
         did_you_mean(format, kFormats));
  }
  const FileFormat file_format = format == "json" ? FileFormat::kJson : FileFormat::kJsonLines;
  if (method == "stdout" || (method == "file" && values.text("file-path").empty())) {
    return std::make_shared<FileSink>("-", file_format);
  }
  if (method == "file") {
    return std::make_shared<FileSink>(values.text("file-path"), file_format);
  }
  fail(ErrorCode::kInvalidArgument, "method is '{}', expected file, stdout or mqtt{}", method,
       did_you_mean(method, kMethods));
}

std::unique_ptr<ElementWork> make(GstElement* /*element*/, const PropertyValues& values) {
  Message pattern;
  pattern.topic = values.text("topic");
  pattern.qos = static_cast<int>(values.number("qos"));
  pattern.retain = values.flag("retain");
  pattern.message_class = pattern.qos > 0 ? MessageClass::kEvent : MessageClass::kFrame;
  if (values.text("method") == "mqtt") {
    check_topic(pattern.topic);
  }
  return std::make_unique<PublishWork>(make_sink(values), std::move(pattern));
}

constexpr SmallElementInfo kInfo{.type_name = "FvPublish",
                                 .long_name = "Message publisher",
                                 .klass = "Sink/Metadata",
                                 .description = "Sends messages to a file, standard output or an MQTT broker",
                                 .any_caps = true,
                                 .passthrough = true,
                                 .properties = kProperties,
                                 .make = make};

}  // namespace

GType fvpublish_get_type() {
  static const GType type = register_small_element(&kInfo);
  return type;
}

}  // namespace fovea::elements
