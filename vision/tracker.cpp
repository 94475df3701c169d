// Tracker: Kalman filters on box centre and size, two-stage association by confidence (ByteTrack, Zhang et al. 2022).
#include "vision/tracker.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "engine/base/error.hpp"
#include "vision/assignment.hpp"

namespace fovea {
namespace {

// Noise in box sizes, derived from SORT's and ByteTrack's usual values at 30 frames/s (measurement 1/20 of the height,
// velocity drift 1/160 a frame, first velocity ten times that), with time in seconds: 30/160·√30 ≈ 1 and 10·30/160 ≈ 2.
constexpr double kMeasurementNoise = 1.0 / 20;
constexpr double kVelocityDrift = 1.0;
constexpr double kFirstVelocity = 2.0;
/// Sizes change more slowly than places: what SORT's aspect and scale state does to them.
constexpr double kSizeShare = 0.25;

/// Boxes whose areas differ more are not the same thing, however near they are.
constexpr float kMaxAreaRatio = 4;

/// A detection continues a track of another label only where they overlap as two views of one thing do, and it is the
/// worse choice next to one of the track's own label.
constexpr float kOtherLabelIou = 0.5F;
constexpr double kOtherLabelCost = 0.3;

/// Two boxes of different labels that overlap more are two guesses at one thing.
constexpr float kSecondGuessIou = 0.7F;

/// Position and velocity of one coordinate. Variances in squared coordinate units.
class Coordinate {
 public:
  void start(double position, double scale) {
    position_ = position;
    velocity_ = 0;
    variance_ = {square(kMeasurementNoise * scale), 0, square(kFirstVelocity * scale)};
  }

  void predict(double seconds, double scale) {
    position_ += velocity_ * seconds;
    // White noise acceleration of spectral density (kVelocityDrift·scale)², integrated over the time.
    const double density = square(kVelocityDrift * scale);
    auto& [position, mixed, velocity] = variance_;
    position += 2 * seconds * mixed + square(seconds) * velocity + density * square(seconds) * seconds / 3;
    mixed += seconds * velocity + density * square(seconds) / 2;
    velocity += density * seconds;
  }

  void correct(double measured, double scale) {
    auto& [position, mixed, velocity] = variance_;
    const double innovation = position + square(kMeasurementNoise * scale);
    const double gain = position / innovation;
    const double velocity_gain = mixed / innovation;
    const double error = measured - position_;
    position_ += gain * error;
    velocity_ += velocity_gain * error;
    velocity -= velocity_gain * mixed;
    mixed *= 1 - gain;
    position *= 1 - gain;
  }

  [[nodiscard]] double position() const { return position_; }

 private:
  static double square(double value) { return value * value; }

  double position_ = 0;
  double velocity_ = 0;
  std::array<double, 3> variance_{};  ///< Of position, of both, of velocity.
};

/// Constant-velocity motion of a box's centre and size.
class Motion {
 public:
  explicit Motion(const Box& box) {
    const double scale = scale_of(box);
    const std::array<double, 4> values = values_of(box);
    for (std::size_t i = 0; i < values.size(); ++i) {
      coordinates_[i].start(values[i], i < 2 ? scale : scale * kSizeShare);
    }
  }

  void predict(double seconds) {
    const double scale = scale_of(box());
    for (std::size_t i = 0; i < coordinates_.size(); ++i) {
      coordinates_[i].predict(seconds, i < 2 ? scale : scale * kSizeShare);
    }
  }

  void correct(const Box& box) {
    const double scale = scale_of(box);
    const std::array<double, 4> values = values_of(box);
    for (std::size_t i = 0; i < values.size(); ++i) {
      coordinates_[i].correct(values[i], scale);
    }
  }

  [[nodiscard]] Box box() const {
    const double width = std::max(coordinates_[2].position(), kSmallest);
    const double height = std::max(coordinates_[3].position(), kSmallest);
    return {static_cast<float>(coordinates_[0].position() - width / 2),
            static_cast<float>(coordinates_[1].position() - height / 2), static_cast<float>(width),
            static_cast<float>(height)};
  }

 private:
  static constexpr double kSmallest = 1e-4;  ///< A predicted size must not turn negative.

  static double scale_of(const Box& box) { return (static_cast<double>(box.width) + box.height) / 2; }
  static std::array<double, 4> values_of(const Box& box) {
    return {box.x + box.width / 2.0, box.y + box.height / 2.0, box.width, box.height};
  }

  std::array<Coordinate, 4> coordinates_;
};

template <class A, class B>
bool same_label(const A& a, const B& b) {
  return a.label_id == b.label_id && a.label == b.label;
}

/// What a track's detections were called.
class LabelVote {
 public:
  void add(const Object& object) {
    auto found = std::ranges::find_if(votes_, [&](const Vote& vote) { return same_label(vote, object); });
    if (found == votes_.end()) {
      // Models with many labels do not make a track grow: the weakest gives way.
      if (votes_.size() >= kMostLabels) {
        votes_.erase(std::ranges::min_element(votes_, {}, &Vote::weight));
      }
      found = votes_.insert(votes_.end(), {object.label, object.label_id, 0});
    }
    for (Vote& vote : votes_) {
      vote.weight *= kMemory;
    }
    found->weight += object.confidence;
  }

