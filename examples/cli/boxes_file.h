/// Boxes from a file: a plain map, COCO annotations, or COCO detection results.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "posekit/geometry.h"

namespace cli {

class BoxesFile {
 public:
  /// Reads the document. @throws UsageError that names the entry, what was found and what is expected
  static BoxesFile parse(std::string_view json);
  static BoxesFile read(const std::filesystem::path& path);

  /// The boxes of an image by its path as given, else by its file name; null if there is no entry.
  const std::vector<posekit::Box>* find(const std::filesystem::path& image) const;
  /// COCO's id of the image, from an annotation file.
  std::optional<std::int64_t> image_id(const std::filesystem::path& image) const;

 private:
  std::map<std::string, std::vector<posekit::Box>> boxes_;
  std::map<std::string, std::int64_t> ids_;
};

}  // namespace cli
