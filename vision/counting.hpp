// Counting: tracks that cross lines and enter zones.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vision/geometry.hpp"

namespace fovea {

/// A directed line in normalised frame coordinates.
struct CountingLine {
  std::string name;
  Point from;
  Point to;
};

/// A polygon in normalised frame coordinates; it may be concave and is closed by itself.
struct CountingZone {
  std::string name;
  std::vector<Point> corners;  ///< At least three.
};

/// A tracked object in one frame.
struct CountedTrack {
  std::uint64_t id = 0;
  std::string label;
  Box box;
};

/// Crossings of a line. Forward is from the left to the right of someone who looks from `from` to `to`: over a line
/// drawn from left to right, downwards.
struct LineCount {
  std::size_t forward = 0;
  std::size_t backward = 0;
};

/// Where a track stands: the middle of its box's lower edge.
Point foot_of(const Box& box);

/// Whether a point lies in a polygon (even–odd rule).
bool contains(const CountingZone& zone, const Point& point);

/// Counts for all lines and zones. A crossing is counted when the foot point's way, taken straight from one frame in
/// which the track was seen to the next, passes the line between its ends; a track without boxes for a while has taken
/// the straight way. A zone counts each id once. The label is the one a track has at that moment. Boxes that are not
/// finite are passed over. Not thread-safe.
class Counting {
 public:
  /// \throws Error{kInvalidArgument} for a line without length, a zone with fewer than three corners, coordinates
  ///         outside [0,1], or a name that occurs twice.
  Counting(std::vector<CountingLine> lines, std::vector<CountingZone> zones);

  /// The tracks of the next frame.
  void update(std::span<const CountedTrack> tracks);

  /// Ids mean new things from here on; counts stay.
  void begin_sequence();

  /// By line's, then by track's label.
  [[nodiscard]] const std::map<std::string, std::map<std::string, LineCount>>& lines() const { return line_counts_; }
  /// Distinct ids, by zone, then by label.
  [[nodiscard]] const std::map<std::string, std::map<std::string, std::size_t>>& zones() const { return zone_counts_; }

 private:
  struct Track {
    std::vector<std::optional<Point>> beside;  ///< For each line where the foot was last off the line.
    std::vector<char> entered;                 ///< For each zone.
    std::uint64_t seen = 0;                    ///< Number of the update.
  };

  void cross(std::size_t line, const CountedTrack& track, const Point& foot, std::optional<Point>& beside);

  std::vector<CountingLine> lines_;
  std::vector<CountingZone> zones_;
  std::map<std::uint64_t, Track> tracks_;
  std::map<std::string, std::map<std::string, LineCount>> line_counts_;
  std::map<std::string, std::map<std::string, std::size_t>> zone_counts_;
  std::uint64_t updates_ = 0;
};

}  // namespace fovea
