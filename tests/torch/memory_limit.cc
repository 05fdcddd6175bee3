/// The limit of a device's memory: what it refuses.
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <limits>
#include <string>

#include "posekit/error.h"
#include "posekit/runtime.h"
#include "support/message_form.h"
#include "support/torch_internals.h"

using namespace posekit;

namespace {

void refuses(const std::string& device, std::uint64_t bytes, ErrorCode code, const std::string& words) {
  INFO(device << ", " << bytes);
  try {
    set_device_memory_limit(device, bytes);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == code);
    posekit_test::check_message_form(error.what(), "", words);
  }
}

}  // namespace

TEST_CASE("A memory limit of no bytes, for the CPU or for an unknown device is refused") {
  refuses("cuda", 0, ErrorCode::invalid_argument, "0 bytes");
  refuses("cpu", 1 << 30, ErrorCode::invalid_argument, "the CPU");
  refuses("gpu", 1 << 30, ErrorCode::invalid_argument, "\"gpu\"");
  refuses("cuda:x", 1 << 30, ErrorCode::invalid_argument, "\"cuda:x\"");
}

TEST_CASE("A memory limit reports a missing device, or a limit above the device's memory") {
  const std::string why_none = posekit_test::why_no_cuda();
  if (!why_none.empty()) {
    refuses("cuda", 1 << 30, ErrorCode::device_unavailable, why_none);
    refuses("auto", 1 << 30, ErrorCode::invalid_argument, "the CPU");
  } else {
    refuses("cuda", std::numeric_limits<std::uint64_t>::max(), ErrorCode::invalid_argument, "pass at most that");
  }
}
