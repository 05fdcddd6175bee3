/// What goes wrong with models through the C interface.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>
#include <string>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

/// Expects that no model is loaded.
void load_fails(const posekit_model_options& options, posekit_status expected, const std::string& text) {
  posekit_model* model = nullptr;
  fails(posekit_model_load(small_models().pose_path.c_str(), &options, &model), expected, text);
  CHECK(model == nullptr);
}

}  // namespace

TEST_CASE("A model's functions refuse NULL for a model or an input, and reset their out parameters") {
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  refuses_null<posekit_model*>([](auto** out) { return posekit_model_load(nullptr, nullptr, out); });
  refuses_null<posekit_model*>([](auto** out) { return posekit_model_load_from_memory(nullptr, 1, nullptr, out); });
  refuses_null([&] { return posekit_model_get_info(nullptr, &info); });
  refuses_null<char*>([](auto** json) { return posekit_model_metadata_json(nullptr, json); });
  refuses_null<char*>([](auto** json) { return posekit_inspect_model(nullptr, nullptr, json); });
}

TEST_CASE("A model's functions refuse NULL for an out parameter") {
  const std::string& path = small_models().pose_path;
  const posekit_model* model = small_models().pose.get();
  refuses_null([] { return posekit_model_preset_count(nullptr); });
  refuses_null([] { return posekit_model_preset_name(0, nullptr); });
  refuses_null([&] { return posekit_model_load(path.c_str(), nullptr, nullptr); });
  refuses_null([] { return posekit_model_load_from_memory("x", 1, nullptr, nullptr); });
  refuses_null([&] { return posekit_model_get_info(model, nullptr); });
  refuses_null([&] { return posekit_model_metadata_json(model, nullptr); });
  refuses_null([&] { return posekit_inspect_model(path.c_str(), nullptr, nullptr); });
}

TEST_CASE("A model in memory of a size that no memory can hold is refused unread") {
  const size_t huge = GENERATE(SIZE_MAX, SIZE_MAX / 2 + 1);
  refuses<posekit_model*>("more than memory can hold", [&](auto** out) { return posekit_model_load_from_memory("x", huge, nullptr, out); });
}

TEST_CASE("A model in memory of 0 bytes is reported as empty") {
  posekit_model* model = nullptr;
  fails(posekit_model_load_from_memory(nullptr, 0, nullptr, &model), POSEKIT_ERROR_INVALID_MODEL, "is empty");
}

TEST_CASE("A preset's index beyond the end is refused with the number there is") {
  const size_t beyond = GENERATE(size_t{1000}, SIZE_MAX);
  refuses<const char*>(", but there are ", [&](auto** name) { return posekit_model_preset_name(beyond, name); });
}

TEST_CASE("A model's precision or warm-up outside its enumeration is refused and named") {
  const int32_t wrong = GENERATE(-1, 5, 256, INT32_MAX, INT32_MIN);
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  options.precision = wrong;
  load_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, std::to_string(wrong));
  options.precision = POSEKIT_PRECISION_FP32;
  options.warm_up = wrong;
  load_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, std::to_string(wrong));
}

TEST_CASE("A model's metadata from two places are refused") {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  options.metadata_json = "{}";
  options.metadata_preset = "sapiens-coco17";
  load_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, "at most one");
}

TEST_CASE("An unknown preset is reported as not found, with the presets there are") {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  options.metadata_preset = "sapiens";
  load_fails(options, POSEKIT_ERROR_NOT_FOUND, "sapiens-coco17");
}

TEST_CASE("A metadata file that does not exist is reported as not found") {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  options.metadata_file = "/no/such.json";
  load_fails(options, POSEKIT_ERROR_NOT_FOUND, "/no/such.json");
}

TEST_CASE("Metadata that are no JSON are reported as an invalid model") {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  options.metadata_json = "{";
  load_fails(options, POSEKIT_ERROR_INVALID_MODEL, "");
}

TEST_CASE("A checksum that is none is refused") {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  options.sha256 = "12";
  load_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, "64 hexadecimal");
}

TEST_CASE("A device of an unknown name is refused and named") {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  options.device = "gpu";
  load_fails(options, POSEKIT_ERROR_INVALID_ARGUMENT, "gpu");
}

TEST_CASE("A model's keypoint count is the model's, whatever subset an estimator uses, and 0 for a detection model") {
  const char* const left = "left";
  posekit_estimator_options options = POSEKIT_ESTIMATOR_OPTIONS_INIT;
  options.keypoints = &left;
  options.keypoint_count = 1;
  const auto estimator = estimator_of(small_models().pose.get(), &options);
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  ok(posekit_model_get_info(small_models().pose.get(), &info));
  CHECK(info.keypoint_count == 2);
  ok(posekit_model_get_info(small_models().detect.get(), &info));
  CHECK(info.keypoint_count == 0);
}
