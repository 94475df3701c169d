// Supervisor with GStreamer's own elements: the states a pipeline goes through, and what is restarted when.
#include "daemon/supervisor.hpp"

#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "daemon/service.hpp"

namespace fovea {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kEndless = "videotestsrc is-live=true ! fakesink name=sink0";

class SupervisorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  static PipelineJob job(const std::string& name, const std::string& description) {
    PipelineJob made{.name = name, .description = description};
    made.reconnect = {.min_backoff = 20ms, .max_backoff = 80ms, .stall_timeout = 5s};
    return made;
  }

  /// Runs the main loop until `condition` holds. \return false after 20 s.
  bool run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      g_main_context_iteration(nullptr, FALSE);
      supervisor_.tick();
      g_usleep(5000);
    }
    return true;
  }

  bool reaches(const std::string& name, PipelineState state) {
    return run_until([&] { return now_[name].state == state; });
  }

  std::map<std::string, PipelineStatus> now_;
  std::map<std::string, std::vector<PipelineState>> story_;
  Supervisor supervisor_{[this](const PipelineStatus& status) {
    now_[status.name] = status;
    story_[status.name].push_back(status.state);
  }};
};

TEST_F(SupervisorTest, RunsToTheEnd) {
  supervisor_.set_jobs({job("a", "videotestsrc num-buffers=20 ! fakesink name=sink0")});
  EXPECT_TRUE(reaches("a", PipelineState::kFinished));
  EXPECT_THAT(story_["a"], ElementsAre(PipelineState::kStarting, PipelineState::kRunning, PipelineState::kFinished));
  EXPECT_EQ(now_["a"].frames, 20U);
  EXPECT_TRUE(supervisor_.idle());
}

TEST_F(SupervisorTest, AFailingPipelineIsStartedAgainAndAgain) {
  supervisor_.set_jobs({job("a", "videotestsrc ! identity error-after=3 ! fakesink name=sink0")});
  EXPECT_TRUE(run_until([&] { return now_["a"].restarts >= 3; }));
  EXPECT_TRUE(reaches("a", PipelineState::kRetrying));
  EXPECT_THAT(now_["a"].reason, HasSubstr("identity"));
  EXPECT_FALSE(supervisor_.idle());
}

TEST_F(SupervisorTest, ASourceThatIsNotThereIsRetriedToo) {
  supervisor_.set_jobs({job("a", "filesrc location=/nonexistent ! fakesink name=sink0")});
  EXPECT_TRUE(run_until([&] { return now_["a"].restarts >= 2; }));
  EXPECT_TRUE(reaches("a", PipelineState::kRetrying));
  EXPECT_THAT(now_["a"].reason, HasSubstr("/nonexistent"));
}

TEST_F(SupervisorTest, ReasonsShowNoPasswords) {
  supervisor_.set_jobs({job("a", "filesrc location=rtsp://user:s3cr3t@camera/x ! fakesink name=sink0")});
  EXPECT_TRUE(reaches("a", PipelineState::kRetrying));
  EXPECT_THAT(now_["a"].reason, HasSubstr("\"rtsp://camera/x\""));
  EXPECT_THAT(now_["a"].reason, ::testing::Not(HasSubstr("s3cr3t")));
}

TEST_F(SupervisorTest, ADescriptionThatCannotBeParsedFailsForGood) {
  supervisor_.set_jobs({job("a", "videotestsrc ! nosuchelement ! fakesink name=sink0")});
  EXPECT_TRUE(reaches("a", PipelineState::kFailed));
  EXPECT_THAT(now_["a"].reason, HasSubstr("nosuchelement"));
  EXPECT_TRUE(supervisor_.idle());
}

TEST_F(SupervisorTest, ASilentSourceIsStalledAndStartedAgain) {
  PipelineJob silent = job("a", "videotestsrc ! valve drop=true ! fakesink name=sink0");
  silent.reconnect.stall_timeout = 200ms;
  supervisor_.set_jobs({silent});
  EXPECT_TRUE(run_until([&] { return now_["a"].restarts >= 2; }));
  EXPECT_THAT(story_["a"], ::testing::Contains(PipelineState::kStalled));
}

TEST_F(SupervisorTest, LoopBeginsAgain) {
  PipelineJob looped = job("a", "videotestsrc num-buffers=10 ! fakesink name=sink0");
  looped.loop = true;
  supervisor_.set_jobs({looped});
  EXPECT_TRUE(run_until([&] {
    const auto all = supervisor_.status();
    return all[0].frames >= 35;
  }));
  EXPECT_EQ(supervisor_.status()[0].state, PipelineState::kRunning);
}

TEST_F(SupervisorTest, OnlyWhatChangedIsTouched) {
  supervisor_.set_jobs({job("same", kEndless), job("changed", kEndless), job("gone", kEndless)});
  for (const char* name : {"same", "changed", "gone"}) {
    ASSERT_TRUE(reaches(name, PipelineState::kRunning));
  }
  story_.clear();
  const auto gone =
      supervisor_.set_jobs({job("new", kEndless), job("same", kEndless),
                            job("changed", "videotestsrc is-live=true pattern=ball ! fakesink name=sink0")});
  EXPECT_THAT(gone, ElementsAre("gone"));
  EXPECT_TRUE(reaches("new", PipelineState::kRunning));
  EXPECT_TRUE(reaches("changed", PipelineState::kRunning));
  EXPECT_THAT(story_["same"], IsEmpty());
  EXPECT_THAT(story_["changed"], ElementsAre(PipelineState::kStarting, PipelineState::kRunning));
}

TEST_F(SupervisorTest, StopsWithAnEndOfStream) {
  supervisor_.set_jobs({job("a", kEndless), job("b", "filesrc location=/nonexistent ! fakesink name=sink0")});
  ASSERT_TRUE(reaches("a", PipelineState::kRunning));
  ASSERT_TRUE(reaches("b", PipelineState::kRetrying));
  supervisor_.begin_stop(10s);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(run_until([&] { return supervisor_.stopped(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s) << "the stream ended by itself";
  EXPECT_EQ(now_["a"].state, PipelineState::kStopped);
  EXPECT_EQ(now_["b"].state, PipelineState::kStopped);
}

TEST(Watchdog, AsksForFramesAndForThePublisher) {
  Watchdog watchdog;
  const Watchdog::Clock::time_point start{std::chrono::hours(1)};
  const auto at = [&](int seconds) { return start + std::chrono::seconds(seconds); };
  PipelineStatus running{.name = "a", .state = PipelineState::kRunning, .frames = 1};
  EXPECT_TRUE(watchdog.alive(at(0), 1, {running}));
  EXPECT_TRUE(watchdog.alive(at(10), 1, {running})) << "a moment of silence";
  EXPECT_FALSE(watchdog.alive(at(30), 1, {running})) << "the publisher thread hangs";
  EXPECT_TRUE(watchdog.alive(at(31), 2, {running}));
  for (int second = 32; second < 600; ++second) {
    const bool alive = watchdog.alive(at(second), static_cast<std::uint64_t>(second), {running});
    EXPECT_EQ(alive, second < 300) << "a running pipeline without frames for five minutes, second " << second;
  }
  running.frames = 2;
  EXPECT_TRUE(watchdog.alive(at(600), 600, {running}));
  running.state = PipelineState::kRetrying;
  EXPECT_TRUE(watchdog.alive(at(2000), 601, {running})) << "waiting for a camera is no fault of ours";
  EXPECT_TRUE(watchdog.alive(at(4000), std::nullopt, {running})) << "no broker, no publisher";
}

}  // namespace
}  // namespace fovea
