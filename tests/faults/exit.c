/* Ends while models run, without a close or a destroy: posekit_c_exit MODEL WAY. Its exit code is 0 or, where exit() was called, 3. */
#define _POSIX_C_SOURCE 200809L
#include <posekit_c.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { frames = 6, asked_for = 3 };

static uint8_t pixels[480 * 640 * 3];
static const posekit_box box = {.x1 = 20, .y1 = 10, .x2 = 375, .y2 = 470};
/* Nothing is destroyed: what main held in variables of its own would be a leak, as nothing points to it after main has returned. */
static posekit_model* model;
static posekit_executor* executor;
static posekit_estimator* estimator;
static posekit_predictor* predictor;
static posekit_pipeline* pipeline;
static int exits_in_sink, exits_in_executor, runs;

static void check(posekit_status status) {
  if (status == POSEKIT_OK) return;
  fprintf(stderr, "%s\n", posekit_last_error_message());
  _Exit(1);
}

static posekit_image picture(void) {
  return (posekit_image){.planes = {pixels}, .width = 640, .height = 480, .format = POSEKIT_PIXEL_FORMAT_BGR8};
}

static posekit_status sink(void* context, const posekit_frame* frame, int32_t detected, posekit_result* result) {
  (void)context, (void)detected;
  posekit_result_destroy(result);
  if (exits_in_sink && frame->index == 1) exit(asked_for);
  return POSEKIT_OK;
}

static posekit_status run(void* opaque, size_t count, posekit_task task, void* task_context) {
  (void)opaque;
  for (size_t index = 0; index < count; ++index) task(task_context, index, 0);
  if (exits_in_executor && ++runs == 4) exit(asked_for);
  return POSEKIT_OK;
}

static void submit_frames(void) {
  for (uint64_t i = 0; i < frames; ++i) {
    int32_t accepted = 0;
    posekit_frame frame = POSEKIT_FRAME_INIT;
    frame.image = picture();
    frame.boxes = &box;
    frame.box_count = 1;
    frame.has_boxes = 1;
    frame.index = i;
    const posekit_status status = posekit_pipeline_submit(pipeline, &frame, NULL, &accepted);
    if (status == POSEKIT_ERROR_CLOSED) return; /* another thread ends the process */
    check(status);
  }
}

/* Estimates until that fails, as it does when the process ends. */
static void* estimate(void* started) {
  const posekit_image image = picture();
  posekit_result* result = NULL;
  posekit_status status = POSEKIT_OK;
  for (int done = 0; status == POSEKIT_OK; ++done) {
    if (done == 1) pthread_barrier_wait(started);
    status = posekit_estimator_estimate(estimator, &image, &box, 1, NULL, &result);
    posekit_result_destroy(result);
  }
  if (status != POSEKIT_ERROR_CANCELLED) _Exit(1);
  return NULL;
}

static void* exit_at_once(void* started) {
  pthread_barrier_wait(started);
  exit(asked_for);
}

int main(int argc, char** argv) {
  pthread_t thread;
  static pthread_barrier_t started;
  posekit_model_options model_options = POSEKIT_MODEL_OPTIONS_INIT;
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  posekit_executor_callbacks callbacks = POSEKIT_EXECUTOR_CALLBACKS_INIT;
  if (argc != 3) return 2;
  const char* way = argv[2];
  exits_in_sink = strcmp(way, "sink") == 0;
  exits_in_executor = strcmp(way, "executor") == 0;
  if (strcmp(way, "replicas") == 0) model_options.device = "cpu,cpu";
  callbacks.run = run;
  check(posekit_executor_create_custom(&callbacks, &executor));
  if (exits_in_executor) options.executor = executor;
  if (pthread_barrier_init(&started, NULL, 2) != 0) return 2;
  check(posekit_model_load(argv[1], &model_options, &model));
  check(posekit_estimator_create(model, &options, &estimator));
  check(posekit_predictor_create(estimator, NULL, &predictor));
  if (strncmp(way, "estimate", 8) == 0) { /* a thread estimates, and main returns or another thread calls exit() */
    if (pthread_create(&thread, NULL, estimate, &started) != 0) return 2;
    if (strcmp(way, "estimate exit") == 0) exit_at_once(&started);
    pthread_barrier_wait(&started);
    return 0;
  }
  check(posekit_pipeline_create(predictor, sink, NULL, NULL, &pipeline));
  if (strcmp(way, "exit") == 0) { /* on a thread, while main's frames are under way */
    if (pthread_create(&thread, NULL, exit_at_once, &started) != 0) return 2;
    pthread_barrier_wait(&started);
  }
  submit_frames();
  if (strcmp(way, "return") == 0 || strcmp(way, "replicas") == 0) return 0;
  for (;;) pause(); /* another thread calls exit() */
}
