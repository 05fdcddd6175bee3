/// Model: a loaded model, which estimators and detectors share.
#include "posekit/model.h"

#include <utility>

#include "base/fork_guard.h"
#include "base/process_end.h"
#include "loading/load_model.h"
#include "loading/measure_memory.h"
#include "posekit/error.h"

namespace posekit::inline v0 {

struct Model::State {
  explicit State(std::shared_ptr<ModelBackend> loaded) : backend(std::make_unique<std::shared_ptr<ModelBackend>>(std::move(loaded))) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    // Not in a forked child: freeing it there may wait for a lock that a thread of the parent held. Nor while the process ends: without
    // Torch.
    if (fork_guard.forked() || process_is_ending()) keep_for_ever(std::move(backend));
  }

  ForkGuard fork_guard;
  std::unique_ptr<std::shared_ptr<ModelBackend>> backend;  ///< So that a forked child can leave it.
};

Model::Model(const std::filesystem::path& path, const ModelOptions& options) : Model(load_model(path, options)) {}
Model::Model(std::span<const std::byte> bytes, const ModelOptions& options) : Model(load_model(bytes, options)) {}
Model::Model(std::shared_ptr<ModelBackend> backend) {
  if (!backend) throw Error(ErrorCode::invalid_argument, "the model's backend is null: pass one");
  state_ = std::make_shared<const State>(std::move(backend));
}

const ModelInfo& Model::info() const noexcept { return (*state_->backend)->info(); }
std::span<const Device> Model::devices() const noexcept { return (*state_->backend)->devices(); }
bool Model::is_fused() const noexcept { return (*state_->backend)->is_fused(); }

MemoryReport Model::measure_memory() const {
  state_->fork_guard.check("Model");
  const ModelWork work;
  return posekit::measure_memory(**state_->backend);
}

std::shared_ptr<ModelBackend> Model::backend_for(Task task) const {
  state_->fork_guard.check("Model");
  if (info().task() == task) return *state_->backend;
  const bool is_pose = info().task() == Task::pose;
  throw Error(ErrorCode::invalid_argument, "model \"" + info().name + "\" has task \"" + std::string(to_string(info().task())) +
                                               "\", task \"" + std::string(to_string(task)) + "\" is expected: pass it as the " +
                                               (is_pose ? "pose model" : "detector"));
}

std::string_view to_string(Precision value) noexcept {
  switch (value) {
    case Precision::automatic: return "auto";
    case Precision::as_exported: return "as_exported";
    case Precision::fp32: return "fp32";
    case Precision::fp16: return "fp16";
    case Precision::bf16: return "bf16";
  }
  return "unknown";
}

}  // namespace posekit::inline v0
