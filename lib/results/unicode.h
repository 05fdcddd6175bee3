/// Text of files that people made on other systems.
#pragma once

#include <string>
#include <string_view>

namespace posekit::inline v0 {

/// UTF-8 text in one form for all spellings that are canonically the same: Unicode's NFD. "é" is one character on most systems, two on a
/// Mac. Bytes that are no UTF-8 stay as they are.
[[nodiscard]] std::string canonical_form(std::string_view utf8);

/// Text as UTF-8 without a byte order mark: UTF-16 is converted, by its mark or by the zeros in its first two characters.
/// What UTF-16 does not allow becomes U+FFFD.
[[nodiscard]] std::string to_utf8(std::string text);

}  // namespace posekit::inline v0
