/* Calls every function of posekit_c.h and expects what it promises; a C11 and, included in every_function.cc, a C++17 program.
 * every_function POSE_MODEL DETECTOR_MODEL */
#include <posekit_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int expectations = 0;

static void expect(int holds, const char* what, int line) {
  ++expectations;
  if (holds) return;
  fprintf(stderr, "line %d: %s does not hold; last error: %s\n", line, what, posekit_last_error_message());
  exit(1);
}
#define EXPECT(what) expect((what) != 0, #what, __LINE__)
#define OK(call) expect((call) == POSEKIT_OK, #call, __LINE__)

enum { width = 160, height = 120, person_count = 3 };
static uint8_t pixels[height][width][3];

static posekit_image the_image(void) {
  posekit_image image;
  memset(&image, 0, sizeof image);
  image.planes[0] = &pixels[0][0][0];
  image.width = width;
  image.height = height;
  image.format = POSEKIT_PIXEL_FORMAT_BGR8;
  return image;
}

static int notes = 0;
static void take_note(void* context, posekit_log_level level, const char* message) {
  if (context == &notes && level >= POSEKIT_LOG_INFO && message != NULL) ++notes;
}

static void count_task(void* context, size_t index, size_t slot) {
  size_t* sum = (size_t*)context;
  *sum += index + slot;
}

static posekit_status run_backwards(void* opaque, size_t count, posekit_task task, void* task_context) {
  size_t* calls = (size_t*)opaque;
  ++*calls;
  while (count > 0) task(task_context, --count, 1);
  return POSEKIT_OK;
}

static int destroyed = 0;
static void note_destruction(void* opaque) {
  (void)opaque;
  ++destroyed;
}

static void use_process(void) {
  const char* built_for = NULL;
  const char* running = NULL;
  int32_t number = 0;
  int32_t flag = -1;
  size_t cpus = 0;
  EXPECT(posekit_version_number() >= 100 && strchr(posekit_version(), '.') != NULL);
  OK(posekit_set_backend_folder("/usr/lib/posekit"));
  OK(posekit_torch_versions(&built_for, &running));
  EXPECT(strncmp(built_for, running, 2) == 0);
  OK(posekit_built_with_cuda(&flag));
  EXPECT(flag == 0 || flag == 1);
  OK(posekit_keep_freed_memory(&flag));
  EXPECT(flag == 0 || flag == 1); /* 0: with a sanitizer's malloc too */
  OK(posekit_keep_freed_memory(NULL));
  OK(posekit_usable_cpus(&cpus));
  EXPECT(cpus >= 1);
  OK(posekit_set_torch_threads(1));
  OK(posekit_torch_threads(&number));
  EXPECT(number == 1);
  OK(posekit_set_torch_tf32(1));
  OK(posekit_torch_tf32(&flag));
  EXPECT(flag == 1);
  OK(posekit_set_torch_tf32(0));
  OK(posekit_torch_tf32(&flag));
  EXPECT(flag == 0);
  EXPECT(strcmp(posekit_status_name(POSEKIT_ERROR_NOT_FOUND), "not_found") == 0);
  EXPECT(strcmp(posekit_status_name(1000), "unknown") == 0);
  EXPECT(strcmp(posekit_last_error_message(), "") == 0);
  EXPECT(posekit_set_device_memory_limit("cpu", 1 << 30) == POSEKIT_ERROR_INVALID_ARGUMENT);
  EXPECT(posekit_set_backend_folder("lib") == POSEKIT_ERROR_INVALID_ARGUMENT);
  OK(posekit_set_log_callback(take_note, &notes));
  OK(posekit_set_log_callback(NULL, NULL));
  posekit_string_destroy(NULL);
}

