/// Parts of the TorchScript backend, for tests that include no Torch.
#include "support/torch_internals.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DefaultDtype.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/codegen/fuser/interface.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/ir/irparser.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/tensorexpr_fuser.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/jit/tensorexpr/kernel.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "torch/backend.h"
#include "torch/crop.h"
#include "torch/device.h"
#include "torch/graph_nodes.h"
#include "torch/load_pass.h"
#include "torch/peaks.h"
#include "torch/runtime.h"
#include "torch/tf32.h"

namespace posekit_test {
namespace {

at::ScalarType scalar_type(HeatmapType type) {
  switch (type) {
    case HeatmapType::float32: break;
    case HeatmapType::float16: return at::kHalf;
    case HeatmapType::bfloat16: return at::kBFloat16;
    case HeatmapType::float64: return at::kDouble;
  }
  return at::kFloat;
}

at::Tensor tensor_of(std::span<const float> values, const Heatmaps& form, const posekit::ModelInfo& info, const c10::Device& device) {
  const auto batch = static_cast<std::int64_t>(form.batch);
  const posekit::Size size = std::get<posekit::HeatmapOutput>(info.output).size;
  const std::int64_t cells = std::int64_t{size.width} * size.height;
  const std::int64_t channels = static_cast<std::int64_t>(values.size()) / (batch * cells);
  const at::Tensor tensor = at::from_blob(const_cast<float*>(values.data()), {batch, channels, size.height, size.width}, at::kFloat)
                                .to(scalar_type(form.type))
                                .to(device);
  switch (form.layout) {
    case HeatmapLayout::contiguous: break;
    case HeatmapLayout::channels_last: return tensor.contiguous(at::MemoryFormat::ChannelsLast);
    case HeatmapLayout::strided: {
      const at::Tensor wide = at::empty({batch, channels, size.height, std::int64_t{2} * size.width}, tensor.options());
      at::Tensor part = wide.narrow(3, 1, size.width);
      part.copy_(tensor);
      return part;
    }
  }
  return tensor.clone();
}

}  // namespace

std::vector<posekit::PeakRecord> torch_peaks(const std::string& device, const posekit::ModelInfo& info, const posekit::DecodeRequest& plan,
                                             const Heatmaps& heatmaps, std::span<const float> mirrored, std::size_t* second_looks) {
  const c10::InferenceMode inference;
  const posekit::PeakReduction reduction(info, plan, c10::Device(device));
  const at::Tensor plain = tensor_of(heatmaps.values, heatmaps, info, c10::Device(device));
  const at::Tensor maps =
      mirrored.empty() ? reduction.wanted(plain) : reduction.wanted_mean(plain, tensor_of(mirrored, heatmaps, info, c10::Device(device)));
  const posekit::PeakReduction::Peaks peaks = reduction.peaks(maps);
  std::vector<posekit::PeakRecord> records(heatmaps.batch * plan.channels.size());
  posekit::DecodeScratch scratch;
  const auto incomplete = reduction.read({peaks.places.cpu(), peaks.patches.cpu()}, records, scratch);
  if (second_looks != nullptr) *second_looks += incomplete.size();
  reduction.complete(maps, incomplete, records, scratch);
  return records;
}

std::vector<float> rounded(std::span<const float> values, HeatmapType type) {
  const at::Tensor tensor = at::from_blob(const_cast<float*>(values.data()), {static_cast<std::int64_t>(values.size())}, at::kFloat)
                                .to(scalar_type(type))
                                .to(at::kFloat);
  return {tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + values.size()};
}

std::vector<bool> tf32_flags_once_set(const std::filesystem::path& model, bool frozen, bool allowed, std::size_t& changed) {
  torch::jit::Module module = torch::jit::load(model.string());
  module.eval();
  if (frozen) module = torch::jit::freeze(module);
  changed = posekit::set_tf32_of_convolutions(module, allowed);
  (void)module.forward({at::zeros({1, 3, 256, 256})});
  const auto graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  std::vector<bool> flags;
  const auto collect = [&](const auto& self, torch::jit::Block* block) -> void {
    for (torch::jit::Node* node : block->nodes()) {
      for (torch::jit::Block* inner : node->blocks()) self(self, inner);
      if (std::string(node->kind().toQualString()) == "aten::_convolution")
        flags.push_back(torch::jit::toIValue(node->inputs().back()).value().toBool());
    }
  };
  collect(collect, graph->block());
  return flags;
}

std::vector<float> cast_before_freezing(const std::filesystem::path& model, HeatmapType type, std::span<const float> crops,
                                        std::size_t count) {
  const c10::InferenceMode inference;
  torch::jit::Module module = torch::jit::load(model.string());
  module.eval();
  module.to(scalar_type(type));
  module = torch::jit::freeze(module);
  const std::size_t pixels = crops.size() / count / 3;
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(pixels))));
  const at::Tensor input =
      at::from_blob(const_cast<float*>(crops.data()), {static_cast<std::int64_t>(count), 3, side, side}, at::kFloat).to(scalar_type(type));
  const at::Tensor output = module.forward({input}).toTensor().to(at::kFloat).contiguous();
  return {output.const_data_ptr<float>(), output.const_data_ptr<float>() + output.numel()};
}

