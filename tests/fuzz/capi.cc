/// Fuzz target: random sequences of calls of the C interface, over a stand-in for Torch. What is checked besides crashes: each call's
/// status and text, and that out parameters are reset on failure.
#include <posekit_c.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz/bytes.h"

namespace {

class Input : public posekit_test::Bytes {
 public:
  using Bytes::Bytes;

  /// Mostly small, now and then anything.
  std::size_t count() {
    const std::uint8_t kind = byte();
    if (kind >= 250) return kind == 255 ? SIZE_MAX : static_cast<std::size_t>(word());
    return kind % 5;
  }
  double number() {
    const std::uint8_t kind = byte();
    if (kind < 200) return static_cast<double>(kind) / 4 - 5;
    double value = 0;
    const std::uint64_t bits = word();
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
};

constexpr std::array<const char*, 6> documents{
    R"({"format": "posekit-model/1", "task": "pose", "name": "a", "input": {"width": 16, "height": 24}, "output": {"codec": "heatmap", "width": 4,
        "height": 6}, "keypoints": {"name": "two", "keypoints": [{"name": "nose", "swap": 0}, {"name": "tail"}], "links": [[0, 1]]}})",
    R"({"format": "posekit-model/1", "task": "pose", "input": {"width": 16, "height": 16}, "output": {"codec": "udp_heatmap", "width": 4,
        "height": 4, "blur_kernel": 3}, "keypoints": "mpii16"})",
    R"({"format": "posekit-model/1", "task": "pose", "input": {"width": 16, "height": 16}, "output": {"codec": "simcc"}, "keypoints": "coco17"})",
    R"({"format": "posekit-model/1", "task": "pose", "input": {"width": 8, "height": 8}, "output": {"codec": "regression"},
        "keypoints": "halpe26"})",
    R"({"format": "posekit-model/1", "task": "detect", "input": {"width": 16, "height": 16}, "output": {"codec": "boxes_scores"}})",
    R"({"format": "posekit-model/1", "task": "pose"})"};
constexpr std::array<const char*, 8> names{"coco17", "mpii16", "nose", "tail", "left_eye", "", "no such thing", nullptr};
constexpr std::size_t image_bytes = 4096;
const std::vector<std::uint8_t> pixels(image_bytes, 77);

[[noreturn]] void complain(const char* what) {
  std::fputs(what, stderr);
  std::abort();
}

/// What holds after every call.
bool went_well(posekit_status status) {
  const char* message = posekit_last_error_message();
  if (status < POSEKIT_OK || status >= POSEKIT_ERROR_INTERNAL) complain("a status that no caller can cause");
  if (message == nullptr || (status != POSEKIT_OK && message[0] == 0)) complain("a failure without a text");
  return status == POSEKIT_OK;
}

/// A few objects of one kind, some of them NULL.
template <class T, void (*destroy)(T*)>
class Shelf {
 public:
  Shelf() = default;
  Shelf(const Shelf&) = delete;
  Shelf& operator=(const Shelf&) = delete;
  ~Shelf() {
    for (T* object : objects_) destroy(object);
  }
  T* pick(Input& input) { return objects_[input.byte() % objects_.size()]; }
  void drop(Input& input) { put(input, nullptr); }
  void put(Input& input, T* object) {
    T*& place = objects_[input.byte() % objects_.size()];
    destroy(place);
    place = object;
  }
  /// Calls make(&object) and keeps what it gives.
  template <class Make>
  void make(Input& input, Make call) {
    auto* object = reinterpret_cast<T*>(std::uintptr_t{1});
    if (!went_well(call(&object)) && object != nullptr) complain("an out parameter that was not reset");
    put(input, object);
  }

 private:
  std::array<T*, 3> objects_{};
};

