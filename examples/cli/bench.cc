/// posekit bench: latency and throughput of a pose model, for each stage, over batch sizes and numbers of threads.
#include "bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "interrupt.h"
#include "models.h"
#include "outputs.h"
#include "posekit/image_io.h"
#include "posekit/posekit.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;
using posekit::Milliseconds;

constexpr int warm_up_calls = 3;  // TorchScript specialises in the first two
constexpr std::size_t fewest_calls = 3;

struct Setting {
  std::size_t batch = 1;
  std::size_t threads = 1;
  int torch_threads = 1;
};

/// Medians over the calls of one setting, in milliseconds for a batch.
struct Row {
  Setting setting;
  std::size_t calls = 0;
  double whole = 0;
  double preprocess = 0;
  double inference = 0;
  double postprocess = 0;
  std::optional<double> plain_inference;  ///< Without fused operators, where there are some.

  double persons_per_second() const { return 1000 * static_cast<double>(setting.batch) / whole; }
  /// The whole call beside the forward alone.
  double over_forward() const { return whole / inference; }
  /// What fusing gains.
  std::optional<double> gain() const {
    if (!plain_inference) return std::nullopt;
    return *plain_inference / inference;
  }
};

/// Picture of no meaning: what a model costs does not depend on what it sees.
posekit::Image picture() {
  posekit::Image image{{}, 640, 480, posekit::PixelFormat::bgr8};
  image.pixels.resize(std::size_t{640} * 480 * 3);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 7 + i / 1920 * 13);
  return image;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Measures one setting. @param plain the same without fused operators, if the estimator has some: called in turn with it
/// @throws posekit::Error
Row measure(const posekit::PoseEstimator& estimator, const std::optional<posekit::PoseEstimator>& plain, const Setting& setting,
            double seconds, const posekit::RunControl& control) {
  const posekit::Image image = picture();
  const std::vector<posekit::Box> boxes(setting.batch, {200, 60, 440, 420});
  for (int i = 0; i < warm_up_calls; ++i) {
    (void)estimator.estimate(image.view(), boxes, control);
    if (plain) (void)plain->estimate(image.view(), boxes, control);
  }

  std::vector<double> whole;
  std::vector<double> preprocess;
  std::vector<double> inference;
  std::vector<double> postprocess;
  std::vector<double> plain_inference;
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  while (whole.size() < fewest_calls || Clock::now() < end) {
    const auto start = Clock::now();
    const posekit::ImageResult result = estimator.estimate(image.view(), boxes, control);
    whole.push_back(Milliseconds(Clock::now() - start).count());
    preprocess.push_back(result.timings.preprocess.count());
    inference.push_back(result.timings.inference.count());
    postprocess.push_back(result.timings.postprocess.count());
    if (plain) plain_inference.push_back(plain->estimate(image.view(), boxes, control).timings.inference.count());
  }
  Row row{setting, whole.size(), median(whole), median(preprocess), median(inference), median(postprocess), std::nullopt};
  if (plain) row.plain_inference = median(plain_inference);
  return row;
}

std::vector<Setting> settings_of(const BenchOptions& options) {
  const std::size_t cpus = posekit::usable_cpus();
  std::vector<std::size_t> threads = options.threads;
  std::vector<int> torch_threads = options.torch_threads;
  if (threads.empty()) threads = cpus == 1 ? std::vector<std::size_t>{1} : std::vector<std::size_t>{1, cpus};
  if (torch_threads.empty()) torch_threads.assign(threads.begin(), threads.end());
  std::vector<Setting> settings;
  for (const int torch : torch_threads) {
    for (const std::size_t pool : threads) {
      for (const std::size_t batch : options.batches) settings.push_back({batch, pool, torch});
    }
  }
  return settings;
}

posekit::PoseEstimator load(const BenchOptions& options, const Setting& setting, bool fuse) {
  posekit::set_torch_threads(setting.torch_threads);
  prepare_device(options.model);
  posekit::EstimatorOptions estimator;
  estimator.executor = make_executor(setting.threads);
  estimator.max_batch = setting.batch;
  posekit::ModelOptions model = model_options(options.model);
  model.fuse = fuse;
  return posekit::PoseEstimator(posekit::Model(options.model.path, model), std::move(estimator));
}

constexpr const char* heading =
    "batch  threads  torch   ms/batch   preprocess  inference  postprocess  over forward  persons/s  plain/fused   (medians)\n";

void print(const Row& row) {
  write_to_stdout(fmt::format("{:>5}  {:>7}  {:>5}  {:>9.2f}  {:>11.3f}  {:>9.2f}  {:>11.3f}  {:>12.3f}  {:>9.1f}  {:>12}   {} calls\n",
                              row.setting.batch, row.setting.threads, row.setting.torch_threads, row.whole, row.preprocess, row.inference,
                              row.postprocess, row.over_forward(), row.persons_per_second(),
                              row.gain() ? fmt::format("{:.2f}", *row.gain()) : "-", row.calls));
}

nlohmann::json to_json(const Row& row) {
  return {
      {"batch", row.setting.batch},
      {"threads", row.setting.threads},
      {"torch_threads", row.setting.torch_threads},
      {"calls", row.calls},
      {"median_ms", {{"whole", row.whole}, {"preprocess", row.preprocess}, {"inference", row.inference}, {"postprocess", row.postprocess}}},
      {"persons_per_second", row.persons_per_second()},
      {"plain_inference_ms", row.plain_inference ? nlohmann::json(*row.plain_inference) : nlohmann::json(nullptr)}};
}

}  // namespace

int run_bench(const BenchOptions& options) {
  const posekit::RunControl control{.stop = watch_for_interrupt(), .deadline = std::nullopt};
  const posekit::CpuReport cpus = posekit::cpu_report();
  nlohmann::json document{{"format", "posekit-bench/1"},
                          {"posekit", posekit::version()},
                          {"torch", posekit::torch_versions().running},
                          {"cpus", cpus.usable},
                          {"cpus_decided_by", posekit::to_string(cpus.decided_by)},
                          {"rows", nlohmann::json::array()}};
  const bool to_stdout = options.json == "-";
  for (const Setting& setting : settings_of(options)) {
    try {
      const posekit::PoseEstimator estimator = load(options, setting, options.model.options.fuse);
      std::optional<posekit::PoseEstimator> plain;
      if (estimator.model().is_fused()) plain.emplace(load(options, setting, false));
      if (document["rows"].empty()) {
        document["model"] = estimator.info().name;
        const std::string device = posekit::to_string(estimator.model().devices());
        document["device"] = device;
        const std::string precision = precision_name(options.model, estimator.info());
        document["precision"] = precision;
        if (!to_stdout)
          write_to_stdout(fmt::format("{} on {}, {}, Torch {}, usable CPUs: {}\n{}", estimator.info().name, device, precision,
                                      posekit::torch_versions().running, describe(cpus), heading));
      }
      const Row row = measure(estimator, plain, setting, options.seconds, control);
      if (!to_stdout) print(row);
      document["rows"].push_back(to_json(row));
    } catch (const posekit::Error& error) {
      if (error.code() != posekit::ErrorCode::cancelled) throw;
      return interrupted_exit_code;
    }
  }
  const std::string text = document.dump(1) + "\n";
  if (to_stdout) write_to_stdout(text);
  if (!to_stdout && !options.json.empty()) posekit::write_file(options.json, std::as_bytes(std::span(text)));
  return 0;
}

}  // namespace cli