static void use_executors(void) {
  posekit_executor* serial = NULL;
  posekit_executor* pool = NULL;
  posekit_executor* custom = NULL;
  size_t calls = 0;
  size_t sum = 0;
  size_t slots = 0;
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  OK(posekit_executor_create_serial(&serial));
  OK(posekit_executor_parallel_for(serial, 5, count_task, &sum));
  EXPECT(sum == 10);
  OK(posekit_executor_create_thread_pool(2, &pool));
  OK(posekit_executor_slots(pool, &slots));
  EXPECT(slots == 2);
  callbacks.opaque = &calls;
  callbacks.slots = 2;
  callbacks.run = run_backwards;
  callbacks.destroy = note_destruction;
  OK(posekit_executor_create_custom(&callbacks, &custom));
  OK(posekit_executor_parallel_for(custom, 4, count_task, &sum));
  EXPECT(sum == 10 + 6 + 4 && calls == 1);
  posekit_executor_destroy(serial);
  posekit_executor_destroy(pool);
  posekit_executor_destroy(custom);
  EXPECT(destroyed == 1);
}

static void use_keypoint_sets(void) {
  static const char own[] =
      "{\"name\": \"own\", \"provenance\": \"here\", \"keypoints\": [{\"name\": \"l\", \"swap\": 1}, {\"name\": \"r\", \"swap\": 0}, "
      "{\"name\": \"t\"}], \"links\": [[0, 2]], \"sigmas\": [0.1, 0.2, 0.3], \"subsets\": {\"sides\": [1, 0]}}";
  const char* const sides = "sides";
  posekit_keypoint_set* set = NULL;
  posekit_keypoint_set* subset = NULL;
  const char* text = NULL;
  const posekit_link* links = NULL;
  const double* sigmas = NULL;
  size_t count = 0;
  size_t indices[2] = {9, 9};
  int32_t flag = 0;
  OK(posekit_builtin_keypoint_set_count(&count));
  EXPECT(count >= 6);
  OK(posekit_builtin_keypoint_set_name(0, &text));
  OK(posekit_keypoint_set_create_builtin(text, &set));
  OK(posekit_keypoint_set_can_mirror(set, &flag));
  EXPECT(flag == 1);
  posekit_keypoint_set_destroy(set);

  OK(posekit_keypoint_set_create_from_json(own, &set));
  OK(posekit_keypoint_set_name(set, &text));
  EXPECT(strcmp(text, "own") == 0);
  OK(posekit_keypoint_set_provenance(set, &text));
  EXPECT(strcmp(text, "here") == 0);
  OK(posekit_keypoint_set_size(set, &count));
  EXPECT(count == 3);
  OK(posekit_keypoint_set_keypoint_name(set, 2, &text));
  EXPECT(strcmp(text, "t") == 0);
  OK(posekit_keypoint_set_keypoint_swap(set, 0, &count));
  EXPECT(count == 1);
  OK(posekit_keypoint_set_keypoint_swap(set, 2, &count));
  EXPECT(count == POSEKIT_NO_INDEX);
  OK(posekit_keypoint_set_can_mirror(set, &flag));
  EXPECT(flag == 0);
  OK(posekit_keypoint_set_links(set, &links, &count));
  EXPECT(count == 1 && links[0].a == 0 && links[0].b == 2);
  OK(posekit_keypoint_set_sigmas(set, &sigmas, &count));
  EXPECT(count == 3 && sigmas[1] == 0.2);
  OK(posekit_keypoint_set_subset_count(set, &count));
  EXPECT(count == 1);
  OK(posekit_keypoint_set_subset_name(set, 0, &text));
  EXPECT(strcmp(text, sides) == 0);
  OK(posekit_keypoint_set_select(set, &sides, 1, NULL, 0, &count));
  EXPECT(count == 2);
  OK(posekit_keypoint_set_select(set, &sides, 1, indices, 2, &count));
  EXPECT(indices[0] == 1 && indices[1] == 0);
  OK(posekit_keypoint_set_create_subset(set, indices, 2, &subset));
  posekit_keypoint_set_destroy(set);
  OK(posekit_keypoint_set_keypoint_name(subset, 0, &text));
  EXPECT(strcmp(text, "r") == 0);
  posekit_keypoint_set_destroy(subset);
}

static void* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  void* bytes = NULL;
  long length = 0;
  EXPECT(file != NULL && fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) > 0);
  rewind(file);
  bytes = malloc((size_t)length);
  EXPECT(bytes != NULL && fread(bytes, 1, (size_t)length, file) == (size_t)length);
  fclose(file);
  *size = (size_t)length;
  return bytes;
}

/* Loads a model from a file. */
static posekit_model* load(const char* path) {
  posekit_model* model = NULL;
  OK(posekit_model_load(path, NULL, &model));
  return model;
}

