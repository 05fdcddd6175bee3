/// Fuzz target: boxes files, and the names in them.
#include "posekit/boxes_file.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "posekit/error.h"
#include "results/boxes_document.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<std::filesystem::path, 4> images{"a.jpg", "b/c.jpg", "000000000785.png", "caf\u00E9/d.png"};
  const auto next = [i = std::size_t{0}]() mutable { return i < images.size() ? std::optional(images[i++]) : std::nullopt; };
  posekit::BoxesFileOptions options;
  if (size % 2 == 1) options.category = 1;
  if (size % 3 == 1) options.score_threshold = 0.5F;
  options.scale = size % 5 == 1;
  try {
    const posekit::BoxesFile file({reinterpret_cast<const char*>(data), size}, "boxes.json", next, options);
    for (const std::filesystem::path& image : images) {
      (void)file.has_entry(image);
      (void)file.image_id(image);
      try {
        (void)file.boxes(image, {640, 480});
      } catch (const posekit::Error&) {
      }
    }
  } catch (const posekit::Error&) {
  }
  try {
    (void)posekit::parse_annotations({reinterpret_cast<const char*>(data), size}, "annotations.json");
  } catch (const posekit::Error&) {
  }
  return 0;
}
