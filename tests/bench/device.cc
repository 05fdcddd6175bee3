/// How much of a device's time posekit leaves unused: whole calls beside bare forwards, alternating; stages; precisions; a soak.
///
///     posekit_device_bench MODEL [--device cuda] [--precision bf16] [--batches 1,8,32] [--rounds 5] [--seconds 2] [--soak SECONDS] [--json
///     FILE]
///
/// Runs on the CPU too, where it shows that it runs. Images are noise in host memory, several of them: nothing is timed on zeros or on one
/// buffer that stays in a cache.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "codec/peak.h"
#include "loading/load_model.h"
#include "posekit/estimator.h"
#include "posekit/runtime.h"
#include "support/by_sessions.h"
#include "torch/backend.h"
#include "torch/device_session.h"
#include "torch/network.h"
#include "torch/peaks.h"
#include "torch/runtime.h"
#include "torch/tf32.h"

#ifdef POSEKIT_CUDA
#include <cuda_runtime_api.h>
#endif

namespace {

using namespace posekit;
using posekit_test::BySessions;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model;
  std::string device = "cuda";
  std::string precision = "bf16";
  std::string json;
  std::vector<std::size_t> batches{1, 8, 32};
  int rounds = 5;
  double seconds = 2;
  double soak = 0;
};

/// A model's network and, beside it, another backend of the same file that is used by sessions as on a device.
struct Loaded {
  std::shared_ptr<ModelBackend> own;
  Replica* replica = nullptr;
  std::shared_ptr<ModelBackend> backend;
};

/// TF32 is set for what is loaded.
Loaded load(const Options& options, const std::string& precision) {
  set_torch_tf32(precision == "tf32");
  ModelOptions model;
  model.device = options.device;
  model.precision = precision == "fp16" ? Precision::fp16 : precision == "bf16" ? Precision::bf16 : Precision::fp32;
  const c10::InferenceMode inference;
  const auto own = load_model(std::filesystem::path(options.model), model);
  std::shared_ptr<ModelBackend> other = load_model(std::filesystem::path(options.model), model);
  if (other->on_cpu()) other = std::make_shared<BySessions>(other);
  return {own, &dynamic_cast<TorchBackend&>(own->on_callers_threads()).replica(), other};
}

std::vector<Image> noise_images(std::size_t count) {
  std::mt19937 random(3);
  std::vector<Image> images;
  for (std::size_t i = 0; i < count; ++i) {
    Image image{std::vector<std::uint8_t>(std::size_t{1280} * 960 * 3), 1280, 960, PixelFormat::bgr8};
    for (std::size_t at = 0; at + 4 <= image.pixels.size(); at += 4) {
      const auto value = static_cast<std::uint32_t>(random());
      std::memcpy(&image.pixels[at], &value, 4);
    }
    images.push_back(std::move(image));
  }
  return images;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Seconds that one run of `work` takes: as many as fit in the time, at least three, the device waited for at both ends.
double time_of(const Replica& replica, double seconds, const std::function<void()>& work) {
  replica.streams.synchronize();
  const auto start = Clock::now();
  int runs = 0;
  while (runs < 3 || seconds_since(start) < seconds) {
    work();
    // A few runs ahead are enough; without a bound the queue would grow for the whole time.
    if (++runs % 4 == 0) replica.streams.synchronize();
  }
  replica.streams.synchronize();
  return seconds_since(start) / runs;
}

/// Ways to spend device memory and host memory, in MB.
std::string memory_text() {
  std::ifstream status("/proc/self/status");
  std::string line;
  std::string text = "host ";
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) text += std::to_string(std::stol(line.substr(6)) / 1024) + " MB";
  }
#ifdef POSEKIT_CUDA
  std::size_t free = 0;
  std::size_t total = 0;
  if (cudaMemGetInfo(&free, &total) == cudaSuccess) text += ", device " + std::to_string((total - free) >> 20) + " MB";
#endif
  return text;
}