static void use_model(const char* path, const char* task, size_t keypoint_count) {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  posekit_memory_report memory = POSEKIT_MEMORY_REPORT_INIT;
  posekit_model* model = NULL;
  size_t size = 0;
  void* bytes = read_file(path, &size);
  char* json = NULL;
  OK(posekit_inspect_model(path, NULL, &json));
  EXPECT(strstr(json, "\"parameters\"") != NULL);
  posekit_string_destroy(json);
  options.device = "cpu";
  OK(posekit_model_load_from_memory(bytes, size, &options, &model));
  free(bytes);
  OK(posekit_model_get_info(model, &info));
  EXPECT(strcmp(info.task, task) == 0 && info.keypoint_count == keypoint_count);
  EXPECT(info.name[0] != 0 && info.codec[0] != 0 && strcmp(info.device, "cpu") == 0 && info.input_width > 0 && info.input_height > 0);
  OK(posekit_model_measure_memory(model, &memory));
  EXPECT(memory.weights > 0 && memory.person > 0);
  OK(posekit_model_metadata_json(model, &json));
  EXPECT(strstr(json, "posekit-model/1") != NULL && strstr(json, task) != NULL);
  posekit_string_destroy(json);
  posekit_model_destroy(model);
}

static void use_results(const posekit_result* result, size_t images, size_t keypoints_expected) {
  size_t count = 0;
  size_t keypoint_count = 0;
  size_t total = 0;
  float* all = NULL;
  char* json = NULL;
  OK(posekit_result_image_count(result, &count));
  EXPECT(count == images);
  OK(posekit_result_keypoint_count(result, &keypoint_count));
  EXPECT(keypoint_count == keypoints_expected);
  for (size_t i = 0; i < images; ++i) {
    posekit_status status = -1;
    const char* message = NULL;
    const float* keypoints = NULL;
    const posekit_box* boxes = NULL;
    const int64_t* ids = NULL;
    const size_t* indices = NULL;
    int32_t detected = -1;
    size_t box_index = 0;
    posekit_timings timings = POSEKIT_TIMINGS_INIT;
    OK(posekit_result_status(result, i, &status, &message));
    EXPECT(status == POSEKIT_OK && message[0] == 0);
    OK(posekit_result_keypoints(result, i, &keypoints, &count));
    EXPECT(count == person_count - 1 && keypoints[0] == keypoints[0]);
    total += count * keypoint_count * 3;
    OK(posekit_result_boxes(result, i, &boxes, &count));
    EXPECT(count == person_count - 1 && boxes[0].score == 1.0F && boxes[1].x1 == 5);
    OK(posekit_result_box_indices(result, i, &indices, &count));
    EXPECT(indices[0] == 0 && indices[1] == 2);
    OK(posekit_result_input_boxes(result, i, &boxes, &count));
    EXPECT(count == person_count && boxes[1].x1 == 4);
    OK(posekit_result_detected(result, i, &detected));
    EXPECT(detected == 0);
    OK(posekit_result_track_ids(result, i, &ids, &count));
    EXPECT(count == person_count - 1 && ids[0] == 0 && ids[1] == 0);
    OK(posekit_result_box_error_count(result, i, &count));
    EXPECT(count == 1);
    OK(posekit_result_box_error(result, i, 0, &box_index, &status, &message));
    EXPECT(box_index == 1 && status == POSEKIT_ERROR_INVALID_ARGUMENT && message[0] != 0);
    OK(posekit_result_timings(result, i, &timings));
    EXPECT(timings.inference > 0);
    OK(posekit_result_json(result, i, "a.jpg", &json));
    EXPECT(strstr(json, "\"a.jpg\"") != NULL);
    posekit_string_destroy(json);
    OK(posekit_result_coco_entries(result, i, 139, NULL, &json));
    EXPECT(strstr(json, "139") != NULL);
    posekit_string_destroy(json);
  }
  OK(posekit_result_copy_keypoints(result, NULL, 0, &count));
  EXPECT(count == total);
  all = (float*)malloc(total * sizeof(float));
  EXPECT(all != NULL);
  OK(posekit_result_copy_keypoints(result, all, total, &count));
  EXPECT(count == total && all[0] == all[0]);
  free(all);
}

