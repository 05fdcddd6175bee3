/// SHA-256 of a file (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "model/model_source.h"

namespace posekit::inline v0 {

using Sha256State = std::array<std::uint32_t, 8>;

/// Adds whole blocks of 64 bytes: with the processor's own instructions where it has them, about ten times as fast, else in plain C++.
void sha256_add_blocks(Sha256State& state, std::span<const std::byte> blocks) noexcept;
/// The same in plain C++.
void sha256_add_blocks_plain(Sha256State& state, std::span<const std::byte> blocks) noexcept;

/// A running checksum. Our own, for no dependency is worth one function.
class Sha256 {
 public:
  void add(std::span<const std::byte> bytes) noexcept;
  /// Ends the sum. @return 64 lower-case hexadecimal digits
  [[nodiscard]] std::string finish();

 private:
  Sha256State state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
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