std::vector<std::string> types_of_batch_norm_constants(const std::filesystem::path& model, posekit::Precision precision) {
  const c10::InferenceMode inference;
  torch::jit::Module module = torch::jit::load(model.string());
  module.eval();
  module = posekit::frozen(module, "the test's model", /*cast=*/true);
  posekit::bring_to(module, c10::kCPU, precision == posekit::Precision::fp16 ? at::kHalf : at::kBFloat16);
  std::vector<std::string> types;
  for (const torch::jit::Node* node : posekit::nodes_of(module)) {
    if (node->kind() != c10::aten::batch_norm) continue;
    for (std::size_t i = 1; i <= 4; ++i)
      types.emplace_back(c10::toString(posekit::constant_input(*node, i).value().toTensor().scalar_type()));
  }
  return types;
}

std::vector<std::uint8_t> torch_crop(const std::string& device, const posekit::CropTask& task) {
  const c10::InferenceMode inference;
  const c10::Device there(device);
  const posekit::Size size = task.plan.size;
  // A strided view stays one on the CPU; a copy on another device keeps its pixels alone.
  const at::Tensor pixels = posekit::borrowed_image(task.image, c10::kCPU).to(there);
  const at::Tensor out = at::empty({size.height, size.width, 3}, at::TensorOptions().dtype(at::kByte).device(there));
  const at::Tensor table = posekit::DeviceStreams(there, posekit::Task::pose).host_tensor({posekit::crop_table_size(size)}, at::kInt);
  posekit::crop_into(pixels, task, table, out);
  const at::Tensor here = out.cpu();
  return {here.const_data_ptr<std::uint8_t>(), here.const_data_ptr<std::uint8_t>() + here.numel()};
}

std::unique_ptr<posekit::BatchSession> open_device_session_of(posekit::ModelBackend& backend, const posekit::DecodeRequest& request) {
  return posekit::open_device_session(dynamic_cast<posekit::TorchBackend&>(backend.on_callers_threads()).replica(), request);
}

void throw_torch_text(const std::string& text) {
  posekit::in_torch("model \"x\" failed", posekit::ErrorCode::invalid_model, [&] { throw std::runtime_error(text); });
}

