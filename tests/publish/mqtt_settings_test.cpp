// Broker settings: addresses, checks, sharing, and an absent broker.
#include "publish/mqtt/mqtt_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/base/error.hpp"
#include "publish/mqtt/mqtt_client.hpp"
#include "tests/publish/temp_dir.hpp"

namespace fovea {
namespace {

using ::testing::HasSubstr;

/// A port on which nobody listens: port 1 of the loopback is reserved and unused.
MqttSettings absent_broker() {
  MqttSettings settings;
  settings.address = "127.0.0.1:1";
  settings.min_backoff = std::chrono::milliseconds(10);
  return settings;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(MqttAddress, AcceptsTheUsualForms) {
  EXPECT_EQ(parse_mqtt_address("broker:1884"), (MqttAddress{"broker", 1884, false}));
  EXPECT_EQ(parse_mqtt_address("broker"), (MqttAddress{"broker", 1883, false}));
  EXPECT_EQ(parse_mqtt_address("mqtt://10.0.0.1:1"), (MqttAddress{"10.0.0.1", 1, false}));
  EXPECT_EQ(parse_mqtt_address("mqtts://broker"), (MqttAddress{"broker", 8883, true}));
  EXPECT_EQ(parse_mqtt_address("[::1]:1883"), (MqttAddress{"[::1]", 1883, false}));
  EXPECT_EQ(parse_mqtt_address("[::1]"), (MqttAddress{"[::1]", 1883, false}));
}

TEST(MqttAddress, RefusesTheRest) {
  for (const char* text : {"", ":1883", "broker:", "broker:0", "broker:65536", "broker:x", "http://broker", "::1",
                           "a b", "[::1", "u:p@b"}) {
    EXPECT_THROW(parse_mqtt_address(text), Error) << text;
  }
  EXPECT_THAT(message_of([] { parse_mqtt_address("user:secret@broker:1883"); }), Not(HasSubstr("secret")));
}

TEST(MqttSettings, ChecksNameTheSetting) {
  MqttSettings settings;
  settings.password = "x";
  EXPECT_THAT(message_of([&] { check_mqtt_settings(settings); }), HasSubstr("username"));
  settings.username = "u";
  EXPECT_EQ(message_of([&] { check_mqtt_settings(settings); }), "");
  settings.password_file = "/f";
  EXPECT_THAT(message_of([&] { check_mqtt_settings(settings); }), HasSubstr("password-file"));
}

TEST(Topic, RefusesWildcardsAndControlCharacters) {
  EXPECT_NO_THROW(check_topic("fovea/box 7/ü/frames"));
  for (const char* topic : {"", "a/#", "a/+/b", "a\nb"}) {
    EXPECT_THROW(check_topic(topic), Error) << topic;
  }
}

TEST(Password, ComesFromTheFileWithoutItsLineEnd) {
  const testing::TempDir dir;
  std::ofstream(dir / "password") << " secret \n";
  MqttSettings settings;
  settings.password_file = dir / "password";
  EXPECT_EQ(read_password(settings), " secret ");
  settings.password_file = dir / "missing";
  EXPECT_THAT(message_of([&] { read_password(settings); }), HasSubstr("missing"));
}

TEST(SharedClient, IsOnePerAddressAndClientId) {
  MqttSettings settings = absent_broker();
  settings.client_id = "one";
  const auto first = MqttClient::shared(settings);
  MqttSettings same;
  same.address = "mqtt://127.0.0.1:1";
  same.client_id = "one";
  EXPECT_EQ(MqttClient::shared(same), first) << "defaults accept what is in force";
  same.client_id.clear();
  EXPECT_EQ(MqttClient::shared(same), first) << "without a client id any connection to the address will do";
  settings.client_id = "two";
  EXPECT_NE(MqttClient::shared(settings), first);
}

TEST(SharedClient, NamesTheSettingThatContradicts) {
  MqttSettings settings = absent_broker();
  const auto first = MqttClient::shared(settings);
  settings.username = "somebody";
  EXPECT_THAT(message_of([&] { MqttClient::shared(settings); }), HasSubstr("'username'"));
  settings = absent_broker();
  settings.tls.enabled = true;
  EXPECT_THAT(message_of([&] { MqttClient::shared(settings); }), HasSubstr("'tls'"));
}

TEST(MqttClient, WithoutABrokerTakesMessagesWithinBounds) {
  MqttSettings settings = absent_broker();
  settings.max_queued_messages = 10;
  MqttClient client(settings);
  for (int i = 0; i < 100; ++i) {
    client.publish({.topic = "t", .payload = "x", .qos = 1});
  }
  client.publish({.topic = "bad/#", .payload = "x"});
  EXPECT_EQ(client.stats().queued_messages, 10U);
  EXPECT_EQ(client.stats().dropped, 91U);
  EXPECT_FALSE(client.stats().connected);
  EXPECT_FALSE(client.flush(std::chrono::milliseconds(20)));
}

TEST(MqttClient, SaysClearlyThatThereIsNoBroker) {
  MqttClient client(absent_broker());
  const std::string message = message_of([&] { client.connect_now(std::chrono::seconds(20)); });
  EXPECT_THAT(message, HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(message, HasSubstr("connect failure"));
}

TEST(MqttClient, HeartbeatGoesOnWithoutABroker) {
  const MqttClient client(absent_broker());
  const auto before = client.heartbeat();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (client.heartbeat() < before + 3 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(client.heartbeat(), before + 3);
}

}  // namespace
}  // namespace fovea
