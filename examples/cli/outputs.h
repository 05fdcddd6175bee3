/// Where results go: names, collisions, what is there already.
#pragma once

#include <filesystem>
#include <vector>

#include "inputs.h"

namespace cli {

/// The files of one input.
struct Output {
  std::filesystem::path json;
  std::filesystem::path picture;  ///< Empty: none wanted.
};

/// One for each input: `a.jpg` → `a.jpg.json` and `a.jpg.pose.jpg`, sub-folders kept.
/// @throws UsageError if two inputs would write one file, or an output would replace an input
std::vector<Output> plan_outputs(const std::vector<Input>& inputs, const std::filesystem::path& folder, bool json, bool pictures);

/// @param read files that a run reads besides its images @throws UsageError if one of them would be written
void check_not_read(const std::vector<Output>& outputs, const std::filesystem::path& coco, const std::vector<std::filesystem::path>& read);

/// Whether everything that is wanted is there already.
bool is_done(const Output& output);

}  // namespace cli