static void use_tracker(const posekit_estimator* estimator, const posekit_result* result) {
  posekit_tracker_options options = POSEKIT_TRACKER_OPTIONS_INIT;
  posekit_keypoint_set* set = NULL;
  posekit_tracker* tracker = NULL;
  posekit_tracker* other = NULL;
  posekit_result* tracked = NULL;
  const int64_t* ids = NULL;
  posekit_box boxes[person_count];
  size_t count = 0;
  char* json = NULL;

  OK(posekit_estimator_keypoint_set(estimator, &set));
  options.low_score = 0.2;
  OK(posekit_tracker_create(set, &options, &tracker));
  OK(posekit_tracker_create(set, NULL, &other));
  posekit_keypoint_set_destroy(set);
  OK(posekit_tracker_update(tracker, 1, result, 0, &tracked));
  OK(posekit_result_track_ids(tracked, 0, &ids, &count));
  EXPECT(count == person_count - 1 && ids[0] == 1);
  posekit_result_destroy(tracked);
  EXPECT(posekit_tracker_update(tracker, 1, result, 0, &tracked) == POSEKIT_ERROR_INVALID_ARGUMENT && tracked == NULL);
  OK(posekit_tracker_predict(tracker, 1.1, NULL, 0, &count));
  EXPECT(count == person_count - 1);
  OK(posekit_tracker_predict(tracker, 1.1, boxes, person_count, &count));
  EXPECT(boxes[0].x2 > boxes[0].x1);
  OK(posekit_tracker_save(tracker, &json));
  OK(posekit_tracker_restore(other, json));
  posekit_string_destroy(json);
  OK(posekit_tracker_update(other, 1.1, result, 0, &tracked));
  OK(posekit_result_track_ids(tracked, 0, &ids, &count));
  EXPECT(ids[0] == 1);
  posekit_result_destroy(tracked);
  OK(posekit_tracker_reset(tracker));
  OK(posekit_tracker_predict(tracker, 0, NULL, 0, &count));
  EXPECT(count == 0);
  posekit_tracker_destroy(tracker);
  posekit_tracker_destroy(other);
}

static void use_estimator(const char* path) {
  const char* const subset = "coco17";
  const posekit_box people[person_count] = {{10, 10, 100, 110, 0, 0}, {4, 4, 4, 4, 0, 0}, {5, 0, 80, 100, 0.5F, 0}};
  const posekit_image image = the_image();
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  posekit_model* model = load(path);
  posekit_estimator* estimator = NULL;
  posekit_keypoint_set* set = NULL;
  posekit_control* control = NULL;
  posekit_result* result = NULL;
  posekit_image_boxes images[2];
  size_t size = 0;

  options.keypoints = &subset;
  options.keypoint_count = 1;
  options.max_batch = 2;
  options.flip_test = 1;
  options.box_padding = 1.2;
  OK(posekit_estimator_create(model, &options, &estimator));
  posekit_model_destroy(model); /* the estimator keeps it */
  OK(posekit_estimator_keypoint_set(estimator, &set));
  OK(posekit_keypoint_set_size(set, &size));
  EXPECT(size == 17);
  posekit_keypoint_set_destroy(set);

  OK(posekit_control_create(&control));
  OK(posekit_control_set_deadline(control, POSEKIT_NO_DEADLINE));
  OK(posekit_estimator_estimate(estimator, &image, people, person_count, control, &result));
  use_results(result, 1, 17);
  use_tracker(estimator, result);
  posekit_result_destroy(result);

  images[0].image = images[1].image = image;
  images[0].boxes = images[1].boxes = people;
  images[0].box_count = images[1].box_count = person_count;
  OK(posekit_estimator_estimate_batch(estimator, images, 2, control, &result));
  use_results(result, 2, 17);
  posekit_result_destroy(result);

  OK(posekit_control_cancel(control));
  EXPECT(posekit_estimator_estimate(estimator, &image, people, person_count, control, &result) == POSEKIT_ERROR_CANCELLED);
  EXPECT(result == NULL);
  posekit_control_destroy(control);
  posekit_estimator_destroy(estimator);
}

