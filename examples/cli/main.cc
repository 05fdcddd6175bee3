/// The posekit program: arguments and exit codes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <initializer_list>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "bench.h"
#include "estimate.h"
#include "help.h"
#include "inspect.h"
#include "options.h"
#include "outputs.h"
#include "posekit/model_info.h"
#include "posekit/runtime.h"
#include "progress.h"

namespace {

constexpr int failure = 1;
constexpr int wrong_usage = 2;

/// An option that takes one of a few words.
template <class Value>
CLI::Option* add_choice(CLI::App& app, const char* name, Value& value, std::initializer_list<Value> choices, const char* what) {
  std::vector<std::pair<std::string, Value>> words;
  for (const Value choice : choices) words.emplace_back(to_string(choice), choice);
  const CLI::IsMember one_of(words);
  return app.add_option(name, value, what)
      ->type_name(one_of.get_description())
      ->default_str(to_string(value))
      ->transform(CLI::Transformer(words).description(""))
      ->transform(one_of.description(""));  // first: the transformer lets numbers pass
}

/// The range of a number, which --help shows.
template <class Number>
CLI::Validator between(Number least, Number most) {
  return CLI::Range(least, most).description(fmt::format("{} to {}", least, most));
}

/// A value that must not be empty: as "$FILE" of a script is where FILE is not set.
CLI::Validator not_empty() {
  return CLI::Validator([](const std::string& text) { return text.empty() ? "it is empty, a value is expected" : ""; }, "");
}

/// An option that names where metadata come from.
template <class Source>
CLI::Option* add_metadata(CLI::App& app, const char* name, posekit::MetadataSource& metadata, const std::string& what) {
  const auto set = [&metadata](const std::string& value) { metadata = Source{value}; };
  return app.add_option_function<std::string>(name, set, what)->check(not_empty());
}

void add_model_options(CLI::App& app, posekit::ModelOptions& options) {
  auto* preset = add_metadata<posekit::MetadataPreset>(
      app, "--preset", options.metadata, fmt::format("name of built-in metadata: {}", fmt::join(posekit::model_presets(), ", ")));
  preset->type_name("NAME");
  add_metadata<posekit::MetadataFile>(app, "--metadata", options.metadata, "metadata file of the model; docs/models.md says what is in it")
      ->type_name("FILE")
      ->excludes(preset);
  app.add_option("--sha256", options.sha256, "SHA-256 checksum that the model file must have, in hex")
      ->type_name("HEX")
      ->check(not_empty());
}

void add_device_options(CLI::App& app, cli::ModelChoice& model) {
  app.add_option("--device", model.options.device,
                 "auto (CUDA if there is a device, else the CPU), cpu, cuda, cuda:N, or several joined by commas: replicas of the model "
                 "that share the work")
      ->type_name("DEVICE")
      ->capture_default_str();
  using cli::Precision;
  add_choice(app, "--precision", model.precision,
             {Precision::automatic, Precision::as_exported, Precision::fp32, Precision::tf32, Precision::fp16, Precision::bf16},
             "precision in which the pose model computes; auto: as exported if its metadata say fp16 or bf16, else fp32");
  app.add_flag_callback(
      "--no-fuse", [&model] { model.options.fuse = false; },
      "on a CPU, do not fuse operators: the forward of a network of convolutions takes up to twice as long, loading less");
  app.add_option("--device-memory-limit", model.device_memory_limit,
                 "limit of the memory that is used on a CUDA device, for example 8GiB; CUDA's own context of some hundred MiB comes on top")
      ->type_name("SIZE")
      ->default_str("none")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true).description(""))
      ->transform(CLI::Validator(
          [](const std::string& text) {
            return text.starts_with('-') ? text + " is not a size: a number of bytes, for example 8GiB, is expected" : "";
          },
          ""));  // first
}

