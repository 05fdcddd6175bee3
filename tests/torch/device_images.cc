/// Images on a device in sessions; on the CPU and, in the program of the label gpu, on a CUDA device. On the CPU pointers to the host pass
/// for pointers to a device.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "posekit/estimator.h"
#include "support/caller_device.h"
#include "support/paths.h"
#include "support/two_ways.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::Album;
using posekit_test::CallerStream;
using posekit_test::DeviceBytes;
using posekit_test::farthest;
using posekit_test::on_cpu;
using posekit_test::on_test_device;
using posekit_test::save_echo;
using posekit_test::test_device;

namespace {

constexpr std::chrono::milliseconds late{30};

/// The same image with its pixels at another place, on the device.
ImageView moved_to(const DeviceBytes& bytes, ImageView image, void* stream = nullptr) {
  image.data = bytes.data();
  image.cuda_device = 0;
  image.cuda_stream = stream;
  return image;
}

/// An album whose pixels are on the device too.
struct DeviceAlbum : Album {
  std::vector<std::unique_ptr<DeviceBytes>> pixels;
  /// @param grey what is there in place of the pixels
  explicit DeviceAlbum(std::optional<std::uint8_t> grey = std::nullopt) {
    for (const Image& image : images) {
      pixels.push_back(
          std::make_unique<DeviceBytes>(test_device(), grey ? std::vector<std::uint8_t>(image.pixels.size(), *grey) : image.pixels));
    }
  }
  std::vector<ImageBoxes> on_device(void* stream = nullptr) const {
    auto moved = input;
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i].image = moved_to(*pixels[i], moved[i].image, stream);
    return moved;
  }
};

}  // namespace

TEST_CASE("Images on the device, mixed with images on the host, give the host's poses", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  EstimatorOptions options;
  options.max_batch = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{16});
  options.flip_test = GENERATE(false, true);
  const DeviceAlbum album;
  const auto expected = PoseEstimator(Model(on_cpu(dir.path() / "m.pt")), options).estimate_batch(album.input);
  const PoseEstimator estimator(Model(on_test_device(dir.path() / "m.pt")), options);
  const auto on_device = album.on_device();
  for (const int which : {0b11111, 0b00101, 0b11010, 0b00000, 0b11100}) {  // the second time with memory that the first one left
    auto input = album.input;
    for (std::size_t i = 0; i < input.size(); ++i) {
      if (which >> i & 1) input[i] = on_device[i];
    }
    INFO(which);
    CHECK(farthest(estimator.estimate_batch(input), expected, 1.01 / 255) < 0.05);
  }
}

TEST_CASE("Pixels that the caller's stream writes late are read once they are written", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  EstimatorOptions options;
  options.max_batch = GENERATE(std::size_t{1}, std::size_t{3});
  const PoseEstimator estimator(Model(on_test_device(dir.path() / "m.pt")), options);
  for (int round = 0; round < 3; ++round) {
    const DeviceAlbum album(std::uint8_t{255});
    const auto expected = estimator.estimate_batch(album.input);
    CallerStream stream(test_device());
    for (std::size_t i = 0; i < album.images.size(); ++i) {
      stream.sleep(late);
      stream.write(*album.pixels[i], album.images[i].pixels);
    }
    const auto input = album.on_device(stream.handle());
    CHECK(stream.idle() == (test_device() == "cpu"));  // else nothing is late, and the test shows nothing
    CHECK(farthest(estimator.estimate_batch(input), expected, 1.01 / 255) < 0.05);
  }
}

TEST_CASE("Pixels may be overwritten and freed as soon as the call has ended", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  EstimatorOptions options;
  options.max_batch = 4;
  const PoseEstimator estimator(Model(on_test_device(dir.path() / "m.pt")), options);
  CallerStream stream(test_device());
  for (int round = 0; round < 10; ++round) {
    DeviceAlbum album;
    const auto expected = estimator.estimate_batch(album.input);
    const auto found = estimator.estimate_batch(album.on_device());
    for (auto& pixels : album.pixels) {
      stream.fill(*pixels, 255);
      stream.wait();
      pixels.reset();
    }
    CHECK(farthest(found, expected, 1.01 / 255) < 0.05);
  }
}

TEST_CASE("An image on another device is refused with both devices' names, and its neighbours are done", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  const std::string device = GENERATE("cuda:0", "cpu");
  const auto backend = device == "cpu" ? on_cpu(dir.path() / "m.pt") : on_test_device(dir.path() / "m.pt");
  const Album album;
  auto input = album.input;
  input[1].image.cuda_device = 1;
  const PoseEstimator estimator{Model(backend)};
  const auto results = estimator.estimate_batch(input);
  for (std::size_t i = 0; i < results.size(); ++i) CHECK(results[i].poses.size() == (i == 1 ? 0 : 2));
  CHECK(results[1].code == ErrorCode::invalid_argument);
  CHECK_THAT(results[1].message, ContainsSubstring("are on cuda:1") && ContainsSubstring("runs on " + device));
  CHECK_THROWS_WITH(estimator.estimate(input[1].image, input[1].boxes), ContainsSubstring("cuda:1"));
}