posekit_status run_somehow(void* opaque, std::size_t count, posekit_task task, void* context) {
  const auto how = reinterpret_cast<std::uintptr_t>(opaque);
  for (std::size_t i = how & 1; i < count; ++i) task(context, i, i % 2);
  if (how & 2) task(context, 0, 0);
  if (how & 4) task(context, count, 0);
  if (how & 8) task(context, SIZE_MAX, SIZE_MAX);
  return how & 16 ? static_cast<posekit_status>(how >> 5) : POSEKIT_OK;
}

struct World {
  Shelf<posekit_executor, posekit_executor_destroy> executors;
  Shelf<posekit_control, posekit_control_destroy> controls;
  Shelf<posekit_keypoint_set, posekit_keypoint_set_destroy> sets;
  Shelf<posekit_model, posekit_model_destroy> models;
  Shelf<posekit_estimator, posekit_estimator_destroy> estimators;
  Shelf<posekit_result, posekit_result_destroy> results;
  Shelf<posekit_detector, posekit_detector_destroy> detectors;
  Shelf<posekit_detections, posekit_detections_destroy> detections;
  Shelf<posekit_predictor, posekit_predictor_destroy> predictors;
};

const char* name_of(Input& input) { return names[input.byte() % names.size()]; }
const char* document_of(Input& input) { return documents[input.byte() % documents.size()]; }

/// An image whose pixels are really there, unless data is NULL or its numbers are refused.
posekit_image image_of(Input& input) {
  posekit_image image{};
  image.planes[0] = pixels.data();
  image.width = input.byte() % 33;
  image.height = input.byte() % 33;
  image.format = input.byte() % 6;
  const std::uint8_t kind = input.byte();
  if (kind == 1) image.planes[0] = nullptr;
  if (kind == 2) image.width = -image.width;
  if (kind == 3) image.strides[0] = input.byte() % 124;
  if (kind == 4) image.format = static_cast<std::int32_t>(input.word());
  if (kind == 5) image.planes[input.byte() % 3] = pixels.data();
  if (kind == 6) image.strides[1 + input.byte() % 2] = input.byte();
  if (kind == 7) {
    image.device = input.byte() % 4 - 1;
    image.device_index = input.byte() % 4 - 1;
    static int stream = 0;
    if (input.byte() % 2 == 0) image.stream = &stream;
  }
  if (kind == 8) image.reserved = input.byte();
  if (image.strides[0] != 0 && image.strides[0] * 32 > image_bytes) image.strides[0] = 124;
  return image;
}

std::vector<posekit_box> boxes_of(Input& input) {
  std::vector<posekit_box> boxes(input.byte() % 4);
  for (posekit_box& box : boxes) {
    box = {input.number(), input.number(), input.number(), input.number(), static_cast<float>(input.number()), input.byte()};
  }
  return boxes;
}

/// The true size, or another.
std::size_t size_of(Input& input, std::size_t real) {
  const std::uint8_t kind = input.byte();
  return kind < 250 ? real : kind == 250 ? real - 8 : kind == 251 ? 0 : kind == 252 ? SIZE_MAX : real;
}

template <class Options>
struct WithTail {
  Options options;
  std::uint64_t tail;
};
template <class Options>
WithTail<Options> with_tail(const Options& options, Input& input) {
  WithTail<Options> result{options, 0};
  if (input.byte() < 8) {
    result.options.struct_size += sizeof result.tail;
    result.tail = input.byte() % 2;
  }
  return result;
}

void use_executor(World& world, Input& input) {
  switch (input.byte() % 6) {
    case 0: return world.executors.make(input, [&](auto** out) { return posekit_executor_create_serial(out); });
    case 1: return world.executors.make(input, [&](auto** out) { return posekit_executor_create_thread_pool(1, out); });
    case 2: {
      posekit_executor_callbacks callbacks{size_of(input, sizeof callbacks), reinterpret_cast<void*>(std::uintptr_t{input.byte()}),
                                           input.count(), input.byte() < 8 ? nullptr : run_somehow, nullptr};
      return world.executors.make(input, [&](auto** out) { return posekit_executor_create_custom(&callbacks, out); });
    }
    case 3: {
      std::size_t slots = 9;
      if (!went_well(posekit_executor_slots(world.executors.pick(input), &slots)) && slots != 0) complain("slots was not reset");
      return;
    }
    case 4: {
      std::vector<int> runs(5);
      const auto task = [](void* context, std::size_t index, std::size_t) { ++(*static_cast<std::vector<int>*>(context))[index]; };
      const bool well = went_well(posekit_executor_parallel_for(world.executors.pick(input), runs.size(), task, &runs));
      for (const int count : runs) {
        if (count > 1 || (well && count != 1)) complain("a task ran twice or not at all");
      }
      return;
    }
    default: return world.executors.drop(input);
  }
}

