/// Where a model runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Says what kind of device a model runs on.
enum class DeviceKind : std::uint8_t { cpu, cuda };

/// Names one device: the CPU, or a CUDA device by its number.
struct Device {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;  ///< N of cuda:N; 0 for the CPU.
  friend bool operator==(const Device&, const Device&) = default;
  friend auto operator<=>(const Device&, const Device&) = default;
};

/// Returns the device as text: "cpu" or "cuda:N".
[[nodiscard]] POSEKIT_API std::string to_string(Device device);

/// Returns several devices as text: the same of each, joined by commas.
[[nodiscard]] POSEKIT_API std::string to_string(std::span<const Device> devices);

/// Reads "cpu", "cuda" (cuda:0), "cuda:N", or several of one kind joined by commas.
///
/// It does not check whether the devices exist.
///
/// @return the devices in the text's order; none for "auto"
/// @throws Error invalid_argument if the text is none of these
[[nodiscard]] POSEKIT_API std::vector<Device> parse_devices(std::string_view text);

}  // namespace posekit::inline v0
