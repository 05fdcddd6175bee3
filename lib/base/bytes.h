/// Whole numbers in the bytes of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace posekit::inline v0 {

/// The bytes as one number, most significant first. @param bytes at most 8
[[nodiscard]] constexpr std::uint64_t big_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

/// The bytes as one number, least significant first. @param bytes at most 8
[[nodiscard]] constexpr std::uint64_t little_endian(std::span<const std::byte> bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i - 1]);
  return value;
}

/// The same of text that holds bytes.
[[nodiscard]] inline std::uint64_t big_endian(std::string_view bytes) noexcept { return big_endian(std::as_bytes(std::span(bytes))); }
[[nodiscard]] inline std::uint64_t little_endian(std::string_view bytes) noexcept { return little_endian(std::as_bytes(std::span(bytes))); }

}  // namespace posekit::inline v0
