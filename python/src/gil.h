/// The GIL, released while native code works, and taken again.
///
/// Python before 3.14 ends a daemon thread that asks for the GIL of an interpreter that has ended: by pthread_exit(), which aborts the
/// process where it comes out of a destructor. Such a thread waits here until the process is gone.
#pragma once

#include <cxxabi.h>
#include <pybind11/pybind11.h>
#include <unistd.h>

#include <optional>

namespace posekit_python {

/// Calls what waits for the GIL.
template <class Take>
void take_gil(Take take) noexcept {
  try {
    take();
  } catch (const abi::__forced_unwind&) {
    for (;;) pause();
  }
}

/// Releases the GIL until it goes out of scope.
class GilRelease {
 public:
  GilRelease() : state_(PyEval_SaveThread()) {}
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;
  ~GilRelease() {
    take_gil([this] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

/// Holds the GIL until it goes out of scope, on any thread.
class GilAcquire {
 public:
  GilAcquire() {
    take_gil([this] { acquired_.emplace(); });
  }

 private:
  std::optional<pybind11::gil_scoped_acquire> acquired_;
};

}  // namespace posekit_python
