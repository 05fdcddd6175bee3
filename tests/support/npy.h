/// Reads .npy files (version 1.0, C order, little-endian float32 or float64).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <vector>

namespace posekit_test {

struct NpyArray {
  std::vector<std::size_t> shape;
  std::vector<double> values;  ///< float32 values are exact in it.
};

/// @throws std::runtime_error for anything else than such a file
NpyArray parse_npy(std::string_view bytes);
NpyArray read_npy(const std::filesystem::path& path);

/// The values as float, exact for float32 files.
std::vector<float> to_floats(const NpyArray& array);

}  // namespace posekit_test
