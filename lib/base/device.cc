/// Devices as text.
#include "posekit/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

[[noreturn]] void fail_text(std::string_view text) {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("device \"{}\" was given, \"auto\", \"cpu\", \"cuda\" or \"cuda:N\" is expected, or several "
                          "of the last three joined by commas",
                          text));
}

/// One device of a text.
Device parse_one(std::string_view name, std::string_view text) {
  if (name == "cpu") return {};
  if (name == "cuda") return {DeviceKind::cuda, 0};
  if (!name.starts_with("cuda:")) fail_text(text);
  const char* last = name.data() + name.size();
  Device device{DeviceKind::cuda, -1};
  const auto [end, error] = std::from_chars(name.data() + 5, last, device.index);
  if (error != std::errc{} || end != last || device.index < 0) fail_text(text);
  return device;
}

}  // namespace

std::string to_string(Device device) { return device.kind == DeviceKind::cpu ? "cpu" : fmt::format("cuda:{}", device.index); }

std::string to_string(std::span<const Device> devices) {
  std::string text;
  for (const Device device : devices) text += (text.empty() ? "" : ",") + to_string(device);
  return text;
}

std::vector<Device> parse_devices(std::string_view text) {
  std::vector<Device> devices;
  if (text == "auto") return devices;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    devices.push_back(parse_one(text.substr(begin, end - begin), text));
    begin = end + 1;
  }
  if (std::ranges::any_of(devices, [&](Device device) { return device.kind != devices.front().kind; })) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("device \"{}\" mixes CUDA devices and the CPU, whose results differ: name only CUDA devices or only the CPU", text));
  }
  return devices;
}

}  // namespace posekit::inline v0
