/// Where a model's bytes are: in a file, or in the caller's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <utility>

namespace posekit::inline v0 {

/// Names a model and borrows its bytes; nothing is opened.
class ModelSource {
 public:
  ModelSource(std::filesystem::path path) : path_(std::move(path)), in_memory_(false) {}       // NOLINT(google-explicit-constructor)
  ModelSource(std::span<const std::byte> bytes) noexcept : bytes_(bytes), in_memory_(true) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool in_memory() const noexcept { return in_memory_; }
  /// Empty for a model in memory.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Empty for a model in a file.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// How messages name it.
  [[nodiscard]] std::string text() const { return in_memory_ ? "the model in memory" : "\"" + path_.string() + "\""; }

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  bool in_memory_;
};

/// Reads any part of a model's bytes.
class ModelReader {
 public:
  /// @throws Error io if the file can't be opened
  explicit ModelReader(const ModelSource& source);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Part of the bytes; shorter where they end or can't be read.
  [[nodiscard]] std::string read(std::uint64_t from, std::size_t count);

 private:
  std::span<const std::byte> bytes_;
  std::ifstream file_;
  std::uint64_t size_;
};

}  // namespace posekit::inline v0
