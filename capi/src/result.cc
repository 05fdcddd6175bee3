/// Results of an estimator, a predictor or a pipeline, as contiguous arrays.
#include "arguments.h"
#include "guard.h"
#include "handles.h"
#include "posekit/result_io.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

/// One image's result, and its numbers again as arrays.
struct ImageEntry {
  posekit::ImageResult result;
  posekit::Size size;
  bool detected;
  std::vector<posekit_box> input_boxes;
  std::vector<float> keypoints;
  std::vector<posekit_box> boxes;
  std::vector<size_t> box_indices;
  std::vector<int64_t> track_ids;
};

ImageEntry entry_of(posekit::Prediction prediction, posekit::Size size) {
  ImageEntry entry{.result = std::move(prediction.result),
                   .size = size,
                   .detected = prediction.detected,
                   .input_boxes = {},
                   .keypoints = {},
                   .boxes = {},
                   .box_indices = {},
                   .track_ids = {}};
  for (const posekit::Box& box : prediction.boxes) entry.input_boxes.push_back(c_box(box));
  for (const posekit::Pose& pose : entry.result.poses) {
    entry.boxes.push_back(c_box(pose.box));
    entry.box_indices.push_back(pose.box_index);
    entry.track_ids.push_back(pose.track_id.value_or(0));
    for (const posekit::Keypoint& keypoint : pose.keypoints) {
      entry.keypoints.insert(entry.keypoints.end(), {keypoint.x, keypoint.y, keypoint.score});
    }
  }
  return entry;
}

std::vector<posekit::Keypoint> keypoints_of(const float* values, std::size_t count, const char* name) {
  std::vector<posekit::Keypoint> keypoints;
  if (count > 0 && values == nullptr) fail(std::string(name) + " is NULL, but has " + std::to_string(count) + " keypoints: pass the array");
  for (std::size_t i = 0; i < count; ++i) keypoints.push_back({values[3 * i], values[3 * i + 1], values[3 * i + 2]});
  return keypoints;
}

}  // namespace

struct posekit_result {
  std::shared_ptr<const posekit::PoseEstimator> estimator;
  std::vector<ImageEntry> images;
};

namespace {

const ImageEntry& entry_at(const posekit_result* result, size_t image) {
  check_index(image, require(result, "result").images.size(), "image");
  return result->images[image];
}

/// Shows an array of one image.
template <class T>
posekit_status give(const posekit_result* result, size_t image, std::vector<T> ImageEntry::*member, const T** data, const char* data_name,
                    size_t* count, const char* count_name) {
  return guard([&] {
    clear_array(data, count);
    give_array(entry_at(result, image).*member, data, data_name, count, count_name);
  });
}

}  // namespace

posekit_result* posekit_c::new_result(std::shared_ptr<const posekit::PoseEstimator> estimator, std::span<const posekit::Size> sizes,
                                      std::vector<posekit::Prediction> predictions) {
  auto handle = std::make_unique<posekit_result>();
  handle->estimator = std::move(estimator);
  for (std::size_t i = 0; i < predictions.size(); ++i) handle->images.push_back(entry_of(std::move(predictions[i]), sizes[i]));
  return handle.release();
}

posekit_result* posekit_c::new_result(std::shared_ptr<const posekit::PoseEstimator> estimator, posekit::Size size,
                                      posekit::Prediction prediction) {
  std::vector<posekit::Prediction> predictions;
  predictions.push_back(std::move(prediction));
  return new_result(std::move(estimator), {&size, 1}, std::move(predictions));
}

const std::vector<posekit::Pose>& posekit_c::poses_of(const posekit_result* result, std::size_t image) {
  return entry_at(result, image).result.poses;
}

posekit_result* posekit_c::new_result(const posekit_result& from, std::size_t image) {
  auto handle = std::make_unique<posekit_result>();
  handle->estimator = from.estimator;
  handle->images.push_back(from.images[image]);
  return handle.release();
}

void posekit_c::replace_poses(posekit_result& result, std::vector<posekit::Pose> poses) noexcept {
  ImageEntry& entry = result.images.front();
  entry.result.poses = std::move(poses);
  float* out = entry.keypoints.data();
  for (std::size_t i = 0; i < entry.result.poses.size(); ++i) {
    const posekit::Pose& pose = entry.result.poses[i];
    entry.track_ids[i] = pose.track_id.value_or(0);
    for (const posekit::Keypoint& keypoint : pose.keypoints) {
      *out++ = keypoint.x;
      *out++ = keypoint.y;
      *out++ = keypoint.score;
    }
  }
}

void posekit_c::fill_timings(posekit_timings& out, const posekit::Timings& timings) {
  constexpr std::size_t first_size = offsetof(posekit_timings, postprocess) + sizeof(out.postprocess);
  fill_struct(out, first_size, "posekit_timings", [&] {
    return posekit_timings{.struct_size = 0,
                           .decode = timings.decode.count(),
                           .detect = timings.detect.count(),
                           .preprocess = timings.preprocess.count(),
                           .inference = timings.inference.count(),
                           .postprocess = timings.postprocess.count()};
  });
}

