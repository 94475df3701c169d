// OpenCV's dnn module as a peer.
#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>

#include "bench/peers/peer.hpp"

namespace fovea::bench {
namespace {

/// EXTRA names the input's shape: OpenCV does not tell it. "1,3,224,224".
std::vector<int> parse_shape(const std::string& text) {
  std::vector<int> shape;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    shape.push_back(std::stoi(part));
  }
  return shape;
}

struct Stream {
  cv::dnn::Net net;
  std::vector<cv::Mat> outputs;
};

Peer load(const Arguments& arguments) {
  cv::setNumThreads(arguments.threads);
  const std::vector<int> shape = parse_shape(arguments.extra);
  auto streams = std::make_shared<std::vector<Stream>>(static_cast<std::size_t>(arguments.streams));
  const auto input = std::make_shared<cv::Mat>(shape, CV_32F);
  const std::vector<float> values = noise(input->total());
  std::copy(values.begin(), values.end(), input->ptr<float>());
  for (Stream& stream : *streams) {
    stream.net = cv::dnn::readNet(arguments.model.string());
    stream.net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  }
  return {.version = std::string("OpenCV ") + CV_VERSION,
          .run =
              [streams, input](int index) {
                Stream& stream = (*streams)[static_cast<std::size_t>(index)];
                stream.net.setInput(*input);
                stream.net.forward(stream.outputs, stream.net.getUnconnectedOutLayersNames());
              },
          .outputs =
              [streams] {
                std::vector<std::vector<float>> outputs;
                for (const cv::Mat& output : streams->front().outputs) {
                  outputs.emplace_back(output.ptr<float>(), output.ptr<float>() + output.total());
                }
                return outputs;
              }};
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  const auto arguments = fovea::bench::parse_arguments(argc, argv);
  return fovea::bench::serve(arguments.streams, [&] { return fovea::bench::load(arguments); });
}
