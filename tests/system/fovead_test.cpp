// The daemon as a process: what it tells systemd and the broker while it starts, reloads, loses things and ends.
//
// The pipelines use GStreamer's own elements, so that the test needs no models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/publish/schema_check.hpp"
#include "tests/system/broker.hpp"
#include "tests/system/subscriber.hpp"

namespace fovea {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using nlohmann::json;
using testing::Broker;
using testing::Received;
using testing::Subscriber;

/// Stands for systemd: the socket sd_notify writes to, read all the time as systemd does.
class NotifySocket {
 public:
  explicit NotifySocket(const fs::path& path) : path_(path), descriptor_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot bind " + path_.string());
    }
    reader_ = std::jthread([this](const std::stop_token& stop) { read(stop); });
  }
  ~NotifySocket() {
    reader_.request_stop();
    reader_.join();
    ::close(descriptor_);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// Waits for a message that contains `text`, after those heard before. \return Whether it came within 20 s.
  bool hears(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] {
      while (next_ < messages_.size()) {
        if (messages_[next_++].find(text) != std::string::npos) {
          return true;
        }
      }
      return false;
    });
  }

  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  void read(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd entry{descriptor_, POLLIN, 0};
      if (::poll(&entry, 1, 100) <= 0) {
        continue;
      }
      std::string message(4096, '\0');
      message.resize(static_cast<std::size_t>(::recv(descriptor_, message.data(), message.size(), 0)));
      {
        const std::lock_guard lock(mutex_);
        messages_.push_back(std::move(message));
      }
      changed_.notify_all();
    }
  }

  fs::path path_;
  int descriptor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> messages_;
  std::size_t next_ = 0;
  std::jthread reader_;
};

