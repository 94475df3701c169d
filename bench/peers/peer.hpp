// What every peer does alike: wait for orders on standard input, run a slice of inferences, report.
//
// After loading it prints {"load_ms", "first_ms", "peak_rss_mb", "version"}. Then each line of standard input is an
// order:
//   run SECONDS   runs back to back on all streams and prints {"count", "least_ms", "median_ms", "p95_ms", "fps"}
//   outputs FILE  writes the last run's outputs, raw f32 one after the other
// and the end of input ends it. JSON, one object a line.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fovea::bench {

struct Arguments {
  std::filesystem::path model;
  int threads = 1;  ///< Of each request.
  int streams = 1;  ///< Requests at the same time, each on a thread of its own.
  std::string extra;
};

/// MODEL THREADS STREAMS [EXTRA]; exits with a usage line otherwise.
Arguments parse_arguments(int argc, char** argv);

/// One engine with a model loaded.
struct Peer {
  std::string version;
  std::function<void(int stream)> run;
  std::function<std::vector<std::vector<float>>()> outputs;  ///< Of stream 0's last run.
};

/// What `load` does inside this object's life is no part of loading a model: making input, opening a library.
class NotLoading {
 public:
  NotLoading() : begin_(std::chrono::steady_clock::now()) {}
  NotLoading(const NotLoading&) = delete;
  NotLoading& operator=(const NotLoading&) = delete;
  ~NotLoading();

 private:
  std::chrono::steady_clock::time_point begin_;
};

/// Loads (timed), then serves orders until the input ends. \return Exit code.
int serve(int streams, const std::function<Peer()>& load);

/// The same numbers for all peers: normally distributed, seed 7.
std::vector<float> noise(std::size_t count);

}  // namespace fovea::bench
