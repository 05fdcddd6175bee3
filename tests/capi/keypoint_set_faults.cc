/// What goes wrong with keypoint sets through the C interface.
#include <posekit_c.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>
#include <string>

#include "capi/objects.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

TEST_CASE("A keypoint set's functions refuse NULL for a set or an input, and reset their out parameters") {
  const auto set = builtin_set("coco17");
  const size_t one = 1;
  const char* const no_text = nullptr;
  refuses_null<posekit_keypoint_set*>([](auto** out) { return posekit_keypoint_set_create_builtin(nullptr, out); });
  refuses_null<posekit_keypoint_set*>([](auto** out) { return posekit_keypoint_set_create_from_json(nullptr, out); });
  refuses_null<posekit_keypoint_set*>([&](auto** out) { return posekit_keypoint_set_create_subset(nullptr, &one, 1, out); });
  refuses_null<posekit_keypoint_set*>([&](auto** out) { return posekit_keypoint_set_create_subset(set.get(), nullptr, 1, out); });
  refuses_null<size_t>([&](auto* count) { return posekit_keypoint_set_select(nullptr, &no_text, 1, nullptr, 0, count); });
  refuses_null<size_t>([&](auto* count) { return posekit_keypoint_set_select(set.get(), nullptr, 1, nullptr, 0, count); });
  refuses_null<size_t>([&](auto* count) { return posekit_keypoint_set_select(set.get(), &no_text, 1, nullptr, 0, count); });
  refuses_null<const char*>([](auto** name) { return posekit_keypoint_set_name(nullptr, name); });
  refuses_null<const char*>([](auto** text) { return posekit_keypoint_set_provenance(nullptr, text); });
  refuses_null<size_t>([](auto* size) { return posekit_keypoint_set_size(nullptr, size); });
  refuses_null<const char*>([](auto** name) { return posekit_keypoint_set_keypoint_name(nullptr, 0, name); });
  refuses_null<size_t>([](auto* swap) { return posekit_keypoint_set_keypoint_swap(nullptr, 0, swap); });
  refuses_null<int32_t>([](auto* flag) { return posekit_keypoint_set_can_mirror(nullptr, flag); });
  refuses_null<const posekit_link*, size_t>([](auto** links, auto* count) { return posekit_keypoint_set_links(nullptr, links, count); });
  refuses_null<const double*, size_t>([](auto** sigmas, auto* count) { return posekit_keypoint_set_sigmas(nullptr, sigmas, count); });
  refuses_null<size_t>([](auto* count) { return posekit_keypoint_set_subset_count(nullptr, count); });
  refuses_null<const char*>([](auto** name) { return posekit_keypoint_set_subset_name(nullptr, 0, name); });
}

TEST_CASE("A keypoint set's functions refuse NULL for an out parameter, and reset the other ones") {
  const auto owner = builtin_set("coco17");
  const posekit_keypoint_set* set = owner.get();
  const size_t one = 1;
  const char* const nose = "nose";
  refuses_null([] { return posekit_builtin_keypoint_set_count(nullptr); });
  refuses_null([] { return posekit_builtin_keypoint_set_name(0, nullptr); });
  refuses_null([] { return posekit_keypoint_set_create_builtin("coco17", nullptr); });
  refuses_null([] { return posekit_keypoint_set_create_from_json("{}", nullptr); });
  refuses_null([&] { return posekit_keypoint_set_create_subset(set, &one, 1, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_select(set, &nose, 1, nullptr, 0, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_name(set, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_provenance(set, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_size(set, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_keypoint_name(set, 0, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_keypoint_swap(set, 0, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_can_mirror(set, nullptr); });
  refuses_null<size_t>([&](auto* count) { return posekit_keypoint_set_links(set, nullptr, count); });
  refuses_null<const posekit_link*>([&](auto** links) { return posekit_keypoint_set_links(set, links, nullptr); });
  refuses_null<size_t>([&](auto* count) { return posekit_keypoint_set_sigmas(set, nullptr, count); });
  refuses_null<const double*>([&](auto** sigmas) { return posekit_keypoint_set_sigmas(set, sigmas, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_subset_count(set, nullptr); });
  refuses_null([&] { return posekit_keypoint_set_subset_name(set, 0, nullptr); });
}

TEST_CASE("A keypoint set's indices or names of a number that no memory can hold are refused unread") {
  const size_t huge = GENERATE(SIZE_MAX, SIZE_MAX / 2 + 1);
  const auto set = builtin_set("coco17");
  const size_t index = 0;
  const char* const name = "nose";
  const std::string text = "more than memory can hold";
  refuses<posekit_keypoint_set*>(text, [&](auto** out) { return posekit_keypoint_set_create_subset(set.get(), &index, huge, out); });
  refuses<size_t>(text, [&](auto* count) { return posekit_keypoint_set_select(set.get(), &name, huge, nullptr, 0, count); });
}

TEST_CASE("A selection of 0 names is refused") {
  const auto set = builtin_set("coco17");
  refuses<size_t>("", [&](auto* count) { return posekit_keypoint_set_select(set.get(), nullptr, 0, nullptr, 0, count); });
}

TEST_CASE("An index beyond the end of a keypoint set's list is refused with the number there is") {
  const size_t beyond = GENERATE(size_t{1000}, SIZE_MAX);
  const auto set = builtin_set("coco17");
  const std::string text = ", but there are ";
  refuses<const char*>(text, [&](auto** name) { return posekit_builtin_keypoint_set_name(beyond, name); });
  refuses<const char*>(text, [&](auto** name) { return posekit_keypoint_set_keypoint_name(set.get(), beyond, name); });
  refuses<size_t>(text, [&](auto* swap) { return posekit_keypoint_set_keypoint_swap(set.get(), beyond, swap); });
  refuses<const char*>(text, [&](auto** name) { return posekit_keypoint_set_subset_name(set.get(), beyond, name); });
}

TEST_CASE("A subset of a keypoint that the set does not have is refused") {
  const size_t beyond = GENERATE(size_t{1000}, SIZE_MAX);
  const auto set = builtin_set("coco17");
  refuses<posekit_keypoint_set*>("", [&](auto** out) { return posekit_keypoint_set_create_subset(set.get(), &beyond, 1, out); });
}
