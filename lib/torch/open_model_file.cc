/// The file formats that Torch runs, and who opens each.
#include "backend/backend_library.h"
#include "torch/runtime.h"
#include "torch/torchscript_file.h"

namespace posekit::inline v0 {

std::unique_ptr<ModelFile> open_model_file(FileFormat format, const ModelSource& source, Device device) {
  check_torch_version();
  switch (format) {
    case FileFormat::torchscript: break;
  }
  return open_torchscript(source, device);
}

}  // namespace posekit::inline v0
