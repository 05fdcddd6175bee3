/// What goes wrong with models through the C interface.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>
#include <source_location>
#include <string>

#include "capi/objects.h"
#include "capi/small_models.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

namespace {

/// Expects that no model is loaded with the options that `set` makes of the defaults.
template <class Set>
void load_fails(posekit_status expected, const std::string& text, Set set, std::source_location where = std::source_location::current()) {
  posekit_model_options options = POSEKIT_MODEL_OPTIONS_INIT;
  set(options);
  fails_and_resets<posekit_model*>(
      expected, text, [&](auto** out) { return posekit_model_load(small_models().pose_path.c_str(), &options, out); }, where);
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
  load_fails(POSEKIT_ERROR_INVALID_ARGUMENT, std::to_string(wrong), [&](auto& options) { options.precision = wrong; });
  load_fails(POSEKIT_ERROR_INVALID_ARGUMENT, std::to_string(wrong), [&](auto& options) { options.warm_up = wrong; });
}

TEST_CASE("A model's metadata from two places are refused") {
  load_fails(POSEKIT_ERROR_INVALID_ARGUMENT, "at most one", [](auto& options) {
    options.metadata_json = "{}";
    options.metadata_preset = "sapiens-coco17";
  });
}

TEST_CASE("An unknown preset is reported as not found, with the presets there are") {
  load_fails(POSEKIT_ERROR_NOT_FOUND, "sapiens-coco17", [](auto& options) { options.metadata_preset = "sapiens"; });
}

TEST_CASE("A metadata file that does not exist is reported as not found") {
  load_fails(POSEKIT_ERROR_NOT_FOUND, "/no/such.json", [](auto& options) { options.metadata_file = "/no/such.json"; });
}

TEST_CASE("Metadata that are not JSON are reported as an invalid model") {
  load_fails(POSEKIT_ERROR_INVALID_MODEL, "", [](auto& options) { options.metadata_json = "{"; });
}

TEST_CASE("A malformed checksum is refused") {
  load_fails(POSEKIT_ERROR_INVALID_ARGUMENT, "64 hexadecimal", [](auto& options) { options.sha256 = "12"; });
}

TEST_CASE("A device of an unknown name is refused and named") {
  load_fails(POSEKIT_ERROR_INVALID_ARGUMENT, "gpu", [](auto& options) { options.device = "gpu"; });
}

TEST_CASE("A model's keypoint count is the model's, whatever subset an estimator uses, and 0 for a detection model") {
  const char* const left = "left";
  const posekit_estimator_options options = options_with_keypoint(&left);
  const auto estimator = estimator_of(small_models().pose.get(), &options);
  posekit_model_info info = POSEKIT_MODEL_INFO_INIT;
  ok(posekit_model_get_info(small_models().pose.get(), &info));
  CHECK(info.keypoint_count == 2);
  ok(posekit_model_get_info(small_models().detect.get(), &info));
  CHECK(info.keypoint_count == 0);
}
