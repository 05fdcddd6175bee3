/// Turns what Torch throws into posekit's errors.
#pragma once

#include <new>
#include <string>

#include "posekit/error.h"

namespace posekit::inline v0 {

/// The error that the exception being handled becomes; call it in a catch block.
/// @param what begins the message, for example "model \"a.pt\" failed"
/// @param fallback the code where Torch's exception says nothing more
[[nodiscard]] Error translate_current_exception(const std::string& what, ErrorCode fallback);

/// Runs work(); lets only posekit's errors and std::bad_alloc out.
template <class Work>
auto translate(const std::string& what, ErrorCode fallback, Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    throw translate_current_exception(what, fallback);
  }
}

}  // namespace posekit::inline v0
