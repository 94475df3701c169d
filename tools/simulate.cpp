// `fovea simulate`: frames of the synthetic street with their truth, as arrays for training and measuring.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/base/error.hpp"
#include "tools/seed_range.hpp"
#include "tools/subcommand.hpp"
#include "vision/image_file.hpp"
#include "vision/street/street.hpp"

namespace fovea::tools {
namespace {

/// Arrays are split so that no file holds more data than this.
constexpr std::int64_t kMaxFileBytes = std::int64_t{512} << 20U;
constexpr int kMaskDivisor = 4;

struct Options {
  StreetSettings street;
  std::string light = "mixed";
  std::string seeds;
  std::int64_t frames = 100;
  std::uint64_t start = 0;
  std::uint64_t step = 1;
  std::filesystem::path output_dir;
  bool mask = false;
  bool png = false;
};

/// uint8 [N, …] in numbered .npy files, written as the entries come. Format:
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
class ArrayWriter {
 public:
  /// \param shape  Of one entry. \param total  Entries that will come.
  ArrayWriter(std::filesystem::path dir, std::string name, std::vector<std::int64_t> shape, std::int64_t total)
      : dir_(std::move(dir)), name_(std::move(name)), shape_(std::move(shape)), left_(total) {
    for (const std::int64_t extent : shape_) {
      entry_bytes_ *= extent;
    }
  }

  /// Where the next entry goes.
  [[nodiscard]] std::string file_name() const {
    return fmt::format("{}_{:03}.npy", name_, room_ > 0 ? file_ : file_ + 1);
  }
  [[nodiscard]] std::int64_t row() const { return room_ > 0 ? rows_ - room_ : 0; }

  void add(const std::uint8_t* bytes) {
    if (room_ == 0) {
      open();
    }
    out_.write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(entry_bytes_));
    --room_;
    if (room_ == 0 && !out_.flush()) {
      fail_to_write();
    }
    if (!out_) {
      fail_to_write();
    }
  }

 private:
  void open() {
    ++file_;
    rows_ = std::min(left_, std::max<std::int64_t>(1, kMaxFileBytes / entry_bytes_));
    room_ = rows_;
    left_ -= rows_;
    std::string shape = fmt::format("{},", rows_);
    for (const std::int64_t extent : shape_) {
      shape += fmt::format(" {},", extent);
    }
    std::string header = fmt::format("{{'descr': '|u1', 'fortran_order': False, 'shape': ({}), }}", shape);
    constexpr std::size_t kPrologue = 10;
    constexpr std::size_t kAlignment = 64;
    header.append(kAlignment - (kPrologue + header.size() + 1) % kAlignment, ' ');
    header += '\n';
    out_ = std::ofstream(dir_ / file_name(), std::ios::binary);
    out_ << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(header.size() & 0xFFU)
         << static_cast<char>(header.size() >> 8U) << header;
    if (!out_) {
      fail_to_write();
    }
  }

  [[noreturn]] void fail_to_write() const {
    fail(ErrorCode::kInvalidArgument, "cannot write '{}'", (dir_ / file_name()).string());
  }

  std::filesystem::path dir_;
  std::string name_;
  std::vector<std::int64_t> shape_;
  std::int64_t entry_bytes_ = 1;
  std::int64_t left_;
  std::int64_t rows_ = 0;
  std::int64_t room_ = 0;
  int file_ = -1;
  std::ofstream out_;
};

nlohmann::json to_json(const Box& box) {
  return {{"x", box.x}, {"y", box.y}, {"width", box.width}, {"height", box.height}};
}

nlohmann::json to_json(const StreetObject& object) {
  nlohmann::json json = {{"id", object.id},
                         {"label", object.label},
                         {"box", to_json(object.box)},
                         {"visible_box", to_json(object.visible_box)},
                         {"type", object.type},
                         {"visible", object.visible},
                         {"in_frame", object.in_frame},
                         {"distance", object.distance_m}};
  if (!object.color.empty()) {
    json["color"] = object.color;
    json["shape"] = object.shape;
  }
  return json;
}

class Simulation {
 public:
  Simulation(const Options& options, std::int64_t total)
      : options_(options),
        frames_(options.output_dir, "frames", {options.street.height_px, options.street.width_px, 3}, total),
        masks_(
            options.output_dir, "masks",
            {std::max(1, options.street.height_px / kMaskDivisor), std::max(1, options.street.width_px / kMaskDivisor)},
            total),
        truth_(options.output_dir / "truth.json") {
    image_.width_px = options.street.width_px;
    image_.height_px = options.street.height_px;
    image_.bgr.resize(static_cast<std::size_t>(image_.width_px) * image_.height_px * 3);
    truth_ << "[";
  }

