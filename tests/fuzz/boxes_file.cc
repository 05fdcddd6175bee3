/// Fuzz target: boxes files of the command line.
#include "cli/boxes_file.h"

#include <cstddef>
#include <cstdint>

#include "cli/options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = cli::BoxesFile::parse({reinterpret_cast<const char*>(data), size});
    (void)file.find("a.jpg");
    (void)file.image_id("a.jpg");
  } catch (const cli::UsageError&) {
  }
  return 0;
}
