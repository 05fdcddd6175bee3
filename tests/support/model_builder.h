/// Builds small TorchScript models whose right answer is known without training. Callers need no Torch header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace posekit_test {

/// Saves a TorchScript module with one method.
/// @param forward source of `def forward(self, x): …` (TorchScript; `torch.` functions allowed)
/// @param metadata JSON that goes into the archive as the extra file posekit.json; empty: none
void save_script_model(const std::filesystem::path& path, const std::string& forward, const std::string& metadata = "");

/// As above with one parameter of ones of this shape, for tests of weights' shapes.
void save_script_model_with_weight(const std::filesystem::path& path, const std::string& forward, const std::string& name,
                                   const std::vector<std::int64_t>& shape, const std::string& metadata = "");

/// A weight or buffer of a model.
struct Weight {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string values;  ///< "float": i / n for value i of n; "long": 17 i mod 300; "odd long": 4097 + 6 i; "bool": whether i is odd.
  bool parameter = false;
};
void save_script_model_with_weights(const std::filesystem::path& path, const std::string& forward, const std::vector<Weight>& weights,
                                    const std::string& metadata = "");

/// Residual blocks of two convolutions with batch norms, whose random weights and statistics are as in trained networks: [B,3,H,W] to
/// [B,2,H,W].
void save_residual_model(const std::filesystem::path& path, int blocks, const std::string& metadata);

/// Metadata for a pose model, all required keys present.
/// @param heatmap_width 0: no size of heatmaps is given
/// @param keypoints a set's name in quotes, or an object, as JSON
/// @param extra_output more members of "output", @param extra of the document, both without the comma before them
std::string pose_metadata(const std::string& codec, int width, int height, int heatmap_width, int heatmap_height,
                          const std::string& keypoints, const std::string& extra_output = "", const std::string& extra = "");

/// TorchScript source of the analytic model, for [B,3,height,width] in 0..1, RGB: heatmap k of [B,6,h,w] has a Gaussian of sigma 2 cells at
/// the centre of mass of the pixels of colour k (red, green, blue, yellow, cyan, magenta; a pixel's weight is max(0, 1 - 2 d) with d the
/// largest channel's distance from the colour), laid on the heatmap as `alignment` ("udp" or "classic") says; all zero without such pixels.
std::string analytic_heatmap_forward(int width, int height, int heatmap_width, int heatmap_height, const std::string& alignment);

}  // namespace posekit_test
