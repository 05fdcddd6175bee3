/// Parses untrusted JSON: bounded in size and depth, no key twice.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace posekit::inline v0 {

/// The document, or the reason why there is none.
struct ParsedJson {
  nlohmann::json value;
  std::string problem;  ///< Empty if all is well; else words that follow "the document ".
};

/// @param most_bytes larger documents are refused unread
[[nodiscard]] ParsedJson parse_strict_json(std::string_view text, std::size_t most_bytes);

/// A value as a message shows it: JSON text, shortened.
[[nodiscard]] std::string shown(const nlohmann::json& value);

}  // namespace posekit::inline v0
