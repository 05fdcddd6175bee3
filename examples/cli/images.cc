/// posekit estimate, images.
#include "images.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "messages.h"
#include "posekit/draw.h"
#include "posekit/image_io.h"

namespace cli {

namespace fs = std::filesystem;
using posekit::ErrorCode;

/// An image on its way: the owner of its frame's pixels.
struct ImageRun::Work {
  std::unique_ptr<posekit::Image> image;
  Input input;
  Output output;
  std::size_t number = 0;
  InputState state;
  EarlierResults::Replaced replaced;
  posekit::Milliseconds decode{};
};

posekit::CocoImageId coco_id(const Input& input, const GivenBoxes& boxes) {
  const auto id = boxes.image_id(input.path);
  return id ? posekit::CocoImageId(*id) : posekit::CocoImageId(input.path.filename().string());
}

void ImageRun::run(const std::function<std::optional<Input>()>& next) {
  auto first = read_next(next);
  if (!first) return;
  run_.runner.load();
  const auto source = [&] {
    if (first) return std::exchange(first, std::nullopt);
    return read_next(next);
  };
  const auto sink = [&](const posekit::PipelineResult& done) { finish(done); };
  try {
    run_.runner.run_images(source, sink, run_.runner.serial() ? run_.stop : run_.waking());
  } catch (const posekit::Error& error) {
    if (error.code() != ErrorCode::cancelled) throw;
  }
}

/// The next image that can be read; the others are reported.
std::optional<posekit::PipelineInput> ImageRun::read_next(const std::function<std::optional<Input>()>& next) {
  while (!run_.stop.stop_requested()) {
    const auto input = next();
    if (!input) return std::nullopt;
    const std::size_t number = run_.report.open();
    if (!input->problem.empty()) {
      close_failed(number, *input, input->problem);
      continue;
    }
    EarlierResults::Replaced replaced;
    if (auto entry = run_.earlier.skip(*input, run_.plan.of(*input), replaced)) {
      run_.report.close(number, *std::move(entry));
    } else if (auto work = read(*input, number, replaced)) {
      return work;
    }
  }
  return std::nullopt;
}

std::optional<posekit::PipelineInput> ImageRun::read(const Input& input, std::size_t number, const EarlierResults::Replaced& replaced) {
  std::optional<posekit::PipelineInput> read;
  const auto failure = failure_of([&] {
    const auto start = std::chrono::steady_clock::now();
    auto work = std::make_shared<Work>();
    work->state = state_of(input);
    work->replaced = replaced;
    work->image = std::make_unique<posekit::Image>(posekit::read_image(input.path));
    work->decode = std::chrono::steady_clock::now() - start;
    work->input = input;
    work->output = run_.plan.of(input);
    work->number = number;
    const posekit::ImageView view = work->image->view();
    auto boxes = run_.boxes.of(input.path, view.size());
    read = posekit::PipelineInput{{.image = view, .owner = std::move(work), .index = number, .time_s = 0}, std::move(boxes)};
  });
  if (failure) close_failed(number, input, failure->what());
  return read;
}

void ImageRun::close_failed(std::size_t number, const Input& input, const std::string& message) {
  run_.report.close(number, {Step::failed, {naming(input, message)}, fmt::format("{}: failed", input.path.string())});
}

void ImageRun::finish(const posekit::PipelineResult& done) {
  const auto& work = *static_cast<const Work*>(done.frame.owner.get());
  if (done.result.code == ErrorCode::cancelled) return run_.report.close(work.number, {Step::interrupted, {}, {}});
  const auto failure = failure_of([&] {
    if (done.result.code != ErrorCode::ok) throw posekit::Error(done.result.code, done.result.message);
    posekit::ImageResult result = done.result;
    result.timings.decode = work.decode;
    write(work, result);
    Entry entry{result.box_errors.empty() ? Step::done : Step::failed,
                {},
                fmt::format("{}: {}", work.input.path.string(), counted(result.poses.size(), "person", "people"))};
    for (const posekit::BoxError& error : result.box_errors) entry.messages.push_back(naming(work.input, error.message));
    run_.report.close(work.number, std::move(entry));
  });
  if (failure) close_failed(work.number, work.input, failure->what());
}

/// The JSON comes first: a drawing belongs to the result that says it has one.
void ImageRun::write(const Work& work, const posekit::ImageResult& result) {
  const posekit::PoseEstimator& estimator = run_.runner.estimator();
  if (run_.options.format == Format::coco) {
    const posekit::CocoImageId id = coco_id(work.input, run_.boxes);
    if (!run_.boxes.annotations().empty() && std::holds_alternative<std::string>(id)) {
      throw posekit::Error(
          ErrorCode::invalid_argument,
          fmt::format("the annotations \"{}\" do not have it, and COCO results need its id: add it, or leave it out of the inputs",
                      run_.boxes.annotations()));
    }
    const std::string entries = posekit::to_coco_entries(result, id);
    if (!entries.empty()) coco_entries_ += (coco_entries_.empty() ? "" : ",\n") + entries;
  } else {
    const posekit::ResultSource source{
        .path = work.input.path.string(), .size = work.image->view().size(), .frame = std::nullopt, .time_s = std::nullopt};
    const std::string json = posekit::to_json(result, source, estimator.keypoints(), estimator.info().name);
    if (run_.options.to_stdout()) return write_to_stdout(json + "\n");
    make_folder(work.output.json.parent_path());
    run_.earlier.replace(work.replaced);
    posekit::write_file(work.output.json, bytes_of(run_.earlier.with_origin(json, work.input, work.state, nullptr) + "\n"),
                        run_.options.write);
  }
  if (work.output.drawing.empty()) return;
  posekit::draw_poses(*work.image, result.poses, estimator.keypoints(), run_.options.drawing);
  make_folder(work.output.drawing.parent_path());
  posekit::write_image(work.output.drawing, work.image->view(), run_.options.write);
}

}  // namespace cli
