// Drawing of comparisons with OpenCV's primitives.
#include "vision/metrics/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

constexpr int kCaptionPx = 28;
constexpr int kDashPx = 6;
constexpr std::size_t kMaxText = 110;
const cv::Scalar kFound(80, 220, 60);
const cv::Scalar kMissed(0, 220, 255);
const cv::Scalar kGray(150, 150, 150);
const cv::Scalar kHit(255, 120, 40);
const cv::Scalar kFalseAlarm(40, 40, 240);

std::string printable(std::string text) {
  text.resize(std::min(text.size(), kMaxText));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

void put_text(cv::Mat& canvas, const std::string& text, cv::Point at, const cv::Scalar& colour, double size) {
  cv::putText(canvas, printable(text), at, cv::FONT_HERSHEY_SIMPLEX, size, cv::Scalar(0, 0, 0), 3, cv::LINE_AA);
  cv::putText(canvas, printable(text), at, cv::FONT_HERSHEY_SIMPLEX, size, colour, 1, cv::LINE_AA);
}

void dashed(cv::Mat& canvas, cv::Point a, cv::Point b, const cv::Scalar& colour) {
  const int length = std::max(std::abs(b.x - a.x), std::abs(b.y - a.y));
  const cv::Point step((b.x > a.x) - (b.x < a.x), (b.y > a.y) - (b.y < a.y));
  for (int at = 0; at < length; at += 2 * kDashPx) {
    cv::line(canvas, a + at * step, a + std::min(at + kDashPx, length) * step, colour, 2);
  }
}

/// In pixels; nothing when the box is not finite.
std::optional<cv::Rect> to_pixels(const Box& box, const cv::Mat& canvas) {
  if (!std::isfinite(box.right() + box.bottom())) {
    return std::nullopt;
  }
  const Box inside = clip(box);
  const auto at = [](float part, int extent) {
    return static_cast<int>(std::lround(part * static_cast<float>(extent)));
  };
  return cv::Rect(cv::Point(at(inside.x, canvas.cols), at(inside.y, canvas.rows)),
                  cv::Point(at(inside.right(), canvas.cols), at(inside.bottom(), canvas.rows)));
}

void draw_truth(cv::Mat& canvas, const TruthObject& truth, bool found) {
  const auto box = to_pixels(truth.box, canvas);
  if (!box) {
    return;
  }
  const cv::Scalar& colour = truth.ignore ? kGray : found ? kFound : kMissed;
  const cv::Point right_top(box->x + box->width, box->y);
  const cv::Point left_bottom(box->x, box->y + box->height);
  for (const auto& [a, b] : {std::pair(box->tl(), right_top), std::pair(right_top, box->br()),
                             std::pair(left_bottom, box->br()), std::pair(box->tl(), left_bottom)}) {
    dashed(canvas, a, b, colour);
  }
  if (!truth.ignore && !found) {
    put_text(canvas, truth.label, {box->x, box->y + box->height + 14}, colour, 0.45);
  }
}

void draw_result(cv::Mat& canvas, const ResultObject& result, int verdict) {
  const auto box = to_pixels(result.box, canvas);
  if (!box) {
    return;
  }
  const cv::Scalar& colour = verdict >= 0 ? kHit : (verdict == FrameMatches::kDropped ? kGray : kFalseAlarm);
  cv::rectangle(canvas, *box, colour, 1);
  std::string text = fmt::format("{} {:.2f}", result.label, result.confidence);
  if (result.id) {
    text += fmt::format(" #{}", *result.id);
  }
  put_text(canvas, text, {box->x, std::max(box->y - 4, 10)}, colour, 0.4);
}

cv::Mat as_mat(const Image& image) {
  // OpenCV has no read-only matrix; nothing is written through this one.
  return {image.height_px, image.width_px, CV_8UC3, const_cast<std::uint8_t*>(image.bgr.data())};
}

Image to_image(const cv::Mat& canvas) {
  Image image{canvas.cols, canvas.rows, {}};
  image.bgr.assign(canvas.data, canvas.data + canvas.total() * canvas.elemSize());
  return image;
}

}  // namespace

Image draw_comparison(const Image& picture, const JudgedFrame& frame, const FrameMatches& matches,
                      const std::string& caption, int max_width_px) {
  const double scale = std::min(1.0, static_cast<double>(max_width_px) / picture.width_px);
  const cv::Size size(std::max(1, static_cast<int>(picture.width_px * scale)),
                      std::max(1, static_cast<int>(picture.height_px * scale)));
  cv::Mat canvas(size.height + kCaptionPx, size.width, CV_8UC3, cv::Scalar(30, 30, 30));
  cv::Mat inside = canvas.rowRange(kCaptionPx, canvas.rows);
  cv::resize(as_mat(picture), inside, size, 0, 0, cv::INTER_AREA);
  for (std::size_t i = 0; i < frame.results.size(); ++i) {
    draw_result(inside, frame.results[i], matches.truth_of_result[i]);
  }
  for (std::size_t i = 0; i < frame.truth.size(); ++i) {
    draw_truth(inside, frame.truth[i], matches.result_of_truth[i] >= 0);
  }
  put_text(canvas, caption, {6, kCaptionPx - 9}, cv::Scalar(240, 240, 240), 0.5);
  return to_image(canvas);
}

Image tile(const std::vector<Image>& pictures) {
  if (pictures.empty()) {
    fail(ErrorCode::kInvalidArgument, "no pictures to put side by side");
  }
  cv::Size cell(0, 0);
  for (const Image& picture : pictures) {
    cell.width = std::max(cell.width, picture.width_px);
    cell.height = std::max(cell.height, picture.height_px);
  }
  const int count = static_cast<int>(pictures.size());
  const int columns = std::min(count, 2);
  cv::Mat canvas((count + 1) / 2 * cell.height, columns * cell.width, CV_8UC3, cv::Scalar(30, 30, 30));
  for (int i = 0; i < count; ++i) {
    const Image& picture = pictures[static_cast<std::size_t>(i)];
    const cv::Rect place(i % 2 * cell.width, i / 2 * cell.height, picture.width_px, picture.height_px);
    as_mat(picture).copyTo(canvas(place));
  }
  return to_image(canvas);
}

}  // namespace fovea
