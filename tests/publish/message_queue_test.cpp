// MessageQueue: order, bounds, what is given up and how that is told.
#include "publish/mqtt/message_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace fovea {
namespace {

using ::testing::ElementsAre;

constexpr WallTime kStart{std::chrono::seconds(1000)};

Message message(const std::string& text, MessageClass message_class = MessageClass::kFrame, int qos = 1,
                const std::string& topic = "t") {
  return {.topic = topic, .payload = text, .qos = qos, .message_class = message_class};
}

/// Takes everything that waits; acknowledges it at once when asked.
std::vector<std::string> drain(MessageQueue& queue, bool acknowledge = true) {
  std::vector<std::string> payloads;
  for (auto entry = queue.take(); entry.message; entry = queue.take()) {
    payloads.push_back(entry.message->payload);
    if (acknowledge) {
      queue.acknowledge(entry.id);
    }
  }
  return payloads;
}

TEST(MessageQueue, ImportantFirstOldestFirst) {
  MessageQueue queue(100, 1000);
  queue.push(message("f1"), kStart);
  queue.push(message("e1", MessageClass::kEvent), kStart);
  queue.push(message("f2"), kStart);
  queue.push(message("a1", MessageClass::kAlarm), kStart);
  queue.push(message("e2", MessageClass::kEvent), kStart);
  EXPECT_THAT(drain(queue), ElementsAre("a1", "e1", "e2", "f1", "f2"));
  EXPECT_EQ(queue.messages(), 0U);
  EXPECT_EQ(queue.bytes(), 0U);
  EXPECT_EQ(queue.published(), 5U);
}

TEST(MessageQueue, KeepsOnlyTheLatestStatePerTopic) {
  MessageQueue queue(100, 1000);
  queue.push(message("starting", MessageClass::kState, 1, "p/state"), kStart);
  queue.push(message("other", MessageClass::kState, 1, "q/state"), kStart);
  queue.push(message("running", MessageClass::kState, 1, "p/state"), kStart);
  EXPECT_THAT(drain(queue), ElementsAre("other", "running"));
  EXPECT_EQ(queue.dropped(), 0U) << "superseded, not lost";
}

TEST(MessageQueue, WhenFullTheOldestOfTheLeastImportantGoes) {
  MessageQueue queue(3, 1000);
  queue.push(message("e1", MessageClass::kEvent), kStart);
  queue.push(message("f1"), kStart);
  queue.push(message("f2"), kStart);
  queue.push(message("e2", MessageClass::kEvent), kStart);  // f1 goes
  queue.push(message("e3", MessageClass::kEvent), kStart);  // f2 goes
  queue.push(message("f3"), kStart);                        // itself the least important
  queue.push(message("e4", MessageClass::kEvent), kStart);  // e1 goes
  EXPECT_EQ(queue.messages(), 3U);
  EXPECT_EQ(queue.dropped(), 4U);
  queue.take();  // the gap record
  EXPECT_THAT(drain(queue), ElementsAre("e2", "e3", "e4"));
}

TEST(MessageQueue, BoundsBytesToo) {
  MessageQueue queue(100, 30);
  for (int i = 0; i < 10; ++i) {
    queue.push(message("123456789"), kStart);  // ten bytes with the topic
    EXPECT_LE(queue.bytes(), 30U);
  }
  EXPECT_EQ(queue.messages(), 3U);
  queue.push(message(std::string(30, 'x')), kStart);
  EXPECT_EQ(queue.messages(), 3U) << "a message above the bound goes itself instead of emptying the queue";
  EXPECT_EQ(queue.dropped(), 8U);
}

TEST(MessageQueue, GapRecordTellsWhatIsMissing) {
  MessageQueue queue(2, 1000);
  for (std::uint64_t seq = 5; seq < 10; ++seq) {
    Message frame = message("f" + std::to_string(seq));
    frame.seq = seq;
    queue.push(std::move(frame), kStart + std::chrono::seconds(seq));
  }
  const auto gap = queue.take();
  EXPECT_EQ(gap.message->topic, "t/gap");
  EXPECT_EQ(gap.message->qos, 1);
  const auto record = nlohmann::json::parse(gap.message->payload);
  EXPECT_EQ(record["dropped"], 3);
  EXPECT_EQ(record["first_seq"], 5);
  EXPECT_EQ(record["last_seq"], 7);
  EXPECT_EQ(record["from"], "1970-01-01T00:16:45.000Z");
  EXPECT_EQ(record["to"], "1970-01-01T00:16:47.000Z");
  EXPECT_THAT(drain(queue), ElementsAre("f8", "f9")) << "told once";
}

TEST(MessageQueue, UnacknowledgedMessagesComeAgainInOrder) {
  MessageQueue queue(100, 1000);
  for (const char* text : {"1", "2", "3", "4"}) {
    queue.push(message(text), kStart);
  }
  const auto first = queue.take();
  queue.take();
  queue.take();
  queue.acknowledge(first.id);
  queue.connection_lost();
  EXPECT_EQ(queue.in_flight(), 0U);
  queue.push(message("5"), kStart);
  EXPECT_THAT(drain(queue), ElementsAre("2", "3", "4", "5"));
  EXPECT_EQ(queue.dropped(), 0U);
}

TEST(MessageQueue, QosZeroInFlightBecomesAGap) {
  MessageQueue queue(100, 1000);
  queue.push(message("once", MessageClass::kFrame, 0), kStart);
  queue.push(message("surely", MessageClass::kFrame, 1), kStart);
  drain(queue, false);
  queue.connection_lost();
  EXPECT_EQ(queue.dropped(), 1U);
  EXPECT_EQ(nlohmann::json::parse(queue.take().message->payload)["dropped"], 1);
  EXPECT_THAT(drain(queue), ElementsAre("surely"));
}

TEST(MessageQueue, AMessageThatEndsEveryConnectionIsGivenUp) {
  MessageQueue queue(100, 1000);
  queue.push(message("poison"), kStart);
  queue.push(message("good"), kStart);
  for (int i = 0; i < MessageQueue::kMaxFatalLosses; ++i) {
    EXPECT_EQ(queue.dropped(), 0U);
    EXPECT_THAT(drain(queue, false), ElementsAre("poison", "good"));
    queue.connection_lost();
  }
  EXPECT_EQ(nlohmann::json::parse(queue.take().message->payload)["dropped"], 1);
  EXPECT_THAT(drain(queue), ElementsAre("good"));
}

TEST(MessageQueue, NewerStateReplacesOneThatComesBack) {
  MessageQueue queue(100, 1000);
  queue.push(message("old", MessageClass::kState), kStart);
  drain(queue, false);
  queue.push(message("new", MessageClass::kState), kStart);
  queue.connection_lost();
  EXPECT_THAT(drain(queue), ElementsAre("new"));
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(MessageQueue, InFlightMessagesCountAgainstTheBound) {
  MessageQueue queue(3, 1000);
  for (const char* text : {"1", "2", "3"}) {
    queue.push(message(text), kStart);
  }
  drain(queue, false);
  queue.push(message("4"), kStart);
  EXPECT_FALSE(queue.has_next()) << "nothing but the new one could go";
  EXPECT_EQ(queue.messages(), 3U);
}

TEST(MessageQueue, LateAndDoubleAcknowledgementsAreHarmless) {
  MessageQueue queue(10, 1000);
  queue.push(message("1"), kStart);
  const auto entry = queue.take();
  queue.acknowledge(entry.id);
  queue.acknowledge(entry.id);
  queue.refuse(entry.id);
  EXPECT_EQ(queue.published(), 1U);
  EXPECT_EQ(queue.dropped(), 0U);
}

}  // namespace
}  // namespace fovea
