/// What the library warns of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "posekit/runtime.h"

namespace posekit_test {

/// The warnings that reach the log callback while the call runs.
template <class Call>
std::vector<std::string> warnings_of(Call call) {
  std::vector<std::string> warnings;
  posekit::set_log_callback([&](posekit::LogLevel level, std::string_view text) {
    if (level == posekit::LogLevel::warning) warnings.emplace_back(text);
  });
  call();
  posekit::set_log_callback({});
  return warnings;
}

}  // namespace posekit_test
