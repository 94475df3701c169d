// Drawing onto packed RGB, gray and YUV planes with OpenCV's primitives.
#include "vision/overlay.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr std::size_t kMaxTextLength = 64;
constexpr std::size_t kMaxAttributeLines = 8;

struct Rgb {
  int r;
  int g;
  int b;
};

/// Twelve colours that differ in hue and stand out from usual scenes.
constexpr std::array<Rgb, 12> kPalette = {{{230, 60, 60},
                                           {60, 180, 75},
                                           {255, 200, 25},
                                           {70, 110, 230},
                                           {245, 130, 48},
                                           {170, 70, 200},
                                           {70, 220, 230},
                                           {240, 50, 230},
                                           {190, 240, 70},
                                           {0, 128, 128},
                                           {250, 170, 190},
                                           {160, 100, 40}}};

Rgb palette_colour(std::uint64_t index) { return kPalette[index % kPalette.size()]; }

Rgb colour_of(const Object& object) {
  if (object.track_id) {
    return palette_colour(*object.track_id);
  }
  return palette_colour(static_cast<std::uint64_t>(std::max(object.label_id, 0)));
}

/// A plane to draw on and how a colour looks there.
struct Layer {
  cv::Mat pixels;
  int subsampling = 1;
};

/// The planes of a frame, drawn on together.
class Canvas {
 public:
  explicit Canvas(const MutableFrameView& frame) : format_(frame.format) {
    const std::array<int, 3> nv12 = {CV_8UC1, CV_8UC2, 0};
    const std::array<int, 3> i420 = {CV_8UC1, CV_8UC1, CV_8UC1};
    for (int i = 0; i < plane_count(format_); ++i) {
      const auto index = static_cast<std::size_t>(i);
      const PlaneExtent extent = plane_extent(format_, i, frame.width_px, frame.height_px);
      const MutablePlane& plane = frame.planes[index];
      int type = CV_8UC(extent.sample_bytes);
      if (is_yuv(format_)) {
        type = format_ == PixelFormat::kNV12 ? nv12[index] : i420[index];
      }
      layers_.push_back(
          {cv::Mat(extent.height, extent.width, type, plane.data, static_cast<std::size_t>(plane.stride_bytes)),
           i == 0 ? 1 : 2});
    }
    if (is_yuv(format_)) {
      const YuvToRgb yuv = yuv_to_rgb(frame.matrix, frame.range);
      cv::Matx33d matrix;
      for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 3; ++column) {
          matrix(row, column) = yuv.matrix[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
        }
      }
      rgb_to_yuv_ = matrix.inv();
      yuv_offset_ = {yuv.offset[0], yuv.offset[1], yuv.offset[2]};
    }
  }

  [[nodiscard]] int width() const { return layers_[0].pixels.cols; }
  [[nodiscard]] int height() const { return layers_[0].pixels.rows; }

  void rectangle(const cv::Rect& box, const Rgb& colour, int line_px) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const int thickness = line_px == cv::FILLED ? line_px : std::max(line_px / layers_[i].subsampling, 1);
      cv::rectangle(layers_[i].pixels, scaled(box, layers_[i]), value(colour, i), thickness);
    }
  }

  void circle(const cv::Point& centre, int radius, const Rgb& colour) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const int subsampling = layers_[i].subsampling;
      cv::circle(layers_[i].pixels, centre / subsampling, std::max(radius / subsampling, 1), value(colour, i),
                 cv::FILLED);
    }
  }

  /// Text on the first plane only: at half size it would be illegible in chroma.
  void text(const std::string& text, const cv::Point& base, double scale, int thickness, const Rgb& colour) {
    cv::putText(layers_[0].pixels, text, base, kFont, scale, value(colour, 0), thickness, cv::LINE_AA);
  }

  void blend(const SegmentationMask& mask, float opacity);

 private:
  static cv::Rect scaled(const cv::Rect& box, const Layer& layer) {
    return {box.x / layer.subsampling, box.y / layer.subsampling, std::max(box.width / layer.subsampling, 1),
            std::max(box.height / layer.subsampling, 1)};
  }

  /// The colour as a layer stores it.
  [[nodiscard]] cv::Scalar value(const Rgb& colour, std::size_t layer) const {
    if (is_yuv(format_)) {
      const cv::Vec3d yuv = rgb_to_yuv_ * cv::Vec3d(colour.r, colour.g, colour.b) + yuv_offset_;
      if (layer == 0) {
        return {yuv[0], 0, 0, 0};
      }
      return format_ == PixelFormat::kNV12 ? cv::Scalar(yuv[1], yuv[2]) : cv::Scalar(yuv[static_cast<int>(layer)]);
    }
    switch (format_) {
      case PixelFormat::kGray8:
        return {0.299 * colour.r + 0.587 * colour.g + 0.114 * colour.b, 0, 0, 0};
      case PixelFormat::kRGB:
      case PixelFormat::kRGBx:
      case PixelFormat::kRGBA:
        return cv::Scalar(colour.r, colour.g, colour.b, 255);
      default:
        return cv::Scalar(colour.b, colour.g, colour.r, 255);
    }
  }

  PixelFormat format_;
  std::vector<Layer> layers_;
  cv::Matx33d rgb_to_yuv_;
  cv::Vec3d yuv_offset_;
};

