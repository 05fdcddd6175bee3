/// Bytes of files, and whole numbers in them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <span>
#include <string>
#include <string_view>

namespace posekit::inline v0 {

/// Bytes of a file from position `at` on, fewer at the file's end.
[[nodiscard]] inline std::string bytes_at(std::istream& file, std::uint64_t at, std::size_t count) {
  std::string bytes(count, '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(at));
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

/// Whether the bytes begin with the text.
[[nodiscard]] inline bool begins_with(std::span<const std::byte> bytes, std::string_view text) noexcept {
  return bytes.size() >= text.size() && std::ranges::equal(bytes.first(text.size()), std::as_bytes(std::span(text)));
}

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
