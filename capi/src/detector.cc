/// Detectors and detections.
#include "posekit/detector.h"

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

struct posekit_detections {
  struct Entry {
    posekit::DetectionResult result;
    std::vector<posekit_box> boxes;
  };
  std::vector<Entry> images;
};

namespace {

posekit::DetectorOptions detector_options(const posekit_detector_options* given) {
  constexpr std::size_t first_size = offsetof(posekit_detector_options, tile_count) + sizeof(given->tile_count);
  const auto options = read_options(given, first_size, "posekit_detector_options");
  check_set(options.set, POSEKIT_DETECTOR_SET_SCORE_THRESHOLD | POSEKIT_DETECTOR_SET_NMS_IOU, "posekit_detector_options");
  const auto is_set = [&](double value, std::uint64_t bit) { return value != 0 || (options.set & bit) != 0; };
  posekit::DetectorOptions result;
  result.executor = executor_of(options.executor);
  result.max_batch = options.max_batch;
  if (is_set(options.score_threshold, POSEKIT_DETECTOR_SET_SCORE_THRESHOLD)) result.score_threshold = options.score_threshold;
  if (is_set(options.nms_iou, POSEKIT_DETECTOR_SET_NMS_IOU)) result.nms_iou = options.nms_iou;
  if (options.max_persons != 0) result.max_persons = options.max_persons;
  const auto tiles = array(options.tiles, options.tile_count, "tiles");
  result.tiles.assign(tiles.begin(), tiles.end());
  return result;
}

const posekit_detections::Entry& entry_at(const posekit_detections* detections, size_t image) {
  check_index(image, require(detections, "detections").images.size(), "image");
  return detections->images[image];
}

}  // namespace

posekit_detections* posekit_c::new_detections(std::vector<posekit::DetectionResult> results) {
  auto handle = std::make_unique<posekit_detections>();
  for (posekit::DetectionResult& result : results) {
    std::vector<posekit_box> boxes;
    for (const posekit::Box& box : result.boxes) boxes.push_back(c_box(box));
    handle->images.push_back({std::move(result), std::move(boxes)});
  }
  return handle.release();
}

posekit_status posekit_detector_create(const posekit_model* model, const posekit_detector_options* options, posekit_detector** detector) {
  return guard([&] {
    clear(detector);
    require(detector, "detector");
    auto made = std::make_shared<posekit::PersonDetector>(require(model, "model").model, detector_options(options));
    *detector = new posekit_detector{std::move(made)};
  });
}

posekit_status posekit_detector_detect(const posekit_detector* detector, const posekit_image* image, const posekit_control* control,
                                       posekit_detections** detections) {
  return guard([&] {
    clear(detections);
    require(detections, "detections");
    const auto& self = *require(detector, "detector").detector;
    const posekit::ImageView view = image_view(require(image, "image"));
    auto results = self.detect_batch({&view, 1}, run_control(control));
    if (results[0].code != posekit::ErrorCode::ok) throw posekit::Error(results[0].code, results[0].message);
    *detections = new_detections(std::move(results));
  });
}

posekit_status posekit_detector_detect_batch(const posekit_detector* detector, const posekit_image* images, size_t image_count,
                                             const posekit_control* control, posekit_detections** detections) {
  return guard([&] {
    clear(detections);
    require(detections, "detections");
    const auto& self = *require(detector, "detector").detector;
    std::vector<posekit::ImageView> views;
    for (const posekit_image& image : array(images, image_count, "images")) views.push_back(image_view(image));
    *detections = new_detections(self.detect_batch(views, run_control(control)));
  });
}

void posekit_detector_destroy(posekit_detector* detector) { delete detector; }

posekit_status posekit_detections_image_count(const posekit_detections* detections, size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    *count = require(detections, "detections").images.size();
  });
}

posekit_status posekit_detections_status(const posekit_detections* detections, size_t image, posekit_status* status, const char** message) {
  return guard([&] {
    clear(status);
    clear(message);
    require(status, "status");
    require(message, "message");
    const posekit::DetectionResult& result = entry_at(detections, image).result;
    *status = static_cast<posekit_status>(result.code);
    *message = result.message.c_str();
  });
}

posekit_status posekit_detections_boxes(const posekit_detections* detections, size_t image, const posekit_box** boxes, size_t* count) {
  return guard([&] {
    clear_array(boxes, count);
    give_array(entry_at(detections, image).boxes, boxes, "boxes", count, "count");
  });
}

posekit_status posekit_detections_timings(const posekit_detections* detections, size_t image, posekit_timings* timings) {
  return guard([&] { fill_timings(require(timings, "timings"), entry_at(detections, image).result.timings); });
}

void posekit_detections_destroy(posekit_detections* detections) { delete detections; }
