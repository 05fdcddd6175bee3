/// The posekit program: arguments and exit codes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench.h"
#include "estimate.h"
#include "inspect.h"
#include "options.h"
#include "posekit/runtime.h"
#include "progress.h"

namespace {

constexpr int failure = 1;
constexpr int wrong_usage = 2;

/// An option that takes one of a few words.
template <class Value>
void add_choice(CLI::App& app, const char* name, Value& value, std::initializer_list<Value> choices, const char* what) {
  std::vector<std::pair<std::string, Value>> words;
  for (const Value choice : choices) words.emplace_back(to_string(choice), choice);
  app.add_option(name, value, what)
      ->type_name("TEXT")
      ->default_str(to_string(value))
      ->transform(CLI::Transformer(words).description(""))
      ->transform(CLI::IsMember(words));  // first: the transformer lets numbers pass
}

/// An option that names where metadata come from. An empty name counts as not given.
template <class Source>
CLI::Option* add_metadata(CLI::App& app, const char* name, posekit::MetadataSource& metadata, const char* what) {
  const auto set = [&metadata](const std::string& value) {
    if (!value.empty()) metadata = Source{value};
  };
  return app.add_option_function<std::string>(name, set, what);
}

void add_model_options(CLI::App& app, posekit::ModelOptions& options) {
  auto* preset = add_metadata<posekit::MetadataPreset>(app, "--preset", options.metadata,
                                                       "metadata that posekit knows: sapiens-coco17, sapiens-coco133, sapiens-goliath308");
  add_metadata<posekit::MetadataFile>(app, "--metadata", options.metadata, "metadata file (docs/models.md)")->excludes(preset);
  app.add_option("--sha256", options.sha256, "checksum that the model file must have");
}

void add_device_options(CLI::App& app, cli::ModelChoice& model) {
  app.add_option("--device", model.options.device, "auto, cpu, cuda, cuda:N, or several joined by commas: replicas that share the work")
      ->capture_default_str();
  using cli::Precision;
  add_choice(app, "--precision", model.precision, {Precision::fp32, Precision::tf32, Precision::fp16, Precision::bf16},
             "of the pose model");
  app.add_option("--device-memory-limit", model.device_memory_limit,
                 "most that is taken of a CUDA device's memory, for example 8GiB (its context of some hundred MiB comes on top)")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->transform(CLI::Validator([](const std::string& text) { return text.starts_with('-') ? text + " is no size" : ""; }, ""));  // first
}

void add_estimate(CLI::App& app, cli::EstimateOptions& options) {
  app.add_option("INPUT", options.inputs, "images, videos, folders, globs, @list.txt, camera:0")->required();
  app.add_option("-m,--model", options.model.path, "pose model (default: the shipped one)");
  add_model_options(app, options.model.options);
  auto* detector = app.add_option("--detector", options.detector_path, "person detector (default: the shipped one)");
  auto* boxes = app.add_option("--boxes", options.boxes, "boxes from a JSON file instead of a detector")->excludes(detector);
  auto* whole_image = app.add_flag("--whole-image", options.whole_image, "one person who fills the image, no detector")
                          ->excludes(detector)
                          ->excludes(boxes);
  app.add_option("--det-threshold", options.detector.score_threshold, "detector scores must exceed this (default: the detector's own)")
      ->excludes(boxes)
      ->excludes(whole_image);
  app.add_option("--tiles", options.detector.tiles, "also look at tiles, sizes as fractions of the longer side, for example 0.5")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(boxes)
      ->excludes(whole_image);
  app.add_option("-o,--output", options.output, "folder for results, or - for standard output")->capture_default_str();
  app.add_flag("--draw", options.draw, "also write pictures and videos with the poses drawn on them");
  add_choice(app, "--format", options.format, {cli::Format::json, cli::Format::coco},
             "json: a file for each image or video; coco: one results.json, of images only");
  add_device_options(app, options.model);
  add_choice(app, "--executor", options.executor, {cli::ExecutorKind::serial, cli::ExecutorKind::pool},
             "where images are cropped and results decoded");
  app.add_option("--threads", options.threads,
                 "threads that crop, decode and run models side by side (1 = serial; default: the CPUs this process may use)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}));
  app.add_option("--torch-threads", options.torch_threads,
                 "threads of a forward (default: the CPUs shared out among up to four forwards side by side)")
      ->check(CLI::Range(1, 4096));
  app.add_option("--batch", options.estimator.max_batch, "persons in one forward (default: 1 on a CPU, 16 on a GPU)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{65536}));
  app.add_flag("--flip-test", options.estimator.flip_test, "average with the mirrored image: twice the time, a little more accurate");
  app.add_option("--keypoints", options.estimator.keypoints, "a subset's name, or keypoints' names, separated by commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--min-score", options.drawing.min_score, "keypoints below this score are not drawn")->capture_default_str();
  app.add_option("--timeout", options.timeout, "seconds for each image or frame, waiting for its turn included")
      ->check(CLI::Range(1e-9, 3e7));
  app.add_option("--every", options.video.detect_every,
                 "of a video the detector looks at every Nth frame only; between, people are predicted, or boxes held with --no-track")
      ->check(CLI::Range(std::size_t{1}, std::size_t{65536}))
      ->excludes(boxes)
      ->excludes(whole_image);
  app.add_flag("--track,!--no-track", options.track,
               "in videos people keep ids, and their keypoints are smoothed (on; --no-track: each frame stands for itself)");
  app.add_option("--shard", options.shard, "i/n: only that part of the inputs, with 0 <= i < n; the parts are disjoint and stay the same");
  app.add_flag("--overwrite", options.overwrite, "do again what was done before");
  app.add_flag("--quiet", options.quiet, "print errors only");
}

void add_inspect(CLI::App& app, cli::InspectOptions& options) {
  app.add_option("MODEL", options.model.path, "model file")->required();
  add_model_options(app, options.model.options);
  auto* memory = app.add_flag("--memory", options.memory, "also run it, and tell what it takes of the device's memory");
  add_device_options(app, options.model);
  for (const char* name : {"--device", "--precision", "--device-memory-limit"}) app.get_option(name)->needs(memory);
}

void add_bench(CLI::App& app, cli::BenchOptions& options) {
  app.add_option("MODEL", options.model.path, "pose model")->required();
  add_model_options(app, options.model.options);
  add_device_options(app, options.model);
  app.add_option("--batch", options.batches, "persons in one forward, a row for each")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, std::size_t{65536}))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "threads of the pool, a row for each (default: 1, and the CPUs this process may use)")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}));
  app.add_option("--torch-threads", options.torch_threads, "threads of a forward, a row for each (default: as --threads)")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096));
  app.add_option("--seconds", options.seconds, "measured for each row")->check(CLI::Range(0.0, 1e6))->capture_default_str();
  app.add_option("--json", options.json, "also write the figures to this file, or - to standard output instead of the table");
}

