/// What goes wrong through the C interface: each fault returns its status and its text, and nothing else happens.
#include <posekit_c.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/model_builder.h"
#include "support/paths.h"

using Catch::Matchers::ContainsSubstring;

namespace {

/// Calls that end well.
void ok(posekit_status status) {
  INFO(posekit_last_error_message());
  REQUIRE(status == POSEKIT_OK);
}

const std::string two_keypoints =
    R"({"name": "two", "keypoints": [{"name": "left_eye", "swap": 1}, {"name": "right_eye", "swap": 0}], "subsets": {"left": [0]}})";

/// Small models, loaded once: the faults are about the interface.
struct Models {
  posekit_test::TemporaryDir dir;
  std::string pose = (dir.path() / "pose.pt").string();
  std::string detect = (dir.path() / "detect.pt").string();
  posekit_estimator* estimator = nullptr;
  posekit_detector* detector = nullptr;

  Models() {
    posekit_test::save_script_model(pose, "def forward(self, x):\n    return x[:, 0:2, 0:8, 0:8] * 1.0\n",
                                    posekit_test::pose_metadata("heatmap", 32, 32, 8, 8, two_keypoints));
    posekit_test::save_script_model(
        detect,
        "def forward(self, x):\n    return torch.tensor([[[4.0, 4.0, 20.0, 30.0]]]).repeat([x.size(0), 1, 1]), torch.ones([x.size(0), "
        "1])\n",
        R"({"format": "posekit-model/1", "task": "detect", "input": {"width": 32, "height": 32}, "output": {"codec": "boxes_scores"}})");
    ok(posekit_estimator_create(pose.c_str(), nullptr, nullptr, &estimator));
    ok(posekit_detector_create(detect.c_str(), nullptr, nullptr, &detector));
  }
  Models(const Models&) = delete;
  Models& operator=(const Models&) = delete;
  ~Models() {
    posekit_estimator_destroy(estimator);
    posekit_detector_destroy(detector);
  }
};

const Models& models() {
  static const Models all;
  return all;
}

const std::vector<uint8_t> pixels(std::size_t{64} * 48 * 3, 90);
const posekit_image image{pixels.data(), 0, 64, 48, POSEKIT_PIXEL_FORMAT_BGR8, 0};
const std::vector<posekit_box> two_boxes{{4, 4, 40, 40, 0, 0}, {10, 10, 60, 44, 0.5F, 0}};

template <class T, void (*destroy)(T*)>
struct Destroyer {
  void operator()(T* object) const noexcept { destroy(object); }
};
using Result = std::unique_ptr<posekit_result, Destroyer<posekit_result, posekit_result_destroy>>;
using Detections = std::unique_ptr<posekit_detections, Destroyer<posekit_detections, posekit_detections_destroy>>;
using Executor = std::unique_ptr<posekit_executor, Destroyer<posekit_executor, posekit_executor_destroy>>;
using Estimator = std::unique_ptr<posekit_estimator, Destroyer<posekit_estimator, posekit_estimator_destroy>>;
using KeypointSet = std::unique_ptr<posekit_keypoint_set, Destroyer<posekit_keypoint_set, posekit_keypoint_set_destroy>>;
using Control = std::unique_ptr<posekit_control, Destroyer<posekit_control, posekit_control_destroy>>;

Result estimate(const posekit_estimator* estimator = models().estimator) {
  posekit_result* result = nullptr;
  ok(posekit_estimator_estimate(estimator, &image, two_boxes.data(), two_boxes.size(), nullptr, &result));
  return Result(result);
}

Detections detect() {
  posekit_detections* detections = nullptr;
  ok(posekit_detector_detect(models().detector, &image, nullptr, &detections));
  return Detections(detections);
}

KeypointSet coco17() {
  posekit_keypoint_set* set = nullptr;
  ok(posekit_keypoint_set_create_builtin("coco17", &set));
  return KeypointSet(set);
}

Control new_control() {
  posekit_control* control = nullptr;
  ok(posekit_control_create(&control));
  return Control(control);
}

/// An executor of callbacks, and an estimator that uses it.
Executor custom_executor(posekit_status (*run)(void*, size_t, posekit_task, void*), void* opaque = nullptr, size_t slots = 2) {
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.opaque = opaque;
  callbacks.slots = slots;
  callbacks.run = run;
  posekit_executor* executor = nullptr;
  ok(posekit_executor_create_custom(&callbacks, &executor));
  return Executor(executor);
}

Estimator estimator_on(const posekit_executor* executor) {
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.executor = executor;
  posekit_estimator* estimator = nullptr;
  ok(posekit_estimator_create(models().pose.c_str(), nullptr, &options, &estimator));
  return Estimator(estimator);
}

/// Expects a call to fail with this status and a text that has this in it.
void fails(posekit_status status, posekit_status expected, const std::string& text) {
  CHECK(status == expected);
  CHECK_THAT(posekit_last_error_message(), ContainsSubstring(text));
}

/// An out parameter that holds what no call gives, so that it is seen to be reset.
template <class T>
T wild() {
  T value;
  std::memset(&value, 0x5a, sizeof value);
  return value;
}
template <class T>
bool is_zero(const T& value) {
  return value == T{};
}

}  // namespace