  void run(std::uint64_t seed) {
    StreetSettings settings = options_.street;
    settings.seed = seed;
    Street street(settings);
    for (std::int64_t i = 0; i < options_.frames; ++i) {
      street.render(options_.start + static_cast<std::uint64_t>(i) * options_.step, image_.mutable_view());
      write(seed, street);
    }
  }

  void finish() {
    truth_ << "\n]\n";
    if (!truth_.flush()) {
      fail(ErrorCode::kInvalidArgument, "cannot write '{}'", (options_.output_dir / "truth.json").string());
    }
  }

 private:
  void write(std::uint64_t seed, const Street& street) {
    const StreetTruth& truth = street.truth();
    nlohmann::json entry = {{"seed", seed},
                            {"frame", truth.frame},
                            {"light", to_string(truth.light)},
                            {"file", frames_.file_name()},
                            {"index", frames_.row()},
                            {"objects", nlohmann::json::array()}};
    for (const StreetObject& object : truth.objects) {
      entry["objects"].push_back(to_json(object));
    }
    frames_.add(image_.bgr.data());
    if (options_.mask) {
      entry["mask_file"] = masks_.file_name();
      entry["mask_index"] = masks_.row();
      masks_.add(street.mask(kMaskDivisor).classes->data());
    }
    if (options_.png) {
      write_image(options_.output_dir / fmt::format("{:06}_{:06}.png", seed, truth.frame), image_);
    }
    truth_ << (first_ ? "\n" : ",\n") << entry.dump();
    first_ = false;
  }

  const Options& options_;
  ArrayWriter frames_;
  ArrayWriter masks_;
  std::ofstream truth_;
  Image image_;
  bool first_ = true;
};

int run(Options options) {
  const auto light = parse_street_light(options.light);
  if (!light) {
    fail(ErrorCode::kInvalidArgument, "--light is '{}', expected mixed, day, dusk, night or rain", options.light);
  }
  options.street.light = *light;
  const auto [first, last] = parse_seed_range(options.seeds, options.street.seed);
  std::filesystem::create_directories(options.output_dir);
  Simulation simulation(options, options.frames * static_cast<std::int64_t>(last - first));
  for (std::uint64_t seed = first; seed < last; ++seed) {
    simulation.run(seed);
  }
  simulation.finish();
  nlohmann::json classes = nlohmann::json::array();
  for (const std::string_view name : kStreetClasses) {
    classes.push_back(name);
  }
  std::ofstream(options.output_dir / "classes.json") << classes.dump() << '\n';
  return 0;
}

std::function<int()> setup(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--seed", options->street.seed, "Scene")->capture_default_str();
  app.add_option("--seeds", options->seeds, "A:B renders --frames of each scene A, A+1, … B-1");
  app.add_option("--frames", options->frames, "Frames a scene")->capture_default_str()->check(CLI::Range(1, 10000000));
  app.add_option("--start", options->start, "First frame's number")->capture_default_str();
  app.add_option("--step", options->step, "Take every n-th frame")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--width", options->street.width_px, "Pixels")->capture_default_str();
  app.add_option("--height", options->street.height_px, "Pixels")->capture_default_str();
  app.add_option("--fps", options->street.fps, "Frames a second of street time")->capture_default_str();
  app.add_option("--light", options->light, "mixed, day, dusk, night or rain")->capture_default_str();
  app.add_option("--density", options->street.density, "Traffic, 0 to 1")->capture_default_str();
  app.add_option("--camera-shake", options->street.camera_shake, "0 to 1")->capture_default_str();
  app.add_option("-o,--output-dir", options->output_dir, "Where frames_NNN.npy and truth.json go")->required();
  app.add_flag("--mask", options->mask, "Write semantic masks of a quarter of the size, too");
  app.add_flag("--png", options->png, "Write each frame as SEED_FRAME.png, too");
  return [options] { return run(*options); };
}

}  // namespace

extern const Subcommand simulate_subcommand;
const Subcommand simulate_subcommand{
    .name = "simulate", .summary = "Render a synthetic street with its truth", .setup = setup};

}  // namespace fovea::tools
