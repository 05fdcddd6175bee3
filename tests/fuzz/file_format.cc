/// Fuzz target: what kind of file a model is.
#include "model/file_format.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "posekit/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)posekit::recognise_format(std::as_bytes(std::span(data, size)));
  } catch (const posekit::Error&) {
  }
  return 0;
}
