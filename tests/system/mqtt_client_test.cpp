// MqttClient against a real mosquitto that is killed, frozen, restarted and absent.
#include "publish/mqtt/mqtt_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "publish/message.hpp"
#include "tests/publish/schema_check.hpp"
#include "tests/system/broker.hpp"
#include "tests/system/subscriber.hpp"

namespace fovea {
namespace {

using namespace std::chrono_literals;
using testing::Broker;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Received;
using testing::Subscriber;

class MqttClientSystem : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(Broker::kProgram)) {
      GTEST_SKIP() << "mosquitto is not installed";
    }
  }

  static MqttSettings settings_for(const Broker& broker) {
    MqttSettings settings;
    settings.address = broker.address();
    settings.client_id = "publisher";
    settings.status_topic = "fovea/box7/status";
    settings.min_backoff = 50ms;
    settings.max_backoff = 500ms;
    return settings;
  }
};

Message numbered(int number) {
  return {.topic = "fovea/box7/p/events",
          .payload = std::to_string(number),
          .qos = 1,
          .message_class = MessageClass::kEvent,
          .schema = std::string(kFrameSchema)};
}

/// Numbers on the events topic in order of first arrival; a number that comes back later is a permitted duplicate.
std::vector<int> first_arrivals(const std::vector<Received>& messages) {
  std::vector<int> numbers;
  for (const Received& message : messages) {
    if (message.topic == "fovea/box7/p/events") {
      const int number = std::stoi(message.payload);
      if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) {
        numbers.push_back(number);
      }
    }
  }
  return numbers;
}

std::vector<int> counted_to(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

bool has(const std::vector<Received>& messages, const std::string& topic, const std::string& payload) {
  return std::any_of(messages.begin(), messages.end(),
                     [&](const Received& m) { return m.topic == topic && m.payload == payload; });
}

bool wait_connected(const MqttClient& client, bool connected = true) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (client.stats().connected != connected && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(10ms);
  }
  return client.stats().connected == connected;
}

