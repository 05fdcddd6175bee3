/// posekit estimate, videos and cameras.
#include "videos.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "crops.h"
#include "messages.h"
#include "posekit/draw.h"
#include "posekit/image_io.h"
#include "posekit/result_io.h"
#include "posekit/video.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using posekit::ErrorCode;

constexpr double usual_fps = 25;  // of a drawn video whose source has no rate
constexpr std::size_t most_messages = 5;

posekit::Image copy_of(const posekit::ImageView& view) {
  posekit::Image image{.pixels = {}, .width = view.width, .height = view.height, .format = view.format};
  const std::size_t row = static_cast<std::size_t>(view.width) * static_cast<std::size_t>(channels(view.format));
  for (int y = 0; y < view.height; ++y) {
    const std::uint8_t* begin = view.data + static_cast<std::size_t>(y) * view.stride;
    image.pixels.insert(image.pixels.end(), begin, begin + row);
  }
  return image;
}

/// Removes what an earlier run wrote of a video in OpenPose's form, which may have had more frames. @param first the file of the first
/// frame
void remove_frames(const fs::path& first) {
  constexpr std::string_view rest = "000000000000_keypoints.json";
  const std::string name = first.filename().string();
  const std::string begin = name.substr(0, name.size() - rest.size());
  std::error_code error;
  for (fs::directory_iterator file(first.parent_path(), error), end; !error && file != end; file.increment(error)) {
    const std::string other = file->path().filename().string();
    if (other.size() == name.size() && other.starts_with(begin) && other.ends_with("_keypoints.json")) fs::remove(file->path(), error);
  }
}

class VideoRun {
 public:
  VideoRun(const RunContext& run, const Input& input, std::size_t number, EarlierResults::Replaced replaced)
      : run_(run), input_(input), number_(number), output_(run.plan.of(input)), replaced_(std::move(replaced)) {}

  /// @throws posekit::Error, std::bad_alloc, std::runtime_error
  Entry run();

 private:
  void open();
  std::optional<posekit::PipelineInput> read();
  void take(const posekit::PipelineResult& done);
  void write(const posekit::PipelineResult& done);
  void write_line(std::string line);
  void draw(const posekit::PipelineResult& done);
  void finish_files();
  void problem(const std::string& message);
  bool is_camera() const { return input_.kind == InputKind::camera; }

  const RunContext& run_;
  const Input& input_;
  std::size_t number_;
  Output output_;
  std::optional<posekit::VideoReader> reader_;
  std::optional<posekit::OutputFile> lines_;
  std::optional<posekit::VideoWriter> drawing_;
  double drawing_fps_ = usual_fps;
  std::size_t drawn_ = 0;
  bool has_frame_ = false;
  std::string broken_off_;  ///< Why the video ended too early.
  EarlierResults::Replaced replaced_;
  InputState state_;
  std::uintmax_t written_ = 0;  ///< Bytes before the last line.
  std::string last_line_;       ///< Held back: it gets what the video's results were made with.
  std::size_t frames_ = 0;
  std::size_t people_ = 0;
  std::size_t crops_ = 0;
  std::size_t problems_ = 0;
  std::vector<std::string> messages_;
};

/// The first few are reported, the others counted.
void VideoRun::problem(const std::string& message) {
  if (++problems_ <= most_messages) messages_.push_back(naming(input_, message));
}

void VideoRun::open() {
  if (is_camera()) {
    reader_.emplace(input_.camera);
  } else {
    reader_.emplace(input_.path);
  }
  if (reader_->info().fps > 0) drawing_fps_ = std::clamp(reader_->info().fps, 1e-3, 1000.0);
  state_ = state_of(input_);
  run_.runner.load();
  for (const fs::path& file : {output_.result, output_.drawing}) {
    if (!file.empty()) make_folder(file.parent_path());
  }
  if (!output_.crops.empty()) remove_crops(output_.crops);
  if (output_.result.empty()) return;
  if (run_.options.format == Format::json) {
    lines_.emplace(output_.result, run_.options.write);
  } else if (run_.options.overwrite) {
    remove_frames(output_.result);
  }
}

std::optional<posekit::PipelineInput> VideoRun::read() {
  if (is_camera() && run_.stop.stop_requested()) return std::nullopt;  // what it saw is a whole recording
  std::optional<posekit::Frame> frame;
  try {
    frame = reader_->read();
  } catch (const posekit::Error& error) {
    if (!has_frame_) throw;
    broken_off_ = error.what();  // what came before has results
  }
  if (!frame) return std::nullopt;
  has_frame_ = true;
  auto boxes = run_.boxes.of(input_.path, frame->image.size());
  return posekit::PipelineInput{*std::move(frame), std::move(boxes)};
}

Entry VideoRun::run() {
  open();
  const auto sink = [&](const posekit::PipelineResult& done) { take(done); };
  run_.runner.run_video([&] { return read(); }, sink, is_camera() ? std::stop_token() : run_.waking(), is_camera());
  const std::size_t skipped = reader_->skipped();
  if (skipped > 0)
    problem(fmt::format("{} could not be decoded and {} skipped: fetch or copy the video again", counted(skipped, "frame", "frames"),
                        skipped == 1 ? "is" : "are"));
  if (!broken_off_.empty()) {
    problem(broken_off_);
    if (run_.combined.wanted()) run_.combined.add(input_, failed_result({ErrorCode::io, broken_off_}), source_of(input_));
  }
  finish_files();
  if (problems_ > 0)
    messages_.push_back(naming(input_, "the results of its other frames are kept, and the next run processes the video again"));
  if (problems_ > most_messages) messages_.push_back(naming(input_, fmt::format("and {} more", problems_ - most_messages)));
  return {problems_ == 0 ? Step::done : Step::failed, std::move(messages_),
          fmt::format("{}: {}, {}", input_.path.string(), counted(frames_, "frame", "frames"), counted(people_, "pose", "poses"))};
}