/// The device's stages of one batch, each alone.
std::map<std::string, double> stages(const Loaded& model, const DecodeRequest& request, std::size_t batch, double seconds) {
  const c10::InferenceMode inference;
  const Replica& replica = *model.replica;
  const StreamGuard guard(replica.streams, StreamRole::compute);
  const InputInfo& input = replica.network.info().input;
  const auto count = static_cast<std::int64_t>(batch);
  const PeakReduction reduction(replica.network.info(), request, replica.network.device());
  std::vector<at::Tensor> host;
  std::vector<at::Tensor> device;
  std::vector<at::Tensor> normalized;
  for (int i = 0; i < 3; ++i) {  // rotated, so that no cache holds them
    host.push_back(replica.streams.host_tensor({count, input.height, input.width, 3}, at::kByte));
    host.back().copy_(at::randint(256, host.back().sizes(), at::TensorOptions().dtype(at::kByte)));
    device.push_back(host.back().to(replica.network.device()).clone());
    normalized.push_back(replica.network.normalized(device.back()));
  }
  std::vector<at::Tensor> heatmaps;
  for (const at::Tensor& crops : normalized) heatmaps.push_back(replica.network.forward(crops).front());
  const at::Tensor patches = reduction.peaks(reduction.wanted(heatmaps[0])).patches;
  const at::Tensor back = replica.streams.host_tensor(patches.sizes(), at::kFloat);
  std::size_t turn = 0;
  const auto timed = [&](const std::function<void(std::size_t)>& work) { return time_of(replica, seconds, [&] { work(turn++ % 3); }); };
  return {{"upload", timed([&](std::size_t i) { device[i].copy_(host[i], true); })},
          {"normalise", timed([&](std::size_t i) { (void)replica.network.normalized(device[i]); })},
          {"forward", timed([&](std::size_t i) { (void)replica.network.forward(normalized[i]); })},
          {"peaks", timed([&](std::size_t i) { (void)reduction.peaks(reduction.wanted(heatmaps[i])); })},
          {"download", timed([&](std::size_t) { back.copy_(patches, true); })}};
}

struct Ratio {
  double forward = 0;  ///< Persons a second, median over the rounds.
  double end_to_end = 0;
};

/// A B A B …: bare forwards on inputs that lie on the device, whole calls on images in host memory.
Ratio alternate(const Options& options, const Loaded& model, std::size_t batch, const std::vector<Image>& images) {
  EstimatorOptions settings;
  settings.max_batch = batch;
  settings.executor = std::make_shared<ThreadPool>();
  const PoseEstimator estimator(Model(model.backend), settings);
  const std::vector<Box> person{{300, 100, 900, 900}};
  std::vector<ImageBoxes> input;
  const std::size_t persons = std::max<std::size_t>(8 * batch, 32);
  for (std::size_t i = 0; i < persons; ++i) input.push_back({images[i % images.size()].view(), person});

  std::vector<at::Tensor> crops;
  const InputInfo& size = model.replica->network.info().input;
  {
    const c10::InferenceMode inference;
    for (int i = 0; i < 2; ++i) {
      const auto shape = {static_cast<std::int64_t>(batch), std::int64_t{size.height}, std::int64_t{size.width}, std::int64_t{3}};
      crops.push_back(model.replica->network.normalized(
          at::randint(256, shape, at::TensorOptions().dtype(at::kByte)).to(model.replica->network.device())));
    }
  }
  const auto forward = [&] {
    const c10::InferenceMode inference;
    const StreamGuard guard(model.replica->streams, StreamRole::compute);
    std::size_t turn = 0;
    return static_cast<double>(batch) /
           time_of(*model.replica, options.seconds, [&] { (void)model.replica->network.forward(crops[turn++ % 2]); });
  };
  const auto whole = [&] {
    return static_cast<double>(persons) / time_of(*model.replica, options.seconds, [&] {
             for (const ImageResult& result : estimator.estimate_batch(input)) {
               if (result.code != ErrorCode::ok) throw Error(result.code, result.message);
             }
           });
  };
  (void)forward();  // clocks, profiling executor, fused kernels
  (void)whole();
  std::vector<double> forwards;
  std::vector<double> wholes;
  for (int round = 0; round < options.rounds; ++round) {
    forwards.push_back(forward());
    wholes.push_back(whole());
  }
  return {median(forwards), median(wholes)};
}

std::vector<Pose> poses_in(const Options& options, const std::string& precision, const std::vector<Image>& images) {
  EstimatorOptions settings;
  settings.max_batch = 4;
  const PoseEstimator estimator(Model(load(options, precision).backend), settings);
  const std::vector<Box> person{{300, 100, 900, 900}};
  std::vector<Pose> poses;
  for (const Image& image : images) poses.push_back(estimator.estimate(image.view(), person).poses.at(0));
  return poses;
}

/// How far keypoints of another precision lie from fp32's, in pixels of the image. Random weights give flat heatmaps, whose peaks jump: the
/// median says more than the maximum there.
void compare_precisions(const Options& options, const std::vector<Image>& images, std::ostream& json) {
  const auto exact = poses_in(options, "fp32", images);
  for (const std::string& precision : {std::string("tf32"), std::string("fp16"), std::string("bf16")}) {
    try {
      const auto other = poses_in(options, precision, images);
      std::vector<double> distances;
      for (std::size_t i = 0; i < exact.size(); ++i) {
        for (std::size_t k = 0; k < exact[i].keypoints.size(); ++k) {
          const Keypoint& a = exact[i].keypoints[k];
          const Keypoint& b = other[i].keypoints[k];
          distances.push_back(std::hypot(static_cast<double>(a.x - b.x), static_cast<double>(a.y - b.y)));
        }
      }
      std::ranges::sort(distances);
      const auto at = [&](double share) { return distances[static_cast<std::size_t>(share * static_cast<double>(distances.size() - 1))]; };
      std::printf("%s - fp32: median %.4f, 95 %% %.4f, most %.4f pixels\n", precision.c_str(), at(0.5), at(0.95), at(1));
      json << ",\n  \"" << precision << "_minus_fp32_pixels\": {\"median\": " << at(0.5) << ", \"p95\": " << at(0.95)
           << ", \"max\": " << at(1) << "}";
    } catch (const Error& error) {
      std::printf("%s: %s\n", precision.c_str(), error.what());
    }
  }
  set_torch_tf32(false);
}