TEST_CASE("NULL for an object or an input is invalid_argument, and the out parameters are reset") {
  const auto result = estimate();
  const auto detections = detect();
  const auto set = coco17();
  auto count = wild<size_t>();
  auto count2 = wild<size_t>();
  auto status = wild<posekit_status>();
  auto flag = wild<int32_t>();
  auto text = wild<const char*>();
  auto owned = wild<char*>();
  auto floats = wild<const float*>();
  auto doubles = wild<const double*>();
  auto boxes = wild<const posekit_box*>();
  auto sizes = wild<const size_t*>();
  auto links = wild<const posekit_link*>();
  auto new_estimator = wild<posekit_estimator*>();
  auto new_detector = wild<posekit_detector*>();
  auto new_set = wild<posekit_keypoint_set*>();
  auto new_result = wild<posekit_result*>();
  auto new_detections = wild<posekit_detections*>();
  auto new_executor = wild<posekit_executor*>();
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  posekit_timings timings = POSEKIT_TIMINGS_INIT;
  const auto task = [](void*, size_t, size_t) {};
  const size_t one = 1;
  const char* const no_text = nullptr;
  const posekit_image_boxes no_boxes{image, nullptr, 1};

  const std::vector<std::function<posekit_status()>> calls{
      [&] { return posekit_executor_create_custom(nullptr, &new_executor); },
      [&] { return posekit_executor_slots(nullptr, &count); },
      [&] { return posekit_executor_parallel_for(nullptr, 1, task, nullptr); },
      [&] { return posekit_control_cancel(nullptr); },
      [&] { return posekit_control_set_deadline(nullptr, 1); },
      [&] { return posekit_keypoint_set_create_builtin(nullptr, &new_set); },
      [&] { return posekit_keypoint_set_create_from_json(nullptr, &new_set); },
      [&] { return posekit_keypoint_set_create_subset(nullptr, &one, 1, &new_set); },
      [&] { return posekit_keypoint_set_create_subset(set.get(), nullptr, 1, &new_set); },
      [&] { return posekit_keypoint_set_select(nullptr, &no_text, 1, nullptr, 0, &count); },
      [&] { return posekit_keypoint_set_select(set.get(), nullptr, 1, nullptr, 0, &count); },
      [&] { return posekit_keypoint_set_select(set.get(), &no_text, 1, nullptr, 0, &count); },
      [&] { return posekit_keypoint_set_name(nullptr, &text); },
      [&] { return posekit_keypoint_set_provenance(nullptr, &text); },
      [&] { return posekit_keypoint_set_size(nullptr, &count); },
      [&] { return posekit_keypoint_set_keypoint_name(nullptr, 0, &text); },
      [&] { return posekit_keypoint_set_keypoint_swap(nullptr, 0, &count); },
      [&] { return posekit_keypoint_set_can_mirror(nullptr, &flag); },
      [&] { return posekit_keypoint_set_links(nullptr, &links, &count); },
      [&] { return posekit_keypoint_set_sigmas(nullptr, &doubles, &count); },
      [&] { return posekit_keypoint_set_subset_count(nullptr, &count); },
      [&] { return posekit_keypoint_set_subset_name(nullptr, 0, &text); },
      [&] { return posekit_inspect_model(nullptr, nullptr, &owned); },
      [&] { return posekit_estimator_create(nullptr, nullptr, nullptr, &new_estimator); },
      [&] { return posekit_estimator_create_from_memory(nullptr, 1, nullptr, nullptr, &new_estimator); },
      [&] { return posekit_estimator_info(nullptr, &info); },
      [&] { return posekit_estimator_metadata_json(nullptr, &owned); },
      [&] { return posekit_estimator_keypoint_set(nullptr, &new_set); },
      [&] { return posekit_estimator_estimate(nullptr, &image, nullptr, 0, nullptr, &new_result); },
      [&] { return posekit_estimator_estimate(models().estimator, nullptr, nullptr, 0, nullptr, &new_result); },
      [&] { return posekit_estimator_estimate(models().estimator, &image, nullptr, 1, nullptr, &new_result); },
      [&] { return posekit_estimator_estimate_batch(nullptr, nullptr, 0, nullptr, &new_result); },
      [&] { return posekit_estimator_estimate_batch(models().estimator, nullptr, 1, nullptr, &new_result); },
      [&] { return posekit_estimator_estimate_batch(models().estimator, &no_boxes, 1, nullptr, &new_result); },
      [&] { return posekit_estimator_estimate_placed_batch(nullptr, nullptr, nullptr, 0, nullptr, &new_result); },
      [&] { return posekit_estimator_estimate_placed_batch(models().estimator, nullptr, nullptr, 1, nullptr, &new_result); },
      [&] { return posekit_set_device_memory_limit(nullptr, 1); },
      [&] { return posekit_result_image_count(nullptr, &count); },
      [&] { return posekit_result_keypoint_count(nullptr, &count); },
      [&] { return posekit_result_status(nullptr, 0, &status, &text); },
      [&] { return posekit_result_keypoints(nullptr, 0, &floats, &count); },
      [&] { return posekit_result_boxes(nullptr, 0, &boxes, &count); },
      [&] { return posekit_result_box_indices(nullptr, 0, &sizes, &count); },
      [&] { return posekit_result_box_error_count(nullptr, 0, &count); },
      [&] { return posekit_result_box_error(nullptr, 0, 0, &count2, &status, &text); },
      [&] { return posekit_result_timings(nullptr, 0, &timings); },
      [&] { return posekit_result_copy_keypoints(nullptr, nullptr, 0, &count); },
      [&] { return posekit_result_copy_keypoints(result.get(), nullptr, 12, &count); },
      [&] { return posekit_result_json(nullptr, 0, "", &owned); },
      [&] { return posekit_detector_create(nullptr, nullptr, nullptr, &new_detector); },
      [&] { return posekit_detector_create_from_memory(nullptr, 1, nullptr, nullptr, &new_detector); },
      [&] { return posekit_detector_info(nullptr, &info); },
      [&] { return posekit_detector_metadata_json(nullptr, &owned); },
      [&] { return posekit_detector_detect(nullptr, &image, nullptr, &new_detections); },
      [&] { return posekit_detector_detect(models().detector, nullptr, nullptr, &new_detections); },
      [&] { return posekit_detector_detect_batch(nullptr, nullptr, 0, nullptr, &new_detections); },
      [&] { return posekit_detector_detect_batch(models().detector, nullptr, 1, nullptr, &new_detections); },
      [&] { return posekit_detections_image_count(nullptr, &count); },
      [&] { return posekit_detections_status(nullptr, 0, &status, &text); },
      [&] { return posekit_detections_boxes(nullptr, 0, &boxes, &count); },
      [&] { return posekit_detections_timings(nullptr, 0, &timings); },
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    INFO("call " << i);
    count = wild<size_t>();
    fails(calls[i](), POSEKIT_ERROR_INVALID_ARGUMENT, "NULL");
  }
  CHECK((is_zero(count2) && is_zero(status) && is_zero(flag) && is_zero(text) && is_zero(owned)));
  CHECK((is_zero(floats) && is_zero(doubles) && is_zero(boxes) && is_zero(sizes) && is_zero(links)));
  CHECK((is_zero(new_estimator) && is_zero(new_detector) && is_zero(new_set) && is_zero(new_result) && is_zero(new_detections)));
  CHECK(is_zero(new_executor));
  const posekit_executor_callbacks no_run = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  fails(posekit_executor_create_custom(&no_run, &new_executor), POSEKIT_ERROR_INVALID_ARGUMENT, "run is NULL");
  posekit_executor* serial = nullptr;
  ok(posekit_executor_create_serial(&serial));
  fails(posekit_executor_parallel_for(serial, 1, nullptr, nullptr), POSEKIT_ERROR_INVALID_ARGUMENT, "task is NULL");
  posekit_executor_destroy(serial);
}

