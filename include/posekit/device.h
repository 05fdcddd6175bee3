/// Where a model runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "posekit/export.h"

namespace posekit::inline v0 {

enum class DeviceKind : std::uint8_t { cpu, cuda };

/// One device: the CPU, or a CUDA device by its number.
struct Device {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;  ///< N of cuda:N; 0 for the CPU.
  friend bool operator==(const Device&, const Device&) = default;
  friend auto operator<=>(const Device&, const Device&) = default;
};

/// "cpu" or "cuda:N".
[[nodiscard]] POSEKIT_API std::string to_string(Device device);

/// The same of several, joined by commas.
[[nodiscard]] POSEKIT_API std::string to_string(std::span<const Device> devices);

/// Reads "cpu", "cuda" (cuda:0), "cuda:N", or several of one kind joined by commas. Does not check whether the devices exist.
/// @return the devices in the text's order; none for "auto"
/// @throws Error invalid_argument
[[nodiscard]] POSEKIT_API std::vector<Device> parse_devices(std::string_view text);

}  // namespace posekit::inline v0
