/// The one function that libposekit_torch-2.N.so shows. Not part of what links Torch in.
#include <torch/version.h>

#include "backend/backend_entry.h"
#include "host/loaded_library.h"
#include "posekit/export.h"

namespace posekit::inline v0 {
namespace {

constexpr BackendFunctions functions{
    .open_model_file = open_model_file,
    .devices_of = devices_of,
    .torch_versions = torch_versions,
    .built_with_cuda = built_with_cuda,
    .set_torch_threads = set_torch_threads,
    .torch_threads = torch_threads,
    .set_torch_tf32 = set_torch_tf32,
    .torch_tf32 = torch_tf32,
    .set_device_memory_limit = set_device_memory_limit,
};

constexpr PosekitLibrary backend{.posekit_version = POSEKIT_VERSION, .built_for = TORCH_VERSION, .functions = &functions};

}  // namespace

extern "C" POSEKIT_API const PosekitLibrary* posekit_backend();
const PosekitLibrary* posekit_backend() { return &backend; }

}  // namespace posekit::inline v0
