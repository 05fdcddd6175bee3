/// Builds small TorchScript models.
#include "support/model_builder.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/relu.h>
#include <torch/csrc/jit/api/module.h>

#include <cmath>
#include <sstream>
#include <vector>

namespace posekit_test {
namespace {

void save(torch::jit::Module& module, const std::filesystem::path& path, const std::string& forward, const std::string& metadata) {
  module.register_attribute("training", c10::BoolType::get(), true);  // as Python's modules have it
  module.define(forward);
  torch::jit::ExtraFilesMap extra;
  if (!metadata.empty()) extra["posekit.json"] = metadata;
  module.save(path.string(), extra);
}

/// Fills {0}, {1}, … in a template.
std::string filled(std::string text, const std::vector<std::string>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string mark = "{" + std::to_string(i) + "}";
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + values[i].size()))
      text.replace(at, mark.size(), values[i]);
  }
  return text;
}

}  // namespace

void save_script_model(const std::filesystem::path& path, const std::string& forward, const std::string& metadata) {
  torch::jit::Module module("model");
  save(module, path, forward, metadata);
}

void save_script_model_with_weight(const std::filesystem::path& path, const std::string& forward, const std::string& name,
                                   const std::vector<std::int64_t>& shape, const std::string& metadata) {
  torch::jit::Module module("model");
  module.register_parameter(name, at::ones(shape), false);
  save(module, path, forward, metadata);
}

void save_script_model_with_weights(const std::filesystem::path& path, const std::string& forward, const std::vector<Weight>& weights,
                                    const std::string& metadata) {
  torch::jit::Module module("model");
  for (const Weight& weight : weights) {
    std::int64_t count = 1;
    for (const std::int64_t size : weight.shape) count *= size;
    const at::Tensor places = at::arange(count, at::kLong);
    at::Tensor values = places.to(at::kDouble).div(static_cast<double>(count)).to(at::kFloat);
    if (weight.values == "long") values = places.mul(17).remainder(300);
    if (weight.values == "odd long") values = places.mul(6).add(4097);
    if (weight.values == "bool") values = places.remainder(2).to(at::kBool);
    if (weight.parameter) {
      module.register_parameter(weight.name, values.view(weight.shape), false);
    } else {
      module.register_buffer(weight.name, values.view(weight.shape));
    }
  }
  save(module, path, forward, metadata);
}

void save_residual_model(const std::filesystem::path& path, int blocks, const std::string& metadata) {
  constexpr std::int64_t width = 32;
  const at::Generator random = at::make_generator<at::CPUGeneratorImpl>(7);
  const auto normal = [&](const std::vector<std::int64_t>& shape) { return at::randn(shape, random, at::kFloat); };
  torch::jit::Module module("model");
  std::string forward = "def forward(self, x):\n    x = torch.conv2d(x, self.stem, None, [1, 1], [1, 1])\n";
  const at::Tensor stem = normal({width, 3, 3, 3}).mul_(0.4);
  module.register_buffer("stem", stem);
  // Statistics are those of a batch that passes through, as they are after training.
  at::Tensor x = at::conv2d(at::rand({8, 3, 16, 16}, random, at::kFloat), stem, {}, {1, 1}, {1, 1});
  at::Tensor y;
  for (int layer = 0; layer < 2 * blocks; ++layer) {
    const bool first = layer % 2 == 0;
    const std::string n = std::to_string(layer);
    const at::Tensor weight = normal({width, width, 3, 3}).mul_(std::sqrt(2.0 / (9 * width)));
    const at::Tensor gain = normal({width}).mul_(0.3).add_(1.0);
    const at::Tensor bias = normal({width}).mul_(0.3);
    y = at::conv2d(first ? x : y, weight, {}, {1, 1}, {1, 1});
    const at::Tensor mean = y.mean({0, 2, 3});
    const at::Tensor variance = y.var({0, 2, 3});
    y = at::batch_norm(y, gain, bias, mean, variance, false, 0.1, 1e-5, false);
    x = first ? x : at::relu(x + y);
    y = first ? at::relu(y) : y;
    module.register_buffer("w" + n, weight);
    module.register_buffer("gain" + n, gain);
    module.register_buffer("bias" + n, bias);
    module.register_buffer("mean" + n, mean);
    module.register_buffer("variance" + n, variance);
    forward += "    y = torch.conv2d(" + std::string(first ? "x" : "y") + ", self.w" + n +
               ", None, [1, 1], [1, 1])\n    y = torch.batch_norm(y, self.gain" + n + ", self.bias" + n + ", self.mean" + n +
               ", self.variance" + n + ", False, 0.1, 1e-5, False)\n" + (first ? "    y = torch.relu(y)\n" : "    x = torch.relu(x + y)\n");
  }
  module.register_buffer("head", normal({2, width, 1, 1}).mul_(0.1));
  save(module, path, forward + "    return torch.conv2d(x, self.head)\n", metadata);
}

std::string pose_metadata(const std::string& codec, int width, int height, int heatmap_width, int heatmap_height,
                          const std::string& keypoints, const std::string& extra_output, const std::string& extra) {
  std::ostringstream out;
  out << R"({"format": "posekit-model/1", "task": "pose", "name": "test", "input": {"width": )" << width << R"(, "height": )" << height
      << R"(}, "output": {"codec": ")" << codec << '"';
  if (heatmap_width > 0) out << R"(, "width": )" << heatmap_width << R"(, "height": )" << heatmap_height;
  if (!extra_output.empty()) out << ", " << extra_output;
  out << R"(}, "keypoints": )" << keypoints;
  if (!extra.empty()) out << ", " << extra;
  out << "}";
  return out.str();
}

std::string analytic_heatmap_forward(int width, int height, int heatmap_width, int heatmap_height, const std::string& alignment) {
  const bool udp = alignment == "udp";
  const auto ratio = [&](int cells, int pixels) {
    return udp ? std::to_string(cells - 1) + ".0 / " + std::to_string(pixels - 1) + ".0"
               : std::to_string(cells) + ".0 / " + std::to_string(pixels) + ".0";
  };
  // How much a pixel has of a colour falls off linearly with its distance from it, so what bilinear sampling blends at a disc's edge keeps
  // the disc's centre of mass.
  return filled(R"(
def forward(self, x):
    colors = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]], dtype=7)
    image = x.double().unsqueeze(1)
    distance = (image - colors.view(1, 6, 3, 1, 1)).abs().amax(dim=2)
    weight = torch.clamp(1.0 - 2.0 * distance, min=0.0)
    total = weight.sum(dim=[2, 3])
    present = (total > 0.5).double()
    us = torch.arange({0}, dtype=7)
    vs = torch.arange({1}, dtype=7)
    safe = torch.clamp(total, min=1e-9)
    cx = (weight.sum(dim=2) * us).sum(dim=2) / safe * ({4})
    cy = (weight.sum(dim=3) * vs).sum(dim=2) / safe * ({5})
    gx = torch.exp(-(torch.arange({2}, dtype=7) - cx.unsqueeze(2)) ** 2 / 8.0)
    gy = torch.exp(-(torch.arange({3}, dtype=7) - cy.unsqueeze(2)) ** 2 / 8.0)
    return (gy.unsqueeze(3) * gx.unsqueeze(2) * present.unsqueeze(2).unsqueeze(3)).float()
)",
                {std::to_string(width), std::to_string(height), std::to_string(heatmap_width), std::to_string(heatmap_height),
                 ratio(heatmap_width, width), ratio(heatmap_height, height)});
}

}  // namespace posekit_test
