// Requests, the request pool, properties and models shared by threads.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <thread>

#include "engine/base/cpu_info.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "engine/runtime/properties.hpp"
#include "engine/runtime/request_pool.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

using namespace std::chrono_literals;

Model small_model() {
  Model model;
  model.name = "small";
  model.graph = parse_graph("a = Multiply(x: f32[2], c: f32[2]{2,3})\ny = Exp(a)\nz = Add(y, a)\n-> a, z");
  return model;
}

/// A compiled model with one lane, so that a request that waits in `prepare` keeps all others waiting.
CompiledModel one_lane(Core& core, const std::string& device = "CPU") {
  return core.compile_model(small_model(), device, {{"NUM_STREAMS", "1"}});
}

/// Lets a prepare function wait until the test opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    entered_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void wait_until_entered() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return entered_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool entered_ = false;
};

void fill(InferRequest& request, float first, float second) {
  request.set_input_tensor(Tensor::of<float>({2}, {first, second}));
}

ErrorCode code_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& caught) {
    return caught.code();
  }
}

TEST(InferRequest, ComputesAndFindsPorts) {
  Core core;
  for (const std::string device : {"CPU", "REFERENCE"}) {
    InferRequest request = one_lane(core, device).create_infer_request();
    fill(request, 1, 2);
    request.infer();
    EXPECT_EQ(to_doubles(request.output("a")), (std::vector<double>{2, 6}));
    EXPECT_EQ(request.output("a").bytes, request.output(0).bytes);
    expect_error(ErrorCode::kNotFound, {"no output 'b'", "'a', 'z'"}, [&] { (void)request.output("b"); });
    expect_error(ErrorCode::kNotFound, {"2 outputs"}, [&] { (void)request.output(""); });
    expect_error(ErrorCode::kNotFound, {"output 7 of 2"}, [&] { (void)request.output(7); });
    expect_error(ErrorCode::kNotFound, {"input 1 of 1"}, [&] { (void)request.input(1); });
    expect_error(ErrorCode::kInvalidArgument, {"takes [2], not [3]"},
                 [&] { request.set_input_tensor(Tensor(DataType::kF32, {3})); });
    EXPECT_GT(request.timing().work.count(), 0);
    EXPECT_TRUE(request.profile().empty());
  }
}

TEST(InferRequest, ProfileHasOneEntryAStep) {
  Core core;
  const CompiledModel compiled = core.compile_model(small_model(), "CPU", {{"PERF_COUNT", "YES"}});
  InferRequest request = compiled.create_infer_request();
  request.infer();
  request.infer();
  EXPECT_EQ(request.profile().size(), compiled.steps().size());
}

TEST(InferRequest, CallbackComesExactlyOnceARun) {
  Core core;
  InferRequest request = one_lane(core).create_infer_request();
  std::atomic<int> calls{0};
  request.set_callback([&](const std::exception_ptr& error) {
    EXPECT_EQ(error, nullptr);
    ++calls;
  });
  for (int i = 1; i <= 100; ++i) {
    request.infer();
    ASSERT_EQ(calls, i) << "wait returns after the callback";
  }
}

TEST(InferRequest, MayBeStartedAgainFromItsCallback) {
  Core core;
  InferRequest request = one_lane(core).create_infer_request();
  constexpr int kRuns = 50;
  std::atomic<int> calls{0};
  request.set_callback([&](const std::exception_ptr&) {
    if (++calls < kRuns) {
      request.start_async();
    }
  });
  request.start_async();
  request.wait();
  EXPECT_EQ(calls, kRuns) << "wait covers the runs that callbacks start";
}

TEST(InferRequest, SecondStartIsRefusedWhileRunning) {
  Core core;
  Gate gate;
  InferRequest request = one_lane(core).create_infer_request();
  request.set_prepare([&] { gate.pass(); });
  request.start_async();
  gate.wait_until_entered();
  expect_error(ErrorCode::kInvalidArgument, {"running already"}, [&] { request.start_async(); });
  EXPECT_FALSE(request.wait_for(5ms));
  EXPECT_FALSE(request.wait_for(0ns));
  gate.open();
  EXPECT_TRUE(request.wait_for(std::chrono::nanoseconds::max()));
}

TEST(InferRequest, WaitWithoutStartReturns) {
  Core core;
  InferRequest request = one_lane(core).create_infer_request();
  request.wait();
  EXPECT_TRUE(request.wait_for(0ns));
  request.cancel();
  fill(request, 1, 1);
  request.infer();  // a cancel while idle is forgotten
  EXPECT_EQ(to_doubles(request.output(0)), (std::vector<double>{2, 3}));
}

