/// The orientation in EXIF data (CIPA DC-008, "Exif 2.3": TIFF tag 0x0112 in the first directory).
#include "io/exif.h"

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace posekit::inline v0 {
namespace {

constexpr std::uint32_t tiff_magic = 42;
constexpr std::uint32_t orientation_tag = 0x0112;
constexpr std::uint32_t short_type = 3;
constexpr std::size_t entry_bytes = 12;

/// Reads numbers in the file's byte order, within its bounds.
class TiffReader {
 public:
  TiffReader(std::span<const std::byte> bytes, bool big_endian) noexcept : bytes_(bytes), big_endian_(big_endian) {}

  std::optional<std::uint32_t> number(std::size_t at, std::size_t count) const noexcept {
    if (at > bytes_.size() || bytes_.size() - at < count) return std::nullopt;
    const auto part = bytes_.subspan(at, count);
    return static_cast<std::uint32_t>(big_endian_ ? big_endian(part) : little_endian(part));
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_endian_;
};

}  // namespace

int exif_orientation(std::span<const std::byte> exif) noexcept {
  const auto tiff = begins_with(exif, exif_prefix) ? exif.subspan(exif_prefix.size()) : exif;
  if (tiff.size() < 8 || tiff[0] != tiff[1] || (tiff[0] != std::byte{'I'} && tiff[0] != std::byte{'M'})) return 1;
  const TiffReader reader(tiff, tiff[0] == std::byte{'M'});
  if (reader.number(2, 2) != tiff_magic) return 1;
  const auto directory = reader.number(4, 4);
  const auto entries = directory ? reader.number(*directory, 2) : std::nullopt;
  if (!entries) return 1;
  for (std::size_t i = 0; i < *entries; ++i) {
    const std::size_t at = *directory + 2 + i * entry_bytes;
    const auto tag = reader.number(at, 2);
    if (!tag) return 1;
    if (*tag != orientation_tag) continue;
    const auto value = reader.number(at + 8, 2);
    const bool valid = reader.number(at + 2, 2) == short_type && value && *value >= 1 && *value <= 8;
    return valid ? static_cast<int>(*value) : 1;
  }
  return 1;
}

}  // namespace posekit::inline v0
