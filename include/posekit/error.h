/// The one exception type of posekit and its codes.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Says what kind of thing went wrong.
///
/// The values are stable: they are the C ABI's status codes too.
enum class ErrorCode : std::int32_t {
  ok = 0,                  ///< Nothing went wrong.
  invalid_argument = 1,    ///< A value of the caller's is outside what is allowed.
  not_found = 2,           ///< There is no file, preset, keypoint set or keypoint of that name.
  unsupported_model = 3,   ///< A sound file of a kind posekit does not run.
  invalid_model = 4,       ///< A broken model file, or metadata that contradicts it.
  device_unavailable = 5,  ///< The device asked for is not there, or is lost.
  out_of_memory = 6,       ///< Host or device memory has run out.
  io = 7,                  ///< Reading or writing failed.
  cancelled = 8,           ///< The caller asked to stop.
  deadline_exceeded = 9,   ///< The caller's deadline has passed.
  forked = 10,             ///< The object was made before fork() and is used in the child.
  closed = 11,             ///< The object takes no more work.
  internal = 12,           ///< A defect of posekit's, or an error that Torch gives no better name.
};

/// Returns the code's name as in the enumeration, for example "invalid_argument".
[[nodiscard]] POSEKIT_API std::string_view to_string(ErrorCode code) noexcept;

/// Every exception that leaves posekit is an Error, except std::bad_alloc.
///
/// what() says what is wrong, which value, what was expected and what to do.
class POSEKIT_API Error : public std::runtime_error {
 public:
  /// Makes an error.
  ///
  /// @param code never ErrorCode::ok
  /// @param message what what() returns
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  /// Returns what kind of thing went wrong, never ErrorCode::ok.
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace posekit::inline v0
