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
#include "options.h"

namespace cli {

/// What the name of a drawing has behind the input's.
constexpr const char* drawing_suffix(InputKind kind) { return kind == InputKind::image ? ".pose.jpg" : ".pose.mp4"; }

constexpr const char* crops_suffix = ".crops";

/// The files of one input. Empty: not wanted.
struct Output {
  std::filesystem::path result;  ///< Of a video in OpenPose's form: that of its first frame.
  std::filesystem::path drawing;
  std::filesystem::path crops;  ///< A folder.
};

/// What is written where. `a.jpg` → `a.jpg.json`, `a.jpg.pose.jpg` and `a.jpg.crops`, `a.mp4` → `a.mp4.jsonl`, `a.mp4.pose.mp4` and
/// `a.mp4.crops`, sub-folders kept.
struct OutputPlan {
  std::filesystem::path folder;
  Format format = Format::json;
  bool to_stdout = false;
  bool drawings = false;
  bool crops = false;

  Output of(const Input& input) const;
  /// The file of a video's frame in OpenPose's form.
  std::filesystem::path openpose_frame(const Input& input, std::size_t frame) const;
  /// The one file of all results; empty: each input has its own, or standard output has them.
  std::filesystem::path combined() const;
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