/// Cell of each sample along one axis, -1 outside the mask's region.
std::vector<int> cells_along(int samples, int subsampling, int frame_px, float start, float length, int cells) {
  std::vector<int> result(static_cast<std::size_t>(samples), -1);
  for (int i = 0; i < samples; ++i) {
    const double position = ((i + 0.5) * subsampling / frame_px - start) / length * cells;
    if (position >= 0 && position < cells) {
      result[static_cast<std::size_t>(i)] = static_cast<int>(position);
    }
  }
  return result;
}

/// Class 0 is left alone where it means "nothing", which is so unless the labels say otherwise.
bool class_zero_is_background(const SegmentationMask& mask) {
  return mask.labels.empty() || mask.labels[0].find("background") != std::string::npos || mask.labels[0] == "BG";
}

void Canvas::blend(const SegmentationMask& mask, float opacity) {
  const int weight = static_cast<int>(std::lround(std::clamp(opacity, 0.0F, 1.0F) * 256));
  const bool skip_zero = class_zero_is_background(mask);
  for (std::size_t index = 0; index < layers_.size(); ++index) {
    cv::Mat& pixels = layers_[index].pixels;
    const int subsampling = layers_[index].subsampling;
    const int channels = pixels.channels();
    std::array<cv::Scalar, kPalette.size()> colours;
    for (std::size_t i = 0; i < colours.size(); ++i) {
      colours[i] = value(kPalette[i], index);
    }
    const std::vector<int> columns =
        cells_along(pixels.cols, subsampling, width(), mask.region.x, mask.region.width, mask.width);
    const std::vector<int> rows =
        cells_along(pixels.rows, subsampling, height(), mask.region.y, mask.region.height, mask.height);
    for (int y = 0; y < pixels.rows; ++y) {
      const int row = rows[static_cast<std::size_t>(y)];
      std::uint8_t* line = pixels.ptr(y);
      for (int x = 0; x < pixels.cols && row >= 0; ++x) {
        const int column = columns[static_cast<std::size_t>(x)];
        if (column < 0) {
          continue;
        }
        const std::uint8_t id = (*mask.classes)[static_cast<std::size_t>(row) * mask.width + column];
        if (id == 0 && skip_zero) {
          continue;
        }
        const cv::Scalar& colour = colours[id % colours.size()];
        for (int c = 0; c < std::min(channels, 3); ++c) {
          std::uint8_t& sample = line[x * channels + c];
          sample = static_cast<std::uint8_t>((sample * (256 - weight) + static_cast<int>(colour[c]) * weight) / 256);
        }
      }
    }
  }
}

std::string printable(std::string_view text) {
  std::string result(text.substr(0, kMaxTextLength));
  for (char& letter : result) {
    letter = letter >= ' ' && letter <= '~' ? letter : '?';
  }
  return result;
}

struct Style {
  int line_px;
  double text_scale;
  int text_px;  ///< Line thickness of text.
};

/// Sizes in proportion to the picture: text of about 13 pixels and lines of 2 at 720 lines.
Style style_of(const OverlaySettings& settings, int height_px) {
  const double share = height_px / 720.0;
  const int line = settings.line_px > 0 ? settings.line_px : static_cast<int>(std::lround(2 * share));
  return {std::clamp(line, 1, 64), std::clamp(0.6 * share, 0.35, 3.0),
          std::max(static_cast<int>(std::lround(share)), 1)};
}