void VideoRun::take(const posekit::PipelineResult& done) {
  if (done.result.code == ErrorCode::cancelled) return;  // the end of a run that is given up
  if (done.result.code != ErrorCode::ok) problem(fmt::format("frame {}: {}", done.frame.index, done.result.message));
  for (const posekit::BoxError& error : done.result.box_errors) problem(fmt::format("frame {}: {}", done.frame.index, error.message));
  ++frames_;
  people_ += done.result.poses.size();
  run_.totals.add(done.result, input_.kind);
  write(done);
  if (!output_.crops.empty()) {
    crops_ += save_crops(output_.crops, fmt::format("{:06}_", done.frame.index), done.frame.image, done.result.poses, run_.options.write);
  }
  if (run_.page != nullptr) run_.page->add(number_, done.frame.image, done.result, run_.runner.estimator().keypoints());
  if (!output_.drawing.empty()) draw(done);
  run_.progress.frames(input_.path.string(), done.frame.index + 1, reader_->info().frames);
}

void VideoRun::write(const posekit::PipelineResult& done) {
  const posekit::PoseEstimator& estimator = run_.runner.estimator();
  const posekit::ResultSource source{.path = input_.path.string(),
                                     .size = done.frame.image.size(),
                                     .frame = static_cast<std::int64_t>(done.frame.index),
                                     .time_s = done.frame.time_s};
  if (run_.combined.wanted()) return run_.combined.add(input_, done.result, source);
  if (run_.options.format == Format::json) {
    return write_line(posekit::to_json(done.result, source, estimator.keypoints(), estimator.info().name));
  }
  const std::string text = posekit::to_openpose(done.result, estimator.keypoints()) + "\n";
  if (run_.options.to_stdout()) return write_to_stdout(text);
  posekit::write_file(run_.plan.openpose_frame(input_, done.frame.index), bytes_of(text), run_.options.write);
}

void VideoRun::write_line(std::string line) {
  if (!lines_) return write_to_stdout(line + "\n");
  if (!last_line_.empty()) {
    last_line_ += '\n';
    lines_->write(bytes_of(last_line_));
    written_ += last_line_.size();
  }
  last_line_ = std::move(line);
}

void VideoRun::draw(const posekit::PipelineResult& done) {
  posekit::Image image = copy_of(done.frame.image);
  posekit::draw_poses(image, done.result.poses, run_.runner.estimator().keypoints(), run_.options.drawing);
  if (!drawing_) drawing_.emplace(output_.drawing, image.view().size(), drawing_fps_, run_.options.write);
  // A file's frames come each once. A camera's come as fast as the models let them: they are repeated, so that the drawing keeps time.
  const auto due = static_cast<std::size_t>(std::llround(done.frame.time_s * drawing_fps_)) + 1;
  const std::size_t times = is_camera() ? std::max<std::size_t>(1, due - std::min(drawn_, due)) : 1;
  for (std::size_t i = 0; i < times; ++i) drawing_->write(image.view());
  drawn_ += times;
}

/// The lines first: they say that a drawing is there. A camera that gave no frame leaves nothing.
void VideoRun::finish_files() {
  if (lines_ && !last_line_.empty()) {
    const nlohmann::json crops = output_.crops.empty() ? nlohmann::json() : nlohmann::json(crops_);
    const nlohmann::json video{{"frames", frames_}, {"problems", problems_}, {"offset", written_}};
    lines_->write(bytes_of(run_.earlier.with_origin(last_line_, input_, state_, video, crops) + "\n"));
    run_.earlier.replace(replaced_);
    lines_->finish();
  }
  if (drawing_) drawing_->finish();
}

}  // namespace

void run_video(const RunContext& run, const Input& input) {
  const std::size_t number = run.report.open(input);
  Entry entry{Step::failed, {}, fmt::format("{}: failed", input.path.string())};
  const auto failure = failure_of([&] {
    if (!input.problem.empty()) throw posekit::Error(ErrorCode::invalid_argument, input.problem);
    if (is_for_images_only(run.options.format))
      throw posekit::Error(ErrorCode::invalid_argument, "COCO results are for images only: use --format json or csv for videos");
    EarlierResults::Replaced replaced;
    auto skipped = run.earlier.skip(input, run.plan.of(input), replaced);
    entry = skipped ? *std::move(skipped) : VideoRun(run, input, number, std::move(replaced)).run();
  });
  if (failure && failure->code() == ErrorCode::cancelled) {
    entry = {Step::interrupted, {}, {}};
  } else if (failure) {
    entry.messages.push_back(naming(input, failure->what()));
    entry.part = Entry::Part{input, failed_result(*failure), source_of(input)};
  }
  run.report.close(number, std::move(entry));
}

}  // namespace cli
