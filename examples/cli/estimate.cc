/// posekit estimate: finds the inputs, sees that nothing is overwritten that should not be, and works on one after the other.
#include "estimate.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "images.h"
#include "interrupt.h"
#include "messages.h"
#include "model_runner.h"
#include "posekit/image_io.h"
#include "posekit/video.h"
#include "run_context.h"
#include "videos.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

/// Files besides the inputs that a run reads.
std::vector<fs::path> files_read(const EstimateOptions& options) {
  std::vector<fs::path> files;
  for (const std::string& file : {options.boxes, options.model.path, options.detector_path}) {
    if (!file.empty()) files.emplace_back(file);
  }
  if (const auto* metadata = std::get_if<posekit::MetadataFile>(&options.model.options.metadata)) files.push_back(metadata->path);
  if (!options.boxes_file.annotations.empty()) files.push_back(options.boxes_file.annotations);
  for (const std::string& input : options.inputs) {
    if (is_list(input)) files.emplace_back(input.substr(1));
  }
  return files;
}

/// What an interrupted run leaves, and how the rest is made.
const char* what_is_left(Format format) {
  if (is_combined(format)) return "the document of all results is not complete, so it has no file";
  if (format == Format::json) return "written results are complete, and the same command continues with the rest";
  return "written results are complete; with --overwrite the same command does all again";
}

/// Everything a run needs, checked in the order of what it costs.
class Run {
 public:
  explicit Run(const EstimateOptions& options);
  int execute();

 private:
  InputList list(posekit::Shard shard) const;
  posekit::BoxesFile::Images all_images() const;
  void check_coco_ids() const;
  std::optional<Input> take();
  void work(const RunContext& run, ImageRun& images);
  int summary(bool interrupted);
  int write_report(bool interrupted, int code);
  void remark(const std::string& line);

  const EstimateOptions& options_;
  posekit::Shard shard_ = parse_shard(options_.shard);
  const std::vector<std::string> arguments_ = with_lists_read(options_.inputs);
  std::stop_token stop_;  ///< From the first work on: before it nothing is written, and a signal may end the program as it likes.
  OutputPlan plan_;
  std::optional<GivenBoxes> boxes_;
  std::optional<EarlierResults> earlier_;
  Progress progress_;
  std::unique_ptr<Report> page_;  ///< Null: --report was not given.
  RunTotals totals_;
  ModelRunner runner_;
  std::optional<CombinedFile> combined_;
  std::optional<OrderedReport> report_;
  std::optional<InputList> inputs_;
  std::optional<Input> next_;
  std::size_t listed_ = 0;
  std::vector<std::string> remarks_;  ///< What standard error said about the run as a whole.
  bool camera_ended_ = false;         ///< By a signal, as there is no other end.
};

Run::Run(const EstimateOptions& options)
    : options_(options),
      plan_{.folder = options.output,
            .format = options.format,
            .to_stdout = options.to_stdout(),
            .drawings = options.draw,
            .crops = options.save_crops},
      progress_(options.quiet),
      page_(options.report ? std::make_unique<Report>(options, plan_) : nullptr),
      runner_(options, options.boxes.empty() && !options.whole_image, progress_) {
  posekit::silence_video_messages();
  if (options_.to_stdout() && (options.draw || options.save_crops))
    throw UsageError(fmt::format("{} needs a folder for its pictures, but -o - is standard output: pass -o FOLDER",
                                 options.draw ? "--draw" : "--save-crops"));
  if (!options.boxes_file.annotations.empty() && options.boxes.empty() && !is_for_images_only(options.format))
    throw UsageError("--annotations is of no use here: pass it with --format coco, --format coco-dataset or --boxes");
  std::error_code ignored;
  if (!options_.to_stdout() && fs::exists(options.output, ignored) && !fs::is_directory(options.output, ignored))
    throw UsageError(fmt::format("\"{}\" is a file, a folder is expected: choose another one with -o", options.output));
  boxes_.emplace(options, all_images());
  earlier_.emplace(options, *boxes_);
  combined_.emplace(options, plan_, *boxes_, runner_);
  report_.emplace(progress_, *combined_, page_.get());
  inputs_ = list(shard_);
  next_ = inputs_->next();
  if (!next_ && shard_.count == 1) {
    const std::string left_out = text_of(inputs_->left_out());
    throw UsageError(fmt::format("no image was found in the inputs{}{}: pass images, folders of images, globs or @lists",
                                 left_out.empty() ? "" : "; ", left_out));
  }
  if (const auto total = check_outputs([&] { return list(shard_); }, plan_, files_read(options))) progress_.set_total(*total);
  if (options.format == Format::json && !options_.to_stdout()) earlier_->prepare();
  if (is_for_images_only(options.format)) check_coco_ids();
  if (const fs::path file = plan_.combined(); !file.empty() && fs::exists(file, ignored) && !options.overwrite)
    throw UsageError(fmt::format("\"{}\" already exists: add --overwrite or choose another folder with -o", file.string()));
}

InputList Run::list(posekit::Shard shard) const {
  return {arguments_, options_.to_stdout() ? fs::path() : fs::path(options_.output), shard};
}