TEST_CASE("NULL for an out parameter is invalid_argument, and the other ones are reset") {
  const auto result = estimate();
  const auto detections = detect();
  const auto set = coco17();
  const std::string& pose = models().pose;
  const posekit_estimator* estimator = models().estimator;
  const posekit_detector* detector = models().detector;
  posekit_executor* serial = nullptr;
  ok(posekit_executor_create_serial(&serial));
  const Executor owner(serial);
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.run = [](void*, size_t, posekit_task, void*) -> posekit_status { return POSEKIT_OK; };
  auto count = wild<size_t>();
  auto status = wild<posekit_status>();
  auto text = wild<const char*>();
  auto floats = wild<const float*>();
  auto doubles = wild<const double*>();
  auto boxes = wild<const posekit_box*>();
  auto sizes = wild<const size_t*>();
  auto links = wild<const posekit_link*>();
  const char* const nose = "nose";
  const size_t one = 1;
  const std::vector<std::function<posekit_status()>> calls{
      [&] { return posekit_torch_versions(nullptr, &text); },
      [&] { return posekit_torch_versions(&text, nullptr); },
      [&] { return posekit_built_with_cuda(nullptr); },
      [&] { return posekit_usable_cpus(nullptr); },
      [&] { return posekit_torch_threads(nullptr); },
      [&] { return posekit_torch_tf32(nullptr); },
      [&] { return posekit_executor_create_serial(nullptr); },
      [&] { return posekit_executor_create_thread_pool(1, nullptr); },
      [&] { return posekit_executor_create_custom(&callbacks, nullptr); },
      [&] { return posekit_executor_slots(serial, nullptr); },
      [&] { return posekit_control_create(nullptr); },
      [&] { return posekit_builtin_keypoint_set_count(nullptr); },
      [&] { return posekit_builtin_keypoint_set_name(0, nullptr); },
      [&] { return posekit_keypoint_set_create_builtin("coco17", nullptr); },
      [&] { return posekit_keypoint_set_create_from_json("{}", nullptr); },
      [&] { return posekit_keypoint_set_create_subset(set.get(), &one, 1, nullptr); },
      [&] { return posekit_keypoint_set_select(set.get(), &nose, 1, nullptr, 0, nullptr); },
      [&] { return posekit_keypoint_set_name(set.get(), nullptr); },
      [&] { return posekit_keypoint_set_provenance(set.get(), nullptr); },
      [&] { return posekit_keypoint_set_size(set.get(), nullptr); },
      [&] { return posekit_keypoint_set_keypoint_name(set.get(), 0, nullptr); },
      [&] { return posekit_keypoint_set_keypoint_swap(set.get(), 0, nullptr); },
      [&] { return posekit_keypoint_set_can_mirror(set.get(), nullptr); },
      [&] { return posekit_keypoint_set_links(set.get(), nullptr, &count); },
      [&] { return posekit_keypoint_set_links(set.get(), &links, nullptr); },
      [&] { return posekit_keypoint_set_sigmas(set.get(), nullptr, &count); },
      [&] { return posekit_keypoint_set_sigmas(set.get(), &doubles, nullptr); },
      [&] { return posekit_keypoint_set_subset_count(set.get(), nullptr); },
      [&] { return posekit_keypoint_set_subset_name(set.get(), 0, nullptr); },
      [&] { return posekit_model_preset_count(nullptr); },
      [&] { return posekit_model_preset_name(0, nullptr); },
      [&] { return posekit_inspect_model(pose.c_str(), nullptr, nullptr); },
      [&] { return posekit_estimator_create(pose.c_str(), nullptr, nullptr, nullptr); },
      [&] { return posekit_estimator_create_from_memory("x", 1, nullptr, nullptr, nullptr); },
      [&] { return posekit_estimator_info(estimator, nullptr); },
      [&] { return posekit_estimator_metadata_json(estimator, nullptr); },
      [&] { return posekit_estimator_keypoint_set(estimator, nullptr); },
      [&] { return posekit_estimator_estimate(estimator, &image, nullptr, 0, nullptr, nullptr); },
      [&] { return posekit_estimator_estimate_batch(estimator, nullptr, 0, nullptr, nullptr); },
      [&] { return posekit_estimator_estimate_placed_batch(estimator, nullptr, nullptr, 0, nullptr, nullptr); },
      [&] { return posekit_result_image_count(result.get(), nullptr); },
      [&] { return posekit_result_keypoint_count(result.get(), nullptr); },
      [&] { return posekit_result_status(result.get(), 0, nullptr, &text); },
      [&] { return posekit_result_status(result.get(), 0, &status, nullptr); },
      [&] { return posekit_result_keypoints(result.get(), 0, nullptr, &count); },
      [&] { return posekit_result_keypoints(result.get(), 0, &floats, nullptr); },
      [&] { return posekit_result_boxes(result.get(), 0, nullptr, &count); },
      [&] { return posekit_result_boxes(result.get(), 0, &boxes, nullptr); },
      [&] { return posekit_result_box_indices(result.get(), 0, nullptr, &count); },
      [&] { return posekit_result_box_indices(result.get(), 0, &sizes, nullptr); },
      [&] { return posekit_result_box_error_count(result.get(), 0, nullptr); },
      [&] { return posekit_result_box_error(result.get(), 0, 0, nullptr, &status, &text); },
      [&] { return posekit_result_box_error(result.get(), 0, 0, &count, nullptr, &text); },
      [&] { return posekit_result_box_error(result.get(), 0, 0, &count, &status, nullptr); },
      [&] { return posekit_result_timings(result.get(), 0, nullptr); },
      [&] { return posekit_result_copy_keypoints(result.get(), nullptr, 0, nullptr); },
      [&] { return posekit_result_json(result.get(), 0, "", nullptr); },
      [&] { return posekit_detector_create(models().detect.c_str(), nullptr, nullptr, nullptr); },
      [&] { return posekit_detector_create_from_memory("x", 1, nullptr, nullptr, nullptr); },
      [&] { return posekit_detector_info(detector, nullptr); },
      [&] { return posekit_detector_metadata_json(detector, nullptr); },
      [&] { return posekit_detector_detect(detector, &image, nullptr, nullptr); },
      [&] { return posekit_detector_detect_batch(detector, nullptr, 0, nullptr, nullptr); },
      [&] { return posekit_detections_image_count(detections.get(), nullptr); },
      [&] { return posekit_detections_status(detections.get(), 0, nullptr, &text); },
      [&] { return posekit_detections_status(detections.get(), 0, &status, nullptr); },
      [&] { return posekit_detections_boxes(detections.get(), 0, nullptr, &count); },
      [&] { return posekit_detections_boxes(detections.get(), 0, &boxes, nullptr); },
      [&] { return posekit_detections_timings(detections.get(), 0, nullptr); },
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    INFO("call " << i);
    fails(calls[i](), POSEKIT_ERROR_INVALID_ARGUMENT, "NULL");
  }
  CHECK((is_zero(count) && is_zero(status) && is_zero(text) && is_zero(floats) && is_zero(doubles)));
  CHECK((is_zero(boxes) && is_zero(sizes) && is_zero(links)));
}