void add_estimate(CLI::App& app, cli::EstimateOptions& options) {
  app.add_option("INPUT", options.inputs, "images, videos, folders, globs, lists (@list.txt, one path a line), cameras (camera:0)")
      ->required();
  app.add_option("-m,--model", options.model.path, "pose model")
      ->type_name("FILE")
      ->default_str("the shipped pose_landmark_full.pt")
      ->check(not_empty());
  add_model_options(app, options.model.options);
  auto* detector = app.add_option("--detector", options.detector_path, "person detector")
                       ->type_name("FILE")
                       ->default_str("the shipped person_detector.pt")
                       ->check(not_empty());
  auto* boxes = app.add_option("--boxes", options.boxes, "JSON file with the people's boxes, instead of a detector")
                    ->type_name("FILE")
                    ->check(not_empty())
                    ->excludes(detector);
  app.add_option("--annotations", options.boxes_file.annotations,
                 "COCO annotations that the whole numbers of --boxes are the ids of; --format coco takes its ids from them")
      ->type_name("FILE")
      ->check(not_empty());
  app.add_option("--category", options.boxes_file.category, "id of the category of people in --boxes")
      ->type_name("ID")
      ->default_str("the one with the name person, else 1")
      ->needs(boxes);
  app.add_flag("--scale-boxes", options.boxes_file.scale, "scale --boxes where the file has another size of the image, of the same shape")
      ->needs(boxes);
  app.add_flag("--subset-of-boxes", options.subset_of_boxes, "entries of --boxes that fit no input are no failure")->needs(boxes);
  auto* whole_image = app.add_flag("--whole-image", options.whole_image, "treat each image as one person who fills it, without a detector")
                          ->excludes(detector)
                          ->excludes(boxes);
  app.add_option("--det-threshold", options.detector.score_threshold, "detections, and --boxes, must have a score above this")
      ->type_name("SCORE")
      ->default_str("as the detector's metadata say; of --boxes all")
      ->excludes(whole_image);
  app.add_option("--nms-iou", options.detector.nms_iou, "of two detections that overlap more than this, the one of lower score is dropped")
      ->type_name("IOU")
      ->default_str("as the detector's metadata say")
      ->excludes(boxes)
      ->excludes(whole_image);
  app.add_option("--max-persons", options.detector.max_persons, "most persons that are detected in an image: those of the highest scores")
      ->type_name("N")
      ->default_str("as the detector's metadata say")
      ->check(between(std::size_t{1}, std::size_t{65536}))  // CLI11 lets negative numbers into an optional unsigned one
      ->excludes(boxes)
      ->excludes(whole_image);
  app.add_option(
         "--tiles", options.detector.tiles,
         "sides of tiles in which the detector looks as well, for small people: fractions of the image's longer side, for example 0.5")
      ->type_name("SIDE,...")
      ->default_str("none")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(boxes)
      ->excludes(whole_image);
  app.add_option("-o,--output", options.output, "folder for results; - is standard output")
      ->type_name("FOLDER")
      ->check(not_empty())
      ->capture_default_str();
  app.add_flag("--draw", options.draw, "also write the images and videos with the poses drawn on them");
  app.add_flag("--save-crops", options.save_crops, "also write the part of the image in each person's box, as JPEG");
  using cli::Format;
  add_choice(app, "--format", options.format, {Format::json, Format::coco, Format::coco_dataset, Format::csv, Format::openpose},
             "json: one file for each image or video; coco: one results.json, and coco-dataset: one dataset.json for labelling tools, for "
             "images only; csv: one results.csv; openpose: OpenPose's JSON, one file for each image or frame")
      ->transform(CLI::Validator(
          [](const std::string& text) {
            return text == "parquet"
                       ? "the program writes no Parquet, the Python package does: python -m posekit estimate INPUT... --format parquet"
                       : "";
          },
          ""));  // first
  add_device_options(app, options.model);
  add_choice(app, "--executor", options.executor, {cli::ExecutorKind::serial, cli::ExecutorKind::pool},
             "where images are cropped and outputs decoded; serial is the same as --threads 1");
  app.add_option("--threads", options.threads, "threads that crop, decode and run models side by side; 1: one image after the other")
      ->type_name("N")
      ->default_str("the CPUs that this process may use")
      ->check(between(std::size_t{1}, std::size_t{4096}));
  app.add_option("--torch-threads", options.torch_threads, "threads of one forward")
      ->type_name("N")
      ->default_str("the CPUs, shared out among up to 4 forwards side by side")
      ->check(between(1, 4096));
  app.add_option("--batch", options.estimator.max_batch, "most persons in one forward of the pose model")
      ->type_name("N")
      ->default_str("1 on a CPU, 16 on a GPU")
      ->check(between(std::size_t{1}, std::size_t{65536}));
  app.add_option("--box-padding", options.estimator.box_padding, "factor on the size of each box before it is cropped")
      ->type_name("FACTOR")
      ->default_str("as the pose model's metadata say");
  app.add_flag("--flip-test", options.estimator.flip_test, "average with the mirrored crop: about twice the time, a little more accuracy");
  app.add_option("--keypoints", options.estimator.keypoints, "keypoints to estimate: names of subsets (body,left_hand) or of keypoints")
      ->type_name("NAME,...")
      ->default_str("all")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--draw-min-score", options.drawing.min_score, "keypoints below this score are not drawn")
      ->type_name("SCORE")
      ->capture_default_str();
  app.add_option("--timeout", options.timeout, "most time for each image or frame, the wait for its turn included")
      ->type_name("SECONDS")
      ->default_str("none")
      ->check(between(1e-9, 3e7));
  app.add_option(
         "--detect-every", options.video.detect_every,
         "in videos the detector runs on every Nth frame; in the others the tracker predicts the boxes, or with --no-track they are "
         "held")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(std::size_t{1}, std::size_t{65536}))
      ->excludes(boxes)
      ->excludes(whole_image);
  app.add_flag("--track,!--no-track", options.track,
               "in videos people keep their ids and keypoints are smoothed; with --no-track each frame is on its own")
      ->default_str("--track");
  app.add_option("--shard", options.shard, "part I of N of the inputs, from 0 on; the parts are disjoint and stay the same")
      ->type_name("I/N")
      ->capture_default_str();
  auto* overwrite = app.add_flag("--overwrite", options.overwrite, "do inputs again that have results");
  app.add_flag("--keep", options.keep, "results of an earlier run that were made with something else are kept, and reported as failures")
      ->excludes(overwrite);
  app.add_flag_callback(
      "--no-sync", [&options] { options.write.sync = false; },
      "results are given their names before they are on the disk: quicker, but a power cut may leave some that lack bytes");
  app.add_flag("--report", options.report, "also write a page about the run, with small pictures: report/index.html in the output folder");
  app.add_flag("--quiet", options.quiet, "print errors, and what was left out, only");
}