  /// Gives the winner's name to an object. Votes must have been added.
  void name(Object& object) const {
    object.label = winner().label;
    object.label_id = winner().label_id;
  }

  [[nodiscard]] bool elects(const Object& object) const { return same_label(winner(), object); }

 private:
  struct Vote {
    std::string label;
    int label_id = -1;
    float weight = 0;
  };
  [[nodiscard]] const Vote& winner() const { return *std::ranges::max_element(votes_, {}, &Vote::weight); }

  static constexpr std::size_t kMostLabels = 4;
  static constexpr float kMemory = 0.95F;  ///< Kept of the earlier votes' weight at each detection.

  std::vector<Vote> votes_;
};

struct Track {
  Motion motion;
  LabelVote label;
  std::optional<std::uint64_t> id;  ///< Given when the track is first shown.
  std::string model;
  float confidence = 0;
  int hits = 1;
  bool seen = true;  ///< In the last frame the detector looked at.
  std::chrono::nanoseconds last_seen{0};
};

bool usable(const Object& object) {
  const Box& box = object.box;
  constexpr float kFarthest = 10;  // Frames away: no detector means this.
  return !object.predicted && box.width > 0 && box.height > 0 && std::abs(box.x) < kFarthest &&
         std::abs(box.y) < kFarthest && box.width < kFarthest && box.height < kFarthest &&
         std::isfinite(object.confidence);
}

/// Distance of the centres in diagonals of the mean box.
float centre_distance(const Box& a, const Box& b) {
  const float dx = a.x + a.width / 2 - b.x - b.width / 2;
  const float dy = a.y + a.height / 2 - b.y - b.height / 2;
  return std::hypot(dx, dy) / (std::hypot(a.width + b.width, a.height + b.height) / 2);
}

/// Takes out of `order` (indices, the most confident first) what another label of the same model covers better.
void drop_second_guesses(const std::vector<Object>& objects, std::vector<std::size_t>& order) {
  std::vector<std::size_t> kept;
  for (const std::size_t index : order) {
    const Object& object = objects[index];
    const bool second = std::ranges::any_of(kept, [&](std::size_t other) {
      return objects[other].model == object.model && !same_label(objects[other], object) &&
             iou(objects[other].box, object.box) > kSecondGuessIou;
    });
    if (!second) {
      kept.push_back(index);
    }
  }
  order = std::move(kept);
}

}  // namespace

struct Tracker::State {
  TrackerSettings settings;
  std::vector<Track> tracks;
  std::chrono::nanoseconds time{0};
  bool started = false;
  std::uint64_t next_id = 1;

  void advance(std::chrono::nanoseconds pts);
  [[nodiscard]] double cost(const Track& track, const Object& object) const;
  void match(std::vector<Object>& objects, const std::vector<std::size_t>& candidates, std::vector<char>& matched);
  void accept(Track& track, Object& object);
  void add_new(std::vector<Object>& objects, const std::vector<std::size_t>& candidates,
               const std::vector<char>& matched);
  void append_predictions(std::vector<Object>& objects) const;
};

void Tracker::State::advance(std::chrono::nanoseconds pts) {
  if (started && pts < time - settings.max_lost) {
    tracks.clear();
    started = false;
  }
  const double seconds =
      started && pts > time ? std::chrono::duration<double>(std::min(pts - time, settings.max_lost)).count() : 0;
  time = started ? std::max(time, pts) : pts;
  started = true;
  std::erase_if(tracks, [&](const Track& track) { return time - track.last_seen > settings.max_lost; });
  for (Track& track : tracks) {
    track.motion.predict(seconds);
  }
}

double Tracker::State::cost(const Track& track, const Object& object) const {
  const Box predicted = track.motion.box();
  const float overlap = iou(predicted, object.box);
  const bool other = !track.label.elects(object);
  if (other && (settings.per_class || track.model != object.model || overlap < kOtherLabelIou)) {
    return kForbidden;
  }
  const float distance = centre_distance(predicted, object.box);
  const float ratio = predicted.area() / object.box.area();
  const bool near = distance <= settings.max_centre_distance && ratio <= kMaxAreaRatio && ratio >= 1 / kMaxAreaRatio;
  if (overlap < settings.min_iou && !near) {
    return kForbidden;
  }
  return 1.0 - overlap + distance + (other ? kOtherLabelCost : 0);
}

void Tracker::State::accept(Track& track, Object& object) {
  track.motion.correct(object.box);
  track.hits += track.hits < settings.min_hits ? 1 : 0;
  track.seen = true;
  track.last_seen = time;
  track.confidence = object.confidence;
  track.model = object.model;
  track.label.add(object);
  if (!track.id && track.hits >= settings.min_hits) {
    track.id = next_id++;
  }
  object.track_id = track.id;
  if (track.id) {
    track.label.name(object);
  }
}

/// Pairs the candidates with the tracks that have not been seen yet.
void Tracker::State::match(std::vector<Object>& objects, const std::vector<std::size_t>& candidates,
                           std::vector<char>& matched) {
  std::vector<Track*> open;
  for (Track& track : tracks) {
    if (!track.seen) {
      open.push_back(&track);
    }
  }
  std::vector<double> costs;
  costs.reserve(open.size() * candidates.size());
  for (const Track* track : open) {
    for (const std::size_t candidate : candidates) {
      costs.push_back(cost(*track, objects[candidate]));
    }
  }
  const std::vector<int> pairs = assign(costs, open.size(), candidates.size());
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (pairs[i] >= 0) {
      const std::size_t candidate = candidates[static_cast<std::size_t>(pairs[i])];
      accept(*open[i], objects[candidate]);
      matched[candidate] = 1;
    }
  }
}