posekit_status posekit_result_image_count(const posekit_result* result, size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    *count = require(result, "result").images.size();
  });
}

posekit_status posekit_result_keypoint_count(const posekit_result* result, size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    *count = require(result, "result").estimator->keypoints().size();
  });
}

posekit_status posekit_result_status(const posekit_result* result, size_t image, posekit_status* status, const char** message) {
  return guard([&] {
    clear(status);
    clear(message);
    require(status, "status");
    require(message, "message");
    const ImageEntry& entry = entry_at(result, image);
    *status = static_cast<posekit_status>(entry.result.code);
    *message = entry.result.message.c_str();
  });
}

posekit_status posekit_result_keypoints(const posekit_result* result, size_t image, const float** keypoints, size_t* persons) {
  return guard([&] {
    clear(keypoints);
    clear(persons);
    require(keypoints, "keypoints");
    require(persons, "persons");
    const ImageEntry& entry = entry_at(result, image);
    *keypoints = entry.keypoints.data();
    *persons = entry.boxes.size();
  });
}

posekit_status posekit_result_boxes(const posekit_result* result, size_t image, const posekit_box** boxes, size_t* persons) {
  return give(result, image, &ImageEntry::boxes, boxes, "boxes", persons, "persons");
}

posekit_status posekit_result_box_indices(const posekit_result* result, size_t image, const size_t** indices, size_t* persons) {
  return give(result, image, &ImageEntry::box_indices, indices, "indices", persons, "persons");
}

posekit_status posekit_result_input_boxes(const posekit_result* result, size_t image, const posekit_box** boxes, size_t* count) {
  return give(result, image, &ImageEntry::input_boxes, boxes, "boxes", count, "count");
}

posekit_status posekit_result_detected(const posekit_result* result, size_t image, int32_t* detected) {
  return guard([&] {
    clear(detected);
    require(detected, "detected");
    *detected = entry_at(result, image).detected ? 1 : 0;
  });
}

posekit_status posekit_result_track_ids(const posekit_result* result, size_t image, const int64_t** track_ids, size_t* persons) {
  return give(result, image, &ImageEntry::track_ids, track_ids, "track_ids", persons, "persons");
}

posekit_status posekit_result_box_error_count(const posekit_result* result, size_t image, size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    *count = entry_at(result, image).result.box_errors.size();
  });
}

posekit_status posekit_result_box_error(const posekit_result* result, size_t image, size_t error, size_t* box_index, posekit_status* status,
                                        const char** message) {
  return guard([&] {
    clear(box_index);
    clear(status);
    clear(message);
    require(box_index, "box_index");
    require(status, "status");
    require(message, "message");
    const auto& errors = entry_at(result, image).result.box_errors;
    check_index(error, errors.size(), "error");
    *box_index = errors[error].box_index;
    *status = static_cast<posekit_status>(errors[error].code);
    *message = errors[error].message.c_str();
  });
}

posekit_status posekit_result_timings(const posekit_result* result, size_t image, posekit_timings* timings) {
  return guard([&] { fill_timings(require(timings, "timings"), entry_at(result, image).result.timings); });
}

posekit_status posekit_result_copy_keypoints(const posekit_result* result, float* keypoints, size_t capacity, size_t* count) {
  return guard([&] {
    clear(count);
    require(count, "count");
    std::vector<float> all;
    for (const ImageEntry& entry : require(result, "result").images) {
      all.insert(all.end(), entry.keypoints.begin(), entry.keypoints.end());
    }
    copy_out<float>(all, keypoints, capacity, "keypoints");
    *count = all.size();
  });
}

posekit_status posekit_result_json(const posekit_result* result, size_t image, const char* path, char** json) {
  return guard([&] {
    clear(json);
    require(json, "json");
    const ImageEntry& entry = entry_at(result, image);
    const posekit::ResultSource source{path == nullptr ? "" : path, entry.size, {}, {}};
    const posekit::PoseEstimator& estimator = *result->estimator;
    *json = new_string(posekit::to_json(entry.result, source, estimator.keypoints(), estimator.info().name));
  });
}

posekit_status posekit_result_coco_entries(const posekit_result* result, size_t image, int64_t image_id, const char* file_name,
                                           char** json) {
  return guard([&] {
    clear(json);
    require(json, "json");
    const posekit::CocoImageId id = file_name == nullptr ? posekit::CocoImageId(image_id) : posekit::CocoImageId(file_name);
    *json = new_string(posekit::to_coco_entries(entry_at(result, image).result, id));
  });
}

posekit_status posekit_object_keypoint_similarity(const float* pose, const float* labelled, const double* sigmas, size_t count, double area,
                                                  double* similarity) {
  return guard([&] {
    clear(similarity);
    require(similarity, "similarity");
    const auto fall_off = array(sigmas, count, "sigmas");
    *similarity =
        posekit::object_keypoint_similarity(keypoints_of(pose, count, "pose"), keypoints_of(labelled, count, "labelled"), fall_off, area);
  });
}

void posekit_result_destroy(posekit_result* result) { delete result; }
