// Sides of lines and insides of polygons.
#include "vision/counting.hpp"

#include <cmath>
#include <set>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

/// A track unseen for so many frames is forgotten (ten minutes at 30 a second): memory stays bounded on endless
/// streams.
constexpr std::uint64_t kForgetAfter = 18000;

/// Positive on the right of someone who looks along the line (y points down).
double side(const CountingLine& line, const Point& point) {
  return (static_cast<double>(line.to.x) - line.from.x) * (static_cast<double>(point.y) - line.from.y) -
         (static_cast<double>(line.to.y) - line.from.y) * (static_cast<double>(point.x) - line.from.x);
}

/// Whether the way from `a` to `b`, which lie on different sides, meets the line between its ends.
bool passes(const CountingLine& line, const Point& a, const Point& b) {
  const double part = side(line, a) / (side(line, a) - side(line, b));
  const double x = a.x + part * (static_cast<double>(b.x) - a.x);
  const double y = a.y + part * (static_cast<double>(b.y) - a.y);
  const double dx = static_cast<double>(line.to.x) - line.from.x;
  const double dy = static_cast<double>(line.to.y) - line.from.y;
  const double along = ((x - line.from.x) * dx + (y - line.from.y) * dy) / (dx * dx + dy * dy);
  return along >= 0 && along <= 1;
}

void check_point(const std::string& name, const Point& point) {
  if (!(point.x >= 0 && point.x <= 1 && point.y >= 0 && point.y <= 1)) {
    fail(ErrorCode::kInvalidArgument, "'{}' has the point {},{}; expected coordinates in [0,1]", name, point.x,
         point.y);
  }
}

}  // namespace

Point foot_of(const Box& box) { return {box.x + box.width / 2, box.bottom()}; }

bool contains(const CountingZone& zone, const Point& point) {
  bool inside = false;
  for (std::size_t i = 0, j = zone.corners.size() - 1; i < zone.corners.size(); j = i++) {
    const Point& a = zone.corners[i];
    const Point& b = zone.corners[j];
    if ((a.y > point.y) != (b.y > point.y)) {
      const double x = static_cast<double>(a.x) + (static_cast<double>(point.y) - a.y) *
                                                      (static_cast<double>(b.x) - a.x) /
                                                      (static_cast<double>(b.y) - a.y);
      inside = inside != (point.x < x);
    }
  }
  return inside;
}

Counting::Counting(std::vector<CountingLine> lines, std::vector<CountingZone> zones)
    : lines_(std::move(lines)), zones_(std::move(zones)) {
  std::set<std::string> names;
  const auto check_name = [&](const std::string& name) {
    if (!names.insert(name).second) {
      fail(ErrorCode::kInvalidArgument, "two lines or zones are called '{}'", name);
    }
  };
  for (const CountingLine& line : lines_) {
    check_name(line.name);
    check_point(line.name, line.from);
    check_point(line.name, line.to);
    if (line.from == line.to) {
      fail(ErrorCode::kInvalidArgument, "line '{}' begins where it ends, at {},{}", line.name, line.from.x,
           line.from.y);
    }
    line_counts_[line.name];
  }
  for (const CountingZone& zone : zones_) {
    check_name(zone.name);
    if (zone.corners.size() < 3) {
      fail(ErrorCode::kInvalidArgument, "zone '{}' has {} corners, expected at least 3", zone.name,
           zone.corners.size());
    }
    for (const Point& corner : zone.corners) {
      check_point(zone.name, corner);
    }
    zone_counts_[zone.name];
  }
}

void Counting::begin_sequence() { tracks_.clear(); }

void Counting::cross(std::size_t line, const CountedTrack& track, const Point& foot, std::optional<Point>& beside) {
  const double now = side(lines_[line], foot);
  if (now == 0) {
    return;  // On the line: the next frame tells to which side it goes.
  }
  if (beside && (side(lines_[line], *beside) > 0) != (now > 0) && passes(lines_[line], *beside, foot)) {
    LineCount& count = line_counts_[lines_[line].name][track.label];
    ++(now > 0 ? count.forward : count.backward);
  }
  beside = foot;
}

void Counting::update(std::span<const CountedTrack> tracks) {
  ++updates_;
  for (const CountedTrack& track : tracks) {
    const Point foot = foot_of(track.box);
    if (!std::isfinite(foot.x) || !std::isfinite(foot.y)) {
      continue;
    }
    Track& known = tracks_[track.id];
    known.beside.resize(lines_.size());
    known.entered.resize(zones_.size(), 0);
    known.seen = updates_;
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      cross(line, track, foot, known.beside[line]);
    }
    for (std::size_t zone = 0; zone < zones_.size(); ++zone) {
      if (known.entered[zone] == 0 && contains(zones_[zone], foot)) {
        known.entered[zone] = 1;
        ++zone_counts_[zones_[zone].name][track.label];
      }
    }
  }
  if (updates_ % kForgetAfter == 0) {
    std::erase_if(tracks_, [&](const auto& entry) { return entry.second.seen + kForgetAfter < updates_; });
  }
}

}  // namespace fovea
