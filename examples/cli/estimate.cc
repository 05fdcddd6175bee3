/// posekit estimate: reads images, finds people, estimates their poses, writes results.
#include "estimate.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include "boxes_file.h"
#include "inputs.h"
#include "interrupt.h"
#include "models.h"
#include "outputs.h"
#include "posekit/draw.h"
#include "posekit/image_io.h"
#include "progress.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using posekit::ErrorCode;

constexpr const char* default_pose_model = "pose_landmark_full.pt";
constexpr const char* default_detector = "person_detector.pt";

/// Torch's own default follows the machine, not a quota of CPUs: in a container of 2 CPUs on a machine of 64 its threads would only wait
/// for each other. Whoever sets the environment's number means it.
void set_torch_threads(int asked) {
  if (asked > 0) return posekit::set_torch_threads(asked);
  if (std::getenv("OMP_NUM_THREADS") != nullptr || std::getenv("MKL_NUM_THREADS") != nullptr) return;
  const int usable = static_cast<int>(posekit::usable_cpus());
  if (posekit::torch_threads() > usable) posekit::set_torch_threads(usable);
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw posekit::Error(ErrorCode::io,
                         fmt::format("the folder \"{}\" can't be made ({}): choose another with -o", folder.string(), error.message()));
}

/// Files besides the images that a run reads.
std::vector<fs::path> files_read(const EstimateOptions& options) {
  std::vector<fs::path> files;
  for (const std::string& file : {options.boxes, options.model.path, options.model.metadata, options.detector}) {
    if (!file.empty()) files.emplace_back(file);
  }
  for (const std::string& input : options.inputs) {
    if (input.starts_with('@')) files.emplace_back(input.substr(1));
  }
  return files;
}

/// Everything a run needs, checked in the order of what it costs.
class Run {
 public:
  explicit Run(const EstimateOptions& options);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { posekit::set_log_callback({}); }

  int execute();

 private:
  enum class Step { done, failed, skipped, interrupted };

  void load_models();
  void load_models_once();
  void check_coco_ids();
  Step work_on(std::size_t index);
  std::optional<posekit::Image> read(const Input& input, posekit::Milliseconds& decode);
  void report(const Input& input, const std::string& message);
  posekit::ImageResult estimate(const Input& input, const posekit::Image& image);
  std::vector<posekit::Box> boxes_of(const Input& input, const posekit::Image& image, const posekit::RunControl& control,
                                     posekit::Timings& timings);
  void write_results(std::size_t index, const posekit::ImageResult& result, posekit::Image& image);
  void write_coco();
  int summary(std::size_t failed, std::size_t skipped, bool interrupted);

  bool to_stdout() const { return options_.output == "-"; }
  bool coco() const { return options_.format == "coco"; }
  fs::path coco_file() const { return coco() && !to_stdout() ? fs::path(options_.output) / "results.json" : fs::path(); }
  posekit::CocoImageId coco_id(const Input& input) const;

  const EstimateOptions& options_;
  std::stop_token stop_ = watch_for_interrupt();
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::optional<BoxesFile> boxes_;
  std::optional<posekit::PoseEstimator> estimator_;
  std::optional<posekit::PersonDetector> detector_;
  std::string coco_entries_;
  Progress progress_;
};

Run::Run(const EstimateOptions& options)
    : options_(options),
      inputs_(collect_inputs(options.inputs, options.output == "-" ? fs::path() : fs::path(options.output))),
      progress_(inputs_.size(), options.quiet) {
  if (to_stdout() && options.draw)
    throw UsageError("--draw needs a folder for its pictures, and -o - names standard output: name a folder");
  std::error_code ignored;
  if (!to_stdout() && fs::exists(options.output, ignored) && !fs::is_directory(options.output, ignored))
    throw UsageError(fmt::format("\"{}\" is a file, a folder is expected: choose another one with -o", options.output));
  outputs_ = plan_outputs(inputs_, options.output, !to_stdout() && !coco(), options.draw);
  check_not_read(outputs_, coco_file(), files_read(options));
  if (!options.boxes.empty()) boxes_ = BoxesFile::read(options.boxes);
  if (!coco()) return;
  check_coco_ids();
  if (!coco_file().empty() && fs::exists(coco_file(), ignored) && !options.overwrite)
    throw UsageError(fmt::format("\"{}\" is there already: add --overwrite or choose another folder with -o", coco_file().string()));
}