void use_control(World& world, Input& input) {
  switch (input.byte() % 5) {
    case 0: return world.controls.make(input, [&](auto** out) { return posekit_control_create(out); });
    case 1: (void)went_well(posekit_control_cancel(world.controls.pick(input))); return;
    case 2: (void)went_well(posekit_control_set_deadline(world.controls.pick(input), input.word())); return;
    case 3: (void)went_well(posekit_control_set_deadline(world.controls.pick(input), POSEKIT_NO_DEADLINE)); return;
    default: return world.controls.drop(input);
  }
}

void make_set(World& world, Input& input) {
  switch (input.byte() % 4) {
    case 0: return world.sets.make(input, [&](auto** out) { return posekit_keypoint_set_create_builtin(name_of(input), out); });
    case 1: return world.sets.make(input, [&](auto** out) { return posekit_estimator_keypoint_set(world.estimators.pick(input), out); });
    case 2: {
      std::string json = R"({"name": "own", "keypoints": [{"name": "a", "swap": 0}, {"name": "b"}]})";
      json[input.byte() % json.size()] = static_cast<char>(input.byte());
      return world.sets.make(input, [&](auto** out) { return posekit_keypoint_set_create_from_json(json.c_str(), out); });
    }
    default: {
      const std::size_t indices[] = {input.count(), input.count(), input.count(), input.count()};
      const std::size_t given = input.count();
      const std::size_t count = given > 4 && given < SIZE_MAX / 8 ? 4 : given;
      return world.sets.make(input, [&](auto** out) {
        return posekit_keypoint_set_create_subset(world.sets.pick(input), input.byte() < 4 ? nullptr : indices, count, out);
      });
    }
  }
}

void read_set(World& world, Input& input) {
  const posekit_keypoint_set* set = world.sets.pick(input);
  const char* text = nullptr;
  std::size_t count = 0;
  std::size_t index = input.count();
  std::int32_t flag = 0;
  if (went_well(posekit_keypoint_set_name(set, &text))) (void)std::strlen(text);
  if (went_well(posekit_keypoint_set_provenance(set, &text))) (void)std::strlen(text);
  std::size_t size = 0;
  (void)went_well(posekit_keypoint_set_size(set, &size));
  if (went_well(posekit_keypoint_set_keypoint_name(set, index, &text)) != (index < size)) complain("a name of no keypoint");
  if (went_well(posekit_keypoint_set_keypoint_swap(set, index, &count)) && count >= size && count != POSEKIT_NO_INDEX)
    complain("a wild swap");
  (void)went_well(posekit_keypoint_set_can_mirror(set, &flag));
  const posekit_link* links = nullptr;
  if (went_well(posekit_keypoint_set_links(set, &links, &count))) {
    for (std::size_t i = 0; i < count; ++i) {
      if (links[i].a >= size || links[i].b >= size) complain("a wild link");
    }
  }
  const double* sigmas = nullptr;
  if (went_well(posekit_keypoint_set_sigmas(set, &sigmas, &count)) && count != 0 && count != size) complain("sigmas of another number");
  (void)went_well(posekit_keypoint_set_subset_count(set, &count));
  (void)went_well(posekit_keypoint_set_subset_name(set, index, &text));
  const char* selection[] = {name_of(input), name_of(input)};
  std::size_t indices[4];
  const std::size_t capacity = input.byte() % 5;
  if (went_well(posekit_keypoint_set_select(set, selection, input.byte() % 3, indices, capacity, &count)) && count > capacity) {
    complain("more indices than there is room for");
  }
}

