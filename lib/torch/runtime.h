/// Torch's state, of the process and of a thread, as posekit sees it.
#pragma once

#include <ATen/ThreadLocalState.h>
#include <ATen/record_function.h>
#include <c10/core/Device.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <memory>
#include <new>
#include <string>
#include <utility>

#include "base/process_end.h"
#include "posekit/device.h"
#include "posekit/error.h"
#include "torch/errors.h"

namespace posekit::inline v0 {

/// While it lives, Torch works on this thread as on a fresh one, in inference mode, whatever the caller has switched on: autocast,
/// gradients, modes of Python's, functorch. A profiler of the caller's goes on. What is switched on for the process stays.
class TorchScope {
 public:
  TorchScope();

 private:
  ModelWork work_;
  std::shared_ptr<c10::ThreadLocalDebugInfo> debug_info_;  ///< The caller's.
  at::RecordFunctionTLS callbacks_;                        ///< Likewise.
  at::ThreadLocalStateGuard state_;
  c10::InferenceMode inference_;
};

/// Runs work() in a TorchScope; lets only posekit's errors and std::bad_alloc out. All of posekit's use of Torch is inside of it.
/// @param what begins the message of an error of Torch's, @param fallback its code: see translate_current_exception
template <class Work>
auto in_torch(const std::string& what, ErrorCode fallback, Work&& work) -> decltype(work()) {
  try {
    const TorchScope scope;
    return std::forward<Work>(work)();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    throw translate_current_exception(what, fallback);
  }
}

/// @throws Error internal if the Torch that runs differs in major or minor version from the one posekit was built for
void check_torch_version();

/// A device as Torch names it.
[[nodiscard]] c10::Device torch_device(Device device);

}  // namespace posekit::inline v0
