/// What tests of the C interface share: owners of its objects, and checks of how a call ended.
#pragma once

#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <source_location>
#include <string>
#include <tuple>

#include "support/message_form.h"

namespace posekit_c_test {

/// Expects a call to succeed.
inline void ok(posekit_status status) {
  INFO(posekit_last_error_message());
  REQUIRE(status == POSEKIT_OK);
}

/// Expects a call to fail with this status and a message of good form that contains this.
inline void fails(posekit_status status, posekit_status expected, const std::string& text) {
  CHECK(status == expected);
  posekit_test::check_message_form(posekit_last_error_message(), "", text);
}

/// Expects the same, and each out parameter, which held what no call gives, to be reset.
/// @param call gets a pointer to each out parameter
template <class... Out, class Call>
void fails_and_resets(posekit_status expected, const std::string& text, Call call,
                      std::source_location where = std::source_location::current()) {
  INFO("line " << where.line());
  std::tuple<Out...> outs;
  std::apply([](Out&... out) { (std::memset(&out, 0x5a, sizeof out), ...); }, outs);  // NOLINT(bugprone-sizeof-expression): pointers too
  fails(std::apply([&](Out&... out) { return call(&out...); }, outs), expected, text);
  CHECK(outs == std::tuple<Out...>{});
}

/// The same for invalid_argument.
template <class... Out, class Call>
void refuses(const std::string& text, Call call, std::source_location where = std::source_location::current()) {
  fails_and_resets<Out...>(POSEKIT_ERROR_INVALID_ARGUMENT, text, call, where);
}

/// The same for a NULL that is not allowed.
template <class... Out, class Call>
void refuses_null(Call call, std::source_location where = std::source_location::current()) {
  refuses<Out...>("NULL", call, where);
}

template <class T, void (*destroy)(T*)>
struct Destroyer {
  void operator()(T* object) const noexcept { destroy(object); }
};
template <class T, void (*destroy)(T*)>
using Owner = std::unique_ptr<T, Destroyer<T, destroy>>;

using Executor = Owner<posekit_executor, posekit_executor_destroy>;
using Control = Owner<posekit_control, posekit_control_destroy>;
using KeypointSet = Owner<posekit_keypoint_set, posekit_keypoint_set_destroy>;
using Model = Owner<posekit_model, posekit_model_destroy>;
using Estimator = Owner<posekit_estimator, posekit_estimator_destroy>;
using Result = Owner<posekit_result, posekit_result_destroy>;
using Detector = Owner<posekit_detector, posekit_detector_destroy>;
using Detections = Owner<posekit_detections, posekit_detections_destroy>;
using Predictor = Owner<posekit_predictor, posekit_predictor_destroy>;
using Tracker = Owner<posekit_tracker, posekit_tracker_destroy>;
using Pipeline = Owner<posekit_pipeline, posekit_pipeline_destroy>;
using Text = Owner<char, posekit_string_destroy>;

/// Expects a call to succeed, and owns the object that it gives out.
/// @param call gets the out parameter
template <class Owned, class Call>
Owned made(Call call) {
  typename Owned::pointer object = nullptr;
  ok(call(&object));
  return Owned(object);
}

inline Executor thread_pool(size_t threads) {
  return made<Executor>([&](auto** out) { return posekit_executor_create_thread_pool(threads, out); });
}

inline KeypointSet builtin_set(const char* name) {
  return made<KeypointSet>([&](auto** out) { return posekit_keypoint_set_create_builtin(name, out); });
}

inline Model load(const std::string& path) {
  return made<Model>([&](auto** out) { return posekit_model_load(path.c_str(), nullptr, out); });
}

/// An image in host memory, rows without gaps.
inline posekit_image host_image(const uint8_t* pixels, int32_t width, int32_t height, posekit_pixel_format format) {
  posekit_image image{};
  image.planes[0] = pixels;
  image.width = width;
  image.height = height;
  image.format = format;
  return image;
}

/// Options with one keypoint, or one subset of keypoints. @param name borrowed by the options
inline posekit_estimator_options options_with_keypoint(const char* const* name) {
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.keypoints = name;
  options.keypoint_count = 1;
  return options;
}

inline Estimator estimator_of(const posekit_model* model, const posekit_estimator_options* options = nullptr) {
  return made<Estimator>([&](auto** out) { return posekit_estimator_create(model, options, out); });
}

inline Detector detector_of(const posekit_model* model, const posekit_detector_options* options = nullptr) {
  return made<Detector>([&](auto** out) { return posekit_detector_create(model, options, out); });
}

/// @param detector null: every image comes with its boxes
inline Predictor predictor_of(const posekit_estimator* estimator, const posekit_detector* detector = nullptr) {
  return made<Predictor>([&](auto** out) { return posekit_predictor_create(estimator, detector, out); });
}

inline KeypointSet set_of(const posekit_estimator* estimator) {
  return made<KeypointSet>([&](auto** out) { return posekit_estimator_keypoint_set(estimator, out); });
}

}  // namespace posekit_c_test
