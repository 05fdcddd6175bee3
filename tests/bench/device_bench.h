/// What the parts of posekit_device_bench share: options, models, clocks, figures.
#pragma once

#include <c10/core/InferenceMode.h>

#include <chrono>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "backend/model_backend.h"
#include "posekit/image.h"
#include "posekit/pose.h"
#include "torch/device_session.h"

namespace posekit_bench {

struct Options {
  std::string part;
  std::vector<std::string> models;
  std::string detector;
  std::string device = "cuda";
  std::vector<std::string> precisions{"bf16"};
  std::vector<std::size_t> batches{1, 8, 32};
  std::vector<std::size_t> callers{1, 2, 4};
  std::vector<std::string> photos;
  int rounds = 5;
  double seconds = 1;  ///< Of one measurement.
};

/// A figure, or several of one measurement: one line of JSON on standard output, written at once.
class Figure {
 public:
  Figure(const Options& options, std::string_view name);
  Figure(const Figure&) = delete;
  Figure& operator=(const Figure&) = delete;
  ~Figure();

  Figure& add(std::string_view key, double value);
  Figure& add(std::string_view key, std::string_view value);

 private:
  std::ostringstream line_;
};

/// A model on one device.
struct Loaded {
  std::shared_ptr<posekit::ModelBackend> own;
  posekit::Replica* replica = nullptr;
  std::shared_ptr<posekit::ModelBackend> backend;  ///< The same, used by sessions on the CPU too.
};
/// @param precision as the program's option, tf32 among them; TF32 is set for the process
Loaded load(const Options& options, const std::string& model, const std::string& precision);

/// The model for whole calls, on one or several devices; on one CPU it is used by sessions and passes for one on cuda:0.
std::shared_ptr<posekit::ModelBackend> load_for_calls(const Options& options, const std::string& model, const std::string& precision);

/// A model's file without its folder.
std::string name_of(const std::string& model);

std::vector<posekit::Image> noise_images(std::size_t count, int width, int height);

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start);
double median(std::vector<double> values);

/// What one run of `work` takes.
struct Times {
  double device_ms = 0;  ///< On its stream, between two events; on the CPU the host's.
  double host_ms = 0;    ///< Until it was queued.
  int repeats = 0;
};
/// Queues up to 50 runs behind a kernel that gives the host a head start, as many as fit in the time, at least three.
Times time_of_queued(const posekit::Replica& replica, double seconds, const std::function<void(std::size_t run)>& work);

// The parts.
void show_machine(const Options& options);
void measure_first_runs(const Options& options);
void measure_forward(const Options& options);
void measure_stages(const Options& options);
void measure_ratio(const Options& options);
void measure_callers(const Options& options);
void measure_images(const Options& options);
void measure_stream(const Options& options);
void compare_precisions(const Options& options);
void soak(const Options& options);

}  // namespace posekit_bench
