/// Images on a device through the C interface, with a model that treats pointers to the host as pointers to cuda:0.
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "capi/objects.h"
#include "handles.h"
#include "loading/load_model.h"
#include "support/by_sessions.h"
#include "support/paths.h"

using namespace posekit;
using posekit_c_test::host_image;

namespace {

constexpr int side = 160;

/// Three images of which no two are alike, each with two people.
struct Album {
  std::array<std::vector<std::uint8_t>, 3> pixels;
  std::array<Box, 2> boxes{Box{10, 5, 120, 150, 1}, Box{-20, 30, 80, 170, 1}};
  std::array<posekit_box, 2> c_boxes{};
  std::array<posekit_image_boxes, 3> c_images{};
  std::vector<ImageBoxes> images;

  Album() {
    for (std::size_t b = 0; b < boxes.size(); ++b) c_boxes[b] = {boxes[b].x1, boxes[b].y1, boxes[b].x2, boxes[b].y2, boxes[b].score, 0};
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      for (std::size_t p = 0; p < std::size_t{side} * side * 3; ++p) {
        pixels[i].push_back(static_cast<std::uint8_t>((p / 97 * (i + 3) + p % 13 * 7) % 256));
      }
      c_images[i] = {host_image(pixels[i].data(), side, side, POSEKIT_PIXEL_FORMAT_RGB8), c_boxes.data(), c_boxes.size()};
      images.push_back({{pixels[i].data(), side, side, side * 3, PixelFormat::rgb8}, boxes});
    }
  }
};

constexpr Device cpu{};
constexpr Device first_gpu{DeviceKind::cuda, 0};

posekit_estimator estimator_on(Device device) {
  const auto path = posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt";
  std::shared_ptr<ModelBackend> backend = load_model(path, {.metadata = {}, .sha256 = {}, .device = "cpu"});
  if (device != cpu) backend = std::make_shared<posekit_test::BySessions>(backend, device);
  return {std::make_shared<PoseEstimator>(Model(backend))};
}

}  // namespace

TEST_CASE("An image on the model's device, among images on the host, gives what the same call gives in C++") {
  const posekit_estimator estimator = estimator_on(first_gpu);
  Album album;
  album.images[0].image.cuda_device = album.images[2].image.cuda_device = 0;
  const auto expected = estimator.estimator->estimate_batch(album.images);

  int stream = 0;  // not read on a CPU
  album.c_images[0].image.device = album.c_images[2].image.device = POSEKIT_DEVICE_CUDA;
  album.c_images[0].image.stream = &stream;
  posekit_result* result = nullptr;
  REQUIRE(posekit_estimator_estimate_batch(&estimator, album.c_images.data(), 3, nullptr, &result) == POSEKIT_OK);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const float* keypoints = nullptr;
    std::size_t persons = 0;
    REQUIRE(posekit_result_keypoints(result, i, &keypoints, &persons) == POSEKIT_OK);
    REQUIRE(persons == 2);
    REQUIRE(expected[i].poses.size() == 2);
    for (const Pose& pose : expected[i].poses) {
      for (const Keypoint& keypoint : pose.keypoints) {
        CHECK((keypoints[0] == keypoint.x && keypoints[1] == keypoint.y && keypoints[2] == keypoint.score));
        keypoints += 3;
      }
    }
  }
  posekit_result_destroy(result);
}

TEST_CASE("An image on another device is reported with both devices' names, and its neighbours are estimated") {
  for (const Device device : {first_gpu, cpu}) {
    const posekit_estimator estimator = estimator_on(device);
    Album album;
    album.c_images[1].image.device = POSEKIT_DEVICE_CUDA;
    album.c_images[1].image.device_index = 1;
    posekit_result* result = nullptr;
    REQUIRE(posekit_estimator_estimate_batch(&estimator, album.c_images.data(), 3, nullptr, &result) == POSEKIT_OK);
    for (std::size_t i = 0; i < 3; ++i) {
      posekit_status status = -1;
      const char* message = nullptr;
      REQUIRE(posekit_result_status(result, i, &status, &message) == POSEKIT_OK);
      CHECK(status == (i == 1 ? POSEKIT_ERROR_INVALID_ARGUMENT : POSEKIT_OK));
      if (i == 1)
        CHECK((std::string(message).find("cuda:1") != std::string::npos &&
               std::string(message).find(to_string(device)) != std::string::npos));
    }
    posekit_result_destroy(result);
  }
}

TEST_CASE("A device's image alone is estimated as in a batch") {
  const posekit_estimator estimator = estimator_on(first_gpu);
  Album album;
  posekit_image& image = album.c_images[0].image;
  posekit_result* batch = nullptr;
  posekit_result* device = nullptr;
  album.c_images[1] = album.c_images[0];
  album.c_images[1].image.device = POSEKIT_DEVICE_CUDA;
  REQUIRE(posekit_estimator_estimate_batch(&estimator, &album.c_images[1], 1, nullptr, &batch) == POSEKIT_OK);
  image.device = POSEKIT_DEVICE_CUDA;
  REQUIRE(posekit_estimator_estimate(&estimator, &image, album.c_boxes.data(), album.c_boxes.size(), nullptr, &device) == POSEKIT_OK);
  const float* expected = nullptr;
  const float* keypoints = nullptr;
  std::size_t persons = 0;
  REQUIRE(posekit_result_keypoints(batch, 0, &expected, &persons) == POSEKIT_OK);
  REQUIRE(posekit_result_keypoints(device, 0, &keypoints, &persons) == POSEKIT_OK);
  REQUIRE(persons == 2);
  CHECK(std::equal(keypoints, keypoints + persons * 33 * 3, expected));
  posekit_result_destroy(batch);
  posekit_result_destroy(device);
}
