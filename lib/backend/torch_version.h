/// Which Torch runs, as Torch says it of itself: all versions list it among their build settings (at::show_config).
#pragma once

#include <string>
#include <string_view>

namespace posekit::inline v0 {

/// The version in the list, for example "2.13.0"; empty: it has none.
[[nodiscard]] inline std::string torch_version_in(std::string_view build_settings) {
  constexpr std::string_view key = "TORCH_VERSION=";
  const std::size_t at = build_settings.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = build_settings.substr(at + key.size());
  return std::string(rest.substr(0, rest.find_first_not_of("0123456789.")));
}

/// A version without its patch: "2.13".
[[nodiscard]] inline std::string_view torch_minor_of(std::string_view version) {
  return version.substr(0, version.find('.', version.find('.') + 1));
}

}  // namespace posekit::inline v0