/// Of all shards, as a boxes file is for all of them.
posekit::BoxesFile::Images Run::all_images() const {
  return [this, inputs = std::shared_ptr<InputList>()]() mutable -> std::optional<fs::path> {
    if (!inputs) inputs = std::make_shared<InputList>(list({}));
    auto input = inputs->next();
    return input ? std::optional(std::move(input->path)) : std::nullopt;
  };
}

/// In one file each image must have its own id, and in a dataset its own file name.
void Run::check_coco_ids() const {
  const bool dataset = options_.format == Format::coco_dataset;
  std::map<posekit::CocoImageId, fs::path> owners;
  InputList inputs = list(shard_);
  while (const auto input = inputs.next()) {
    if (!input->problem.empty() || (!boxes_->annotations().empty() && !boxes_->image_id(input->path))) continue;
    posekit::CocoImageId id = dataset ? posekit::CocoImageId(input->name.string()) : coco_id(*input, *boxes_);
    if (auto* name = std::get_if<std::string>(&id)) *name = valid_utf8(*name);  // two names may become one
    const auto [owner, is_new] = owners.emplace(std::move(id), input->path);
    if (!is_new) {
      throw UsageError(fmt::format("\"{}\" and \"{}\" would have the same {} in the COCO results: process them in separate runs",
                                   owner->second.string(), input->path.string(), dataset ? "file_name" : "image_id"));
    }
  }
}

/// The next input; the one behind it is looked up already.
std::optional<Input> Run::take() {
  if (!next_) return std::nullopt;
  ++listed_;
  boxes_->count(*next_);
  auto taken = std::exchange(next_, inputs_->next());
  if (!next_) progress_.set_total(listed_);
  return taken;
}

void Run::work(const RunContext& run, ImageRun& images) {
  while (next_ && !stop_.stop_requested()) {
    if (next_->kind == InputKind::image) {
      images.run([&]() -> std::optional<Input> {
        if (!next_ || next_->kind != InputKind::image) return std::nullopt;
        return take();
      });
    } else {
      const Input input = *take();
      run_video(run, input);
      camera_ended_ = input.kind == InputKind::camera && stop_.stop_requested();
    }
  }
}

int Run::execute() {
  stop_ = watch_for_interrupt();
  std::optional<InterruptRelay> relay;
  const auto waking = [&] {
    if (!relay) relay.emplace();
    return relay->token();
  };
  const RunContext run{options_, runner_, *boxes_, *earlier_, *combined_, plan_, *report_, page_.get(), totals_, progress_, stop_, waking};
  ImageRun images(run);
  const auto start = std::chrono::steady_clock::now();
  work(run, images);
  totals_.wall = std::chrono::steady_clock::now() - start;
  const OrderedReport::Counts counts = report_->counts();
  const bool interrupted = next_.has_value() || counts.open > 0 || counts.interrupted || camera_ended_;
  if (combined_->wanted() && !interrupted) combined_->finish();
  const int code = summary(interrupted);
  return page_ ? write_report(interrupted, code) : code;
}

int Run::summary(bool interrupted) {
  if (interrupted) {
    progress_.message(fmt::format("posekit: interrupted: {}", what_is_left(options_.format)));
    return interrupted_exit_code;
  }
  bool failed = false;
  for (const Remarks& remarks : {boxes_->remarks(), earlier_->remarks()}) {
    for (const std::string& line : remarks.lines) remark(line);
    failed = failed || remarks.failed;
  }
  if (const std::string left_out = text_of(inputs_->left_out()); !left_out.empty()) remark("posekit: " + left_out);
  if (const auto& empty = inputs_->empty(); !empty.empty()) {
    failed = true;
    remark(fmt::format("posekit: {} no image or video, \"{}\" is the first: check that its disk is there",
                       counted(empty.size(), "input holds", "inputs hold"), empty.front()));
  }
  const OrderedReport::Counts counts = report_->counts();
  if (counts.failed > 0) progress_.message(fmt::format("posekit: {} of {} inputs failed, see above", counts.failed, counts.inputs));
  if (!options_.quiet && counts.skipped > 0)
    progress_.message(
        fmt::format("posekit: {} done before (--overwrite does them again)", counted(counts.skipped, "input was", "inputs were")));
  if (const std::string line = speed_line(totals_); !options_.quiet && !line.empty()) progress_.message(line);
  if (!options_.quiet && !options_.to_stdout()) progress_.message(fmt::format("posekit: results are in {}", options_.output));
  return failed || counts.failed > 0 ? 1 : 0;
}

/// Says something about the run as a whole.
void Run::remark(const std::string& line) {
  progress_.message(line);
  remarks_.push_back(line);
}

/// @param code the run's so far
int Run::write_report(bool interrupted, int code) {
  Remarks remarks = page_->remarks();
  if (const auto failure = failure_of([&] { page_->finish(totals_, remarks_, interrupted); }))
    remarks = {{fmt::format("posekit: {}", failure->what())}, true};
  for (const std::string& line : remarks.lines) progress_.message(line);
  if (!remarks.failed && !options_.quiet) progress_.message(fmt::format("posekit: the report is {}", page_->page().string()));
  return remarks.failed && code == 0 ? 1 : code;
}

}  // namespace

int run_estimate(const EstimateOptions& options) { return Run(options).execute(); }

}  // namespace cli
