/// Loads a TorchScript model: open → device and type → freeze → one checked forward.
#include <torch/csrc/jit/api/module.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/model_backend.h"
#include "backend/replicas.h"
#include "base/log.h"
#include "posekit/runtime.h"
#include "torch/backend.h"
#include "torch/errors.h"
#include "torch/model_file.h"
#include "torch/runtime.h"
#include "torch/tf32.h"

namespace posekit::inline v0 {
namespace {

c10::ScalarType scalar_type(Precision precision) {
  switch (precision) {
    case Precision::fp32: break;
    case Precision::fp16: return c10::ScalarType::Half;
    case Precision::bf16: return c10::ScalarType::BFloat16;
  }
  return c10::ScalarType::Float;
}

void check_task(const ModelSource& source, const ModelInfo& info, std::optional<Task> task) {
  if (!task || info.task == *task) return;
  throw Error(ErrorCode::invalid_argument, source.text() + " is a model of task \"" + std::string(to_string(info.task)) + "\", task \"" +
                                               std::string(to_string(*task)) + "\" is expected: pass it as the " +
                                               (*task == Task::pose ? "detector" : "pose model"));
}

/// Constants in place of attributes, batch normalisation folded. Some models can't be frozen; they run as they are.
torch::jit::Module frozen(const torch::jit::Module& module, const std::string& name) {
  try {
    return torch::jit::freeze(module);
  } catch (const std::exception&) {
    log(LogLevel::info, "model \"" + name + "\" can't be frozen and runs as it is, a little slower");
    return module;
  }
}

/// Runs one black crop, so that a model that contradicts its metadata or can't run at all is found out before it is used.
void check_forward(ModelBackend& backend) {
  const InputInfo& input = backend.info().input;
  const std::size_t pixels = static_cast<std::size_t>(input.width) * static_cast<std::size_t>(input.height);
  std::vector<float> crop(pixels * 3);
  if (backend.crop_format() == CropFormat::float_chw) {
    for (std::size_t i = 0; i < crop.size(); ++i) crop[i] = static_cast<float>(-input.mean[i / pixels] / input.std[i / pixels]);
  }
  (void)backend.run({reinterpret_cast<const std::byte*>(crop.data()), 1}, {});
}

std::string failure(const ModelSource& source, const ModelOptions& options, c10::Device device) {
  return source.text() + " can't be brought to " + device_name(device) + " in " + std::string(to_string(options.precision));
}

/// The network on its device, in its type. @param info gets its metadata
torch::jit::Module load_network(const ModelSource& source, const ModelOptions& options, std::optional<Task> task, c10::Device device,
                                ModelInfo& info) {
  ModelFile file = open_model_file(source, options, device);
  check_task(source, file.info, task);
  info = std::move(file.info);
  return translate(failure(source, options, device), ErrorCode::invalid_model, [&] {
    file.module.to(device, scalar_type(options.precision));
    torch::jit::Module network = frozen(file.module, info.name);
    set_tf32_of_convolutions(network, torch_tf32());
    return network;
  });
}

}  // namespace

std::shared_ptr<ModelBackend> load_torchscript(const ModelSource& source, const ModelOptions& options, std::optional<Task> task) {
  std::vector<std::shared_ptr<ModelBackend>> replicas;
  std::map<std::string, torch::jit::Module> networks;  // replicas on one device share the weights
  ModelInfo info;
  for (const c10::Device device : resolve_devices(options.device)) {
    const std::string name = device_name(device);
    if (!networks.contains(name)) networks.emplace(name, load_network(source, options, task, device, info));
    replicas.push_back(translate(failure(source, options, device), ErrorCode::invalid_model, [&] {
      return make_torchscript_backend(networks.at(name), info, device, scalar_type(options.precision));
    }));
    if (options.warm_up == WarmUp::check) check_forward(*replicas.back());
  }
  for (const std::string& note : info.notes) log(LogLevel::warning, "model \"" + info.name + "\": " + note);
  return replicas.size() == 1 ? replicas.front() : make_replica_set(std::move(replicas));
}

}  // namespace posekit::inline v0
