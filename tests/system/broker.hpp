// A real mosquitto for a test: own port, own directory with persistence, can be killed and started again.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/publish/temp_dir.hpp"

namespace fovea::testing {

/// A TCP port of the loopback that was free a moment ago.
inline int free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool good = ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(descriptor);
  if (!good) {
    throw std::runtime_error("no free port on the loopback");
  }
  return ntohs(address.sin_port);
}

inline bool port_answers(int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool good = ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  return good;
}

class Broker {
 public:
  static constexpr const char* kProgram = "/usr/sbin/mosquitto";

  /// \param extra_config  Lines of mosquitto.conf; "@DIR@" becomes the broker's directory.
  explicit Broker(std::string extra_config = "allow_anonymous true\n") : port_(free_port()) {
    for (auto at = extra_config.find("@DIR@"); at != std::string::npos; at = extra_config.find("@DIR@")) {
      extra_config.replace(at, 5, dir_.path().string());
    }
    std::ofstream config(dir_ / "mosquitto.conf");
    config << "listener " << port_ << " 127.0.0.1\n"
           << "persistence true\npersistence_location " << dir_.path().string() << "/\n"
           << "max_queued_messages 0\nlog_dest file " << (dir_ / "log").string() << "\n"
           << (::geteuid() == 0 ? "user root\n" : "") << extra_config;
  }
  ~Broker() { stop(SIGKILL); }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  void start() {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // A test that crashes leaves no broker behind.
      ::execl(kProgram, kProgram, "-c", (dir_ / "mosquitto.conf").c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!port_answers(port_)) {
      if (std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("mosquitto does not start");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  /// SIGTERM lets it write its persistence file; SIGKILL does not.
  void stop(int signal = SIGTERM) {
    if (pid_ > 0) {
      ::kill(pid_, signal);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }

  void pause() const { ::kill(pid_, SIGSTOP); }
  void resume() const { ::kill(pid_, SIGCONT); }

  [[nodiscard]] const TempDir& dir() const { return dir_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  TempDir dir_;
  int port_;
  pid_t pid_ = -1;
};

}  // namespace fovea::testing