TEST_CASE("Destroying NULL does nothing") {
  posekit_executor_destroy(nullptr);
  posekit_control_destroy(nullptr);
  posekit_keypoint_set_destroy(nullptr);
  posekit_estimator_destroy(nullptr);
  posekit_result_destroy(nullptr);
  posekit_detector_destroy(nullptr);
  posekit_detections_destroy(nullptr);
  posekit_string_destroy(nullptr);
}

TEST_CASE("A count that no memory can hold is refused unread, 0 is an empty array") {
  const size_t huge = GENERATE(SIZE_MAX, SIZE_MAX / 2 + 1);
  const auto set = coco17();
  const size_t index = 0;
  const char* const name = "nose";
  const posekit_image_boxes huge_boxes{image, two_boxes.data(), huge};
  const posekit_image_boxes one_image{image, two_boxes.data(), 1};
  posekit_keypoint_set* new_set = nullptr;
  posekit_result* result = nullptr;
  posekit_detections* detections = nullptr;
  posekit_estimator* estimator = nullptr;
  posekit_detector* detector = nullptr;
  size_t count = 0;
  const auto refused = [](posekit_status status) { fails(status, POSEKIT_ERROR_INVALID_ARGUMENT, "more than memory can hold"); };
  refused(posekit_keypoint_set_create_subset(set.get(), &index, huge, &new_set));
  refused(posekit_keypoint_set_select(set.get(), &name, huge, nullptr, 0, &count));
  refused(posekit_estimator_estimate(models().estimator, &image, two_boxes.data(), huge, nullptr, &result));
  refused(posekit_estimator_estimate_batch(models().estimator, &one_image, huge, nullptr, &result));
  refused(posekit_estimator_estimate_batch(models().estimator, &huge_boxes, 1, nullptr, &result));
  refused(posekit_estimator_estimate_placed_batch(models().estimator, &one_image, nullptr, huge, nullptr, &result));
  refused(posekit_detector_detect_batch(models().detector, &image, huge, nullptr, &detections));
  refused(posekit_estimator_create_from_memory("x", huge, nullptr, nullptr, &estimator));
  refused(posekit_detector_create_from_memory("x", huge, nullptr, nullptr, &detector));
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.keypoints = &name;
  options.keypoint_count = huge;
  refused(posekit_estimator_create(models().pose.c_str(), nullptr, &options, &estimator));
  const double tile = 0.5;
  posekit_detector_options detector_options = POSEKIT_DETECTOR_OPTIONS_INIT;
  detector_options.tiles = &tile;
  detector_options.tile_count = huge;
  refused(posekit_detector_create(models().detect.c_str(), nullptr, &detector_options, &detector));
  posekit_executor* pool = nullptr;
  fails(posekit_executor_create_thread_pool(huge, &pool), POSEKIT_ERROR_INVALID_ARGUMENT, "4096");
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.run = [](void*, size_t, posekit_task, void*) -> posekit_status { return POSEKIT_OK; };
  callbacks.slots = huge;
  fails(posekit_executor_create_custom(&callbacks, &pool), POSEKIT_ERROR_INVALID_ARGUMENT, "4096");

  fails(posekit_keypoint_set_select(set.get(), nullptr, 0, nullptr, 0, &count), POSEKIT_ERROR_INVALID_ARGUMENT, "");
  ok(posekit_estimator_estimate(models().estimator, &image, nullptr, 0, nullptr, &result));
  const float* keypoints = nullptr;
  ok(posekit_result_keypoints(result, 0, &keypoints, &count));
  CHECK(count == 0);
  posekit_result_destroy(result);
  ok(posekit_estimator_estimate_batch(models().estimator, nullptr, 0, nullptr, &result));
  ok(posekit_result_image_count(result, &count));
  CHECK(count == 0);
  posekit_result_destroy(result);
  ok(posekit_detector_detect_batch(models().detector, nullptr, 0, nullptr, &detections));
  posekit_detections_destroy(detections);
  fails(posekit_estimator_create_from_memory(nullptr, 0, nullptr, nullptr, &estimator), POSEKIT_ERROR_INVALID_MODEL, "is empty");
}

