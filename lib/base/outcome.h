/// Turns what a piece of work throws into a code and a message.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "posekit/error.h"

namespace posekit::inline v0 {

/// How a piece of work ended.
struct Outcome {
  ErrorCode code = ErrorCode::ok;
  std::string message;

  [[nodiscard]] bool ok() const noexcept { return code == ErrorCode::ok; }
  /// Whether the call as a whole is over: cancelled or out of time.
  [[nodiscard]] bool ends_call() const noexcept { return code == ErrorCode::cancelled || code == ErrorCode::deadline_exceeded; }
};

/// Sets a result's error, unless it has one already.
template <class Result>
void set_error(Result& result, Outcome outcome) {
  if (outcome.ok() || result.code != ErrorCode::ok) return;
  result.code = outcome.code;
  result.message = std::move(outcome.message);
}

/// Runs work() and returns how it ended; lets no exception out except std::bad_alloc from making the message.
template <class Work>
[[nodiscard]] Outcome outcome_of(Work&& work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {ErrorCode::out_of_memory, "memory ran out during the call: pass smaller images or fewer persons per batch"};
  } catch (const std::exception& error) {
    return {ErrorCode::internal, error.what()};
  }
}

}  // namespace posekit::inline v0