void make_model(World& world, Input& input) {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  options.struct_size = size_of(input, sizeof options);
  const std::uint8_t kind = input.byte();
  if (kind & 1) options.metadata_json = document_of(input);
  if ((kind & 14) == 14) options.metadata_preset = "sapiens-coco17";
  if ((kind & 48) == 48) options.sha256 = name_of(input);
  if (kind > 250) options.precision = static_cast<std::int32_t>(input.word());
  const auto with_options = with_tail(options, input);
  const posekit_model_options* given = input.byte() < 128 ? nullptr : &with_options.options;
  const char* document = document_of(input);
  const std::size_t size = input.byte() < 4 ? input.byte() : std::strlen(document);
  if (input.byte() % 8 == 0) return world.models.make(input, [&](auto** out) { return posekit_model_load(name_of(input), given, out); });
  world.models.make(
      input, [&](auto** out) { return posekit_model_load_from_memory(document, std::min(size, std::strlen(document)), given, out); });
}

void read_model(World& world, Input& input) {
  const posekit_model* model = world.models.pick(input);
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  info.struct_size = size_of(input, sizeof info);
  char* json = nullptr;
  if (went_well(posekit_model_get_info(model, &info))) {
    if (info.name == nullptr || info.device == nullptr || info.input_width <= 0) complain("a model without its data");
    if ((std::strcmp(info.task, "pose") == 0) != (info.keypoint_count > 0)) complain("a model with another task's keypoints");
  }
  if (went_well(posekit_model_metadata_json(model, &json))) {
    if (json[0] != '{') complain("metadata that are no object");
  } else if (json != nullptr) {
    complain("a text that was not reset");
  }
  posekit_string_destroy(json);
}

void make_estimator(World& world, Input& input) {
  const char* const keypoints[] = {name_of(input), name_of(input)};
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.struct_size = size_of(input, sizeof options);
  options.executor = world.executors.pick(input);
  options.max_batch = input.byte() % 4;
  if (input.byte() < 64) options.box_padding = input.number();
  if (input.byte() < 64) {
    options.keypoints = keypoints;
    options.keypoint_count = input.byte() % 3;
  }
  if (input.byte() < 64) options.flip_test = input.byte() % 3;
  const auto given = with_tail(options, input);
  const posekit_model* model = world.models.pick(input);
  world.estimators.make(input, [&](auto** out) { return posekit_estimator_create(model, &given.options, out); });
}

void estimate(World& world, Input& input) {
  const posekit_estimator* estimator = world.estimators.pick(input);
  const posekit_control* control = world.controls.pick(input);
  const auto boxes = boxes_of(input);
  const std::size_t count = input.byte() < 4 ? SIZE_MAX : boxes.size();
  const posekit_image image = image_of(input);
  if (input.byte() % 2 == 0) {
    return world.results.make(input,
                              [&](auto** out) { return posekit_estimator_estimate(estimator, &image, boxes.data(), count, control, out); });
  }
  const std::array<posekit_image_boxes, 3> images{
      {{image, boxes.data(), count}, {image_of(input), boxes.data(), boxes.size()}, {image_of(input), nullptr, 0}}};
  const std::size_t image_count = input.byte() % 4;
  world.results.make(input,
                     [&](auto** out) { return posekit_estimator_estimate_batch(estimator, images.data(), image_count, control, out); });
}

void make_predictor(World& world, Input& input) {
  const posekit_estimator* estimator = world.estimators.pick(input);
  const posekit_detector* detector = world.detectors.pick(input);
  world.predictors.make(input, [&](auto** out) { return posekit_predictor_create(estimator, detector, out); });
}