TEST_CASE("An index beyond the end is refused with the number there is") {
  const size_t beyond = GENERATE(size_t{1000}, SIZE_MAX);
  const auto result = estimate();
  const auto detections = detect();
  const auto set = coco17();
  size_t count = 0;
  posekit_status status = 0;
  const char* text = nullptr;
  char* owned = nullptr;
  const float* floats = nullptr;
  const posekit_box* boxes = nullptr;
  const size_t* sizes = nullptr;
  posekit_timings timings = POSEKIT_TIMINGS_INIT;
  posekit_keypoint_set* new_set = nullptr;
  const auto refused = [](posekit_status s) { fails(s, POSEKIT_ERROR_INVALID_ARGUMENT, ", but there are "); };
  refused(posekit_builtin_keypoint_set_name(beyond, &text));
  refused(posekit_model_preset_name(beyond, &text));
  refused(posekit_keypoint_set_keypoint_name(set.get(), beyond, &text));
  refused(posekit_keypoint_set_keypoint_swap(set.get(), beyond, &count));
  refused(posekit_keypoint_set_subset_name(set.get(), beyond, &text));
  refused(posekit_result_status(result.get(), beyond, &status, &text));
  refused(posekit_result_keypoints(result.get(), beyond, &floats, &count));
  refused(posekit_result_boxes(result.get(), beyond, &boxes, &count));
  refused(posekit_result_box_indices(result.get(), beyond, &sizes, &count));
  refused(posekit_result_box_error_count(result.get(), beyond, &count));
  refused(posekit_result_box_error(result.get(), beyond, 0, &count, &status, &text));
  refused(posekit_result_box_error(result.get(), 0, beyond, &count, &status, &text));
  refused(posekit_result_timings(result.get(), beyond, &timings));
  refused(posekit_result_json(result.get(), beyond, "", &owned));
  refused(posekit_detections_status(detections.get(), beyond, &status, &text));
  refused(posekit_detections_boxes(detections.get(), beyond, &boxes, &count));
  refused(posekit_detections_timings(detections.get(), beyond, &timings));
  fails(posekit_keypoint_set_create_subset(set.get(), &beyond, 1, &new_set), POSEKIT_ERROR_INVALID_ARGUMENT, "");
}

TEST_CASE("A buffer that is too small is not written to") {
  const auto result = estimate();
  size_t count = 0;
  ok(posekit_result_copy_keypoints(result.get(), nullptr, 0, &count));
  REQUIRE(count == 2 * 2 * 3);
  std::vector<float> buffer(count, -7);
  for (const size_t capacity : {size_t{1}, count - 1}) {
    size_t told = 99;
    fails(posekit_result_copy_keypoints(result.get(), buffer.data(), capacity, &told), POSEKIT_ERROR_INVALID_ARGUMENT, "12 are needed");
    CHECK(told == 0);
  }
  CHECK(buffer == std::vector<float>(count, -7));
  ok(posekit_result_copy_keypoints(result.get(), buffer.data(), SIZE_MAX, &count));
  const float* keypoints = nullptr;
  size_t persons = 0;
  ok(posekit_result_keypoints(result.get(), 0, &keypoints, &persons));
  CHECK(std::equal(buffer.begin(), buffer.end(), keypoints));
}

namespace {

/// What holds for every struct with a struct_size.
template <class Struct>
void check_sizes(const Struct& sound, const std::function<posekit_status(Struct*)>& call, bool is_input) {
  struct Larger {
    Struct known;
    uint64_t later[2];
  };
  for (const size_t size : {size_t{0}, size_t{1}, sizeof(Struct) - 1, size_t{1} << 20, SIZE_MAX}) {
    Struct given = sound;
    given.struct_size = size;
    INFO("struct_size " << size);
    fails(call(&given), POSEKIT_ERROR_INVALID_ARGUMENT, "struct_size is " + std::to_string(size));
  }
  Larger larger;
  std::memset(&larger, 0, sizeof larger);
  larger.known = sound;
  larger.known.struct_size = sizeof larger;
  ok(call(&larger.known));
  CHECK(larger.known.struct_size == sizeof larger);
  larger.later[1] = 1;
  if (is_input) {
    fails(call(&larger.known), POSEKIT_ERROR_INVALID_ARGUMENT, "unsupported");
  } else {
    ok(call(&larger.known));  // what this version does not know is told as 0
    CHECK(larger.later[1] == 0);
  }
}

}  // namespace