TEST_CASE("A crop made on the device is neither overwritten from the host nor kept for the next batch", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  const auto backend = on_test_device(dir.path() / "m.pt");
  const auto session = backend->open_session(make_decode_request(backend->info()));
  const DeviceBytes level(test_device(), std::vector<std::uint8_t>(std::size_t{16} * 16, 200));
  ImageView image{level.data(), 16, 16, 16, PixelFormat::gray8};
  image.cuda_device = 0;
  const WarpPlan plan{.transform = {.scale_x = 1, .offset_x = 0, .scale_y = 1, .offset_y = 0}, .size = {16, 16}};
  const auto scores = [&](const std::vector<std::size_t>& cropped) {
    std::fill_n(session->staging(0, 4), 4 * 16 * 16 * 3, std::byte{50});
    for (const std::size_t position : cropped) session->crop(0, position, {image, plan});
    session->submit(0, 4, {});
    std::vector<float> levels;
    for (std::size_t i = 0; const PeakRecord& peak : session->collect(0).peaks) {
      if (i++ % 2 == 0) levels.push_back(std::round(peak.score * 255));
    }
    return levels;
  };
  CHECK(scores({1, 2}) == std::vector<float>{50, 200, 200, 50});
  CHECK(scores({}) == std::vector<float>{50, 50, 50, 50});
  CHECK(scores({3, 0}) == std::vector<float>{200, 50, 50, 200});
  CHECK(scores({0, 1, 2, 3}) == std::vector<float>{200, 200, 200, 200});
}

TEST_CASE("A cancelled submit after crops on the device leaves the slot free and the pixels unread", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  const auto backend = on_test_device(dir.path() / "m.pt");
  const PoseEstimator estimator{Model(backend)};
  const DeviceAlbum album;
  const auto input = album.on_device();
  const auto expected = estimator.estimate_batch(input);
  const auto session = backend->open_session(make_decode_request(backend->info()));
  std::stop_source stop;
  stop.request_stop();
  const WarpPlan plan{.transform = {.scale_x = 1, .offset_x = 0, .scale_y = 1, .offset_y = 0}, .size = {16, 16}};
  (void)session->staging(0, 1);
  CallerStream stream(test_device());
  stream.sleep(late);
  session->crop(0, 0, {moved_to(*album.pixels[0], album.input[0].image, stream.handle()), plan});
  CHECK_THROWS_AS(session->submit(0, 1, {.stop = stop.get_token(), .deadline = {}}), Error);
  CHECK(stream.idle());  // the crop, which waits for the stream, is behind us: the caller may free the pixels
  std::fill_n(session->staging(0, 1), 16 * 16 * 3, std::byte{70});
  session->submit(0, 1, {});
  CHECK(session->collect(0).peaks[0].score == 70.0F / 255);
  CHECK(farthest(estimator.estimate_batch(input), expected, 0) == 0);
}

#ifdef POSEKIT_TEST_ON_CUDA  // the CPU can't tell one pointer from another

TEST_CASE("A pointer to the host that is said to be the device's is refused, and its neighbours are done", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  EstimatorOptions options;
  options.max_batch = 2;  // the people of one image
  const PoseEstimator estimator(Model(on_test_device(dir.path() / "m.pt")), options);
  const DeviceAlbum album;
  const auto expected = estimator.estimate_batch(album.on_device());
  auto input = album.on_device();
  input[2].image.data = album.images[2].pixels.data();
  const auto results = estimator.estimate_batch(input);
  for (std::size_t i = 0; i < results.size(); ++i) {
    INFO(i << ": " << results[i].message);
    CHECK(results[i].code == (i == 2 ? ErrorCode::invalid_argument : ErrorCode::ok));
    CHECK(results[i].poses.size() == (i == 2 ? 0 : 2));
  }
  CHECK_THAT(results[2].message, ContainsSubstring("said to be on cuda:0"));
  CHECK(farthest(estimator.estimate_batch(album.on_device()), expected, 0) == 0);
}

TEST_CASE("A pointer to another device's memory is refused", "[device]") {
  POSEKIT_NEEDS_TEST_DEVICE();
  if (posekit_test::cuda_device_count() < 2) SKIP("one CUDA device: two are wanted");
  const posekit_test::TemporaryDir dir;
  save_echo(dir.path() / "m.pt", "return x[:, 0:2]");
  const PoseEstimator estimator{Model(on_test_device(dir.path() / "m.pt"))};
  const Album album;
  const DeviceBytes elsewhere("cuda:1", album.images[0].pixels);
  try {
    (void)estimator.estimate(moved_to(elsewhere, album.input[0].image), album.input[0].boxes);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK_THAT(error.what(), ContainsSubstring("said to be on cuda:0"));
  }
}

#endif
