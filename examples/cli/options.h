/// What the command line asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "posekit/posekit.h"

namespace cli {

/// Wrong usage: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Which model, and where it runs in what precision.
struct ModelChoice {
  std::string path;  ///< Empty: the shipped one.
  std::string preset;
  std::string metadata;
  std::string sha256;
  std::string device = "auto";
  std::string precision = "fp32";
  std::optional<std::uint64_t> device_memory_limit;  ///< Bytes.
};

struct EstimateOptions {
  std::vector<std::string> inputs;
  ModelChoice model;
  std::string detector;
  std::string boxes;
  bool whole_image = false;
  std::optional<double> det_threshold;
  std::vector<double> tiles;
  std::string output = "posekit-out";  ///< "-": standard output.
  bool draw = false;
  std::string format = "json";
  std::string executor = "pool";
  std::size_t threads = 0;
  int torch_threads = 0;
  std::size_t batch = 0;
  bool flip_test = false;
  std::vector<std::string> keypoints;
  float min_score = 0.3F;
  double timeout = 0;     ///< Seconds for each image or frame; 0: none.
  std::size_t every = 1;  ///< The detector looks at every so many frames of a video.
  bool track = true;      ///< Ids and smoothing in videos.
  std::string shard = "0/1";
  bool overwrite = false;
  bool quiet = false;
};

/// The model options of a choice. @throws UsageError
posekit::ModelOptions model_options(const ModelChoice& choice);

/// Sets what a choice asks of the whole process: TF32, the limit of the device's memory. Before the model is loaded.
/// @throws posekit::Error
void prepare_device(const ModelChoice& choice);

/// One thread: the caller's alone; 0: as many as this process may use CPUs.
std::shared_ptr<posekit::Executor> make_executor(std::size_t threads);

}  // namespace cli
