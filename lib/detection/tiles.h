/// The parts of an image that a detector looks at.
#pragma once

#include <span>
#include <vector>

#include "posekit/geometry.h"
#include "posekit/image.h"

namespace posekit::inline v0 {

/// One window: a rectangle of the image in whole pixels.
struct Window {
  int x = 0;
  int y = 0;
  Size size;
};

/// The whole image, then for each fraction half-overlapping square tiles of that share of the longer side, row by row.
/// A tile that would be larger than the image in one direction is cut there.
[[nodiscard]] std::vector<Window> plan_windows(Size image, std::span<const double> fractions);

/// The window's pixels, borrowed from the image.
[[nodiscard]] ImageView view_of(const ImageView& image, const Window& window) noexcept;

/// Whether a box (in image pixels) comes within 3 pixels of a border of the window that is not a border of the image: it may be cut off.
[[nodiscard]] bool touches_inner_border(const Box& box, const Window& window, Size image) noexcept;

}  // namespace posekit::inline v0
