/// From the arguments to a list of images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cli {

/// One image to be worked on.
struct Input {
  std::filesystem::path path;
  std::filesystem::path name;  ///< Where its results go below the output folder: the file's name, with sub-folders of a folder input.
  std::string problem;         ///< Not empty: why it can't be worked on.
};

/// Images, folders (searched to their depth), globs and @lists, in the order given; what a folder or glob holds is sorted.
/// @param output the output folder, or empty: what an earlier run wrote there is no input when it lies in a folder that is searched
/// @throws UsageError if that gives no input at all
std::vector<Input> collect_inputs(const std::vector<std::string>& arguments, const std::filesystem::path& output);

}  // namespace cli
