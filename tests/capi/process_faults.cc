/// What goes wrong with the C interface's functions for the whole process, and whose error messages are whose.
#include <posekit_c.h>

#include <barrier>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "capi/objects.h"

using namespace posekit_c_test;  // NOLINT(google-build-using-namespace): a test's words

TEST_CASE("The process's functions refuse NULL, and reset the other out parameters") {
  refuses_null<const char*>([](auto** running) { return posekit_torch_versions(nullptr, running); });
  refuses_null<const char*>([](auto** built_for) { return posekit_torch_versions(built_for, nullptr); });
  refuses_null([] { return posekit_built_with_cuda(nullptr); });
  refuses_null([] { return posekit_usable_cpus(nullptr); });
  refuses_null([] { return posekit_torch_threads(nullptr); });
  refuses_null([] { return posekit_torch_tf32(nullptr); });
  refuses_null([] { return posekit_set_device_memory_limit(nullptr, 1); });
  refuses_null([] { return posekit_set_backend_folder(nullptr); });
}

TEST_CASE("A number of 0 Torch threads is refused") {
  refuses("0", [] { return posekit_set_torch_threads(0); });
}

TEST_CASE("A status outside its enumeration has the name unknown") {
  for (const int32_t wrong : {-1, 77, 256, INT32_MAX, INT32_MIN}) CHECK(posekit_status_name(wrong) == std::string("unknown"));
}

TEST_CASE("Two threads that fail at once read their own messages") {
  std::barrier<> meet(2);
  std::vector<std::string> wrong(2);
  const auto fail_often = [&](std::size_t me) {
    const std::string name = "no_such_set_" + std::to_string(me);
    for (int round = 0; round < 200; ++round) {
      posekit_keypoint_set* set = nullptr;
      meet.arrive_and_wait();
      const posekit_status status = posekit_keypoint_set_create_builtin(name.c_str(), &set);
      meet.arrive_and_wait();
      const std::string message = posekit_last_error_message();
      if (status != POSEKIT_ERROR_NOT_FOUND || message.find('"' + name + '"') == std::string::npos) wrong[me] = message;
    }
  };
  std::thread other(fail_often, 1);
  fail_often(0);
  other.join();
  CHECK(wrong == std::vector<std::string>(2));
}

TEST_CASE("A thread that has not failed reads an empty message") {
  posekit_keypoint_set* set = nullptr;
  CHECK(posekit_keypoint_set_create_builtin("no such set", &set) == POSEKIT_ERROR_NOT_FOUND);
  std::string fresh = "unset";
  std::thread([&] { fresh = posekit_last_error_message(); }).join();
  CHECK(fresh.empty());
}
