/// posekit inspect: what a model file is, its metadata, where each value came from, keypoint names.
#include "inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace cli {

int run_inspect(const ModelChoice& choice) {
  const posekit::ModelReport report = posekit::inspect_model(choice.path, model_options(choice));
  const posekit::ModelInfo& info = report.info;
  fmt::print("file        {}\n", report.path.string());
  fmt::print("kind        TorchScript archive, {} bytes\n", report.file_bytes);
  fmt::print("weights     {} values, {:.1f} MiB\n\n", report.parameters, static_cast<double>(report.parameter_bytes) / (1 << 20));

  std::size_t width = 0;
  for (const posekit::ValueOrigin& origin : info.origins) width = std::max(width, origin.key.size());
  for (const posekit::ValueOrigin& origin : info.origins) fmt::print("{:<{}}  {}  ({})\n", origin.key, width, origin.value, origin.origin);
  for (const std::string& note : info.notes) fmt::print("note: {}\n", note);

  if (info.task == posekit::Task::pose) {
    fmt::print("\n{} keypoints of \"{}\":\n", info.keypoints.size(), info.keypoints.name);
    for (std::size_t i = 0; i < info.keypoints.size(); ++i) fmt::print("{:>4}  {}\n", i, info.keypoints.keypoints[i].name);
    for (const auto& [name, indices] : info.keypoints.subsets) fmt::print("subset \"{}\": {} keypoints\n", name, indices.size());
  }
  return 0;
}

}  // namespace cli