void predict(World& world, Input& input) {
  const posekit_predictor* predictor = world.predictors.pick(input);
  const posekit_control* control = world.controls.pick(input);
  const auto boxes = boxes_of(input);
  const std::size_t count = input.byte() < 4 ? SIZE_MAX : boxes.size();
  const posekit_image image = image_of(input);
  if (input.byte() % 2 == 0)
    return world.results.make(input, [&](auto** out) { return posekit_predictor_predict(predictor, &image, control, out); });
  const std::array<posekit_predictor_input, 3> images{{{image, boxes.data(), count, input.byte() % 3, 0},
                                                       {image_of(input), boxes.data(), boxes.size(), 1, input.byte() % 8 == 0 ? 1 : 0},
                                                       {image_of(input), nullptr, 0, input.byte() % 2, 0}}};
  const std::size_t image_count = input.byte() % 4;
  world.results.make(input,
                     [&](auto** out) { return posekit_predictor_predict_batch(predictor, images.data(), image_count, control, out); });
}

void read_result(World& world, Input& input) {
  const posekit_result* result = world.results.pick(input);
  const std::size_t image = input.count();
  posekit_status status = 0;
  const char* text = nullptr;
  const float* keypoints = nullptr;
  const posekit_box* boxes = nullptr;
  const std::size_t* indices = nullptr;
  std::size_t persons = 0;
  std::size_t k = 0;
  std::size_t count = 0;
  (void)went_well(posekit_result_image_count(result, &count));
  (void)went_well(posekit_result_keypoint_count(result, &k));
  if (went_well(posekit_result_status(result, image, &status, &text)) && (status == POSEKIT_OK) != (text[0] == 0))
    complain("status and text");
  if (went_well(posekit_result_keypoints(result, image, &keypoints, &persons))) {
    for (std::size_t i = 0; i < persons * k * 3; ++i) {
      if (i % 3 != 2 && !(keypoints[i] - keypoints[i] == 0)) complain("a coordinate that is not finite");
    }
  }
  (void)went_well(posekit_result_boxes(result, image, &boxes, &persons));
  (void)went_well(posekit_result_box_indices(result, image, &indices, &persons));
  (void)went_well(posekit_result_box_error_count(result, image, &count));
  (void)went_well(posekit_result_box_error(result, image, input.count(), &count, &status, &text));
  posekit_timings timings = POSEKIT_TIMINGS_INIT;
  timings.struct_size = size_of(input, sizeof timings);
  (void)went_well(posekit_result_timings(result, image, &timings));
  std::array<float, 64> buffer{};
  const std::size_t capacity = input.byte() % 65;
  (void)went_well(posekit_result_copy_keypoints(result, buffer.data(), capacity, &count));
  char* json = nullptr;
  (void)went_well(posekit_result_json(result, image, name_of(input), &json));
  posekit_string_destroy(json);
  (void)went_well(posekit_result_coco_entries(result, image, static_cast<std::int64_t>(input.word()),
                                              input.byte() % 2 == 0 ? nullptr : name_of(input), &json));
  posekit_string_destroy(json);
  std::int32_t detected = 0;
  std::size_t given = 0;
  const bool has_boxes = went_well(posekit_result_input_boxes(result, image, &boxes, &given));
  (void)went_well(posekit_result_detected(result, image, &detected));
  if (has_boxes && went_well(posekit_result_box_indices(result, image, &indices, &persons))) {
    for (std::size_t i = 0; i < persons; ++i) {
      if (indices[i] >= given) complain("a person of no box");
    }
  }
}

void make_detector(World& world, Input& input) {
  const double tiles[] = {input.number(), 0.5};
  posekit_detector_options options = POSEKIT_DETECTOR_OPTIONS_INIT;
  options.struct_size = size_of(input, sizeof options);
  options.executor = world.executors.pick(input);
  options.max_batch = input.byte() % 4;
  options.set = input.byte() % 5;
  if (input.byte() < 64) options.score_threshold = input.number();
  if (input.byte() < 64) options.nms_iou = input.number();
  if (input.byte() < 64) options.max_persons = input.count();
  if (input.byte() < 64) {
    options.tiles = tiles;
    options.tile_count = input.byte() % 3;
  }
  const auto given = with_tail(options, input);
  const posekit_model* model = world.models.pick(input);
  world.detectors.make(input, [&](auto** out) { return posekit_detector_create(model, &given.options, out); });
}

