/// Where results go.
#include "outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <set>
#include <system_error>

#include "posekit/error.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* keypoints_suffix = "_keypoints.json";  // what readers of OpenPose's files look for

fs::path identity(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(path, error);
  return error ? fs::absolute(path).lexically_normal() : result;
}

std::vector<fs::path> files_of(const Output& output) {
  std::vector<fs::path> files;
  for (const fs::path& file : {output.result, output.drawing}) {
    if (!file.empty()) files.push_back(file);
  }
  return files;
}

[[noreturn]] void refuse_to_replace(const fs::path& file) {
  throw UsageError(fmt::format("the result \"{}\" would replace an input: choose another folder with -o", file.string()));
}

std::uint64_t short_form(const fs::path& path) { return std::hash<std::string>()(path.string()); }

bool holds(const std::vector<std::uint64_t>& sorted, std::uint64_t value) { return std::ranges::binary_search(sorted, value); }

/// Of a folder alone results differ in their names, and are no inputs unless the results' folder is above it.
bool cant_collide(const fs::path& input, const fs::path& output) {
  const fs::path way = identity(input).lexically_relative(identity(output));
  return way == "." || *way.begin() == "..";
}

/// Whether the result of an image or video in the folder is `file`: then that one is there.
bool is_result_of(const fs::path& folder, const OutputPlan& plan, const fs::path& file) {
  const std::string name = identity(file).lexically_relative(identity(plan.folder)).string();
  constexpr std::array<std::string_view, 5> suffixes{keypoints_suffix, ".json", ".jsonl", ".pose.jpg", ".pose.mp4"};
  return std::ranges::any_of(suffixes, [&](std::string_view suffix) {
    if (name.starts_with("..") || !name.ends_with(suffix)) return false;
    const fs::path original = name.substr(0, name.size() - suffix.size());
    const bool video = posekit::media_kind(original) == posekit::MediaKind::video;
    const auto written = files_of(plan.of(
        {.path = folder / original, .name = original, .kind = video ? InputKind::video : InputKind::image, .camera = 0, .problem = {}}));
    std::error_code ignored;
    return posekit::media_kind(original) != posekit::MediaKind::other && fs::exists(folder / original, ignored) &&
           std::ranges::any_of(written, [&](const fs::path& path) { return identity(path) == identity(file); });
  });
}

/// Names what collides, if anything really does: hashes of different paths may be the same.
void explain(InputList inputs, const OutputPlan& plan, const std::vector<std::uint64_t>& suspicious) {
  std::map<fs::path, fs::path> writers;
  std::set<fs::path> sources;
  while (const auto input = inputs.next()) {
    if (const fs::path source = identity(input->path); holds(suspicious, short_form(source))) sources.insert(source);
    if (!input->problem.empty()) continue;
    for (const fs::path& file : files_of(plan.of(*input))) {
      const fs::path written = identity(file);
      if (!holds(suspicious, short_form(written))) continue;
      if (const auto [other, is_new] = writers.emplace(written, input->path); !is_new) {
        throw UsageError(fmt::format("\"{}\" and \"{}\" would both write \"{}\": process them in separate runs, or pass their folders",
                                     other->second.string(), input->path.string(), file.string()));
      }
    }
  }
  for (const auto& [written, input] : writers) {
    if (sources.contains(written)) refuse_to_replace(written);
  }
}

/// Hashes of what is read and written show whether a closer look is needed.
std::size_t check_all(const std::function<InputList()>& list, const OutputPlan& plan, const std::set<fs::path>& read) {
  std::vector<std::uint64_t> sources;
  std::vector<std::uint64_t> written;
  InputList inputs = list();
  while (const auto input = inputs.next()) {
    sources.push_back(short_form(identity(input->path)));
    if (!input->problem.empty()) continue;
    for (const fs::path& file : files_of(plan.of(*input))) {
      const fs::path path = identity(file);
      if (read.contains(path)) refuse_to_replace(file);
      written.push_back(short_form(path));
    }
  }
  const std::size_t count = sources.size();
  std::ranges::sort(sources);
  std::ranges::sort(written);
  std::vector<std::uint64_t> suspicious;
  std::ranges::set_intersection(sources, written, std::back_inserter(suspicious));
  for (std::size_t i = 1; i < written.size(); ++i) {
    if (written[i] == written[i - 1]) suspicious.push_back(written[i]);
  }
  std::ranges::sort(suspicious);
  if (!suspicious.empty()) explain(list(), plan, suspicious);
  return count;
}

}  // namespace

Output OutputPlan::of(const Input& input) const {
  const std::string base = (folder / input.name).string();
  const bool image = input.kind == InputKind::image;
  Output output;
  if (!to_stdout && format == Format::json) output.result = base + (image ? ".json" : ".jsonl");
  if (!to_stdout && format == Format::openpose) output.result = image ? fs::path(base + keypoints_suffix) : openpose_frame(input, 0);
  if (drawings) output.drawing = base + drawing_suffix(input.kind);
  if (crops) output.crops = base + crops_suffix;
  return output;
}

fs::path OutputPlan::combined() const {
  if (to_stdout) return {};
  switch (format) {
    case Format::coco: return folder / "results.json";
    case Format::coco_dataset: return folder / "dataset.json";
    case Format::csv: return folder / "results.csv";
    case Format::json:
    case Format::openpose: break;
  }
  return {};
}

fs::path OutputPlan::openpose_frame(const Input& input, std::size_t frame) const {
  const std::string name = fs::path(input.name).filename().string();
  return fs::path((folder / input.name).string() + "_keypoints") / fmt::format("{}_{:012}{}", name, frame, keypoints_suffix);
}

std::optional<std::size_t> check_outputs(const std::function<InputList()>& list, const OutputPlan& plan,
                                         const std::vector<fs::path>& read) {
  std::set<fs::path> read_paths;
  for (const fs::path& path : read) read_paths.insert(identity(path));
  if (const fs::path file = plan.combined(); !file.empty() && read_paths.contains(identity(file))) refuse_to_replace(file);
  const auto folder = list().only_folder();
  if (!folder || !cant_collide(*folder, plan.folder)) return check_all(list, plan, read_paths);
  for (const fs::path& path : read) {
    if (is_result_of(*folder, plan, path)) refuse_to_replace(path);
  }
  return std::nullopt;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw posekit::Error(posekit::ErrorCode::io, fmt::format("the folder \"{}\" can't be created ({}): choose another one with -o",
                                                             folder.string(), error.message()));
  }
}

void write_to_stdout(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  if (errno == EPIPE) throw std::system_error(EPIPE, std::generic_category(), "standard output");
  throw posekit::Error(posekit::ErrorCode::io, "standard output can't be written: check the disk");
}

}  // namespace cli