void add_inspect(CLI::App& app, cli::InspectOptions& options) {
  app.add_option("MODEL", options.model.path, "model file")->required();
  add_model_options(app, options.model.options);
  auto* memory = app.add_flag("--memory", options.memory, "also run the model and report how much memory of its device it takes");
  add_device_options(app, options.model);
  for (const char* name : {"--device", "--precision", "--no-fuse", "--device-memory-limit"}) app.get_option(name)->needs(memory);
}

void add_bench(CLI::App& app, cli::BenchOptions& options) {
  app.add_option("MODEL", options.model.path, "pose model")->required();
  add_model_options(app, options.model.options);
  add_device_options(app, options.model);
  app.add_option("--batch", options.batches, "persons in one forward; a row of the table for each")
      ->type_name("N,...")
      ->default_str(fmt::format("{}", fmt::join(options.batches, ",")))
      ->delimiter(',')
      ->check(between(std::size_t{1}, std::size_t{65536}));
  app.add_option("--threads", options.threads, "threads that crop and decode; a row for each")
      ->type_name("N,...")
      ->default_str("1, and the CPUs that this process may use")
      ->delimiter(',')
      ->check(between(std::size_t{1}, std::size_t{4096}));
  app.add_option("--torch-threads", options.torch_threads, "threads of one forward; a row for each")
      ->type_name("N,...")
      ->default_str("as --threads")
      ->delimiter(',')
      ->check(between(1, 4096));
  app.add_option("--seconds", options.seconds, "time that is measured for each row")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->check(between(0.0, 1e6));
  app.add_option("--json", options.json, "file for the figures, besides the table; - is standard output, in place of the table")
      ->type_name("FILE")
      ->default_str("none");
}

int run(int argc, char** argv) {
  CLI::App app("Top-down human pose estimation over LibTorch.", "posekit");
  app.formatter(cli::help_formatter());
  app.set_help_flag("-h,--help", "print this help and exit");
  app.set_version_flag("--version", std::string(posekit::version()), "print the version and exit");
  app.require_subcommand(1);
  cli::EstimateOptions estimate;
  CLI::App* estimate_command = app.add_subcommand("estimate", "estimate the poses of people in images and videos");
  add_estimate(*estimate_command, estimate);
  cli::InspectOptions inspect;
  CLI::App* inspect_command = app.add_subcommand("inspect", "show a model's metadata, weights and keypoints");
  add_inspect(*inspect_command, inspect);
  cli::BenchOptions bench;
  CLI::App* bench_command = app.add_subcommand("bench", "measure the latency and throughput of a pose model");
  add_bench(*bench_command, bench);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream help;
    const bool asked_for = app.exit(error, help) == 0;
    cli::write_to_stdout(help.str());
    return asked_for ? 0 : wrong_usage;
  }
  const int code = *estimate_command ? cli::run_estimate(estimate) : *inspect_command ? cli::run_inspect(inspect) : cli::run_bench(bench);
  cli::write_to_stdout("");
  if (std::ferror(stdout) != 0) throw std::runtime_error("standard output can't be written: check the disk");
  return code;
}

/// Ends the program as programs end whose reader has gone: by SIGPIPE, without a word. Where that was ignored from the start, with a line.
int end_without_reader(bool ignored) {
  if (!ignored) {
    (void)std::signal(SIGPIPE, SIG_DFL);
    (void)std::raise(SIGPIPE);
  }
  cli::print_error("posekit: the reader of standard output has gone, and the run ended: check that it reads to the end\n");
  return failure;
}

}  // namespace

int main(int argc, char** argv) {
  const bool pipe_ignored = std::signal(SIGPIPE, SIG_IGN) == SIG_IGN;  // a closed pipe is an error, which leaves no half file
  posekit::keep_freed_memory();
  try {
    return run(argc, argv);
  } catch (const cli::UsageError& error) {
    cli::print_error(fmt::format("posekit: {}\n", error.what()));
    return wrong_usage;
  } catch (const std::bad_alloc&) {
    cli::print_error("posekit: memory ran out: use a smaller --batch, smaller images or a smaller model\n");
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::broken_pipe) return end_without_reader(pipe_ignored);
    cli::print_error(fmt::format("posekit: {}\n", error.what()));
  } catch (const std::exception& error) {
    cli::print_error(fmt::format("posekit: {}\n", error.what()));
  }
  return failure;
}
