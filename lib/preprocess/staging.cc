/// Fills the staging buffer of a batch.
#include "preprocess/staging.h"

#include <algorithm>

namespace posekit::inline v0 {
namespace {

/// Enough to make the start of a task negligible, few enough for one person's crop to use a whole pool.
constexpr int pixels_per_band = 65536;

struct Bands {
  int rows = 0;   ///< Of each band but the last.
  int count = 0;  ///< Of each crop.

  explicit Bands(Size size) : rows(std::clamp(pixels_per_band / size.width, 1, size.height)), count((size.height + rows - 1) / rows) {}
};

}  // namespace

void stage_crops(std::span<const CropTask> crops, const InputInfo& input, CropFormat format, Executor& executor, const RunControl& control,
                 std::vector<WarpScratch>& scratch, std::byte* out) {
  const Bands bands(input.size());
  const std::size_t bytes = crop_bytes(format, input.size());
  if (scratch.size() < executor.slots()) scratch.resize(executor.slots());
  for (WarpScratch& memory : scratch) memory.reserve(input.width);

  const auto bands_per_crop = static_cast<std::size_t>(bands.count);
  executor.parallel_for(crops.size() * bands_per_crop, [&](std::size_t index, std::size_t slot) {
    control.check();
    const CropTask& crop = crops[index / bands_per_crop];
    if (crop.image.on_device()) return;
    std::byte* to = out + index / bands_per_crop * bytes;
    const int first = static_cast<int>(index % bands_per_crop) * bands.rows;
    const int last = std::min(first + bands.rows, input.height);
    if (format == CropFormat::uint8_hwc) {
      warp_rows(crop.image, crop.plan, first, last, reinterpret_cast<std::uint8_t*>(to), scratch[slot]);
    } else {
      warp_rows_normalized(crop.image, crop.plan, input.mean, input.std, first, last, reinterpret_cast<float*>(to), scratch[slot]);
    }
  });
}

}  // namespace posekit::inline v0