TEST_CASE("struct_size: too small and absurd ones are refused, a newer caller's as long as its new members are 0") {
  const auto result = estimate();
  const auto detections = detect();
  const posekit_model_options model_options = POSEKIT_MODEL_OPTIONS_INIT;
  check_sizes<posekit_model_options>(
      model_options,
      [](posekit_model_options* options) {
        posekit_estimator* estimator = nullptr;
        const posekit_status status = posekit_estimator_create(models().pose.c_str(), options, nullptr, &estimator);
        posekit_estimator_destroy(estimator);
        return status;
      },
      true);
  const posekit_estimator_options estimator_options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  check_sizes<posekit_estimator_options>(
      estimator_options,
      [](posekit_estimator_options* options) {
        posekit_estimator* estimator = nullptr;
        const posekit_status status = posekit_estimator_create(models().pose.c_str(), nullptr, options, &estimator);
        posekit_estimator_destroy(estimator);
        return status;
      },
      true);
  const posekit_detector_options detector_options = POSEKIT_DETECTOR_OPTIONS_INIT;
  check_sizes<posekit_detector_options>(
      detector_options,
      [](posekit_detector_options* options) {
        posekit_detector* detector = nullptr;
        const posekit_status status = posekit_detector_create(models().detect.c_str(), nullptr, options, &detector);
        posekit_detector_destroy(detector);
        return status;
      },
      true);
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  callbacks.run = [](void*, size_t, posekit_task, void*) -> posekit_status { return POSEKIT_OK; };
  check_sizes<posekit_executor_callbacks>(
      callbacks,
      [](posekit_executor_callbacks* given) {
        posekit_executor* executor = nullptr;
        const posekit_status status = posekit_executor_create_custom(given, &executor);
        posekit_executor_destroy(executor);
        return status;
      },
      true);
  const posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  check_sizes<posekit_model_info>(
      info, [](posekit_model_info* out) { return posekit_estimator_info(models().estimator, out); }, false);
  check_sizes<posekit_model_info>(
      info, [](posekit_model_info* out) { return posekit_detector_info(models().detector, out); }, false);
  const posekit_timings timings = POSEKIT_TIMINGS_INIT;
  check_sizes<posekit_timings>(
      timings, [&](posekit_timings* out) { return posekit_result_timings(result.get(), 0, out); }, false);
  check_sizes<posekit_timings>(
      timings, [&](posekit_timings* out) { return posekit_detections_timings(detections.get(), 0, out); }, false);
}

TEST_CASE("A value outside its enumeration is refused and named") {
  const int32_t wrong = GENERATE(-1, 5, 256, INT32_MAX, INT32_MIN);
  const std::string named = std::to_string(wrong);
  posekit_estimator* estimator = nullptr;
  posekit_model_options model_options = POSEKIT_MODEL_OPTIONS_INIT;
  model_options.precision = wrong;
  fails(posekit_estimator_create(models().pose.c_str(), &model_options, nullptr, &estimator), POSEKIT_ERROR_INVALID_ARGUMENT, named);
  model_options.precision = POSEKIT_PRECISION_FP32;
  model_options.warm_up = wrong;
  fails(posekit_estimator_create(models().pose.c_str(), &model_options, nullptr, &estimator), POSEKIT_ERROR_INVALID_ARGUMENT, named);
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.flip_test = wrong;
  fails(posekit_estimator_create(models().pose.c_str(), nullptr, &options, &estimator), POSEKIT_ERROR_INVALID_ARGUMENT, named);
  options.flip_test = 0;
  options.reserved = wrong;
  fails(posekit_estimator_create(models().pose.c_str(), nullptr, &options, &estimator), POSEKIT_ERROR_INVALID_ARGUMENT, named);
  posekit_image strange = image;
  strange.format = wrong;
  posekit_result* result = nullptr;
  posekit_detections* detections = nullptr;
  const posekit_image_boxes batch{strange, nullptr, 0};
  fails(posekit_estimator_estimate(models().estimator, &strange, nullptr, 0, nullptr, &result), POSEKIT_ERROR_INVALID_ARGUMENT, named);
  fails(posekit_estimator_estimate_batch(models().estimator, &batch, 1, nullptr, &result), POSEKIT_ERROR_INVALID_ARGUMENT, named);
  fails(posekit_detector_detect(models().detector, &strange, nullptr, &detections), POSEKIT_ERROR_INVALID_ARGUMENT, named);
  CHECK(posekit_status_name(wrong == 5 ? 77 : wrong) == std::string("unknown"));
}

