/// Fuzz target: what kind of file a model is. The bytes go through a file in memory.
#include "inference/file_kind.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "posekit/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int descriptor = memfd_create("model", MFD_CLOEXEC);
  if (descriptor < 0 || write(descriptor, data, size) != static_cast<ssize_t>(size)) return 0;
  try {
    posekit::check_is_torchscript("/proc/self/fd/" + std::to_string(descriptor));
  } catch (const posekit::Error&) {
  }
  close(descriptor);
  return 0;
}
