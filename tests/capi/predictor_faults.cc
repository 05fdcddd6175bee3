/// What goes wrong with predictors through the C interface.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>
#include <string>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

TEST_CASE("A predictor's functions refuse NULL for an object or an input, and reset their out parameters") {
  const posekit_predictor* predictor = small_models().predictor.get();
  const posekit_predictor_input no_boxes{image, nullptr, 1, 1, 0};
  refuses_null<posekit_predictor*>([](auto** out) { return posekit_predictor_create(nullptr, nullptr, out); });
  refuses_null<posekit_result*>([](auto** out) { return posekit_predictor_predict(nullptr, &image, nullptr, out); });
  refuses_null<posekit_result*>([&](auto** out) { return posekit_predictor_predict(predictor, nullptr, nullptr, out); });
  refuses_null<posekit_result*>([](auto** out) { return posekit_predictor_predict_batch(nullptr, nullptr, 0, nullptr, out); });
  refuses_null<posekit_result*>([&](auto** out) { return posekit_predictor_predict_batch(predictor, nullptr, 1, nullptr, out); });
  refuses_null<posekit_result*>([&](auto** out) { return posekit_predictor_predict_batch(predictor, &no_boxes, 1, nullptr, out); });
}

TEST_CASE("A predictor's functions refuse NULL for an out parameter") {
  const posekit_predictor* predictor = small_models().predictor.get();
  refuses_null([] { return posekit_predictor_create(small_models().estimator.get(), nullptr, nullptr); });
  refuses_null([&] { return posekit_predictor_predict(predictor, &image, nullptr, nullptr); });
  refuses_null([&] { return posekit_predictor_predict_batch(predictor, nullptr, 0, nullptr, nullptr); });
}

TEST_CASE("A predictor's images of a number that no memory can hold are refused unread") {
  const size_t huge = GENERATE(SIZE_MAX, SIZE_MAX / 2 + 1);
  const posekit_predictor_input input{image, nullptr, 0, 1, 0};
  refuses<posekit_result*>("more than memory can hold", [&](auto** out) {
    return posekit_predictor_predict_batch(small_models().predictor.get(), &input, huge, nullptr, out);
  });
}

TEST_CASE("A predictor's input with a value outside its range fails the call and is named") {
  const int32_t wrong = GENERATE(-1, 5, 256, INT32_MAX, INT32_MIN);
  const auto refused = [&](const posekit_predictor_input& input) {
    refuses<posekit_result*>(std::to_string(wrong), [&](auto** out) {
      return posekit_predictor_predict_batch(small_models().predictor.get(), &input, 1, nullptr, out);
    });
  };
  refused({image, nullptr, 0, wrong, 0});
  refused({image, nullptr, 0, 1, wrong});
}

TEST_CASE("An image without boxes is an error of its own for a predictor without a detector") {
  const posekit_predictor_input images[] = {{image, nullptr, 0, 0, 0}, {image, two_boxes.data(), 2, 1, 0}};
  const auto result =
      made<Result>([&](auto** out) { return posekit_predictor_predict_batch(small_models().predictor.get(), images, 2, nullptr, out); });
  posekit_status status = 0;
  const char* message = nullptr;
  ok(posekit_result_status(result.get(), 0, &status, &message));
  CHECK(status == POSEKIT_ERROR_INVALID_ARGUMENT);
  ok(posekit_result_status(result.get(), 1, &status, &message));
  CHECK(status == POSEKIT_OK);
  refuses<posekit_result*>("no detector",
                           [](auto** out) { return posekit_predictor_predict(small_models().predictor.get(), &image, nullptr, out); });
}