int run(int argc, char** argv) {
  CLI::App app("Top-down human pose estimation over LibTorch.", "posekit");
  app.set_version_flag("--version", std::string(posekit::version()));
  app.require_subcommand(1);
  cli::EstimateOptions estimate;
  CLI::App* estimate_command = app.add_subcommand("estimate", "find people in images and videos and estimate their poses");
  add_estimate(*estimate_command, estimate);
  cli::InspectOptions inspect;
  CLI::App* inspect_command = app.add_subcommand("inspect", "say what a model file is");
  add_inspect(*inspect_command, inspect);
  cli::BenchOptions bench;
  CLI::App* bench_command = app.add_subcommand("bench", "measure a pose model: latency and throughput for each stage");
  add_bench(*bench_command, bench);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : wrong_usage;
  }
  const int code = *estimate_command ? cli::run_estimate(estimate) : *inspect_command ? cli::run_inspect(inspect) : cli::run_bench(bench);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw std::runtime_error("standard output can't be written to");
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  posekit::keep_freed_memory();
  try {
    return run(argc, argv);
  } catch (const cli::UsageError& error) {
    cli::print_error(fmt::format("posekit: {}\n", error.what()));
    return wrong_usage;
  } catch (const std::bad_alloc&) {
    cli::print_error("posekit: memory is out\n");
  } catch (const std::exception& error) {
    cli::print_error(fmt::format("posekit: {}\n", error.what()));
  }
  return failure;
}
