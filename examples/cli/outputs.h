/// Where results go: names, collisions, what is there already.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "inputs.h"

namespace cli {

/// What the name of a drawing has behind the input's.
constexpr const char* drawing_suffix(InputKind kind) { return kind == InputKind::image ? ".pose.jpg" : ".pose.mp4"; }

/// The files of one input. Empty: not wanted.
struct Output {
  std::filesystem::path json;
  std::filesystem::path drawing;
};

/// What is written where. `a.jpg` → `a.jpg.json` and `a.jpg.pose.jpg`, `a.mp4` → `a.mp4.jsonl` and `a.mp4.pose.mp4`, sub-folders kept.
struct OutputPlan {
  std::filesystem::path folder;
  bool json = true;
  bool drawings = false;
  std::filesystem::path coco;  ///< The one file of COCO results, or empty.

  Output of(const Input& input) const;
};

/// Goes through all inputs, holding a few bytes for each. @param read files that a run reads besides its inputs
/// @return how many inputs there are; none where that was not looked at, as names can't collide: a folder alone
/// @throws UsageError if two inputs would write one file, or an output would replace an input or one of `read`
std::optional<std::size_t> check_outputs(const std::function<InputList()>& list, const OutputPlan& plan,
                                         const std::vector<std::filesystem::path>& read);

/// With the folders above it. @throws posekit::Error io
void make_folder(const std::filesystem::path& folder);

/// @throws std::system_error EPIPE if its reader has gone, which ends the run; posekit::Error io
void write_to_stdout(const std::string& text);

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace cli