class Daemon {
 public:
  Daemon(const fs::path& config, const NotifySocket& notify) {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::setenv("NOTIFY_SOCKET", notify.path().c_str(), 1);
      ::setenv("FOVEA_MODEL_SPECS", FOVEA_SOURCE_DIR "/models/omz", 1);
      ::setenv("GST_PLUGIN_PATH", FOVEA_BINARY_DIR "/lib/gstreamer-1.0", 1);
      ::execl(FOVEA_BINARY_DIR "/bin/fovead", "fovead", "--config", config.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
  }
  ~Daemon() {
    signal(SIGKILL);
    wait();
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  void signal(int number) const {
    if (pid_ > 0) {
      ::kill(pid_, number);
    }
  }

  /// \return Exit status, -1 when it ended otherwise.
  int wait() {
    int status = 0;
    if (pid_ > 0) {
      ::waitpid(pid_, &status, 0);
      pid_ = -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

class Fovead : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(Broker::kProgram)) {
      GTEST_SKIP() << "mosquitto is not installed";
    }
    broker_.start();
    fs::create_directory(dir_ / "pipelines");
    write("fovea.yaml", "version: 1\nnode: box7\nstats-interval: 200ms\nmqtt: {address: '" + broker_.address() +
                            "', min-backoff: 50ms, max-backoff: 200ms}\n");
  }

  void write(const std::string& name, const std::string& text) const { std::ofstream(dir_ / name) << text; }

  void write_pipeline(const std::string& name, const std::string& source) const {
    write("pipelines/" + name + ".yaml", "version: 1\nsource: " + source + "\n");
  }

  static std::string live(const std::string& pattern) {
    return "{test: " + pattern + ", sync: true, caps: 'video/x-raw,width=64,height=48,framerate=30/1'}";
  }

  /// The last state published for a pipeline; "" after it was deleted or before the first.
  static std::string state_of(const std::vector<Received>& messages, const std::string& pipeline) {
    std::string state;
    for (const Received& message : messages) {
      if (message.topic == "fovea/box7/" + pipeline + "/state") {
        state = message.payload.empty() ? "" : json::parse(message.payload)["state"].get<std::string>();
      }
    }
    return state;
  }

  static bool reaches(Subscriber& subscriber, const std::string& pipeline, const std::string& state) {
    return subscriber.wait_for([&](const auto& all) { return state_of(all, pipeline) == state; });
  }

  testing::TempDir dir_;
  Broker broker_;
};

TEST_F(Fovead, TellsItsLifeFromStartToEnd) {
  write_pipeline("door", live("ball"));
  NotifySocket notify(dir_ / "notify");
  Subscriber subscriber(broker_.address(), "watcher", "fovea/#");
  Daemon daemon(dir_ / "fovea.yaml", notify);
  EXPECT_TRUE(notify.hears("READY=1"));
  EXPECT_TRUE(notify.hears("WATCHDOG=1"));
  EXPECT_TRUE(notify.hears("STATUS=1/1 pipelines running"));
  EXPECT_TRUE(reaches(subscriber, "door", "running"));
  EXPECT_TRUE(subscriber.wait_for([](const auto& all) {
    return std::count_if(all.begin(), all.end(), [](const Received& m) { return m.topic == "fovea/box7/stats"; }) >= 3;
  }));
  daemon.signal(SIGTERM);
  EXPECT_TRUE(notify.hears("STOPPING=1"));
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_TRUE(subscriber.wait_for([](const auto& all) { return all.back().payload == "offline"; }));
  EXPECT_EQ(state_of(subscriber.messages(), "door"), "stopped");
  EXPECT_EQ(subscriber.messages().back().reason, "stopped");
  std::vector<std::string> states;
  std::vector<std::string> stats;
  for (const Received& message : subscriber.messages()) {
    if (message.topic == "fovea/box7/door/state") {
      states.push_back(message.payload);
    } else if (message.topic == "fovea/box7/stats") {
      stats.push_back(message.payload);
    }
  }
  EXPECT_EQ(testing::schema_violation("state", states), "");
  EXPECT_EQ(testing::schema_violation("stats", stats), "");
  EXPECT_GT(json::parse(stats.back())["pipelines"][0]["frames"], 0);
}

TEST_F(Fovead, ReloadTouchesOnlyWhatChanged) {
  write_pipeline("same", live("ball"));
  write_pipeline("changed", live("ball"));
  write_pipeline("gone", live("ball"));
  NotifySocket notify(dir_ / "notify");
  Subscriber subscriber(broker_.address(), "watcher", "fovea/#");
  Daemon daemon(dir_ / "fovea.yaml", notify);
  for (const char* name : {"same", "changed", "gone"}) {
    ASSERT_TRUE(reaches(subscriber, name, "running"));
  }
  const auto states_of_same = [&] {
    const auto all = subscriber.messages();
    return std::count_if(all.begin(), all.end(), [](const Received& m) { return m.topic == "fovea/box7/same/state"; });
  };
  const auto before = states_of_same();
  write_pipeline("changed", live("smpte"));
  write_pipeline("new", live("ball"));
  fs::remove(dir_ / "pipelines/gone.yaml");
  daemon.signal(SIGHUP);
  EXPECT_TRUE(notify.hears("RELOADING=1"));
  EXPECT_TRUE(notify.hears("READY=1"));
  EXPECT_TRUE(reaches(subscriber, "new", "running"));
  EXPECT_TRUE(reaches(subscriber, "gone", "")) << "its retained state is deleted";
  EXPECT_TRUE(subscriber.wait_for([](const auto& all) {
    return std::count_if(all.begin(), all.end(), [](const Received& m) {
             return m.topic == "fovea/box7/changed/state" && m.payload.find("\"running\"") != std::string::npos;
           }) == 2;
  }));
  EXPECT_EQ(states_of_same(), before);
}

TEST_F(Fovead, ABadEditChangesNothing) {
  write_pipeline("door", live("ball"));
  NotifySocket notify(dir_ / "notify");
  Subscriber subscriber(broker_.address(), "watcher", "fovea/#");
  Daemon daemon(dir_ / "fovea.yaml", notify);
  ASSERT_TRUE(reaches(subscriber, "door", "running"));
  const std::string good_node = "version: 1\nnode: box7\n";
  write_pipeline("door", "{tset: ball}");
  daemon.signal(SIGHUP);
  EXPECT_TRUE(notify.hears("STATUS=reloaded"));
  write("fovea.yaml", good_node + "mqqt: {}\n");
  daemon.signal(SIGHUP);
  EXPECT_TRUE(notify.hears("STATUS=reload refused"));
  EXPECT_EQ(state_of(subscriber.messages(), "door"), "running");
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
}

TEST_F(Fovead, OneBadFileDoesNotKeepTheOthersFromRunning) {
  write_pipeline("good", live("ball"));
  write_pipeline("bad", "{tset: ball}");
  NotifySocket notify(dir_ / "notify");
  Subscriber subscriber(broker_.address(), "watcher", "fovea/#");
  Daemon daemon(dir_ / "fovea.yaml", notify);
  EXPECT_TRUE(reaches(subscriber, "good", "running"));
  EXPECT_TRUE(reaches(subscriber, "bad", "failed"));
}

TEST_F(Fovead, RunsWithoutABroker) {
  broker_.stop(SIGKILL);
  write_pipeline("door", live("ball"));
  NotifySocket notify(dir_ / "notify");
  Daemon daemon(dir_ / "fovea.yaml", notify);
  EXPECT_TRUE(notify.hears("READY=1"));
  EXPECT_TRUE(notify.hears("mqtt down"));
  broker_.start();
  EXPECT_TRUE(notify.hears("mqtt up"));
  Subscriber subscriber(broker_.address(), "watcher", "fovea/#");
  EXPECT_TRUE(reaches(subscriber, "door", "running")) << "retained";
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
}

/// The whole way: recording, detector, tracker, broker.
TEST_F(Fovead, PublishesThePeopleOfARecording) {
  const fs::path data = FOVEA_TEST_DATA;
  const fs::path video = data / "media/videos/one-by-one-person-detection.mp4";
  const fs::path model = data / "models/person-detection-retail-0013/FP32/person-detection-retail-0013.xml";
  if (!fs::exists(video) || !fs::exists(model)) {
    GTEST_SKIP() << "no models or recordings in " << data;
  }
  constexpr std::uint64_t kFrames = 240;
  write("pipelines/people.yaml", "version: 1\nsource: {file: '" + video.string() + "'}\nstages:\n" +
                                     "  - gst: identity eos-after=" + std::to_string(kFrames + 1) + "\n" +
                                     "  - detect: {model: '" + model.string() + "', inference-interval: 4}\n" +
                                     "  - track: {type: short-term}\npublish:\n  - mqtt: {qos: 1}\n");
  NotifySocket notify(dir_ / "notify");
  Subscriber subscriber(broker_.address(), "watcher", "fovea/#");
  Daemon daemon(dir_ / "fovea.yaml", notify);
  ASSERT_TRUE(subscriber.wait_for([](const auto& all) { return state_of(all, "people") == "finished"; }, 120s));
  const auto frame_messages = [](const std::vector<Received>& all) {
    std::vector<std::string> frames;
    for (const Received& message : all) {
      if (message.topic == "fovea/box7/people/frames") {
        frames.push_back(message.payload);
      }
    }
    return frames;
  };
  EXPECT_TRUE(subscriber.wait_for([&](const auto& all) { return frame_messages(all).size() >= kFrames; }));
  const std::vector<std::string> frames = frame_messages(subscriber.messages());
  std::uint64_t counted = 0;
  for (const Received& message : subscriber.messages()) {
    if (message.topic == "fovea/box7/people/state") {
      counted = json::parse(message.payload)["frames"].get<std::uint64_t>();
    }
  }
  // The decoder's last frames still come after eos-after, so the state says how many there were.
  EXPECT_EQ(frames.size(), counted) << "one message a frame";
  EXPECT_EQ(testing::schema_violation("frame", frames), "");
  int tracked_people = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const json frame = json::parse(frames[i]);
    EXPECT_EQ(frame["seq"], i);
    EXPECT_EQ(frame["inferred"], i % 4 == 0) << i;
    for (const json& object : frame["objects"]) {
      tracked_people += object["label"] == "person" && object.contains("id") ? 1 : 0;
    }
  }
  EXPECT_GT(tracked_people, 0);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
}

/// Payloads of a topic in the order they came.
std::vector<std::string> payloads_of(const std::vector<Received>& all, const std::string& topic) {
  std::vector<std::string> payloads;
  for (const Received& message : all) {
    if (message.topic == topic) {
      payloads.push_back(message.payload);
    }
  }
  return payloads;
}

/// The broker goes away for a second in the middle of a recording: nothing is missing, order is kept.
TEST_F(Fovead, LosesNoFrameWhenTheBrokerRestarts) {
  const fs::path data = FOVEA_TEST_DATA;
  const fs::path video = data / "media/videos/people-detection.264";
  const fs::path model = data / "models/person-detection-retail-0013/FP16/person-detection-retail-0013.xml";
  if (!fs::exists(video) || !fs::exists(model)) {
    GTEST_SKIP() << "no models or recordings in " << data;
  }
  constexpr const char* kTopic = "fovea/box7/people/frames";
  write("pipelines/people.yaml", "version: 1\nsource: {file: '" + video.string() + "'}\nstages:\n" +
                                     "  - detect: {model: '" + model.string() + "', inference-interval: 3}\n" +
                                     "  - track: {type: short-term}\npublish:\n  - mqtt: {qos: 1}\n");
  NotifySocket notify(dir_ / "notify");
  Subscriber subscriber(broker_.address(), "durable", "fovea/#");
  Daemon daemon(dir_ / "fovea.yaml", notify);
  ASSERT_TRUE(subscriber.wait_for([&](const auto& all) { return payloads_of(all, kTopic).size() >= 100; }, 60s));
  broker_.stop();
  std::this_thread::sleep_for(1s);
  broker_.start();
  ASSERT_TRUE(subscriber.wait_for([](const auto& all) { return state_of(all, "people") == "finished"; }, 120s));
  constexpr std::uint64_t kFrames = 596;  // of the recording
  const auto complete = [&](const std::vector<Received>& all) {
    const auto payloads = payloads_of(all, kTopic);
    return !payloads.empty() && json::parse(payloads.back())["seq"] == kFrames - 1;
  };
  EXPECT_TRUE(subscriber.wait_for(complete));
  const std::vector<std::string> frames = payloads_of(subscriber.messages(), kTopic);
  EXPECT_EQ(testing::schema_violation("frame", frames), "");
  std::uint64_t next = 0;
  for (const std::string& payload : frames) {
    const auto seq = json::parse(payload)["seq"].get<std::uint64_t>();
    ASSERT_LE(seq, next) << "frames " << next << " to " << seq - 1 << " are missing";
    next = std::max(next, seq + 1);  // at least once: some come again after the restart
  }
  EXPECT_EQ(next, kFrames);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
}

}  // namespace
}  // namespace fovea
