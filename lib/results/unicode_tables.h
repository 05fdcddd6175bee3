/// What Unicode says of characters.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace posekit::inline v0 {

/// A character that is canonically the same as one or two others.
struct Decomposition {
  char32_t code;
  char32_t first;
  char32_t second;  ///< 0: none.
};

/// Characters of one combining class other than 0.
struct CombiningClass {
  char32_t first;
  char32_t last;
  std::uint8_t value;
};

/// Both sorted. Hangul syllables are not in them: their decomposition is computed.
[[nodiscard]] std::span<const Decomposition> decompositions() noexcept;
[[nodiscard]] std::span<const CombiningClass> combining_classes() noexcept;

}  // namespace posekit::inline v0
