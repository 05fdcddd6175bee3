/// Fuzz target: .npy files.
#include "support/npy.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto array = posekit_test::parse_npy({reinterpret_cast<const char*>(data), size});
    std::size_t count = 1;
    for (const std::size_t length : array.shape) count *= length;
    if (count != array.values.size()) std::abort();
  } catch (const std::runtime_error&) {
  }
  return 0;
}
