/// Reads the golden crops.
#pragma once

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>

#include "golden/cases.h"
#include "posekit/geometry.h"
#include "preprocess/warp.h"

namespace posekit_test {

/// The folders of golden crops.
constexpr std::array crop_folders{"crops", "crops_cubic"};

/// @param folder of golden crops, @param file as its cases name it
inline cv::Mat read_bgr(const std::string& folder, const std::string& file) {
  cv::Mat mat = cv::imread((golden_dir() / folder / file).string(), cv::IMREAD_COLOR);
  REQUIRE_FALSE(mat.empty());
  REQUIRE(mat.isContinuous());
  return mat;
}

/// One case of a folder of golden crops.
struct CropCase {
  nlohmann::json entry;
  posekit::Box box;
  posekit::Size size;
  double padding;
  posekit::Alignment alignment;
  posekit::Interpolation enlarge;

  explicit CropCase(const nlohmann::json& json)
      : entry(json),
        box{json["box"][0], json["box"][1], json["box"][2], json["box"][3]},
        size{json["width"], json["height"]},
        padding(json["padding"]),
        alignment(json["alignment"] == "udp" ? posekit::Alignment::udp : posekit::Alignment::classic),
        enlarge(json.value("enlarge", "bilinear") == "bicubic" ? posekit::Interpolation::bicubic : posekit::Interpolation::bilinear) {}

  /// What gives this crop, in BGR.
  posekit::WarpPlan plan() const {
    posekit::WarpPlan result;
    result.transform = crop_transform(crop_region(box, size, padding), size, alignment);
    result.size = size;
    result.color = posekit::ColorOrder::bgr;
    result.enlarge = enlarge;
    return result;
  }
};

}  // namespace posekit_test