void detect(World& world, Input& input) {
  const posekit_detector* detector = world.detectors.pick(input);
  const posekit_control* control = world.controls.pick(input);
  const std::array<posekit_image, 2> images{image_of(input), image_of(input)};
  if (input.byte() % 2 == 0) {
    return world.detections.make(input, [&](auto** out) { return posekit_detector_detect(detector, images.data(), control, out); });
  }
  const std::size_t count = input.byte() < 4 ? SIZE_MAX : input.byte() % 3;
  world.detections.make(input, [&](auto** out) { return posekit_detector_detect_batch(detector, images.data(), count, control, out); });
}

void read_detections(World& world, Input& input) {
  const posekit_detections* detections = world.detections.pick(input);
  const std::size_t image = input.count();
  std::size_t count = 0;
  posekit_status status = 0;
  const char* text = nullptr;
  const posekit_box* boxes = nullptr;
  posekit_timings timings = POSEKIT_TIMINGS_INIT;
  (void)went_well(posekit_detections_image_count(detections, &count));
  (void)went_well(posekit_detections_status(detections, image, &status, &text));
  if (went_well(posekit_detections_boxes(detections, image, &boxes, &count))) {
    for (std::size_t i = 0; i < count; ++i) {
      if (!(boxes[i].x1 < boxes[i].x2 && boxes[i].y1 < boxes[i].y2)) complain("a detection without an area");
    }
  }
  (void)went_well(posekit_detections_timings(detections, image, &timings));
}

void use_process(Input& input) {
  const char* text = nullptr;
  const char* other = nullptr;
  std::size_t count = 0;
  std::int32_t number = 0;
  char* json = nullptr;
  (void)posekit_status_name(static_cast<posekit_status>(input.word()));
  (void)went_well(posekit_builtin_keypoint_set_count(&count));
  (void)went_well(posekit_builtin_keypoint_set_name(input.count(), &text));
  (void)went_well(posekit_model_preset_count(&count));
  (void)went_well(posekit_model_preset_name(input.count(), &text));
  (void)went_well(posekit_torch_versions(&text, input.byte() < 8 ? nullptr : &other));
  (void)went_well(posekit_set_torch_threads(static_cast<std::int8_t>(input.byte())));
  (void)went_well(posekit_torch_threads(&number));
  (void)went_well(posekit_set_torch_tf32(static_cast<std::int8_t>(input.byte())));
  (void)went_well(posekit_torch_tf32(&number));
  (void)went_well(posekit_set_device_memory_limit(name_of(input), input.word()));
  (void)went_well(posekit_inspect_model(name_of(input), nullptr, &json));
  posekit_string_destroy(json);
}

void step(World& world, Input& input) {
  switch (input.byte() % 24) {
    case 0:
    case 1: return use_executor(world, input);
    case 2: return use_control(world, input);
    case 3: return make_set(world, input);
    case 4: return read_set(world, input);
    case 5:
    case 6: return make_estimator(world, input);
    case 7: return read_model(world, input);
    case 8:
    case 9: return estimate(world, input);
    case 10:
    case 11: return read_result(world, input);
    case 12: return make_detector(world, input);
    case 13: return detect(world, input);
    case 14: return read_detections(world, input);
    case 15: return input.byte() % 2 == 0 ? world.estimators.drop(input) : world.results.drop(input);
    case 16: return input.byte() % 2 == 0 ? world.detectors.drop(input) : world.detections.drop(input);
    case 17:
    case 18: return make_model(world, input);
    case 19: return world.models.drop(input);
    case 20: return make_predictor(world, input);
    case 21: return predict(world, input);
    case 22: return world.predictors.drop(input);
    default: return use_process(input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  Input input(data, size);
  for (int steps = 0; steps < 40 && !input.empty(); ++steps) step(world, input);
  return 0;
}
