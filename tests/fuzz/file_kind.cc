/// Fuzz target: what kind of file a model is.
#include "model/file_kind.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "posekit/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    posekit::check_is_torchscript(std::as_bytes(std::span(data, size)));
  } catch (const posekit::Error&) {
  }
  return 0;
}
