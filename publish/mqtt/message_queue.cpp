// MessageQueue: see the header for the rules.
#include "publish/mqtt/message_queue.hpp"

#include <algorithm>
#include <utility>

namespace fovea {
namespace {

/// Topics for which gaps are told; losses on more topics than that are only counted. A node has a few per camera.
constexpr std::size_t kMaxGapTopics = 1024;

std::size_t size_of(const Message& message) { return message.topic.size() + message.payload.size(); }

}  // namespace

void MessageQueue::account(const Message& message, int sign) {
  if (sign > 0) {
    ++messages_;
    bytes_ += size_of(message);
  } else {
    --messages_;
    bytes_ -= size_of(message);
  }
}

void MessageQueue::supersede(const Message& state) {
  std::deque<Entry>& queue = waiting(state);
  const auto old =
      std::find_if(queue.begin(), queue.end(), [&](const Entry& e) { return e.message->topic == state.topic; });
  if (old != queue.end()) {
    account(*old->message, -1);
    queue.erase(old);
  }
}

void MessageQueue::push(Message message, WallTime now) {
  const Entry entry{next_id_++, std::make_shared<const Message>(std::move(message)), now};
  if (size_of(*entry.message) > max_bytes_) {
    note_gap(entry);  // It would push out everything else and still not fit.
    return;
  }
  if (entry.message->message_class == MessageClass::kState) {
    supersede(*entry.message);
  }
  account(*entry.message, 1);
  waiting(*entry.message).push_back(entry);
  while ((messages_ > max_messages_ || bytes_ > max_bytes_) && has_next()) {
    drop_oldest();
  }
}

void MessageQueue::drop_oldest() {
  for (std::deque<Entry>& queue : waiting_) {
    if (!queue.empty()) {
      account(*queue.front().message, -1);
      note_gap(queue.front());
      queue.pop_front();
      return;
    }
  }
}

void MessageQueue::note_gap(const Entry& entry) {
  ++dropped_;
  const std::string& topic = entry.message->topic;
  auto found = gaps_.find(topic);
  if (found == gaps_.end()) {
    if (gaps_.size() >= kMaxGapTopics) {
      return;
    }
    GapRecord fresh{.topic = topic, .from = entry.handed_over, .to = entry.handed_over};
    found = gaps_.emplace(topic, std::move(fresh)).first;
  }
  GapRecord& gap = found->second;
  gap.from = std::min(gap.from, entry.handed_over);
  gap.to = std::max(gap.to, entry.handed_over);
  if (const auto seq = entry.message->seq) {
    gap.first_seq = std::min(gap.first_seq.value_or(*seq), *seq);
    gap.last_seq = std::max(gap.last_seq.value_or(*seq), *seq);
  }
  ++gap.dropped;
}

bool MessageQueue::has_next() const {
  return std::any_of(waiting_.begin(), waiting_.end(), [](const auto& queue) { return !queue.empty(); });
}

MessageQueue::Entry MessageQueue::take_gap() {
  const auto gap = gaps_.begin();
  Message message{.topic = gap->first + "/gap", .payload = to_json(gap->second), .qos = 1};
  message.message_class = MessageClass::kEvent;
  message.schema = kGapSchema;
  Entry entry{next_id_++, std::make_shared<const Message>(std::move(message)), gap->second.to};
  gaps_.erase(gap);
  account(*entry.message, 1);
  return entry;
}

void MessageQueue::remember(const Entry& entry) { in_flight_.emplace(entry.id, entry); }

MessageQueue::Entry MessageQueue::take() {
  Entry entry;
  if (!gaps_.empty() && has_next()) {
    entry = take_gap();
  } else {
    const auto queue = std::find_if(waiting_.rbegin(), waiting_.rend(), [](const auto& q) { return !q.empty(); });
    if (queue == waiting_.rend()) {
      return entry;
    }
    entry = std::move(queue->front());
    queue->pop_front();
  }
  remember(entry);
  return entry;
}

void MessageQueue::acknowledge(Id id) {
  const auto found = in_flight_.find(id);
  if (found != in_flight_.end()) {
    account(*found->second.message, -1);
    ++published_;
    in_flight_.erase(found);
  }
}

void MessageQueue::refuse(Id id) {
  const auto found = in_flight_.find(id);
  if (found != in_flight_.end()) {
    account(*found->second.message, -1);
    ++dropped_;  // No gap record: a topic we may not write to is a configuration error, and is logged as one.
    in_flight_.erase(found);
  }
}

void MessageQueue::connection_lost() {
  const auto first = std::find_if(in_flight_.begin(), in_flight_.end(),
                                  [](const auto& entry) { return entry.second.message->qos > 0; });
  if (first != in_flight_.end()) {
    ++first->second.fatal_losses;
  }
  for (auto entry = in_flight_.rbegin(); entry != in_flight_.rend(); ++entry) {
    const Message& message = *entry->second.message;
    std::deque<Entry>& queue = waiting(message);
    const bool superseded =
        message.message_class == MessageClass::kState &&
        std::any_of(queue.begin(), queue.end(), [&](const Entry& e) { return e.message->topic == message.topic; });
    const bool given_up = message.qos == 0 || entry->second.fatal_losses >= kMaxFatalLosses;
    if (given_up) {
      note_gap(entry->second);
    }
    if (given_up || superseded) {
      account(message, -1);
    } else {
      queue.push_front(std::move(entry->second));
    }
  }
  in_flight_.clear();
}

}  // namespace fovea
