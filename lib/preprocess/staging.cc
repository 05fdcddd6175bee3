/// Fills the staging buffer of a batch.
#include "preprocess/staging.h"

#include <algorithm>

namespace posekit::inline v0 {
namespace {

/// So large a band that its start costs nothing beside it, so small that one person's crop can use a whole pool.
constexpr int pixels_per_band = 65536;

struct Bands {
  int rows = 0;   ///< Of each band but the last.
  int count = 0;  ///< Of each crop.

  explicit Bands(Size size) : rows(std::clamp(pixels_per_band / size.width, 1, size.height)), count((size.height + rows - 1) / rows) {}
};

}  // namespace

void stage_crops(std::span<const CropTask> crops, const InputInfo& input, CropFormat format, Executor& executor, const RunControl& control,
                 Staging& staging) {
  const Bands bands(input.size());
  const std::size_t bytes = crop_bytes(format, input.size());
  staging.reserve(bytes * crops.size());
  if (staging.warp_scratch.size() < executor.slots()) staging.warp_scratch.resize(executor.slots());
  for (WarpScratch& scratch : staging.warp_scratch) scratch.reserve(input.width);

  const auto bands_per_crop = static_cast<std::size_t>(bands.count);
  executor.parallel_for(crops.size() * bands_per_crop, [&](std::size_t index, std::size_t slot) {
    control.check();
    const CropTask& crop = crops[index / bands_per_crop];
    if (crop.image.on_device()) return;
    std::byte* out = staging.data() + index / bands_per_crop * bytes;
    const int first = static_cast<int>(index % bands_per_crop) * bands.rows;
    const int last = std::min(first + bands.rows, input.height);
    if (format == CropFormat::uint8_hwc) {
      warp_rows(crop.image, crop.plan, first, last, reinterpret_cast<std::uint8_t*>(out), staging.warp_scratch[slot]);
    } else {
      warp_rows_normalized(crop.image, crop.plan, input.mean, input.std, first, last, reinterpret_cast<float*>(out),
                           staging.warp_scratch[slot]);
    }
  });
}

void stage_mirrored(Staging& staging, std::size_t count, const InputInfo& input, CropFormat format, Executor& executor, Staging& mirrored) {
  const std::size_t bytes = crop_bytes(format, input.size());
  mirrored.reserve(bytes * count);
  executor.parallel_for(count, [&](std::size_t index, std::size_t) {
    const std::byte* from = staging.data() + index * bytes;
    std::byte* to = mirrored.data() + index * bytes;
    if (format == CropFormat::uint8_hwc) {
      mirror_crop(reinterpret_cast<const std::uint8_t*>(from), input.size(), reinterpret_cast<std::uint8_t*>(to));
    } else {
      mirror_crop(reinterpret_cast<const float*>(from), input.size(), reinterpret_cast<float*>(to));
    }
  });
}

}  // namespace posekit::inline v0
