/// Numbers as JSON text.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace posekit::inline v0 {

/// The shortest form that reads back exactly; "0" for NaN and infinities, which JSON does not know.
template <class Number>
[[nodiscard]] std::string json_number(Number value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "0";
}

}  // namespace posekit::inline v0