void soak(const Options& options, const Loaded& model, const std::vector<Image>& images) {
  EstimatorOptions settings;
  settings.max_batch = options.batches.back();
  settings.executor = std::make_shared<ThreadPool>();
  const PoseEstimator estimator(Model(model.backend), settings);
  const std::vector<Box> person{{300, 100, 900, 900}};
  const auto start = Clock::now();
  std::size_t persons = 0;
  for (int tenth = 1; tenth <= 10; ++tenth) {
    while (seconds_since(start) < options.soak * tenth / 10) {
      // Batches of every size, as people come and go.
      const std::vector<ImageBoxes> input(1 + persons % (2 * settings.max_batch + 1), {images[persons % images.size()].view(), person});
      persons += estimator.estimate_batch(input).size();
    }
    std::printf("soak: %5.0f s, %zu persons, %s\n", seconds_since(start), persons, memory_text().c_str());
    std::fflush(stdout);
  }
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (!word.starts_with("--")) {
      options.model = word;
      continue;
    }
    if (++i >= argc) throw Error(ErrorCode::invalid_argument, word + " wants a value");
    const std::string value = argv[i];
    if (word == "--device")
      options.device = value;
    else if (word == "--precision")
      options.precision = value;
    else if (word == "--json")
      options.json = value;
    else if (word == "--rounds")
      options.rounds = std::stoi(value);
    else if (word == "--seconds")
      options.seconds = std::stod(value);
    else if (word == "--soak")
      options.soak = std::stod(value);
    else if (word == "--batches") {
      options.batches.clear();
      std::istringstream list(value);
      for (std::string item; std::getline(list, item, ',');) options.batches.push_back(std::stoul(item));
    } else {
      throw Error(ErrorCode::invalid_argument, "there is no option " + word);
    }
  }
  if (options.model.empty()) throw Error(ErrorCode::invalid_argument, "a model is expected");
  return options;
}

void run(const Options& options) {
  std::ofstream file;
  std::ostringstream nowhere;
  if (!options.json.empty()) file.open(options.json);
  std::ostream& json = options.json.empty() ? static_cast<std::ostream&>(nowhere) : file;
  const auto images = noise_images(24);
  const Loaded model = load(options, options.precision);
  const ModelInfo& info = model.replica->network.info();
  const std::size_t keypoints = info.pose().keypoints.size();
  const DecodeRequest request = make_decode_request(info);
  const auto side = static_cast<std::size_t>(2 * peak_reach(std::get<HeatmapOutput>(info.output).refinement, request.kernel.size()) + 1);
  const std::size_t bytes_per_person = keypoints * (sizeof(std::int64_t) + side * side * sizeof(float));
  std::printf("%s on %s, %s, Torch %s, %s\n%zu bytes come back for a person\n", info.name.c_str(),
              to_string(model.backend->devices()).c_str(), options.precision.c_str(), torch_versions().running.c_str(),
              memory_text().c_str(), bytes_per_person);
  json << "{\n  \"model\": \"" << info.name << "\", \"device\": \"" << to_string(model.backend->devices()) << "\", \"precision\": \""
       << options.precision << "\", \"torch\": \"" << torch_versions().running << "\", \"bytes_per_person\": " << bytes_per_person;
  for (const std::size_t batch : options.batches) {
    const Ratio ratio = alternate(options, model, batch, images);
    std::printf("batch %3zu: forward %9.2f, end to end %9.2f persons/s, ratio %.4f |", batch, ratio.forward, ratio.end_to_end,
                ratio.end_to_end / ratio.forward);
    json << ",\n  \"batch_" << batch << "\": {\"forward_per_s\": " << ratio.forward << ", \"end_to_end_per_s\": " << ratio.end_to_end;
    for (const auto& [stage, seconds] : stages(model, request, batch, options.seconds / 4)) {
      std::printf(" %s %.3f ms", stage.c_str(), 1e3 * seconds);
      json << ", \"" << stage << "_ms\": " << 1e3 * seconds;
    }
    std::printf("\n");
    std::fflush(stdout);
    json << "}" << std::flush;
  }
  compare_precisions(options, images, json);
  json << "\n}\n" << std::flush;
  if (options.soak > 0) soak(options, model, images);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "posekit_device_bench: %s\n", error.what());
    return 1;
  }
}
