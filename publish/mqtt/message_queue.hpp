// MessageQueue: messages that wait for the broker or for its acknowledgement, within bounds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "publish/message.hpp"
#include "publish/sink.hpp"

namespace fovea {

/// Queue by class, the most important first, in order of arrival within a class; of state messages only the latest per
/// topic is kept. Messages handed out stay here until they are acknowledged, and come out again in their old order
/// after a lost connection. When a bound is exceeded the oldest message of the least important class goes; what went is
/// told once, per topic, by a `fovea.gap` message on `<topic>/gap` that comes out before anything else.
///
/// Thread-compatible.
class MessageQueue {
 public:
  using Id = std::uint64_t;

  struct Entry {
    Id id = 0;
    std::shared_ptr<const Message> message;  ///< Never null in a queue.
    WallTime handed_over{};
    int fatal_losses = 0;  ///< Connections that ended while this was the first unacknowledged message.
  };

  /// A message that was first in line when so many connections ended is what ends them (too large for the broker, say)
  /// and is given up, so that the others get through.
  static constexpr int kMaxFatalLosses = 10;

  /// \param max_messages, max_bytes  Of everything held, in flight included; payload and topic bytes count.
  MessageQueue(std::size_t max_messages, std::size_t max_bytes) : max_messages_(max_messages), max_bytes_(max_bytes) {}

  void push(Message message, WallTime now);

  /// Something waits that is not in flight.
  [[nodiscard]] bool has_next() const;

  /// The next message to send, now in flight. The entry's message is null when nothing waits.
  Entry take();

  /// Message `id` has arrived. Unknown ids are ignored: an acknowledgement may come twice.
  void acknowledge(Id id);

  /// The broker refused message `id` for good.
  void refuse(Id id);

  /// Nothing in flight will be acknowledged any more: messages with QoS 1 wait again in their old places, those with
  /// QoS 0 are lost and become part of a gap. See kMaxFatalLosses for the exception.
  void connection_lost();

  [[nodiscard]] std::size_t messages() const { return messages_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] std::uint64_t published() const { return published_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  std::deque<Entry>& waiting(const Message& message) {
    return waiting_[static_cast<std::size_t>(message.message_class)];
  }
  void account(const Message& message, int sign);
  void supersede(const Message& state);
  void drop_oldest();
  void note_gap(const Entry& entry);
  Entry take_gap();
  void remember(const Entry& entry);

  std::size_t max_messages_;
  std::size_t max_bytes_;
  std::array<std::deque<Entry>, kMessageClassCount> waiting_;
  std::map<Id, Entry> in_flight_;
  std::map<std::string, GapRecord> gaps_;  ///< By topic.
  Id next_id_ = 1;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t published_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace fovea
