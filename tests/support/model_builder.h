/// Builds small TorchScript models whose right answer is known without training. Callers need no Torch header.
#pragma once

#include <filesystem>
#include <string>

namespace posekit_test {

/// Saves a TorchScript module with one method.
/// @param forward source of `def forward(self, x): …` (TorchScript; `torch.` functions allowed)
/// @param metadata JSON that goes into the archive as the extra file posekit.json; empty: none
void save_script_model(const std::filesystem::path& path, const std::string& forward, const std::string& metadata = "");

/// As above with a float parameter `weight` of these shape, named `name` (dots make submodules), for tests of weights' shapes.
void save_script_model_with_weight(const std::filesystem::path& path, const std::string& forward, const std::string& name,
                                   const std::string& shape_csv, const std::string& metadata = "");

/// Metadata for a pose model, all required keys present.
/// @param keypoints a set's name in quotes, or an object, as JSON
std::string pose_metadata(const std::string& codec, int width, int height, int heatmap_width, int heatmap_height,
                          const std::string& keypoints, const std::string& extra_output = "", const std::string& extra = "");

/// TorchScript source of the analytic model: input W x H; channel k's heatmap [h,w] has a Gaussian of sigma 2 cells at the centre of
/// mass of the crop's pixels that have colour k (k-th of six saturated colours: red, green, blue, yellow, cyan, magenta), in the
/// alignment given ("udp" or "classic"); score = 1 where any pixel has the colour, else an all-zero map.
/// Its input is [B,3,H,W] in 0..1, RGB.
std::string analytic_heatmap_forward(int width, int height, int heatmap_width, int heatmap_height, const std::string& alignment);

}  // namespace posekit_test
