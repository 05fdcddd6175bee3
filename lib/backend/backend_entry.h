/// What a library of its own that runs models shows: one function of C, which says whose it is before any object of C++ crosses.
#pragma once

#include "backend/backend_library.h"
#include "posekit/runtime.h"

namespace posekit::inline v0 {

/// What libposekit asks of the library. Each is documented where it is declared.
struct BackendFunctions {
  decltype(&posekit::open_model_file) open_model_file;
  decltype(&posekit::devices_of) devices_of;
  decltype(&posekit::torch_versions) torch_versions;
  decltype(&posekit::built_with_cuda) built_with_cuda;
  decltype(&posekit::set_torch_threads) set_torch_threads;
  decltype(&posekit::torch_threads) torch_threads;
  decltype(&posekit::set_torch_tf32) set_torch_tf32;
  decltype(&posekit::torch_tf32) torch_tf32;
  decltype(&posekit::set_device_memory_limit) set_device_memory_limit;
};

extern "C" {
/// Both versions are looked at before `functions` is, which have the layout of that version of posekit alone.
struct PosekitBackend {
  const char* posekit_version;  ///< As posekit::version().
  const char* torch_version;    ///< What it was built for, for example "2.13.0".
  const BackendFunctions* functions;
};
/// The type of the function. Internal: it may change with every version.
using PosekitBackendEntry = const PosekitBackend*();
}

inline constexpr const char* backend_entry_name = "posekit_backend";

}  // namespace posekit::inline v0
