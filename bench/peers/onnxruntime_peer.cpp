// ONNX Runtime as a peer, through its C interface. EXTRA: path of libonnxruntime.so (npm's onnxruntime-node brings
// one).
//
// Debian has no header of it. The interface is a table of functions that only ever grows at its end, so positions are
// as stable as names; those used here are written down below.
#include <dlfcn.h>

#include <memory>
#include <stdexcept>

#include "bench/peers/peer.hpp"

namespace fovea::bench {
namespace {

struct ApiBase {
  const void* const* (*get_api)(std::uint32_t version);
  const char* (*version)();
};

/// Positions in the table.
enum Position : std::size_t {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetSessionGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSetInterOpNumThreads = 25,
  kSessionGetOutputCount = 31,
  kSessionGetInputTypeInfo = 33,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorWithDataAsOrtValue = 49,
  kGetTensorMutableData = 51,
  kCastTypeInfoToTensorInfo = 55,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kGetTensorShapeElementCount = 64,
  kGetTensorTypeAndShape = 65,
  kCreateCpuMemoryInfo = 69,
  kGetAllocatorWithDefaultOptions = 78,
};

constexpr std::uint32_t kApiVersion = 16;
constexpr int kLogErrors = 3;
constexpr int kAllOptimisations = 99;
constexpr int kArenaAllocator = 1;
constexpr int kDefaultMemory = 0;
constexpr int kFloat = 1;

class Api {
 public:
  explicit Api(const std::string& library) {
    void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (handle == nullptr) {
      throw std::runtime_error(dlerror());
    }
    const auto get_base = reinterpret_cast<const ApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
    if (get_base == nullptr || get_base()->get_api(kApiVersion) == nullptr) {
      throw std::runtime_error(library + ": no interface of version " + std::to_string(kApiVersion));
    }
    table_ = get_base()->get_api(kApiVersion);
    version_ = get_base()->version();
  }

  /// Calls a function of the table; its status becomes an exception.
  template <class... Arguments>
  void call(Position position, Arguments... arguments) const {
    const auto function = reinterpret_cast<void* (*)(Arguments...)>(const_cast<void*>(table_[position]));
    if (void* const status = function(arguments...); status != nullptr) {
      const auto message = reinterpret_cast<const char* (*)(const void*)>(const_cast<void*>(table_[kGetErrorMessage]));
      throw std::runtime_error(message(status));
    }
  }

  [[nodiscard]] const std::string& version() const { return version_; }

 private:
  const void* const* table_ = nullptr;
  std::string version_;
};

/// Everything lives as long as the process.
struct Session {
  explicit Session(const std::string& library) : api(library) {}

  Api api;
  void* session = nullptr;
  char* input_name = nullptr;
  void* input = nullptr;
  std::vector<float> values;
  std::vector<const char*> output_names;
  std::vector<std::vector<void*>> outputs;  ///< Of each stream; made by the first run, written again by the others.
};

void describe_ports(Session& s, void* allocator) {
  std::size_t count = 0;
  s.api.call(kSessionGetOutputCount, s.session, &count);
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    s.api.call(kSessionGetOutputName, s.session, i, allocator, &name);
    s.output_names.push_back(name);
  }
  s.api.call(kSessionGetInputName, s.session, std::size_t{0}, allocator, &s.input_name);
}

void make_input(Session& s) {
  void* type = nullptr;
  const void* tensor = nullptr;
  std::size_t rank = 0;
  s.api.call(kSessionGetInputTypeInfo, s.session, std::size_t{0}, &type);
  s.api.call(kCastTypeInfoToTensorInfo, type, &tensor);
  s.api.call(kGetDimensionsCount, tensor, &rank);
  std::vector<std::int64_t> shape(rank);
  s.api.call(kGetDimensions, tensor, shape.data(), rank);
  std::size_t elements = 1;
  for (std::int64_t& extent : shape) {
    extent = extent < 1 ? 1 : extent;
    elements *= static_cast<std::size_t>(extent);
  }
  s.values = noise(elements);
  void* memory = nullptr;
  s.api.call(kCreateCpuMemoryInfo, kArenaAllocator, kDefaultMemory, &memory);
  s.api.call(kCreateTensorWithDataAsOrtValue, memory, static_cast<void*>(s.values.data()), elements * sizeof(float),
             static_cast<const std::int64_t*>(shape.data()), rank, kFloat, &s.input);
}

std::vector<std::vector<float>> read_outputs(const Session& s) {
  std::vector<std::vector<float>> outputs;
  for (void* const value : s.outputs[0]) {
    float* data = nullptr;
    void* info = nullptr;
    std::size_t elements = 0;
    s.api.call(kGetTensorMutableData, value, reinterpret_cast<void**>(&data));
    s.api.call(kGetTensorTypeAndShape, static_cast<const void*>(value), &info);
    s.api.call(kGetTensorShapeElementCount, static_cast<const void*>(info), &elements);
    outputs.emplace_back(data, data + elements);
  }
  return outputs;
}

Peer load(const Arguments& arguments) {
  const auto s = [&] {
    const NotLoading opening;  // the other engines are linked
    return std::make_shared<Session>(arguments.extra);
  }();
  void* environment = nullptr;
  void* options = nullptr;
  void* allocator = nullptr;
  s->api.call(kCreateEnv, kLogErrors, "bench", &environment);
  s->api.call(kCreateSessionOptions, &options);
  s->api.call(kSetIntraOpNumThreads, options, arguments.threads);
  s->api.call(kSetInterOpNumThreads, options, 1);
  s->api.call(kSetSessionGraphOptimizationLevel, options, kAllOptimisations);
  s->api.call(kCreateSession, environment, arguments.model.c_str(), static_cast<const void*>(options), &s->session);
  s->api.call(kGetAllocatorWithDefaultOptions, &allocator);
  describe_ports(*s, allocator);
  make_input(*s);
  s->outputs.resize(static_cast<std::size_t>(arguments.streams));
  for (auto& outputs : s->outputs) {
    outputs.resize(s->output_names.size(), nullptr);
  }
  return {.version = "ONNX Runtime " + s->api.version(),
          .run =
              [s](int stream) {
                const char* const input_name = s->input_name;
                const void* const input = s->input;
                s->api.call(kRun, s->session, static_cast<const void*>(nullptr), &input_name, &input, std::size_t{1},
                            static_cast<const char* const*>(s->output_names.data()), s->output_names.size(),
                            s->outputs[static_cast<std::size_t>(stream)].data());
              },
          .outputs = [s] { return read_outputs(*s); }};
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  const auto arguments = fovea::bench::parse_arguments(argc, argv);
  return fovea::bench::serve(arguments.streams, [&] { return fovea::bench::load(arguments); });
}
