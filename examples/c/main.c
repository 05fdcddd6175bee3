/* Estimates the people in a picture and prints their keypoints: posekit_c_example POSE_MODEL DETECTOR_MODEL IMAGE.ppm
 *
 * posekit's C interface takes pixels, not files: this reads the plainest of picture formats (binary PPM, 8 bits). */
#include <posekit_c.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with the reason where a call has failed. */
static void check(posekit_status status) {
  if (status == POSEKIT_OK) return;
  fprintf(stderr, "%s: %s\n", posekit_status_name(status), posekit_last_error_message());
  exit(1);
}

/* Reads a PPM file's pixels; the caller frees plane 0. */
static posekit_image read_ppm(const char* path) {
  posekit_image image = {.format = POSEKIT_PIXEL_FORMAT_RGB8};
  FILE* file = fopen(path, "rb");
  int width = 0;
  int height = 0;
  if (file != NULL && fscanf(file, "P6 %d %d 255", &width, &height) == 2 && width > 0 && height > 0 && fgetc(file) != EOF) {
    const size_t size = (size_t)width * (size_t)height * 3;
    uint8_t* pixels = malloc(size);
    if (pixels != NULL && fread(pixels, 1, size, file) == size) {
      image.planes[0] = pixels;
      image.width = width;
      image.height = height;
    } else {
      free(pixels);
    }
  }
  if (file != NULL) fclose(file);
  if (image.planes[0] == NULL) {
    fprintf(stderr, "%s is no binary PPM file of 8 bits\n", path);
    exit(1);
  }
  return image;
}

/* One line for each keypoint: person, name, x, y, score. */
static void print_people(const posekit_estimator* estimator, const posekit_result* result) {
  posekit_keypoint_set* set = NULL;
  const float* keypoints = NULL;
  size_t persons = 0;
  size_t count = 0;
  check(posekit_estimator_keypoint_set(estimator, &set));
  check(posekit_keypoint_set_size(set, &count));
  check(posekit_result_keypoints(result, 0, &keypoints, &persons));
  for (size_t person = 0; person < persons; ++person) {
    for (size_t i = 0; i < count; ++i) {
      const char* name = NULL;
      const float* keypoint = keypoints + (person * count + i) * 3;
      check(posekit_keypoint_set_keypoint_name(set, i, &name));
      printf("%zu %s %.9g %.9g %.9g\n", person, name, keypoint[0], keypoint[1], keypoint[2]);
    }
  }
  posekit_keypoint_set_destroy(set);
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: %s POSE_MODEL DETECTOR_MODEL IMAGE.ppm\n", argv[0]);
    return 2;
  }
  const posekit_image image = read_ppm(argv[3]);

  posekit_executor* executor = NULL;
  check(posekit_executor_create_thread_pool(0, &executor));
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.executor = executor;

  posekit_model* pose_model = NULL;
  posekit_model* detector_model = NULL;
  check(posekit_model_load(argv[1], NULL, &pose_model));
  check(posekit_model_load(argv[2], NULL, &detector_model));

  posekit_estimator* estimator = NULL;
  posekit_detector* detector = NULL;
  check(posekit_estimator_create(pose_model, &options, &estimator));
  check(posekit_detector_create(detector_model, NULL, &detector));
  posekit_model_destroy(pose_model); /* estimator and detector keep what they need */
  posekit_model_destroy(detector_model);
  posekit_executor_destroy(executor);

  posekit_predictor* predictor = NULL;
  posekit_result* result = NULL;
  check(posekit_predictor_create(estimator, detector, &predictor));
  posekit_detector_destroy(detector);
  check(posekit_predictor_predict(predictor, &image, NULL, &result));
  print_people(estimator, result);

  posekit_result_destroy(result);
  posekit_predictor_destroy(predictor);
  posekit_estimator_destroy(estimator);
  free((void*)image.planes[0]);
  return 0;
}
