/// The JSON documents that are compiled in: keypoint sets and metadata presets.
#pragma once

#include <span>
#include <string_view>

namespace posekit::inline v0 {

struct EmbeddedDocument {
  std::string_view name;  ///< "sets/coco17", "presets/sapiens-coco17"
  std::string_view json;
};

/// All of them, sorted by name.
[[nodiscard]] std::span<const EmbeddedDocument> embedded_documents() noexcept;

}  // namespace posekit::inline v0
