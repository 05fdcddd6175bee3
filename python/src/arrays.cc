/// NumPy arrays as images and boxes, and back.
#include "arrays.h"

#include <limits>
#include <memory>
#include <utility>

#include "posekit/error.h"

namespace py = pybind11;
using posekit::PixelFormat;

namespace posekit_python {

void refuse(const std::string& message) { throw posekit::Error(posekit::ErrorCode::invalid_argument, message); }

namespace {

PixelFormat format_of(py::ssize_t channels, bool rgb) {
  switch (channels) {
    case 1: return PixelFormat::gray8;
    case 3: return rgb ? PixelFormat::rgb8 : PixelFormat::bgr8;
    case 4: return rgb ? PixelFormat::rgba8 : PixelFormat::bgra8;
    default: refuse("an image of " + std::to_string(channels) + " channels was given, 1, 3 or 4 are expected");
  }
}

}  // namespace

posekit::ImageView view_of(const std::uint8_t* data, std::span<const py::ssize_t> shape, std::span<const py::ssize_t> strides, bool rgb) {
  if (shape.size() < 2 || shape.size() > 3)
    refuse("an image of " + std::to_string(shape.size()) + " dimensions was given, (H, W), (H, W, 3) or (H, W, 4) is expected");
  const py::ssize_t channels = shape.size() == 3 ? shape[2] : 1;
  const py::ssize_t height = shape[0];
  const py::ssize_t width = shape[1];
  constexpr py::ssize_t limit = std::numeric_limits<int>::max();
  if (height > limit || width > limit)
    refuse("an image of " + std::to_string(width) + "x" + std::to_string(height) +
           " pixels was given, at most 2147483647 on a side are expected");
  // NumPy leaves the stride of a dimension of one element open.
  const bool together = (channels == 1 || strides[2] == 1) && (width <= 1 || strides[1] == channels);
  const py::ssize_t row = width * channels;
  const py::ssize_t stride = height <= 1 ? row : strides[0];
  if (!together || stride < row) refuse("an image with gaps between the pixels of a row was given, contiguous rows are expected");
  return {.data = data,
          .width = static_cast<int>(width),
          .height = static_cast<int>(height),
          .stride = static_cast<std::size_t>(stride),
          .format = format_of(channels, rgb)};
}

posekit::ImageView view_of(const py::array& pixels, bool rgb) {
  if (!py::isinstance<py::array_t<std::uint8_t>>(pixels))
    refuse("an image of dtype " + py::str(pixels.dtype()).cast<std::string>() + " was given, uint8 is expected");
  const auto dimensions = static_cast<std::size_t>(pixels.ndim());
  return view_of(static_cast<const std::uint8_t*>(pixels.data()), {pixels.shape(), dimensions}, {pixels.strides(), dimensions}, rgb);
}

py::array array_of(posekit::Image image) {
  auto owned = std::make_unique<posekit::Image>(std::move(image));
  const std::vector<py::ssize_t> shape{owned->height, owned->width, posekit::channels(owned->format)};
  std::uint8_t* const data = owned->pixels.data();
  const py::capsule owner(owned.release(), [](void* pointer) { delete static_cast<posekit::Image*>(pointer); });
  return py::array_t<std::uint8_t>(shape, data, owner);
}

std::vector<posekit::Box> boxes_of(const Boxes& boxes) {
  if (boxes.ndim() != 2 || boxes.shape(1) != 5)
    refuse("boxes of shape " + py::str(boxes.attr("shape")).cast<std::string>() + " were given, (N, 5) is expected");
  const auto values = boxes.unchecked<2>();
  std::vector<posekit::Box> result;
  result.reserve(static_cast<std::size_t>(values.shape(0)));
  for (py::ssize_t i = 0; i < values.shape(0); ++i) {
    result.push_back({values(i, 0), values(i, 1), values(i, 2), values(i, 3), static_cast<float>(values(i, 4))});
  }
  return result;
}

py::array_t<double> array_of(const std::vector<posekit::Box>& boxes) {
  py::array_t<double> array({static_cast<py::ssize_t>(boxes.size()), py::ssize_t{5}});
  double* out = array.mutable_data();
  for (const posekit::Box& box : boxes) {
    for (const double value : {box.x1, box.y1, box.x2, box.y2, static_cast<double>(box.score)}) *out++ = value;
  }
  return array;
}

}  // namespace posekit_python
