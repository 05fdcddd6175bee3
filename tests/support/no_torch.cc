/// Stands in for lib/torch in programs whose models are the test's own: no file is a model, and there is no device but the CPU.
#include <memory>

#include "backend/backend_library.h"
#include "posekit/error.h"

namespace posekit::inline v0 {

std::unique_ptr<ModelFile> open_model_file(FileFormat /*format*/, const ModelSource& source, Device /*device*/) {
  throw Error(ErrorCode::unsupported_model, source.text() + " can't be opened: there is no Torch in this program");
}
Device default_device() { return {}; }
void check_device(Device device) {
  if (device.kind != DeviceKind::cpu) throw Error(ErrorCode::device_unavailable, "there is no Torch in this program");
}

}  // namespace posekit::inline v0
