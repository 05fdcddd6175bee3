/// Builds small TorchScript models.
#include "support/model_builder.h"

#include <ATen/ops/ones.h>
#include <torch/csrc/jit/api/module.h>

#include <sstream>
#include <vector>

namespace posekit_test {
namespace {

void save(torch::jit::Module& module, const std::filesystem::path& path, const std::string& forward, const std::string& metadata) {
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
