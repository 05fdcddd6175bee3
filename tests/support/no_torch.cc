/// Stands in for lib/torch in programs whose models are the test's own: no file is a model, and there is no device but the CPU.
#include <memory>
#include <string>
#include <vector>

#include "backend/backend_library.h"
#include "posekit/error.h"

namespace posekit::inline v0 {

std::unique_ptr<ModelFile> open_model_file(FileFormat /*format*/, const ModelSource& source, Device /*device*/) {
  throw Error(ErrorCode::unsupported_model, source.text() + " can't be opened: there is no Torch in this program");
}
std::vector<Device> devices_of(const std::string& option) {
  if (option == "auto" || option == "cpu") return {Device{}};
  throw Error(ErrorCode::device_unavailable, "device \"" + option + "\" was asked for, but there is no Torch in this program");
}

}  // namespace posekit::inline v0