TEST(InferRequest, CancelBeforeAndWhileRunning) {
  Core core;
  const CompiledModel compiled = one_lane(core);
  Gate gate;
  InferRequest blocker = compiled.create_infer_request();
  blocker.set_prepare([&] { gate.pass(); });
  InferRequest waiting = compiled.create_infer_request();
  std::atomic<int> calls{0};
  waiting.set_callback([&](const std::exception_ptr& error) {
    EXPECT_EQ(code_of(error), ErrorCode::kCancelled);
    ++calls;
  });
  blocker.start_async();
  gate.wait_until_entered();
  waiting.start_async();
  waiting.cancel();  // not on a lane yet
  blocker.cancel();  // in its prepare
  gate.open();
  expect_error(ErrorCode::kCancelled, {"cancelled before node"}, [&] { blocker.wait(); });
  expect_error(ErrorCode::kCancelled, {"cancelled before node"}, [&] { waiting.wait(); });
  EXPECT_EQ(calls, 1);
  waiting.set_callback({});
  waiting.infer();  // and the next run is not cancelled
}

TEST(InferRequest, ExceptionsInPrepareReachCallbackAndWait) {
  Core core;
  InferRequest request = one_lane(core).create_infer_request();
  std::atomic<int> calls{0};
  request.set_callback([&](const std::exception_ptr& error) {
    ++calls;
    EXPECT_THROW(std::rethrow_exception(error), std::runtime_error);
  });
  request.set_prepare([] { throw std::runtime_error("no picture"); });
  request.start_async();
  EXPECT_THROW(request.wait(), std::runtime_error);
  EXPECT_THROW(request.wait(), std::runtime_error) << "asked twice, answered twice";
  EXPECT_THROW(request.wait_for(1s), std::runtime_error);
  EXPECT_EQ(calls, 1);
  request.set_prepare({});
  request.set_callback({});
  EXPECT_NO_THROW(request.infer());
}

TEST(InferRequest, OutlivesCoreAndModelAndMayMove) {
  std::atomic<int> calls{0};
  std::vector<InferRequest> requests;
  {
    Core core;
    const CompiledModel compiled = one_lane(core);
    for (int i = 0; i < 4; ++i) {
      requests.push_back(compiled.create_infer_request());
      requests.back().set_callback([&](const std::exception_ptr& error) {
        EXPECT_EQ(error, nullptr);
        ++calls;
      });
      requests.back().start_async();  // the vector moves running requests as it grows
    }
  }
  InferRequest moved = std::move(requests[0]);
  requests[1] = std::move(requests[2]);
  moved.wait();
  EXPECT_GT(moved.timing().work.count(), 0);
  requests.clear();
  EXPECT_EQ(calls, 4) << "destroying a request waits for its run";
}

TEST(InferRequest, DestructionWaitsForTheRunInFlight) {
  Core core;
  Gate gate;
  std::atomic<bool> finished{false};
  std::thread opener;
  {
    InferRequest request = one_lane(core).create_infer_request();
    request.set_prepare([&] { gate.pass(); });
    request.set_callback([&](const std::exception_ptr&) { finished = true; });
    request.start_async();
    gate.wait_until_entered();
    opener = std::thread([&] {
      std::this_thread::sleep_for(10ms);
      gate.open();
    });
  }
  EXPECT_TRUE(finished);
  opener.join();
}