posekit::CocoImageId Run::coco_id(const Input& input) const {
  const auto id = boxes_ ? boxes_->image_id(input.path) : std::nullopt;
  return id ? posekit::CocoImageId(*id) : posekit::CocoImageId(input.path.filename().string());
}

/// In one results file an image_id that stands for two images is worth nothing.
void Run::check_coco_ids() {
  std::map<posekit::CocoImageId, fs::path> owners;
  for (const Input& input : inputs_) {
    if (!input.problem.empty()) continue;
    const auto [owner, is_new] = owners.emplace(coco_id(input), input.path);
    if (!is_new) {
      throw UsageError(fmt::format("\"{}\" and \"{}\" would have the same image_id in the COCO results: give them in runs of their own",
                                   owner->second.string(), input.path.string()));
    }
  }
}

/// What is wrong with a model is wrong for every image: it ends the run.
void Run::load_models_once() {
  if (estimator_) return;
  try {
    load_models();
  } catch (const posekit::Error& error) {
    throw std::runtime_error(error.what());
  }
}

void Run::load_models() {
  // Notes come from this thread alone: it is the one that calls the library.
  if (!options_.quiet)
    posekit::set_log_callback(
        [this](posekit::LogLevel, std::string_view note) { progress_.message(fmt::format("posekit: note: {}", note)); });
  set_torch_threads(options_.torch_threads);
  posekit::set_torch_tf32(options_.precision == "tf32");
  const std::shared_ptr<posekit::Executor> executor = make_executor(options_.executor == "serial" ? 1 : options_.threads);
  posekit::EstimatorOptions estimator;
  estimator.model = model_options(options_.model);
  estimator.model.device = options_.device;
  estimator.model.precision = precision_of(options_.precision);
  estimator.executor = executor;
  estimator.max_batch = options_.batch;
  estimator.keypoints = options_.keypoints;
  estimator.flip_test = options_.flip_test;
  estimator_.emplace(options_.model.path.empty() ? shipped_model(default_pose_model) : fs::path(options_.model.path), std::move(estimator));

  if (boxes_ || options_.whole_image) return;
  posekit::DetectorOptions detector;
  detector.model.device = options_.device;
  detector.model.warm_up = posekit::WarmUp::none;
  detector.executor = executor;
  detector.score_threshold = options_.det_threshold;
  detector.tiles = options_.tiles;
  detector_.emplace(options_.detector.empty() ? shipped_model(default_detector) : fs::path(options_.detector), std::move(detector));
}

int Run::execute() {
  std::size_t failed = 0;
  std::size_t skipped = 0;
  bool interrupted = false;
  for (std::size_t i = 0; i < inputs_.size() && !interrupted; ++i) {
    const Step step = stop_.stop_requested() ? Step::interrupted : work_on(i);
    failed += step == Step::failed ? 1 : 0;
    skipped += step == Step::skipped ? 1 : 0;
    interrupted = step == Step::interrupted;
  }
  if (coco() && !interrupted) write_coco();
  return summary(failed, skipped, interrupted);
}

/// A message of the library's that does not name the image gets its name in front.
void Run::report(const Input& input, const std::string& message) {
  const std::string name = fmt::format("\"{}\"", input.path.string());
  const bool is_named = message.find(name) != std::string::npos;
  progress_.message(fmt::format("posekit: {}{}", is_named ? "" : name + ": ", message));
}

/// None if it can't be read, which is reported.
std::optional<posekit::Image> Run::read(const Input& input, posekit::Milliseconds& decode) {
  try {
    if (!input.problem.empty()) throw posekit::Error(ErrorCode::invalid_argument, input.problem);
    const auto start = std::chrono::steady_clock::now();
    posekit::Image image = posekit::read_image(input.path);
    decode = std::chrono::steady_clock::now() - start;
    return image;
  } catch (const posekit::Error& error) {
    report(input, error.what());
  } catch (const std::bad_alloc&) {
    report(input, "memory is out");
  }
  return std::nullopt;
}