TEST_F(MqttClientSystem, NothingIsLostOrReorderedAcrossBrokerRestarts) {
  constexpr int kMessages = 1500;
  Broker broker;
  broker.start();
  Subscriber subscriber(broker.address(), "durable", "fovea/#");
  MqttClient client(settings_for(broker));
  client.connect_now(10s);
  for (int i = 0; i < kMessages; ++i) {
    client.publish(numbered(i));
    if (i % 500 == 250) {
      ASSERT_TRUE(wait_connected(client)) << "the next outage shall be one";
      broker.stop();
    } else if (i % 500 == 400) {
      broker.start();
    }
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(client.flush(60s));
  EXPECT_TRUE(subscriber.wait_for([](const auto& all) { return first_arrivals(all).size() == kMessages; }));
  EXPECT_EQ(first_arrivals(subscriber.messages()), counted_to(kMessages));
  EXPECT_EQ(client.stats().dropped, 0U);
  EXPECT_GE(client.stats().reconnects, 2U);
}

TEST_F(MqttClientSystem, AFrozenBrokerCostsNothing) {
  constexpr int kMessages = 600;
  Broker broker;
  broker.start();
  Subscriber subscriber(broker.address(), "durable", "fovea/#");
  MqttSettings settings = settings_for(broker);
  settings.keep_alive = 2s;
  MqttClient client(settings);
  client.connect_now(10s);
  broker.pause();
  for (int i = 0; i < kMessages; ++i) {
    client.publish(numbered(i));
  }
  EXPECT_FALSE(client.flush(1s));
  broker.resume();
  EXPECT_TRUE(client.flush(30s));
  EXPECT_TRUE(subscriber.wait_for([](const auto& all) { return first_arrivals(all).size() == kMessages; }));
  EXPECT_EQ(first_arrivals(subscriber.messages()), counted_to(kMessages));
}

TEST_F(MqttClientSystem, MessagesCarryTheirProperties) {
  Broker broker;
  broker.start();
  Subscriber subscriber(broker.address(), "durable", "fovea/#");
  MqttClient client(settings_for(broker));
  client.publish(numbered(0));
  ASSERT_TRUE(subscriber.wait_for([](const auto& all) { return has(all, "fovea/box7/p/events", "0"); }));
  for (const Received& message : subscriber.messages()) {
    if (message.topic == "fovea/box7/p/events") {
      EXPECT_EQ(message.schema, "fovea.frame/1");
      EXPECT_EQ(message.content_type, "application/json");
    }
  }
}

TEST_F(MqttClientSystem, StateIsRetainedAndComesBackWithABrokerThatForgotIt) {
  Broker broker;
  broker.start();
  MqttClient client(settings_for(broker));
  client.publish({.topic = "fovea/box7/p/state",
                  .payload = "running",
                  .qos = 1,
                  .retain = true,
                  .message_class = MessageClass::kState});
  ASSERT_TRUE(client.flush(10s));
  {
    Subscriber late(broker.address(), "late", "fovea/#");
    EXPECT_TRUE(late.wait_for([](const auto& all) {
      return has(all, "fovea/box7/p/state", "running") && has(all, "fovea/box7/status", "online");
    }));
    for (const Received& message : late.messages()) {
      EXPECT_TRUE(message.retained) << message.topic;
    }
  }
  broker.stop(SIGKILL);  // It had no chance to save its retained messages.
  broker.start();
  Subscriber later(broker.address(), "later", "fovea/#");
  EXPECT_TRUE(later.wait_for([](const auto& all) {
    return has(all, "fovea/box7/p/state", "running") && has(all, "fovea/box7/status", "online");
  }));
}

/// The other process of the next test.
TEST(KilledPublisher, DISABLED_Process) {
  MqttSettings settings;
  settings.address = std::getenv("FOVEA_TEST_BROKER");
  settings.client_id = "publisher";
  settings.status_topic = "fovea/box7/status";
  const MqttClient client(settings);
  std::this_thread::sleep_for(1min);
}

TEST_F(MqttClientSystem, TheBrokerSaysOfflineForAKilledPublisher) {
  Broker broker;
  broker.start();
  Subscriber subscriber(broker.address(), "durable", "fovea/#");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // A process of its own, to be killed: nothing in it may say good-bye.
    ::setenv("FOVEA_TEST_BROKER", broker.address().c_str(), 1);
    ::execl("/proc/self/exe", "publisher", "--gtest_also_run_disabled_tests",
            "--gtest_filter=KilledPublisher.DISABLED_Process", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  const bool online = subscriber.wait_for([](const auto& all) { return has(all, "fovea/box7/status", "online"); });
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(online);
  ASSERT_TRUE(subscriber.wait_for([](const auto& all) { return has(all, "fovea/box7/status", "offline"); }));
  EXPECT_EQ(subscriber.messages().back().reason, "lost");
}

TEST_F(MqttClientSystem, ACleanEndSaysOfflineAfterTheLastMessage) {
  Broker broker;
  broker.start();
  Subscriber subscriber(broker.address(), "durable", "fovea/#");
  {
    MqttClient client(settings_for(broker));
    client.connect_now(10s);
    for (int i = 0; i < 200; ++i) {
      client.publish(numbered(i));
    }
  }
  ASSERT_TRUE(subscriber.wait_for([](const auto& all) { return has(all, "fovea/box7/status", "offline"); }));
  EXPECT_EQ(first_arrivals(subscriber.messages()), counted_to(200));
  EXPECT_EQ(subscriber.messages().back().payload, "offline");
  EXPECT_EQ(subscriber.messages().back().reason, "stopped");
}

TEST_F(MqttClientSystem, GapRecordReachesSubscribers) {
  Broker broker;
  broker.start();
  Subscriber subscriber(broker.address(), "durable", "fovea/#");
  MqttSettings settings = settings_for(broker);
  settings.max_queued_messages = 10;
  MqttClient client(settings);
  client.connect_now(10s);
  ASSERT_TRUE(client.flush(10s));
  broker.stop();
  ASSERT_TRUE(wait_connected(client, false));
  for (int i = 0; i < 30; ++i) {
    Message message = numbered(i);
    message.message_class = MessageClass::kFrame;
    message.seq = static_cast<std::uint64_t>(i);
    client.publish(std::move(message));
  }
  broker.start();
  ASSERT_TRUE(subscriber.wait_for([](const auto& all) { return has(all, "fovea/box7/p/events", "29"); }));
  std::uint64_t missing = 0;
  std::vector<std::string> records;
  for (const Received& message : subscriber.messages()) {
    if (message.topic == "fovea/box7/p/events/gap") {
      records.push_back(message.payload);
      missing += nlohmann::json::parse(message.payload)["dropped"].get<std::uint64_t>();
    }
  }
  EXPECT_EQ(missing, client.stats().dropped);
  EXPECT_EQ(first_arrivals(subscriber.messages()).size() + missing, 30U) << "what came and what is told add up";
  EXPECT_EQ(testing::schema_violation("gap", records), "");
}

/// Keeps every log line of the process while it lives.
class LogCapture {
 public:
  LogCapture() {
    set_log_sink([this](LogLevel, std::string_view, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_ += std::string(text) + "\n";
    });
  }
  ~LogCapture() { set_log_sink({}); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::string text() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::string lines_;
};

TEST_F(MqttClientSystem, CredentialsWorkAndAreNeverLogged) {
  Broker broker("allow_anonymous false\npassword_file @DIR@/passwords\n");
  const std::string make = "mosquitto_passwd -b -c '" + (broker.dir() / "passwords").string() + "' camera s3cr3t-word";
  ASSERT_EQ(std::system(make.c_str()), 0);
  broker.start();
  LogCapture log;
  MqttSettings settings = settings_for(broker);
  settings.username = "camera";
  settings.password = "s3cr3t-wrong";
  {
    MqttClient refused(settings);
    try {
      refused.connect_now(10s);
      ADD_FAILURE() << "connected with a wrong password";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("refuses"));
      EXPECT_THAT(error.what(), Not(HasSubstr("s3cr3t")));
    }
    // The client's own thread writes the line; it may come after the caller's exception.
    for (int i = 0; i < 500 && log.text().find("refuses") == std::string::npos; ++i) {
      std::this_thread::sleep_for(10ms);
    }
  }
  settings.password.clear();
  settings.password_file = broker.dir() / "secret";
  std::ofstream(settings.password_file) << "s3cr3t-word\n";
  {
    MqttClient client(settings);
    EXPECT_NO_THROW(client.connect_now(10s));
  }
  EXPECT_THAT(log.text(), HasSubstr("refuses"));
  EXPECT_THAT(log.text(), Not(HasSubstr("s3cr3t")));
}

TEST_F(MqttClientSystem, ARefusedMessageIsCountedAndTheNextOnesGoOn) {
  Broker broker("allow_anonymous true\nacl_file @DIR@/acl\n");
  std::ofstream(broker.dir() / "acl") << "topic readwrite fovea/#\n";
  broker.start();
  Subscriber subscriber(broker.address(), "durable", "fovea/#");
  MqttClient client(settings_for(broker));
  client.publish({.topic = "elsewhere", .payload = "x", .qos = 1});
  client.publish(numbered(1));
  EXPECT_TRUE(subscriber.wait_for([](const auto& all) { return has(all, "fovea/box7/p/events", "1"); }));
  EXPECT_TRUE(client.flush(10s));
  EXPECT_EQ(client.stats().dropped, 1U) << "although mosquitto 2.0.11 closes the connection after such a message";
}

TEST_F(MqttClientSystem, TwoClientsWithOneIdDoNotSpin) {
  Broker broker;
  broker.start();
  MqttSettings settings = settings_for(broker);
  settings.min_backoff = 200ms;
  settings.max_backoff = 30s;
  MqttClient first(settings);
  first.connect_now(10s);
  MqttClient second(settings);
  std::this_thread::sleep_for(4s);
  // Delays of 0.1..0.2, 0.2..0.4, 0.4..0.8, 0.8..1.6, 1.6.. s: at most five each fit into four seconds.
  EXPECT_LE(first.stats().reconnects, 5U);
  EXPECT_LE(second.stats().reconnects, 5U);
}

}  // namespace
}  // namespace fovea
