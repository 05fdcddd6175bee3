/// RunControl: what ends a call.
#include "posekit/run_control.h"

#include <catch2/catch_test_macros.hpp>

#include "posekit/error.h"

using namespace posekit;

namespace {

ErrorCode code_of(const RunControl& control) {
  try {
    control.check();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::ok;
}

}  // namespace

TEST_CASE("RunControl ends no call by default") { CHECK(code_of({}) == ErrorCode::ok); }

TEST_CASE("RunControl ends a call whose stop was requested") {
  std::stop_source source;
  const RunControl control{.stop = source.get_token(), .deadline = std::nullopt};
  CHECK(code_of(control) == ErrorCode::ok);
  source.request_stop();
  CHECK(code_of(control) == ErrorCode::cancelled);
}

TEST_CASE("RunControl ends a call whose deadline has passed") {
  const auto now = std::chrono::steady_clock::now();
  CHECK(code_of({.stop = {}, .deadline = now + std::chrono::hours(1)}) == ErrorCode::ok);
  CHECK(code_of({.stop = {}, .deadline = now - std::chrono::nanoseconds(1)}) == ErrorCode::deadline_exceeded);
}