static void use_detector(const char* path) {
  const double tile = 0.5;
  posekit_image images[2];
  posekit_detector_options options = POSEKIT_DETECTOR_OPTIONS_INIT;
  posekit_model* model = load(path);
  posekit_detector* detector = NULL;
  posekit_detections* detections = NULL;
  size_t size = 0;

  images[0] = images[1] = the_image();
  options.score_threshold = 0.001;
  options.nms_iou = 0.5;
  options.max_persons = 2;
  options.tiles = &tile;
  options.tile_count = 1;
  OK(posekit_detector_create(model, &options, &detector));
  posekit_model_destroy(model); /* the detector keeps it */

  OK(posekit_detector_detect(detector, images, NULL, &detections));
  posekit_detections_destroy(detections);
  OK(posekit_detector_detect_batch(detector, images, 2, NULL, &detections));
  OK(posekit_detections_image_count(detections, &size));
  EXPECT(size == 2);
  for (size_t i = 0; i < 2; ++i) {
    posekit_status status = -1;
    const char* message = NULL;
    const posekit_box* boxes = NULL;
    posekit_timings timings = POSEKIT_TIMINGS_INIT;
    OK(posekit_detections_status(detections, i, &status, &message));
    EXPECT(status == POSEKIT_OK && message[0] == 0);
    OK(posekit_detections_boxes(detections, i, &boxes, &size));
    EXPECT(size <= 2 && (size == 0 || boxes[0].score > 0.001F));
    OK(posekit_detections_timings(detections, i, &timings));
    EXPECT(timings.detect > 0);
  }
  posekit_detections_destroy(detections);
  posekit_detector_destroy(detector);
}

static void use_predictor(const char* pose_path, const char* detect_path) {
  const posekit_box box = {10, 4, 60, 44, 0, 0};
  posekit_model* pose = load(pose_path);
  posekit_model* people = load(detect_path);
  posekit_estimator* estimator = NULL;
  posekit_detector* detector = NULL;
  posekit_predictor* predictor = NULL;
  posekit_result* result = NULL;
  posekit_predictor_input input;
  const posekit_box* boxes = NULL;
  int32_t detected = -1;
  size_t count = 0;
  OK(posekit_estimator_create(pose, NULL, &estimator));
  OK(posekit_detector_create(people, NULL, &detector));
  OK(posekit_predictor_create(estimator, detector, &predictor));
  posekit_model_destroy(pose);
  posekit_model_destroy(people);
  posekit_estimator_destroy(estimator);
  posekit_detector_destroy(detector); /* the predictor keeps them */

  memset(&input, 0, sizeof input);
  input.image = the_image();
  OK(posekit_predictor_predict(predictor, &input.image, NULL, &result));
  OK(posekit_result_detected(result, 0, &detected));
  EXPECT(detected == 1);
  posekit_result_destroy(result);
  input.boxes = &box;
  input.box_count = 1;
  input.has_boxes = 1;
  OK(posekit_predictor_predict_batch(predictor, &input, 1, NULL, &result));
  OK(posekit_result_input_boxes(result, 0, &boxes, &count));
  EXPECT(count == 1 && boxes[0].x2 == 60 && boxes[0].score == 1.0F);
  posekit_result_destroy(result);
  posekit_predictor_destroy(predictor);
}

static void use_similarity(void) {
  const float pose[6] = {1, 2, 0.5F, 3, 4, 0.5F};
  const float labelled[6] = {1, 2, 2, 9, 9, 0};
  const double sigmas[2] = {0.05, 0.05};
  double similarity = -1;
  OK(posekit_object_keypoint_similarity(pose, labelled, sigmas, 2, 100, &similarity));
  EXPECT(similarity == 1); /* the second point is not labelled */
}

/* What a sink has seen, and how often pixels were released. */
typedef struct seen {
  posekit_pipeline* pipeline;
  size_t frames;
  size_t persons;
  size_t released;
} seen;

static void release(void* opaque) { ++((seen*)opaque)->released; }

