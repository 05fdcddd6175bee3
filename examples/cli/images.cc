/// posekit estimate, images.
#include "images.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "crops.h"
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
    const std::size_t number = run_.report.open(*input);
    if (!input->problem.empty()) {
      close_failed(number, *input, {ErrorCode::invalid_argument, input->problem});
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
  if (failure) close_failed(number, input, *failure);
  return read;
}

void ImageRun::close_failed(std::size_t number, const Input& input, const posekit::Error& error, posekit::Size size) {
  run_.report.close(number, {Step::failed,
                             {naming(input, error.what())},
                             fmt::format("{}: failed", input.path.string()),
                             Entry::Part{input, failed_result(error), source_of(input, size)}});
}

void ImageRun::finish(const posekit::PipelineResult& done) {
  const auto& work = *static_cast<const Work*>(done.frame.owner.get());
  if (done.result.code == ErrorCode::cancelled) return run_.report.close(work.number, {Step::interrupted, {}, {}});
  const posekit::Size size = work.image->view().size();
  posekit::ImageResult result = done.result;
  result.timings.decode = work.decode;
  const auto failure = failure_of([&] {
    if (result.code != ErrorCode::ok) throw posekit::Error(result.code, result.message);
    write(work, result);
    run_.totals.add(result, InputKind::image);
  });
  if (failure) return close_failed(work.number, work.input, *failure, size);
  Entry entry{result.box_errors.empty() ? Step::done : Step::failed,
              {},
              fmt::format("{}: {}", work.input.path.string(), counted(result.poses.size(), "person", "people"))};
  for (const posekit::BoxError& error : result.box_errors) entry.messages.push_back(naming(work.input, error.message));
  entry.part = {work.input, std::move(result), source_of(work.input, size)};
  run_.report.close(work.number, std::move(entry));
}

/// The result comes first: drawing and crops belong to the result that says it has them.
void ImageRun::write(const Work& work, const posekit::ImageResult& result) {
  const posekit::PoseEstimator& estimator = run_.runner.estimator();
  const posekit::ImageView image = work.image->view();
  switch (run_.options.format) {
    case Format::json: {
      const posekit::ResultSource source = source_of(work.input, image.size());
      const std::string json = posekit::to_json(result, source, estimator.keypoints(), estimator.info().name);
      const nlohmann::json crops = work.output.crops.empty() ? nlohmann::json() : nlohmann::json(count_crops(image, result.poses));
      write_result(work, run_.options.to_stdout() ? json : run_.earlier.with_origin(json, work.input, work.state, nullptr, crops));
      break;
    }
    case Format::openpose: write_result(work, posekit::to_openpose(result, estimator.keypoints())); break;
    case Format::coco:
    case Format::coco_dataset: check_has_id(work.input); break;
    case Format::csv: break;  // the report gives them their turn
  }
  if (!work.output.crops.empty()) {
    remove_crops(work.output.crops);
    save_crops(work.output.crops, "", image, result.poses, run_.options.write);
  }
  if (run_.page != nullptr) run_.page->add(work.number, work.image->view(), result, estimator.keypoints());
  if (work.output.drawing.empty()) return;
  posekit::draw_poses(*work.image, result.poses, estimator.keypoints(), run_.options.drawing);
  make_folder(work.output.drawing.parent_path());
  posekit::write_image(work.output.drawing, work.image->view(), run_.options.write);
}

void ImageRun::write_result(const Work& work, const std::string& text) {
  if (run_.options.to_stdout()) return write_to_stdout(text + "\n");
  make_folder(work.output.result.parent_path());
  run_.earlier.replace(work.replaced);
  posekit::write_file(work.output.result, bytes_of(text + "\n"), run_.options.write);
}

/// Where annotations give the ids, an image without one has no place in COCO results.
void ImageRun::check_has_id(const Input& input) const {
  if (run_.boxes.annotations().empty() || run_.boxes.image_id(input.path)) return;
  throw posekit::Error(
      ErrorCode::invalid_argument,
      fmt::format("the annotations \"{}\" do not have it, and COCO results need its id: add it, or leave it out of the inputs",
                  run_.boxes.annotations()));
}

}  // namespace cli
