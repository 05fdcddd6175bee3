/// Reads the golden cases.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "support/paths.h"

namespace posekit_test {

inline nlohmann::json golden_cases(const std::string& folder) {
  std::ifstream file(golden_dir() / folder / "cases.json");
  return nlohmann::json::parse(file);
}

}  // namespace posekit_test