void Tracker::State::add_new(std::vector<Object>& objects, const std::vector<std::size_t>& candidates,
                             const std::vector<char>& matched) {
  for (const std::size_t candidate : candidates) {
    Object& object = objects[candidate];
    if (matched[candidate] != 0 || tracks.size() >= static_cast<std::size_t>(settings.max_tracks)) {
      continue;
    }
    Track track{.motion = Motion(object.box),
                .label = {},
                .id = std::nullopt,
                .model = object.model,
                .confidence = object.confidence,
                .last_seen = time};
    track.label.add(object);
    if (settings.min_hits <= 1) {
      track.id = next_id++;
      object.track_id = track.id;
    }
    tracks.push_back(std::move(track));
  }
}

void Tracker::State::append_predictions(std::vector<Object>& objects) const {
  for (const Track& track : tracks) {
    const Box box = clip(track.motion.box());
    // A track the detector has just missed is not shown between two inferences either.
    if (!track.id || !track.seen || !(box.area() > 0)) {
      continue;
    }
    Object object;
    object.box = box;
    track.label.name(object);
    object.confidence = track.confidence;
    object.track_id = track.id;
    object.predicted = true;
    object.model = track.model;
    objects.push_back(std::move(object));
  }
}

Tracker::Tracker(const TrackerSettings& settings) : state_(std::make_unique<State>()) {
  if (settings.max_tracks < 1 || settings.min_hits < 1 || settings.max_lost.count() < 0 || !(settings.min_iou >= 0) ||
      !(settings.max_centre_distance >= 0)) {
    fail(
        ErrorCode::kInvalidArgument,
        "tracker: max_tracks {} and min_hits {} must be at least 1, max_lost {} ns, min_iou {} and max_centre_distance "
        "{} at least 0",
        settings.max_tracks, settings.min_hits, settings.max_lost.count(), settings.min_iou,
        settings.max_centre_distance);
  }
  state_->settings = settings;
}

Tracker::~Tracker() = default;
Tracker::Tracker(Tracker&&) noexcept = default;
Tracker& Tracker::operator=(Tracker&&) noexcept = default;

void Tracker::update(std::vector<Object>& objects, std::chrono::nanoseconds pts, bool inferred) {
  State& state = *state_;
  state.advance(pts);
  if (!inferred) {
    if (state.settings.type == TrackingType::kShortTerm) {
      state.append_predictions(objects);
    }
    return;
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (usable(objects[i])) {
      order.push_back(i);
    }
  }
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return objects[a].confidence > objects[b].confidence; });
  if (!state.settings.per_class) {
    drop_second_guesses(objects, order);
  }
  order.resize(std::min(order.size(), static_cast<std::size_t>(state.settings.max_tracks)));
  const auto low = std::ranges::find_if(
      order, [&](std::size_t i) { return objects[i].confidence < state.settings.high_confidence; });
  const std::vector<std::size_t> sure(order.begin(), low);
  const std::vector<std::size_t> unsure(low, order.end());
  for (Track& track : state.tracks) {
    track.seen = false;
  }
  std::vector<char> matched(objects.size(), 0);
  state.match(objects, sure, matched);
  state.match(objects, unsure, matched);
  // A track that was never shown and is missed was noise.
  std::erase_if(state.tracks, [](const Track& track) { return !track.seen && !track.id; });
  state.add_new(objects, sure, matched);
}

void Tracker::reset() {
  state_->tracks.clear();
  state_->started = false;
}

void non_maximum_suppression(std::vector<Object>& objects, float max_iou) {
  std::erase_if(objects, [](const Object& object) { return std::isnan(object.confidence); });
  std::vector<std::size_t> order(objects.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return objects[a].confidence > objects[b].confidence; });
  std::vector<std::size_t> kept;
  for (const std::size_t index : order) {
    const Object& object = objects[index];
    const bool covered = std::ranges::any_of(kept, [&](std::size_t other) {
      return same_label(objects[other], object) && iou(objects[other].box, object.box) > max_iou;
    });
    if (!covered) {
      kept.push_back(index);
    }
  }
  std::ranges::sort(kept);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i != kept[i]) {
      objects[i] = std::move(objects[kept[i]]);
    }
  }
  objects.erase(objects.begin() + static_cast<std::ptrdiff_t>(kept.size()), objects.end());
}

}  // namespace fovea