static posekit_status sink(void* context, const posekit_frame* frame, int32_t detected, posekit_result* result) {
  seen* self = (seen*)context;
  posekit_status status = -1;
  const char* message = NULL;
  const float* keypoints = NULL;
  size_t persons = 0;
  posekit_metrics metrics = POSEKIT_METRICS_INIT;
  EXPECT(frame->opaque == context && frame->index == self->frames && frame->image.width == width);
  EXPECT(frame->time_s == (double)frame->index / 10 && frame->box_count == 1 && frame->boxes[0].x2 == 60 && detected == 0);
  OK(posekit_result_status(result, 0, &status, &message));
  EXPECT(status == POSEKIT_OK && message[0] == 0);
  OK(posekit_result_keypoints(result, 0, &keypoints, &persons));
  posekit_result_destroy(result);
  self->persons += persons;
  ++self->frames;
  OK(posekit_pipeline_metrics(self->pipeline, &metrics));
  EXPECT(metrics.accepted == metrics.delivered + metrics.failed + metrics.dropped + metrics.in_flight);
  return frame->index == 2 ? POSEKIT_ERROR_IO : POSEKIT_OK;
}

static void use_pipeline(const char* path) {
  posekit_model* model = load(path);
  posekit_estimator* estimator = NULL;
  posekit_predictor* predictor = NULL;
  posekit_pipeline_options options = POSEKIT_PIPELINE_OPTIONS_INIT;
  posekit_metrics metrics = POSEKIT_METRICS_INIT;
  posekit_box box = {10, 4, 60, 44, 0, 0};
  posekit_frame frame = POSEKIT_FRAME_INIT;
  seen all = {NULL, 0, 0, 0};
  int32_t accepted = 0;
  OK(posekit_estimator_create(model, NULL, &estimator));
  posekit_model_destroy(model);
  options.frame_timeout_us = 600000000;
  OK(posekit_predictor_create(estimator, NULL, &predictor));
  posekit_estimator_destroy(estimator);
  OK(posekit_pipeline_create(predictor, sink, &all, &options, &all.pipeline));
  posekit_predictor_destroy(predictor);
  frame.image = the_image();
  frame.boxes = &box;
  frame.box_count = 1;
  frame.has_boxes = 1;
  frame.release = release;
  frame.opaque = &all;
  for (uint64_t i = 0; i < 5; ++i) {
    frame.index = i;
    frame.time_s = (double)i / 10;
    OK(posekit_pipeline_submit(all.pipeline, &frame, NULL, &accepted));
    EXPECT(accepted == 1);
  }
  EXPECT(posekit_pipeline_close(all.pipeline, NULL) == POSEKIT_ERROR_IO); /* what the sink said to frame 2 */
  EXPECT(all.frames == 5 && all.persons == 5 && all.released == 5);
  EXPECT(posekit_pipeline_submit(all.pipeline, &frame, NULL, &accepted) == POSEKIT_ERROR_CLOSED);
  EXPECT(accepted == 0 && all.released == 6);
  OK(posekit_pipeline_cancel(all.pipeline));
  OK(posekit_pipeline_metrics(all.pipeline, &metrics));
  EXPECT(metrics.accepted == 5 && metrics.delivered == 4 && metrics.failed == 1 && metrics.in_flight == 0);
  EXPECT(metrics.estimate.inference.count == 5 && metrics.estimate.inference.p50 > 0 && metrics.age.p99 > 0);
  posekit_pipeline_destroy(all.pipeline);
}

int main(int argc, char** argv) {
  size_t count = 0;
  const char* name = NULL;
  if (argc != 3) return 2;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width * 3; ++x) pixels[y][x / 3][x % 3] = (uint8_t)((x * 7 + y * 11) % 256);
  }
  use_process();
  use_executors();
  use_keypoint_sets();
  OK(posekit_model_preset_count(&count));
  EXPECT(count > 3);
  size_t sapiens = 0;
  for (size_t i = 0; i < count; ++i) {
    OK(posekit_model_preset_name(i, &name));
    sapiens += strncmp(name, "sapiens-", 8) == 0;
  }
  EXPECT(sapiens == 3);
  use_model(argv[1], "pose", 33);
  use_model(argv[2], "detect", 0);
  use_estimator(argv[1]);
  use_detector(argv[2]);
  use_predictor(argv[1], argv[2]);
  use_similarity();
  use_pipeline(argv[1]);
  printf("%d expectations hold\n", expectations);
  return 0;
}
