// PahoConnection: one MQTT 5 connection through paho, from connecting to its loss. Used by MqttClient only.
//
// A connection is never repaired: paho's own reconnection and buffering lose memory or messages in the version Debian
// 12 has, so MqttClient makes a new one. What it relies on instead is small: connect, publish, acknowledgements.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "publish/mqtt/mqtt_settings.hpp"
#include "publish/sink.hpp"

namespace fovea {

/// What paho's threads report. Called from them, possibly before send() returns; must not block or throw, nor call the
/// connection.
struct PahoEvents {
  std::function<void(std::uint64_t id)> delivered;                           ///< Acknowledged; written when QoS 0.
  std::function<void(std::uint64_t id, const std::string& reason)> refused;  ///< The broker said no to this message.
  std::function<void(const std::string& reason)> lost;                       ///< Maybe several times.
};

class PahoConnection {
 public:
  /// Connects; takes as long as that takes. \param cancelled  Polled every 50 ms: true gives up.
  /// \param client_id  Not empty.
  /// \throws Error{kDevice} with the reason when there is no connection, Error{kNotFound} for unreadable files,
  /// Error{kCancelled}.
  PahoConnection(const MqttSettings& settings, const std::string& client_id, PahoEvents events,
                 const std::function<bool()>& cancelled);

  /// Takes 100 ms, so that paho's threads are out of the events for sure.
  ~PahoConnection();

  PahoConnection(const PahoConnection&) = delete;
  PahoConnection& operator=(const PahoConnection&) = delete;

  /// Sends a message; the outcome is reported with `id`.
  /// \throws Error{kDevice} when the connection cannot take it any more.
  void send(std::uint64_t id, const Message& message);

  [[nodiscard]] bool is_connected() const;

  /// Says good-bye, so that the broker does not publish the last will. Waits at most `timeout`.
  void disconnect(std::chrono::milliseconds timeout) noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Payloads of the status topic.
inline constexpr const char* kStatusOnline = "online";
inline constexpr const char* kStatusOffline = "offline";

}  // namespace fovea
