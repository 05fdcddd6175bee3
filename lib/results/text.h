/// Text that goes into results.
#pragma once

#include <string>
#include <string_view>

namespace posekit::inline v0 {

/// The text as UTF-8: bytes that are none are replaced by U+FFFD, one for each, as paths and messages may have them.
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// The text as a JSON string, made valid in the same way.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace posekit::inline v0
