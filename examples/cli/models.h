/// Where the shipped models are.
#pragma once

#include <filesystem>
#include <string>

namespace cli {

/// A shipped model: in $POSEKIT_MODELS, else in ../share/posekit/models beside the program, else where it was built.
/// @throws UsageError that lists where it was looked for
std::filesystem::path shipped_model(const std::string& file);

}  // namespace cli