TEST(CompiledModel, FourThreadsShareOne) {
  Core core;
  for (const std::string device : {"CPU", "REFERENCE"}) {
    const CompiledModel compiled = core.compile_model(small_model(), device);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        const CompiledModel copy = compiled;
        InferRequest request = copy.create_infer_request();
        for (int i = 0; i < 50; ++i) {
          const auto value = static_cast<float>(t * 100 + i);
          fill(request, value, -value);
          request.infer();
          const auto a = request.output("a").data<float>();
          wrong += a[0] == 2 * value && a[1] == -3 * value ? 0 : 1;
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(wrong, 0) << device;
  }
}

TEST(Core, NamesWhatIsUnknown) {
  Core core;
  expect_error(ErrorCode::kNotFound, {"no device 'GPU'", "CPU, REFERENCE", "did you mean 'CPU'"},
               [&] { (void)core.compile_model(small_model(), "GPU"); });
  expect_error(ErrorCode::kInvalidArgument, {"unknown property 'NUM_STREAM'", "did you mean 'NUM_STREAMS'"}, [&] {
    (void)core.compile_model(small_model(), "CPU", {{"NUM_STREAM", "1"}});
  });
  expect_error(ErrorCode::kInvalidArgument, {"PERFORMANCE_HINT is 'FAST'", "LATENCY|THROUGHPUT"}, [&] {
    (void)core.compile_model(small_model(), "CPU", {{"PERFORMANCE_HINT", "FAST"}});
  });
  for (const std::string value : {"-1", "two", "1.5", "70000", ""}) {
    expect_error(ErrorCode::kInvalidArgument, {"NUM_STREAMS is '" + value + "'", "integer ≥ 0"}, [&] {
      (void)core.compile_model(small_model(), "CPU", {{"NUM_STREAMS", value}});
    });
  }
  for (const std::string value : {"0", "1025", "many"}) {
    expect_error(ErrorCode::kInvalidArgument, {"SHAPE_CACHE_SIZE is '" + value + "'", "integer from 1 to 1024"}, [&] {
      (void)core.compile_model(small_model(), "CPU", {{"SHAPE_CACHE_SIZE", value}});
    });
  }
  EXPECT_EQ(core.devices().size(), 2U);
}

TEST(Properties, ParsedCompletedAndAnswered) {
  const Properties parsed = parse_properties(" PERFORMANCE_HINT = LATENCY , PERF_COUNT=YES");
  EXPECT_EQ(parsed, (Properties{{"PERFORMANCE_HINT", "LATENCY"}, {"PERF_COUNT", "YES"}}));
  EXPECT_TRUE(parse_properties("").empty());
  expect_error(ErrorCode::kInvalidArgument, {"'LATENCY'", "KEY=VALUE"}, [] { parse_properties("A=1,LATENCY"); });
  expect_error(ErrorCode::kInvalidArgument, {"'=1'"}, [] { parse_properties("=1"); });
  EXPECT_EQ(complete_properties({}).size(), all_properties().size());
  for (const PropertyDef& def : all_properties()) {
    EXPECT_NO_THROW(complete_properties({{std::string(def.name), std::string(def.default_value)}})) << def.name;
  }
  Core core;
  const CompiledModel compiled = core.compile_model(small_model(), "CPU", parsed);
  EXPECT_EQ(compiled.get_property("PERFORMANCE_HINT"), "LATENCY");
  EXPECT_EQ(compiled.get_property("NUM_STREAMS"), "0");
  EXPECT_EQ(compiled.get_property("NETWORK_NAME"), "small");
  EXPECT_EQ(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"), "2") << "one lane, one in waiting";
  expect_error(ErrorCode::kNotFound, {"unknown property 'NETWORK_NAM'", "did you mean 'NETWORK_NAME'"},
               [&] { (void)compiled.get_property("NETWORK_NAM"); });
}

TEST(Properties, DecideLanes) {
  Core core;
  const auto optimal = [&](const Properties& properties) {
    const CompiledModel compiled = core.compile_model(small_model(), "CPU", properties);
    return std::stoi(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"));
  };
  const int cores = available_cores();
  EXPECT_EQ(optimal({{"PERFORMANCE_HINT", "THROUGHPUT"}}), cores + 1);
  EXPECT_EQ(optimal({{"NUM_STREAMS", "1"}}), 2);
  EXPECT_EQ(optimal({{"NUM_STREAMS", "1000"}}), cores + 1);
  EXPECT_EQ(optimal({{"INFERENCE_NUM_THREADS", "1"}}), 2);
  EXPECT_EQ(optimal({{"PERFORMANCE_HINT_NUM_REQUESTS", "1"}}), 2) << "more lanes than requests would idle";
}

class Pool : public ::testing::Test {
 protected:
  /// A job that records its stream when it runs and counts answers.
  RequestPool::Job job(StreamId stream, std::function<void()> prepare = {}) {
    return {.stream = stream,
            .prepare =
                [this, stream, prepare](InferRequest& request) {
                  if (prepare) {
                    prepare();
                  }
                  fill(request, static_cast<float>(stream), 0);
                },
            .done =
                [this, stream](InferRequest* request, const std::exception_ptr& error) {
                  const std::lock_guard lock(mutex_);
                  if (request == nullptr) {
                    EXPECT_EQ(code_of(error), ErrorCode::kCancelled);
                    dropped_.push_back(stream);
                  } else if (error) {
                    failed_.push_back(stream);
                  } else {
                    EXPECT_EQ(request->output(0).data<float>()[0], 2 * static_cast<float>(stream));
                    ran_.push_back(stream);
                  }
                }};
  }

  Core core_;
  std::mutex mutex_;
  std::vector<StreamId> ran_, dropped_, failed_;
  Gate gate_;
};

TEST_F(Pool, StreamsTakeTurns) {
  const CompiledModel compiled = one_lane(core_);
  std::atomic<bool> last{false};
  {
    RequestPool pool(compiled, 1);
    pool.submit(job(9, [&] { gate_.pass(); }));
    gate_.wait_until_entered();
    for (const StreamId stream : {1, 1, 1, 2, 2, 3}) {
      pool.submit(job(stream));
    }
    RequestPool::Job end = job(3);
    end.done = [&, done = end.done](InferRequest* request, const std::exception_ptr& error) {
      done(request, error);
      last = true;
      last.notify_all();
    };
    pool.submit(end);
    gate_.open();
    last.wait(false);
  }
  // Stream 1's third job may still have waited when the pool went, since stream 3's second overtook it.
  EXPECT_EQ(std::vector<StreamId>(ran_.begin(), ran_.begin() + 6), (std::vector<StreamId>{9, 1, 2, 3, 1, 2}));
  EXPECT_EQ(ran_.size() + dropped_.size(), 8U);
}

TEST_F(Pool, DropAnswersWaitingJobsOfOneStream) {
  const CompiledModel compiled = one_lane(core_);
  {
    RequestPool pool(compiled, 1);
    pool.submit(job(1, [&] { gate_.pass(); }));
    gate_.wait_until_entered();
    pool.submit(job(1));
    pool.submit(job(2));
    pool.submit(job(1));
    pool.drop(1);
    EXPECT_EQ(dropped_, (std::vector<StreamId>{1, 1}));
    pool.drop(77);
    pool.drop(1);
    EXPECT_TRUE(ran_.empty());
    pool.submit(job(3, [&] { gate_.open(); }));
    gate_.open();
    while (true) {
      const std::lock_guard lock(mutex_);
      if (ran_.size() == 3) {
        break;
      }
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(ran_, (std::vector<StreamId>{1, 2, 3}));
}

TEST_F(Pool, DestructionAnswersEveryJobOnce) {
  const CompiledModel compiled = one_lane(core_);
  std::thread opener;
  {
    RequestPool pool(compiled, 2);
    pool.submit(job(1, [&] { gate_.pass(); }));
    gate_.wait_until_entered();
    for (int i = 0; i < 20; ++i) {
      pool.submit(job(2));
    }
    opener = std::thread([&] {
      std::this_thread::sleep_for(5ms);
      gate_.open();
    });
  }
  opener.join();
  EXPECT_EQ(ran_.size() + dropped_.size(), 21U);
  EXPECT_GE(dropped_.size(), 1U);
  EXPECT_GE(ran_.size(), 1U);
}

TEST_F(Pool, FailingPrepareReachesDoneAndTheRequestIsUsedAgain) {
  const CompiledModel compiled = one_lane(core_);
  std::latch all(2);
  {
    RequestPool pool(compiled, 1);
    for (const bool throws : {true, false}) {
      RequestPool::Job next = job(throws ? 1 : 2, [throws] {
        if (throws) {
          fail(ErrorCode::kInvalidArgument, "no frame");
        }
      });
      next.done = [&all, done = next.done](InferRequest* request, const std::exception_ptr& error) {
        done(request, error);
        all.count_down();
      };
      pool.submit(next);
    }
    all.wait();
  }
  EXPECT_EQ(failed_, (std::vector<StreamId>{1}));
  EXPECT_EQ(ran_, (std::vector<StreamId>{2}));
}

TEST_F(Pool, ManyThreadsSubmit) {
  const CompiledModel compiled = core_.compile_model(small_model(), "CPU");
  std::latch all(200);
  {
    RequestPool pool(compiled, 3);
    std::vector<std::thread> threads;
    for (StreamId stream = 1; stream <= 4; ++stream) {
      threads.emplace_back([&, stream] {
        for (int i = 0; i < 50; ++i) {
          RequestPool::Job next = job(stream);
          next.done = [&all, done = next.done](InferRequest* request, const std::exception_ptr& error) {
            done(request, error);
            all.count_down();
          };
          pool.submit(next);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    all.wait();
  }
  EXPECT_EQ(ran_.size(), 200U);
}

}  // namespace
}  // namespace fovea::test
