/// Models, clocks and figures of posekit_device_bench.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <utility>

#include "device_bench.h"
#include "loading/load_model.h"
#include "posekit/runtime.h"
#include "support/by_sessions.h"
#include "support/fake_backend.h"
#include "torch/backend.h"

#ifdef POSEKIT_CUDA
#include <ATen/cuda/Sleep.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#endif

namespace posekit_bench {
namespace {

using posekit::Replica;
using posekit::StreamGuard;
using posekit::StreamRole;

posekit::ModelOptions model_options(const Options& options, const std::string& precision) {
  posekit::set_torch_tf32(precision == "tf32");
  posekit::ModelOptions model;
  model.device = options.device;
  model.precision = precision == "fp16"   ? posekit::Precision::fp16
                    : precision == "bf16" ? posekit::Precision::bf16
                                          : posekit::Precision::fp32;
  return model;
}

/// A moment on the compute stream.
class Mark {
 public:
  Mark() = default;
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

#ifdef POSEKIT_CUDA
  ~Mark() {
    if (event_ != nullptr) (void)cudaEventDestroy(event_);
  }
  void set(const Replica& replica) {
    host_ = Clock::now();
    const auto stream = replica.streams.stream(StreamRole::compute);
    if (!stream) return;
    C10_CUDA_CHECK(cudaEventCreate(&event_));
    C10_CUDA_CHECK(cudaEventRecord(event_, c10::cuda::CUDAStream(*stream).stream()));
  }
  /// Both have to be behind the device.
  double ms_until(const Mark& later) const {
    if (event_ == nullptr) return 1e3 * std::chrono::duration<double>(later.host_ - host_).count();
    float milliseconds = 0;
    C10_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, event_, later.event_));
    return milliseconds;
  }

 private:
  cudaEvent_t event_ = nullptr;
#else
  ~Mark() = default;
  void set(const Replica& /*replica*/) { host_ = Clock::now(); }
  double ms_until(const Mark& later) const { return 1e3 * std::chrono::duration<double>(later.host_ - host_).count(); }

 private:
#endif
  Clock::time_point host_;
};

/// Keeps the current stream busy for about 20 ms, so that what follows is queued before any of it begins.
void give_host_a_head_start(const Replica& replica) {
#ifdef POSEKIT_CUDA
  if (replica.network.device().is_cuda()) at::cuda::sleep(40'000'000);
#else
  (void)replica;
#endif
}

}  // namespace

Figure::Figure(const Options& options, std::string_view name) {
  line_ << R"({"part": ")" << options.part << R"(", "figure": ")" << name << '"';
}

Figure::~Figure() {
  line_ << "}\n";
  const std::string line = line_.str();
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

Figure& Figure::add(std::string_view key, double value) {
  line_ << ", \"" << key << "\": " << value;
  return *this;
}

Figure& Figure::add(std::string_view key, std::string_view value) {
  line_ << ", \"" << key << R"(": ")" << value << '"';
  return *this;
}

Loaded load(const Options& options, const std::string& model, const std::string& precision) {
  const auto own = posekit::load_model(std::filesystem::path(model), model_options(options, precision));
  std::shared_ptr<posekit::ModelBackend> for_calls = own;
  if (own->on_cpu()) for_calls = std::make_shared<posekit_test::BySessions>(own);
  return {own, &dynamic_cast<posekit::TorchBackend&>(own->on_callers_threads()).replica(), for_calls};
}

std::shared_ptr<posekit::ModelBackend> load_for_calls(const Options& options, const std::string& model, const std::string& precision) {
  auto backend = posekit::load_model(std::filesystem::path(model), model_options(options, precision));
  if (options.device != "cpu") return backend;
  return std::make_shared<posekit_test::BySessions>(std::move(backend), posekit_test::cuda_0);
}

std::string name_of(const std::string& model) { return std::filesystem::path(model).stem().string(); }

std::vector<posekit::Image> noise_images(std::size_t count, int width, int height) {
  std::mt19937 random(3);
  std::vector<posekit::Image> images;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
    posekit::Image image{std::vector<std::uint8_t>(bytes), width, height, posekit::PixelFormat::bgr8};
    for (std::size_t at = 0; at + 4 <= bytes; at += 4) {
      const auto value = static_cast<std::uint32_t>(random());
      std::memcpy(&image.pixels[at], &value, 4);
    }
    images.push_back(std::move(image));
  }
  return images;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Times time_of_queued(const Replica& replica, double seconds, const std::function<void(std::size_t run)>& work) {
  const c10::InferenceMode inference;
  const StreamGuard guard(replica.streams, StreamRole::compute);
  replica.streams.synchronize();  // what the runs read may have been made on another stream
  for (std::size_t run = 0; run < 2; ++run) work(run);
  replica.streams.synchronize();
  const auto alone = Clock::now();
  work(2);
  replica.streams.synchronize();
  const int repeats = static_cast<int>(std::clamp(seconds / seconds_since(alone), 3.0, 50.0));

  Mark begin;
  Mark end;
  give_host_a_head_start(replica);
  begin.set(replica);
  const auto start = Clock::now();
  for (int run = 0; run < repeats; ++run) work(static_cast<std::size_t>(run));
  const double host = seconds_since(start);
  end.set(replica);
  replica.streams.synchronize();
  return {begin.ms_until(end) / repeats, 1e3 * host / repeats, repeats};
}

}  // namespace posekit_bench