TEST_CASE("Options that do not fit are told with their status") {
  posekit_estimator* estimator = nullptr;
  posekit_model_options model_options = POSEKIT_MODEL_OPTIONS_INIT;
  const auto create = [&] { return posekit_estimator_create(models().pose.c_str(), &model_options, nullptr, &estimator); };
  model_options.metadata_json = "{}";
  model_options.metadata_preset = "sapiens-coco17";
  fails(create(), POSEKIT_ERROR_INVALID_ARGUMENT, "at most one");
  model_options.metadata_json = nullptr;
  model_options.metadata_preset = "sapiens";
  fails(create(), POSEKIT_ERROR_NOT_FOUND, "sapiens-coco17");
  model_options.metadata_preset = nullptr;
  model_options.metadata_file = "/no/such.json";
  fails(create(), POSEKIT_ERROR_NOT_FOUND, "/no/such.json");
  model_options.metadata_file = nullptr;
  model_options.metadata_json = "{";
  fails(create(), POSEKIT_ERROR_INVALID_MODEL, "");
  model_options.metadata_json = nullptr;
  model_options.sha256 = "12";
  fails(create(), POSEKIT_ERROR_INVALID_ARGUMENT, "64 hexadecimal");
  model_options.sha256 = nullptr;
  model_options.device = "gpu";
  fails(create(), POSEKIT_ERROR_INVALID_ARGUMENT, "gpu");

  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  const auto with_options = [&] { return posekit_estimator_create(models().pose.c_str(), nullptr, &options, &estimator); };
  for (const double padding : {-1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    options.box_padding = padding;
    fails(with_options(), POSEKIT_ERROR_INVALID_ARGUMENT, "padding");
  }
  options.box_padding = 0;
  const char* const unknown = "tail";
  options.keypoints = &unknown;
  options.keypoint_count = 1;
  fails(with_options(), POSEKIT_ERROR_NOT_FOUND, "tail");
  const char* const left = "left";
  options.keypoints = &left;
  ok(with_options());
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  ok(posekit_estimator_info(estimator, &info));
  CHECK(info.keypoint_count == 1);
  posekit_estimator_destroy(estimator);

  posekit_detector* detector = nullptr;
  posekit_detector_options detector_options = POSEKIT_DETECTOR_OPTIONS_INIT;
  detector_options.nms_iou = 2;
  fails(posekit_detector_create(models().detect.c_str(), nullptr, &detector_options, &detector), POSEKIT_ERROR_INVALID_ARGUMENT, "IoU");
  detector_options.nms_iou = DBL_MIN;
  detector_options.score_threshold = 2;  // above the model's only score
  ok(posekit_detector_create(models().detect.c_str(), nullptr, &detector_options, &detector));
  posekit_detections* detections = nullptr;
  ok(posekit_detector_detect(detector, &image, nullptr, &detections));
  const posekit_box* boxes = nullptr;
  size_t count = 99;
  ok(posekit_detections_boxes(detections, 0, &boxes, &count));
  CHECK(count == 0);
  posekit_detections_destroy(detections);
  posekit_detector_destroy(detector);
  fails(posekit_estimator_create(models().detect.c_str(), nullptr, nullptr, &estimator), POSEKIT_ERROR_INVALID_ARGUMENT, "detect");
  fails(posekit_set_torch_threads(0), POSEKIT_ERROR_INVALID_ARGUMENT, "0");
}

TEST_CASE("A bad image of a batch is told in its entry, a bad box in its image") {
  posekit_image no_data = image;
  no_data.data = nullptr;
  posekit_image short_rows = image;
  short_rows.stride = 10;
  posekit_image no_size = image;
  no_size.width = -64;
  const std::vector<posekit_box> mixed{{4, 4, 40, 40, 0, 0}, {9, 9, 9, 9, 0, 0}, {NAN, 0, 5, 5, 0, 0}};
  const std::vector<posekit_image_boxes> batch{
      {no_data, mixed.data(), 1}, {image, mixed.data(), 3}, {short_rows, mixed.data(), 1}, {no_size, nullptr, 0}};
  posekit_result* made = nullptr;
  ok(posekit_estimator_estimate_batch(models().estimator, batch.data(), batch.size(), nullptr, &made));
  const Result result(made);
  for (const size_t i : {size_t{0}, size_t{2}, size_t{3}}) {
    posekit_status status = 0;
    const char* message = nullptr;
    ok(posekit_result_status(result.get(), i, &status, &message));
    CHECK(status == POSEKIT_ERROR_INVALID_ARGUMENT);
    CHECK_THAT(message, ContainsSubstring("image"));
  }
  size_t errors = 0;
  size_t persons = 0;
  const float* keypoints = nullptr;
  ok(posekit_result_box_error_count(result.get(), 1, &errors));
  ok(posekit_result_keypoints(result.get(), 1, &keypoints, &persons));
  CHECK(errors == 2);
  CHECK(persons == 1);
  posekit_result* none = wild<posekit_result*>();
  fails(posekit_estimator_estimate(models().estimator, &no_data, mixed.data(), 1, nullptr, &none), POSEKIT_ERROR_INVALID_ARGUMENT,
        "no data");
  CHECK(none == nullptr);
}

TEST_CASE("A box's score goes through, and 0 counts as 1") {
  const auto result = estimate();
  const posekit_box* boxes = nullptr;
  size_t count = 0;
  ok(posekit_result_boxes(result.get(), 0, &boxes, &count));
  REQUIRE(count == 2);
  CHECK(boxes[0].score == 1.0F);
  CHECK(boxes[1].score == 0.5F);
}

TEST_CASE("Objects work on after what they came from is destroyed") {
  posekit_executor* pool = nullptr;
  ok(posekit_executor_create_thread_pool(2, &pool));
  auto estimator = estimator_on(pool);
  posekit_executor_destroy(pool);
  auto result = estimate(estimator.get());
  posekit_keypoint_set* made = nullptr;
  ok(posekit_estimator_keypoint_set(estimator.get(), &made));
  const KeypointSet set(made);
  estimator.reset();

  char* json = nullptr;
  ok(posekit_result_json(result.get(), 0, "a.jpg", &json));
  CHECK_THAT(json, ContainsSubstring("left_eye"));
  posekit_string_destroy(json);
  size_t count = 0;
  ok(posekit_result_keypoint_count(result.get(), &count));
  CHECK(count == 2);
  result.reset();
  const char* name = nullptr;
  ok(posekit_keypoint_set_keypoint_name(set.get(), 1, &name));
  CHECK(name == std::string("right_eye"));

  posekit_keypoint_set* subset = nullptr;
  const size_t one = 1;
  {
    const auto parent = coco17();
    ok(posekit_keypoint_set_create_subset(parent.get(), &one, 1, &subset));
  }
  ok(posekit_keypoint_set_name(subset, &name));
  posekit_keypoint_set_destroy(subset);
}

TEST_CASE("Cancelled and expired controls end one-image calls, and are told per image in batches") {
  const auto control = new_control();
  posekit_status expected = POSEKIT_ERROR_CANCELLED;
  SECTION("cancelled") { ok(posekit_control_cancel(control.get())); }
  SECTION("expired") {
    ok(posekit_control_set_deadline(control.get(), 0));
    expected = POSEKIT_ERROR_DEADLINE_EXCEEDED;
  }
  posekit_result* result = wild<posekit_result*>();
  posekit_detections* detections = wild<posekit_detections*>();
  CHECK(posekit_estimator_estimate(models().estimator, &image, two_boxes.data(), 2, control.get(), &result) == expected);
  CHECK(result == nullptr);
  CHECK(posekit_detector_detect(models().detector, &image, control.get(), &detections) == expected);
  CHECK(detections == nullptr);
  const posekit_image_boxes batch{image, two_boxes.data(), 2};
  ok(posekit_estimator_estimate_batch(models().estimator, &batch, 1, control.get(), &result));
  ok(posekit_detector_detect_batch(models().detector, &image, 1, control.get(), &detections));
  posekit_status status = 0;
  const char* message = nullptr;
  ok(posekit_result_status(result, 0, &status, &message));
  CHECK(status == expected);
  ok(posekit_detections_status(detections, 0, &status, &message));
  CHECK(status == expected);
  CHECK(message[0] != 0);
  posekit_result_destroy(result);
  posekit_detections_destroy(detections);
}

TEST_CASE("A deadline far away, or none, lets calls be") {
  const auto control = new_control();
  for (const uint64_t away : {uint64_t{3'600'000'000'000}, POSEKIT_NO_DEADLINE - 1, POSEKIT_NO_DEADLINE, uint64_t{INT64_MAX}}) {
    ok(posekit_control_set_deadline(control.get(), 0));
    ok(posekit_control_set_deadline(control.get(), away));
    posekit_result* result = nullptr;
    ok(posekit_estimator_estimate(models().estimator, &image, two_boxes.data(), 2, control.get(), &result));
    posekit_result_destroy(result);
  }
}

TEST_CASE("A call under way is cancelled from another thread") {
  struct Shared {
    posekit_control* control;
    std::thread canceller;
  };
  const auto control = new_control();
  Shared shared{control.get(), {}};
  // The first batch's tasks cancel, from a thread of their own: later batches are not begun.
  const auto executor = custom_executor(
      [](void* opaque, size_t count, posekit_task task, void* context) -> posekit_status {
        auto& mine = *static_cast<Shared*>(opaque);
        std::thread([&] { (void)posekit_control_cancel(mine.control); }).join();
        for (size_t i = 0; i < count; ++i) task(context, i, 0);
        return POSEKIT_OK;
      },
      &shared);
  const auto estimator = estimator_on(executor.get());
  posekit_result* result = nullptr;
  CHECK(posekit_estimator_estimate(estimator.get(), &image, two_boxes.data(), 2, control.get(), &result) == POSEKIT_ERROR_CANCELLED);
}

TEST_CASE("Two threads that fail at once read their own messages") {
  std::barrier<> meet(2);
  std::vector<std::string> wrong(2);
  const auto fail_often = [&](std::size_t me) {
    const std::string name = "no_such_set_" + std::to_string(me);
    for (int round = 0; round < 200; ++round) {
      posekit_keypoint_set* set = nullptr;
      meet.arrive_and_wait();
      const posekit_status status = posekit_keypoint_set_create_builtin(name.c_str(), &set);
      meet.arrive_and_wait();
      const std::string message = posekit_last_error_message();
      if (status != POSEKIT_ERROR_NOT_FOUND || message.find('"' + name + '"') == std::string::npos) wrong[me] = message;
    }
  };
  std::thread other(fail_often, 1);
  fail_often(0);
  other.join();
  CHECK(wrong == std::vector<std::string>(2));
  std::string fresh = "unset";
  std::thread([&] { fresh = posekit_last_error_message(); }).join();
  CHECK(fresh.empty());
}

TEST_CASE("A child of fork() is refused its parent's objects at once") {
  posekit_executor* pool = nullptr;
  ok(posekit_executor_create_thread_pool(2, &pool));
  const Executor owner(pool);
  (void)models();
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    posekit_result* result = nullptr;
    posekit_detections* detections = nullptr;
    const auto task = [](void*, size_t, size_t) {};
    bool all = posekit_executor_parallel_for(pool, 3, task, nullptr) == POSEKIT_ERROR_FORKED;
    all = posekit_estimator_estimate(models().estimator, &image, nullptr, 0, nullptr, &result) == POSEKIT_ERROR_FORKED && all;
    all = posekit_estimator_estimate_batch(models().estimator, nullptr, 0, nullptr, &result) == POSEKIT_ERROR_FORKED && all;
    all = posekit_detector_detect(models().detector, &image, nullptr, &detections) == POSEKIT_ERROR_FORKED && all;
    all = posekit_detector_detect_batch(models().detector, nullptr, 0, nullptr, &detections) == POSEKIT_ERROR_FORKED && all;
    all = posekit_last_error_message()[0] != 0 && all;
    posekit_executor_destroy(pool);
    _exit(all ? 0 : 1);
  }
  int status = 0;
  REQUIRE(child > 0);
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
