/// What a boxes file says, before any of it is matched to images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "posekit/geometry.h"

namespace posekit::inline v0 {

/// An image as the file names it: a path, or COCO's id.
using ImageKey = std::variant<std::string, std::int64_t>;

struct ListedBox {
  ImageKey image;
  Box box;
  std::optional<std::int64_t> category;
  std::optional<std::string> category_name;
  bool crowd = false;
  bool has_score = true;
  std::string problem;  ///< Not empty: what is wrong with the box, if it is a person's.
};

struct CocoImage {
  std::int64_t id = 0;
  std::string name;
  Size size;  ///< 0 for a side that is not known.
};

struct BoxesDocument {
  std::vector<std::string> images;  ///< Keys of a map.
  std::vector<ListedBox> boxes;
  std::vector<CocoImage> coco_images;
  std::map<std::int64_t, std::string> categories;  ///< By id.
  enum class Kind : std::uint8_t { detections, map, coco } kind = Kind::detections;
};

/// The text of a file in UTF-8. @param kind what messages call such a file
/// @throws Error not_found, io
[[nodiscard]] std::string read_boxes_text(const std::filesystem::path& path, std::string_view kind);

/// @param name what messages call the file
/// @throws Error invalid_argument, with the entry, or line and column
[[nodiscard]] BoxesDocument parse_boxes(std::string_view utf8, const std::string& name);
/// Only images and categories are taken; annotations need not be there.
[[nodiscard]] BoxesDocument parse_annotations(std::string_view utf8, const std::string& name);

}  // namespace posekit::inline v0
