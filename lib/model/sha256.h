/// SHA-256 of a file (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "model/model_source.h"

namespace posekit::inline v0 {

/// A running checksum. Our own, for no dependency is worth one function.
class Sha256 {
 public:
  void add(std::span<const std::byte> bytes) noexcept;
  /// Ends the sum. @return 64 lower-case hexadecimal digits
  [[nodiscard]] std::string finish();

 private:
  void add_block(const std::byte* block) noexcept;

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_bytes_ = 0;
};

/// @throws Error io if the file can't be read
[[nodiscard]] std::string sha256_of(const ModelSource& model);

/// Holds a model against an expected checksum. @param expected 64 hexadecimal digits of any case
/// @throws Error invalid_argument (not such digits), invalid_model (another sum), io
void check_sha256(const ModelSource& model, const std::string& expected);

}  // namespace posekit::inline v0
