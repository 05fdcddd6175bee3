/// What a library of its own that runs models shows. Each function is documented where it is declared.
#pragma once

#include "backend/backend_library.h"
#include "posekit/runtime.h"

namespace posekit::inline v0 {

/// What libposekit asks of the library.
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

/// The name of the function that shows it.
inline constexpr const char* backend_entry_name = "posekit_backend";

}  // namespace posekit::inline v0
