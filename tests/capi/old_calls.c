/* Calls as drafts of the interface before 0.1.0 had them: each must fail to compile, none may mean something else.
 * OLD is the number of the call; 0 is the same in today's form, which compiles. */
#include <float.h>
#include <posekit_c.h>

static uint8_t pixels[480][640][3];

posekit_status old_call(posekit_estimator* estimator, posekit_detector* detector, posekit_sink sink, posekit_result** result,
                        posekit_pipeline** pipeline);

posekit_status old_call(posekit_estimator* estimator, posekit_detector* detector, posekit_sink sink, posekit_result** result,
                        posekit_pipeline** pipeline) {
  posekit_image_boxes people = {{{NULL, NULL, NULL}, {0, 0, 0}, 0, 0, 0, 0, 0, 0, NULL}, NULL, 0};
  posekit_tracker_options tracking = POSEKIT_TRACKER_OPTIONS_INIT;
  posekit_metrics metrics = POSEKIT_METRICS_INIT;
  posekit_image image = {{NULL, NULL, NULL}, {0, 0, 0}, 640, 480, POSEKIT_PIXEL_FORMAT_BGR8, 0, 0, 0, NULL};
  image.planes[0] = &pixels[0][0][0];
  (void)detector;
  (void)sink;
  (void)pipeline;
  (void)metrics.detect.waiting;
  tracking.smoothing = POSEKIT_SMOOTHING_NONE;
  (void)tracking.smoothing;
#if OLD == 1
  image.data = &pixels[0][0][0];
#elif OLD == 2
  image.stride = 1920;
#elif OLD == 3
  {
    const posekit_image positional = {&pixels[0][0][0], 0, 640, 480, POSEKIT_PIXEL_FORMAT_BGR8, 0};
    image = positional;
  }
#elif OLD == 4
  {
    const posekit_image_place place = {1, 0, NULL};
    (void)place;
  }
#elif OLD == 5
  return posekit_estimator_estimate_placed_batch(estimator, &people, NULL, 1, NULL, result);
#elif OLD == 6
  tracking.without_smoothing = 1;
#elif OLD == 7
  return posekit_pipeline_create(estimator, detector, sink, NULL, NULL, pipeline);
#elif OLD == 8
  (void)metrics.waiting_detect;
#elif OLD == 9
  (void)metrics.detect.p50;
#elif OLD == 10
  (void)metrics.inference;
#elif OLD != 0
#error "there is no such call"
#endif
  people.image = image;
  return posekit_estimator_estimate_batch(estimator, &people, 1, NULL, result);
}