namespace {

using Off = std::function<void()>;

/// Each switches something on and returns what switches it off.
const std::vector<std::pair<std::string, std::function<Off()>>> host_switches{
    {"autocast",
     [] {
       at::autocast::set_autocast_enabled(at::kCPU, true);
       at::autocast::set_autocast_dtype(at::kCPU, at::kHalf);
       at::autocast::increment_nesting();
       return [] {
         if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
         at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
         at::autocast::set_autocast_enabled(at::kCPU, false);
       };
     }},
    {"default type",
     [] {
       at::globalContext();
       c10::set_default_dtype(caffe2::TypeMeta::Make<double>());
       return [] { c10::set_default_dtype(caffe2::TypeMeta::Make<float>()); };
     }},
    {"inference mode",
     [] {
       const auto mode = std::make_shared<std::optional<c10::InferenceMode>>(std::in_place);
       return [mode] { mode->reset(); };
     }},
    {"no gradients",
     [] {
       c10::GradMode::set_enabled(false);
       return [] { c10::GradMode::set_enabled(true); };
     }},
    {"anomaly detection",
     [] {
       torch::autograd::AnomalyMode::set_enabled(true, true);
       return [] { torch::autograd::AnomalyMode::set_enabled(false, true); };
     }},
    {"functionalisation",
     [] {
       c10::impl::tls_set_dispatch_key_included(c10::DispatchKey::Functionalize, true);
       return [] { c10::impl::tls_set_dispatch_key_included(c10::DispatchKey::Functionalize, false); };
     }},
    {"no views",
     [] {
       c10::impl::tls_set_dispatch_key_excluded(c10::DispatchKey::ADInplaceOrView, true);
       return [] { c10::impl::tls_set_dispatch_key_excluded(c10::DispatchKey::ADInplaceOrView, false); };
     }},
};

}  // namespace

std::vector<std::string> HostSwitch::names() {
  std::vector<std::string> names;
  for (const auto& [name, on] : host_switches) names.push_back(name);
  return names;
}

HostSwitch::HostSwitch(const std::string& name) {
  for (const auto& [candidate, on] : host_switches) {
    if (candidate == name) off_ = on();
  }
  if (!off_) throw std::logic_error("no such switch: " + name);
}

HostSwitch::~HostSwitch() { off_(); }

std::string torch_state() {
  const c10::impl::LocalDispatchKeySet keys = c10::impl::tls_local_dispatch_key_set();
  std::ostringstream text;
  text << keys.included_ << keys.excluded_ << at::autocast::is_autocast_enabled(at::kCPU) << at::autocast::get_autocast_dtype(at::kCPU)
       << c10::get_default_dtype() << c10::GradMode::is_enabled() << c10::InferenceMode::is_enabled()
       << torch::autograd::AnomalyMode::is_enabled();
  return text.str();
}

namespace {

/// A network that is never run.
class NoProgram final : public posekit::Program {
 public:
  std::vector<at::Tensor> run(const at::Tensor& /*input*/, const posekit::ModelInfo& /*info*/) const override { return {}; }
  bool writes_to_its_input() const override { return false; }
  std::size_t weight_bytes() const override { return 0; }
  bool is_fused() const noexcept override { return false; }
  std::optional<posekit::Dtype> cast_from() const override { return std::nullopt; }
};

}  // namespace

std::set<std::string> compiled_nodes_of(const std::function<void()>& work) {
  const bool was_on = torch::jit::tensorExprFuserEnabled();
  bool& must_use_llvm = torch::jit::tensorexpr::getTEMustUseLLVMOnCPU();
  const bool must_before = std::exchange(must_use_llvm, false);
  const bool can_before = torch::jit::canFuseOnCPU();
  torch::jit::setTensorExprFuserEnabled(true);
  torch::jit::overrideCanFuseOnCPU(true);
  work();
  torch::jit::overrideCanFuseOnCPU(can_before);
  torch::jit::setTensorExprFuserEnabled(was_on);
  must_use_llvm = must_before;
  std::set<std::string> kinds;
  for (const torch::jit::Node* node : posekit::nodes_of(*torch::jit::lastExecutedOptimizedGraph())) {
    for (const auto kind : {c10::prim::TensorExprGroup, c10::prim::TypeCheck, c10::prim::profile, c10::prim::RequiresGradCheck}) {
      if (node->kind() == kind) kinds.insert(kind.toQualString());
    }
  }
  return kinds;
}