/// Lines of text on a filled background whose lower edge is at `bottom` where there is room above, else from there
/// down.
void draw_lines(Canvas& canvas, const std::vector<std::string>& lines, int left, int bottom, const Rgb& colour,
                const Style& style) {
  if (lines.empty()) {
    return;
  }
  int baseline = 0;
  cv::Size largest;
  for (const std::string& line : lines) {
    const cv::Size size = cv::getTextSize(line, kFont, style.text_scale, style.text_px, &baseline);
    largest = {std::max(largest.width, size.width), std::max(largest.height, size.height)};
  }
  const int line_height = largest.height + baseline + 2;
  const int height = line_height * static_cast<int>(lines.size());
  const int x = std::clamp(left, 0, std::max(canvas.width() - largest.width - 4, 0));
  const int y = bottom - height >= 0 ? bottom - height : std::clamp(bottom, 0, std::max(canvas.height() - height, 0));
  canvas.rectangle({x, y, largest.width + 4, height}, colour, cv::FILLED);
  const bool bright = 299 * colour.r + 587 * colour.g + 114 * colour.b > 128'000;
  const Rgb ink = bright ? Rgb{0, 0, 0} : Rgb{255, 255, 255};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    canvas.text(lines[i], {x + 2, y + static_cast<int>(i) * line_height + largest.height + 1}, style.text_scale,
                style.text_px, ink);
  }
}

void append_attributes(const std::vector<Attribute>& attributes, std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < std::min(attributes.size(), kMaxAttributeLines); ++i) {
    const Attribute& attribute = attributes[i];
    const std::string text = attribute.label.empty() ? std::to_string(attribute.label_id) : attribute.label;
    lines.push_back(printable(attribute.name + ": " + text));
  }
}

std::vector<std::string> lines_of(const Object& object, const OverlaySettings& settings) {
  std::vector<std::string> lines;
  if (settings.labels) {
    std::string title = object.label.empty() ? fmt::format("#{}", object.label_id) : object.label;
    if (object.track_id) {
      title += fmt::format(" {}", *object.track_id);
    }
    lines.push_back(printable(fmt::format("{} {:.2f}", title, object.confidence)));
  }
  if (settings.attributes) {
    append_attributes(object.attributes, lines);
  }
  return lines;
}

void draw_object(Canvas& canvas, const Object& object, const OverlaySettings& settings, const Style& style) {
  const Rgb colour = colour_of(object);
  const Box box = clip(object.box);
  if (box.area() > 0) {  // False for NaN.
    const int left = static_cast<int>(std::lround(box.x * static_cast<float>(canvas.width())));
    const int top = static_cast<int>(std::lround(box.y * static_cast<float>(canvas.height())));
    const int right = static_cast<int>(std::lround(box.right() * static_cast<float>(canvas.width())));
    const int bottom = static_cast<int>(std::lround(box.bottom() * static_cast<float>(canvas.height())));
    if (settings.boxes) {
      canvas.rectangle({left, top, std::max(right - left, 1), std::max(bottom - top, 1)}, colour,
                       object.predicted ? 1 : style.line_px);
    }
    draw_lines(canvas, lines_of(object, settings), left, top, colour, style);
  }
  if (!settings.keypoints) {
    return;
  }
  for (const Keypoint& keypoint : object.keypoints) {
    const Point& at = keypoint.position;
    if (at.x >= 0 && at.x <= 1 && at.y >= 0 && at.y <= 1) {
      canvas.circle({static_cast<int>(at.x * static_cast<float>(canvas.width())),
                     static_cast<int>(at.y * static_cast<float>(canvas.height()))},
                    style.line_px + 2, colour);
    }
  }
}

bool drawable(const SegmentationMask& mask) {
  return mask.width > 0 && mask.height > 0 && mask.classes != nullptr && mask.region.width > 0 &&
         mask.region.height > 0 &&
         mask.classes->size() == static_cast<std::size_t>(mask.width) * static_cast<std::size_t>(mask.height);
}

}  // namespace

void draw(const FrameAnalysis& analysis, const MutableFrameView& frame, const OverlaySettings& settings) {
  check_frame(frame);
  try {
    Canvas canvas(frame);
    const Style style = style_of(settings, frame.height_px);
    if (settings.masks) {
      for (const SegmentationMask& mask : analysis.masks) {
        if (drawable(mask)) {
          canvas.blend(mask, settings.mask_opacity);
        }
      }
    }
    for (const Object& object : analysis.objects) {
      draw_object(canvas, object, settings, style);
    }
    if (settings.attributes) {
      std::vector<std::string> lines;
      append_attributes(analysis.attributes, lines);
      draw_lines(canvas, lines, 0, 0, {40, 40, 40}, style);
    }
  } catch (const cv::Exception& error) {
    fail(ErrorCode::kInternal, "drawing on a {}x{} {} frame: {}", frame.width_px, frame.height_px,
         to_string(frame.format), error.what());
  }
}

}  // namespace fovea
