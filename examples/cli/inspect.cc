/// posekit inspect: what a model file is, its metadata, where each value came from, keypoint names.
#include "inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "models.h"
#include "posekit/model_report.h"

namespace cli {
namespace {

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

posekit::MemoryReport memory_of(const ModelChoice& model) {
  prepare_device(model);
  return posekit::Model(model.path, model_options(model)).measure_memory();
}

void print(const posekit::MemoryReport& memory, const std::string& precision) {
  fmt::print("\nmemory on {} in {}, measured with batches of one and two:\n", posekit::to_string(memory.device), precision);
  fmt::print("  weights     {:>10.1f} MiB\n", mebibytes(memory.weights));
  fmt::print("  each batch  {:>10.1f} MiB\n", mebibytes(memory.batch));
  fmt::print("  each person {:>10.1f} MiB\n", mebibytes(memory.person));
  if (!memory.available) return fmt::print("  still free: the system does not report it\n");
  fmt::print("  still free  {:>10.1f} MiB", mebibytes(*memory.available));
  if (memory.largest_batch) fmt::print(": holds a batch of {}", *memory.largest_batch);
  fmt::print("\n");
}

}  // namespace

int run_inspect(const InspectOptions& options) {
  const posekit::ModelReport report = posekit::inspect_model(options.model.path, model_options(options.model));
  std::optional<posekit::MemoryReport> memory;
  if (options.memory) memory = memory_of(options.model);
  const posekit::ModelInfo& info = report.info;
  fmt::print("file        {}\n", report.path.string());
  fmt::print("kind        TorchScript archive, {} bytes\n", report.file_bytes);
  fmt::print("weights     {} values, {:.1f} MiB\n", report.parameters, mebibytes(report.parameter_bytes));
  fmt::print("CPUs        {}\n\n", describe(posekit::cpu_report()));

  std::size_t width = 0;
  for (const posekit::ValueOrigin& origin : info.origins) width = std::max(width, origin.key.size());
  for (const posekit::ValueOrigin& origin : info.origins) fmt::print("{:<{}}  {}  ({})\n", origin.key, width, origin.value, origin.origin);
  for (const std::string& note : info.notes) fmt::print("note: {}\n", note);

  if (info.task() == posekit::Task::pose) {
    const posekit::KeypointSet& keypoints = info.pose().keypoints;
    fmt::print("\n{} keypoints of \"{}\":\n", keypoints.size(), keypoints.name);
    for (std::size_t i = 0; i < keypoints.size(); ++i) fmt::print("{:>4}  {}\n", i, keypoints.keypoints[i].name);
    for (const auto& [name, indices] : keypoints.subsets) fmt::print("subset \"{}\": {} keypoints\n", name, indices.size());
  }
  if (memory) print(*memory, precision_name(options.model, info));
  return 0;
}

}  // namespace cli