std::map<std::string, OperatorCounts> operators_by_step() {
  const c10::InferenceMode inference;
  std::map<std::string, OperatorCounts> counts;
  posekit::ModelInfo info;
  info.input.width = 768;
  info.input.height = 1024;
  info.output = posekit::HeatmapOutput{.size = {192, 256}, .udp = true, .refinement = posekit::Refinement::dark, .blur_kernel = 11};
  info.pose().keypoints.keypoints.resize(308);
  const posekit::PeakReduction reduction(info, posekit::make_decode_request(info), c10::kCPU);
  const at::Tensor heatmaps = at::rand({1, 308, 256, 192}).mul_(0.002).to(at::kBFloat16);  // all weak
  std::vector<posekit::PeakRecord> records(308);
  posekit::DecodeScratch scratch;
  posekit::PeakReduction::Peaks peaks;
  counts["peaks"] = operators_in([&] { peaks = reduction.peaks(reduction.wanted(heatmaps)); });
  std::vector<std::int64_t> weak = reduction.read(peaks, records, scratch);
  weak.resize(64);
  counts["weak"] = operators_in([&] { reduction.complete(heatmaps, weak, records, scratch); });

  const at::Tensor image = at::zeros({2160, 3840, 3}, at::kByte);
  const at::Tensor crop = at::empty({1024, 768, 3}, at::kByte);
  const at::Tensor table = at::empty({posekit::crop_table_size({768, 1024})}, at::kInt);
  posekit::CropTask task;
  task.image = {image.const_data_ptr<std::uint8_t>(), 3840, 2160, std::size_t{3840} * 3, posekit::PixelFormat::bgr8};
  task.plan = {.transform = {.scale_x = 2, .offset_x = 100, .scale_y = 2, .offset_y = 50}, .size = {768, 1024}};
  counts["crop"] = operators_in([&] { posekit::crop_into(image, task, table, crop); });

  const posekit::Network network(std::make_shared<NoProgram>(), info, c10::kCPU, at::kBFloat16);
  counts["normalise"] = operators_in([&] { (void)network.normalized(crop.unsqueeze(0)); });
  return counts;
}

std::size_t forks_left(bool in_a_list, const std::string& device, float& answer) {
  torch::jit::Module module("forking");
  module.define("def forward(self, x):\n    return x\n");
  const auto forked = std::make_shared<torch::jit::Graph>();
  forked->registerOutput(forked->insert(c10::aten::mul, {forked->addInput(), 0.5}));
  torch::jit::Graph future_of_tensor;
  torch::jit::parseIR("graph(%x : Future(Tensor)):\n  return (%x)\n", &future_of_tensor);
  const auto code = module.get_method("forward").graph();
  torch::jit::Value* x = code->inputs().at(1);
  torch::jit::Value* future = code->insertNode(code->create(c10::prim::fork, {x}, 1)->g_(c10::attr::Subgraph, forked))->output();
  future->copyMetadata(future_of_tensor.inputs().at(0));
  if (in_a_list) {
    torch::jit::Value* list = code->insertNode(code->createList(future->type(), {future}))->output();
    torch::jit::Value* last = code->insert(c10::aten::sub, {code->insert(c10::aten::size, {x, 0}), 1});  // 0, which Torch does not see
    future = code->insert(c10::aten::__getitem__, {list, last});
  }
  code->eraseOutput(0);
  code->registerOutput(code->insert(c10::aten::add, {code->insert(c10::aten::wait, {future}), x}));
  module = posekit::frozen(module, "the test's model", /*cast=*/true);
  const auto nodes = posekit::nodes_of(module);
  const auto forks = std::ranges::count_if(nodes, [](const auto* node) { return node->kind() == c10::prim::fork; });
  posekit::bring_to(module, c10::Device(device), std::nullopt);
  answer = module.forward({at::full({1}, 2.0F)}).toTensor().item<float>();
  return static_cast<std::size_t>(forks);
}

std::string optimised_host_graph() {
  torch::jit::Module host("host");
  host.define("def forward(self, x, w):\n    return torch.relu(torch.conv2d(x, w)) + x\n");
  for (int i = 0; i < 3; ++i) (void)host.forward({at::ones({1, 2, 8, 8}), at::ones({2, 2, 1, 1})});  // Torch specialises in the first ones
  return torch::jit::lastExecutedOptimizedGraph()->toString(false);
}

std::string why_no_cuda() { return posekit::cuda_devices().why_none; }

}  // namespace posekit_test