Run::Step Run::work_on(std::size_t index) {
  const Input& input = inputs_[index];
  if (input.problem.empty() && !options_.overwrite && is_done(outputs_[index])) {
    progress_.step(fmt::format("{}: done before", input.path.string()));
    return Step::skipped;
  }
  posekit::Milliseconds decode{};
  if (std::optional<posekit::Image> image = read(input, decode)) {
    load_models_once();
    try {
      posekit::ImageResult result = estimate(input, *image);
      result.timings.decode = decode;
      write_results(index, result, *image);
      for (const posekit::BoxError& error : result.box_errors) report(input, error.message);
      progress_.step(fmt::format("{}: {} {}", input.path.string(), result.poses.size(), result.poses.size() == 1 ? "person" : "people"));
      return result.box_errors.empty() ? Step::done : Step::failed;
    } catch (const posekit::Error& error) {
      if (error.code() == ErrorCode::cancelled) return Step::interrupted;
      report(input, error.what());
    } catch (const std::bad_alloc&) {
      report(input, "memory is out");
    }
  }
  progress_.step(fmt::format("{}: failed", input.path.string()));
  return Step::failed;
}

posekit::ImageResult Run::estimate(const Input& input, const posekit::Image& image) {
  posekit::RunControl control{.stop = stop_, .deadline = std::nullopt};
  if (options_.timeout > 0) {
    control.deadline = std::chrono::steady_clock::now() +
                       std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(options_.timeout));
  }
  posekit::Timings timings;
  const std::vector<posekit::Box> boxes = boxes_of(input, image, control, timings);
  posekit::ImageResult result = estimator_->estimate(image.view(), boxes, control);
  result.timings.detect = timings.detect;
  return result;
}

std::vector<posekit::Box> Run::boxes_of(const Input& input, const posekit::Image& image, const posekit::RunControl& control,
                                        posekit::Timings& timings) {
  if (options_.whole_image) return {{0, 0, static_cast<double>(image.width), static_cast<double>(image.height)}};
  if (boxes_) {
    const auto* boxes = boxes_->find(input.path);
    if (boxes == nullptr)
      progress_.message(fmt::format("posekit: note: \"{}\" has no entry in the boxes file: zero persons", input.path.string()));
    return boxes == nullptr ? std::vector<posekit::Box>{} : *boxes;
  }
  const posekit::ImageView view = image.view();
  posekit::DetectionResult found = std::move(detector_->detect_batch({&view, 1}, control).front());
  if (found.code != ErrorCode::ok) throw posekit::Error(found.code, found.message);
  timings.detect = found.timings.detect;
  return std::move(found.boxes);
}

void Run::write_results(std::size_t index, const posekit::ImageResult& result, posekit::Image& image) {
  const Input& input = inputs_[index];
  const Output& output = outputs_[index];
  if (coco()) {
    const std::string entries = posekit::to_coco_entries(result, coco_id(input));
    if (!entries.empty()) coco_entries_ += (coco_entries_.empty() ? "" : ",\n") + entries;
  } else {
    const posekit::ResultSource source{
        .path = input.path.string(), .size = {image.width, image.height}, .frame = std::nullopt, .time_s = std::nullopt};
    const std::string json = posekit::to_json(result, source, estimator_->keypoints(), estimator_->info().name) + "\n";
    if (to_stdout()) {
      std::fwrite(json.data(), 1, json.size(), stdout);
      if (std::fflush(stdout) != 0) throw posekit::Error(ErrorCode::io, "standard output can't be written: is its reader gone?");
    } else {
      make_folder(output.json.parent_path());
      posekit::write_file(output.json, std::as_bytes(std::span(json)));
    }
  }
  if (output.picture.empty()) return;
  posekit::draw_poses(image, result.poses, estimator_->keypoints(), {.min_score = options_.min_score});
  make_folder(output.picture.parent_path());
  posekit::write_image(output.picture, image.view());
}

void Run::write_coco() {
  const std::string document = "[" + coco_entries_ + "]\n";
  if (to_stdout()) {
    std::fwrite(document.data(), 1, document.size(), stdout);
    return;
  }
  make_folder(options_.output);
  posekit::write_file(coco_file(), std::as_bytes(std::span(document)));
}

int Run::summary(std::size_t failed, std::size_t skipped, bool interrupted) {
  if (interrupted) {
    progress_.message("posekit: interrupted; what is written is whole, and the same command goes on with the rest");
    return interrupted_exit_code;
  }
  if (failed > 0) progress_.message(fmt::format("posekit: {} of {} inputs failed, see above", failed, inputs_.size()));
  if (!options_.quiet && skipped > 0)
    progress_.message(fmt::format("posekit: {} inputs were done before (--overwrite does them again)", skipped));
  if (!options_.quiet && !to_stdout()) progress_.message(fmt::format("posekit: results are in {}", options_.output));
  return failed > 0 ? 1 : 0;
}

}  // namespace

int run_estimate(const EstimateOptions& options) { return Run(options).execute(); }

}  // namespace cli
