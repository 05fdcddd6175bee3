/// Whole calls on a device: beside bare forwards, from several callers, of images that are there, behind a detector, over time.
#include <ATen/core/Tensor.h>
#include <ATen/ops/randint.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <random>
#include <thread>

#include "device_bench.h"
#include "posekit/error.h"
#include "posekit/estimator.h"
#include "posekit/geometry.h"
#include "posekit/pipeline.h"
#include "posekit/runtime.h"
#include "support/at_once.h"
#include "support/caller_device.h"
#include "support/resident.h"

namespace posekit_bench {
namespace {

using posekit::Box;
using posekit::ImageBoxes;
using posekit::ImageResult;
using posekit::Model;
using posekit::PoseEstimator;
using posekit::StreamGuard;
using posekit::StreamRole;

/// A person of 4:5 in the middle of an image.
Box person_in(int width, int height) {
  const double half = 0.4 * height;
  return {width / 2.0 - 0.8 * half, height / 2.0 - half, width / 2.0 + 0.8 * half, height / 2.0 + half};
}

PoseEstimator estimator_of(std::shared_ptr<posekit::ModelBackend> backend, std::size_t batch) {
  posekit::EstimatorOptions settings;
  settings.max_batch = batch;
  settings.executor = std::make_shared<posekit::ThreadPool>();
  return PoseEstimator(Model(std::move(backend)), settings);
}

/// One call. @throws posekit::Error if anything in it failed
void estimate(const PoseEstimator& estimator, const std::vector<ImageBoxes>& input) {
  for (const ImageResult& result : estimator.estimate_batch(input)) {
    if (result.code != posekit::ErrorCode::ok) throw posekit::Error(result.code, result.message);
  }
}

/// Images with a person each, over and over.
std::vector<ImageBoxes> people(const std::vector<posekit::Image>& images, const std::vector<Box>& person, std::size_t count) {
  std::vector<ImageBoxes> input;
  for (std::size_t i = 0; i < count; ++i) input.push_back({images[i % images.size()].view(), person});
  return input;
}

/// Runs a second while all callers call, each in a thread of its own. @param call makes one call and returns how many it did
template <class Call>
double rate(std::size_t callers, double seconds, const Call& call) {
  std::atomic<std::size_t> done = 0;
  const auto start = Clock::now();
  posekit_test::at_once(callers, [&](std::size_t) {
    do {
      done += call();
    } while (seconds_since(start) < seconds);
  });
  return static_cast<double>(done) / seconds_since(start);
}

}  // namespace

namespace {

/// Forwards a second, times the batch; inputs lie on the device.
double bare_rate(const Options& options, const posekit::Replica& replica, std::size_t batch, const std::vector<at::Tensor>& inputs) {
  const c10::InferenceMode inference;
  const StreamGuard guard(replica.streams, StreamRole::compute);
  replica.streams.synchronize();
  const auto start = Clock::now();
  std::size_t runs = 0;
  while (runs < 3 || seconds_since(start) < options.seconds) {
    (void)replica.network.forward(inputs[runs % inputs.size()]);
    // A few runs ahead are enough; without a bound the queue would grow for the whole time.
    if (++runs % 4 == 0) replica.streams.synchronize();
  }
  replica.streams.synchronize();
  return static_cast<double>(runs * batch) / seconds_since(start);
}

/// What a session's calls take of the caller's thread, without its waits for the device.
void measure_host_time(const Options& options, const Loaded& model, std::size_t batch, Figure& figure) {
  const posekit::ModelInfo& info = model.own->info();
  const auto session = model.backend->open_session(posekit::make_decode_request(info));
  const std::size_t bytes = batch * posekit::crop_bytes(posekit::CropFormat::uint8_hwc, info.input.size());
  std::minstd_rand random(7);
  std::vector<double> submits;
  std::vector<double> collects;
  for (int run = 0; run < 2 * options.rounds + 1; ++run) {
    std::generate_n(session->staging(0, batch), bytes, [&] { return static_cast<std::byte>(random() >> 8); });
    const auto start = Clock::now();
    session->submit(0, batch, {});
    submits.push_back(1e3 * seconds_since(start));
    model.replica->streams.synchronize();
    const auto computed = Clock::now();
    (void)session->collect(0);
    collects.push_back(1e3 * seconds_since(computed));
  }
  figure.add("submit_host_ms", median(submits)).add("collect_host_ms", median(collects));
}

}  // namespace

void measure_ratio(const Options& options) {
  const auto images = noise_images(24, 1280, 960);
  const std::vector<Box> person{person_in(1280, 960)};
  for (const std::string& path : options.models) {
    for (const std::string& precision : options.precisions) {
      const Loaded model = load(options, path, precision);
      for (const std::size_t batch : options.batches) {
        const PoseEstimator estimator = estimator_of(model.backend, batch);
        const auto input = people(images, person, std::max<std::size_t>(8 * batch, 32));
        std::vector<at::Tensor> bare;
        {
          const c10::InferenceMode inference;
          const posekit::InputInfo& size = model.own->info().input;
          for (int i = 0; i < 2; ++i) {
            const auto crops = at::randint(256, {static_cast<std::int64_t>(batch), size.height, size.width, 3}, at::kByte);
            bare.push_back(model.replica->network.normalized(crops.to(model.replica->network.device())));
          }
          model.replica->streams.synchronize();
        }
        const auto forwards = [&] { return bare_rate(options, *model.replica, batch, bare); };
        const auto calls = [&] {
          return rate(1, options.seconds, [&] {
            estimate(estimator, input);
            return input.size();
          });
        };
        (void)forwards();  // clocks, and what is made in first runs
        (void)calls();
        std::vector<double> forward_rates;
        std::vector<double> call_rates;
        std::vector<double> ratios;
        for (int round = 0; round < options.rounds; ++round) {
          forward_rates.push_back(forwards());
          call_rates.push_back(calls());
          ratios.push_back(call_rates.back() / forward_rates.back());
        }
        Figure figure(options, "ratio");
        figure.add("model", name_of(path))
            .add("precision", precision)
            .add("batch", static_cast<double>(batch))
            .add("forward_per_s", median(forward_rates))
            .add("end_to_end_per_s", median(call_rates))
            .add("ratio", median(ratios))
            .add("least", *std::ranges::min_element(ratios))
            .add("most", *std::ranges::max_element(ratios));
        measure_host_time(options, model, batch, figure);
      }
    }
  }
}

void measure_callers(const Options& options) {
  const auto images = noise_images(24, 640, 480);
  const std::vector<Box> person{person_in(640, 480)};
  for (const std::string& path : options.models) {
    const auto backend = load_for_calls(options, path, options.precisions.at(0));
    for (const std::size_t batch : options.batches) {
      const PoseEstimator estimator = estimator_of(backend, batch);
      const auto input = people(images, person, std::max<std::size_t>(4 * batch, 16));
      for (const std::size_t callers : options.callers) {
        const auto call = [&] {
          estimate(estimator, input);
          return input.size();
        };
        (void)rate(callers, 0, call);
        Figure(options, "callers")
            .add("model", name_of(path))
            .add("device", options.device)
            .add("precision", options.precisions.at(0))
            .add("batch", static_cast<double>(batch))
            .add("callers", static_cast<double>(callers))
            .add("persons_per_s", rate(callers, options.seconds, call));
      }
    }
  }
}

void measure_images(const Options& options) {
  const auto backend = load_for_calls(options, options.models.at(0), options.precisions.at(0));
  for (const posekit::Size size : {posekit::Size{640, 480}, posekit::Size{3840, 2160}}) {
    const auto images = noise_images(8, size.width, size.height);
    std::vector<std::unique_ptr<posekit_test::DeviceBytes>> pixels;
    for (const posekit::Image& image : images) pixels.push_back(std::make_unique<posekit_test::DeviceBytes>(options.device, image.pixels));
    const std::vector<Box> person{person_in(size.width, size.height)};
    for (const std::size_t batch : options.batches) {
      const PoseEstimator estimator = estimator_of(backend, batch);
      auto input = people(images, person, std::max<std::size_t>(4 * batch, 16));
      for (const char* place : {"host", "device"}) {
        if (std::string(place) == "device") {
          for (std::size_t i = 0; i < input.size(); ++i) {
            input[i].image.data = pixels[i % pixels.size()]->data();
            input[i].image.cuda_device = 0;
          }
        }
        const auto call = [&] {
          estimate(estimator, input);
          return input.size();
        };
        (void)rate(1, 0, call);
        Figure(options, "images")
            .add("place", place)
            .add("width", size.width)
            .add("height", size.height)
            .add("batch", static_cast<double>(batch))
            .add("persons_per_s", rate(1, options.seconds, call));
      }
    }
  }
}

namespace {

std::vector<posekit::Image> photos(const Options& options) {
  std::vector<posekit::Image> images;
  for (const std::string& path : options.photos) {
    const cv::Mat photo = cv::imread(path, cv::IMREAD_COLOR);
    if (photo.empty() || !photo.isContinuous()) throw posekit::Error(posekit::ErrorCode::not_found, "there is no photo \"" + path + "\"");
    images.push_back({{photo.data, photo.data + photo.total() * 3}, photo.cols, photo.rows, posekit::PixelFormat::bgr8});
  }
  if (images.empty()) throw posekit::Error(posekit::ErrorCode::invalid_argument, "photos are expected: --photos FILE,…");
  return images;
}

}  // namespace

void measure_stream(const Options& options) {
  const auto images = photos(options);
  const std::string precision = options.precisions.at(0);
  const auto executor = std::make_shared<posekit::ThreadPool>();
  posekit::EstimatorOptions estimating;
  estimating.executor = executor;
  posekit::DetectorOptions detecting;
  detecting.executor = executor;
  const auto estimator = std::make_shared<const PoseEstimator>(Model(load_for_calls(options, options.models.at(0), precision)), estimating);
  const auto detector =
      std::make_shared<const posekit::PersonDetector>(Model(load_for_calls(options, options.detector, "fp32")), detecting);
  for (const std::size_t calls : {std::size_t{1}, std::size_t{2}}) {
    std::size_t frames = 0;
    std::size_t persons = 0;
    posekit::PipelineOptions settings;
    settings.detect_calls = calls;
    const auto start = Clock::now();
    posekit::Pipeline pipeline(
        posekit::Predictor(estimator, detector),
        [&](const posekit::PipelineResult& result) {
          if (result.result.code != posekit::ErrorCode::ok) throw posekit::Error(result.result.code, result.result.message);
          ++frames;
          persons += result.result.poses.size();
        },
        settings);
    for (std::size_t i = 0; i < 4 || seconds_since(start) < options.seconds; ++i) {
      posekit::Frame frame;
      frame.image = images[i % images.size()].view();
      frame.index = i;
      frame.time_s = static_cast<double>(i) / 30;
      pipeline.submit({frame});
    }
    pipeline.close();
    const double seconds = seconds_since(start);
    Figure(options, "stream")
        .add("detect_calls", static_cast<double>(calls))
        .add("frames_per_s", static_cast<double>(frames) / seconds)
        .add("persons_per_s", static_cast<double>(persons) / seconds);
  }
}

namespace {

using Poses = std::vector<std::vector<posekit::Pose>>;

Poses poses_of(const std::shared_ptr<posekit::ModelBackend>& backend, const std::vector<ImageBoxes>& input) {
  const PoseEstimator estimator = estimator_of(backend, 4);
  Poses poses;
  for (const ImageBoxes& image : input) poses.push_back(estimator.estimate(image.image, image.boxes).poses);
  return poses;
}

}  // namespace

void compare_precisions(const Options& options) {
  const auto images = photos(options);
  Options cpu = options;
  cpu.device = "cpu";
  std::vector<std::vector<Box>> boxes;
  std::vector<ImageBoxes> input;
  const posekit::PersonDetector detector(Model(load(cpu, options.detector, "fp32").own));
  for (const posekit::Image& image : images) boxes.push_back(detector.detect(image.view()));
  for (std::size_t i = 0; i < images.size(); ++i) input.push_back({images[i].view(), boxes[i]});
  for (const std::string& path : options.models) {
    const auto backend = load(cpu, path, "fp32").own;
    const posekit::ModelInfo& info = backend->info();
    const Poses exact = poses_of(backend, input);
    for (const std::string& precision : options.precisions) {
      const Poses other = poses_of(load_for_calls(options, path, precision), input);
      std::vector<double> cells;
      double score = 0;
      for (std::size_t i = 0; i < exact.size(); ++i) {
        for (std::size_t p = 0; p < exact[i].size(); ++p) {
          const posekit::CropRegion region = posekit::crop_region(exact[i][p].box, info.input.size(), info.pose().box_padding);
          const double cell = region.size.x / std::get<posekit::HeatmapOutput>(info.output).size.width;
          for (std::size_t k = 0; k < exact[i][p].keypoints.size(); ++k) {
            const posekit::Keypoint& a = exact[i][p].keypoints[k];
            const posekit::Keypoint& b = other.at(i).at(p).keypoints[k];
            if (a.score < 0.3F) continue;
            cells.push_back(std::hypot(static_cast<double>(a.x - b.x), static_cast<double>(a.y - b.y)) / cell);
            score = std::max(score, std::abs(static_cast<double>(a.score - b.score)));
          }
        }
      }
      if (cells.empty())
        throw posekit::Error(posekit::ErrorCode::invalid_argument, "no keypoint of the photos has a score of 0.3: choose others");
      std::ranges::sort(cells);
      const auto at = [&](double share) { return cells[static_cast<std::size_t>(share * static_cast<double>(cells.size() - 1))]; };
      Figure(options, "cells from the CPU's fp32")
          .add("model", name_of(path))
          .add("precision", precision)
          .add("keypoints", static_cast<double>(cells.size()))
          .add("median", at(0.5))
          .add("p95", at(0.95))
          .add("most", at(1))
          .add("score_most", score);
    }
  }
  posekit::set_torch_tf32(false);
}

void soak(const Options& options) {
  const auto images = noise_images(24, 640, 480);
  const std::vector<Box> person{person_in(640, 480)};
  const PoseEstimator estimator =
      estimator_of(load_for_calls(options, options.models.at(0), options.precisions.at(0)), options.batches.back());
  const auto start = Clock::now();
  unsigned seed = 0;
  constexpr int sections = 9;
  for (int section = 1; section <= sections; ++section) {
    const auto begin = Clock::now();
    std::atomic<std::size_t> persons = 0;
    do {  // two callers, in new threads every second, with calls of every size, as people come and go
      const auto threads_begin = Clock::now();
      posekit_test::at_once(2, [&](std::size_t caller) {
        std::mt19937 random(seed + static_cast<unsigned>(caller));
        do {
          const std::size_t count = 1 + random() % 40;
          estimate(estimator, people(images, person, count));
          persons += count;
        } while (seconds_since(threads_begin) < std::min(1.0, options.seconds / sections));
      });
      seed += 2;
    } while (seconds_since(start) < options.seconds * section / sections);
    Figure(options, "section")
        .add("s", seconds_since(start))
        .add("persons_per_s", static_cast<double>(persons) / seconds_since(begin))
        .add("resident_mb", static_cast<double>(posekit_test::resident_kilobytes()) / 1024)
        .add("threads", static_cast<double>(posekit_test::status_kilobytes("Threads:")))
        .add("torch_mb", static_cast<double>(posekit_test::bytes_in_use(options.device)) / (1 << 20))
        .add("device_used_mb", static_cast<double>(posekit_test::used_device_memory(options.device)) / (1 << 20));
  }
}

}  // namespace posekit_bench
