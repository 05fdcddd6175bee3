/// Images that lie on a CUDA device: DLPack and the CUDA array interface.
#include "device_image.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "arrays.h"
#include "posekit/error.h"
#include "register.h"

namespace py = pybind11;

namespace posekit_python {
namespace {

/// What is read of DLPack's structs: their C layout as in DLPack 0.2 to 1.1 (https://dmlc.github.io/dlpack/latest/c_api.html).
struct DlTensor {
  void* data;
  std::int32_t device_type;
  std::int32_t device_id;
  std::int32_t ndim;
  std::uint8_t type_code;
  std::uint8_t type_bits;
  std::uint16_t type_lanes;
  const std::int64_t* shape;
  const std::int64_t* strides;  // in elements; null: without gaps
  std::uint64_t byte_offset;
};
constexpr std::uint8_t dl_unsigned = 1;
constexpr std::int32_t dl_cuda = 2;
constexpr std::int32_t dl_cuda_managed = 13;

/// So that strides can be worked out; the rest is checked where the image is used.
void check_shape(const std::vector<py::ssize_t>& shape) {
  if (shape.size() < 2 || shape.size() > 3)
    refuse("an image of " + std::to_string(shape.size()) + " dimensions was given, (H, W), (H, W, 3) or (H, W, 4) is expected");
  for (const py::ssize_t length : shape) {
    if (length < 1 || length > std::numeric_limits<int>::max()) {
      refuse("an image with a side of " + std::to_string(length) + " was given, 1 to 2147483647 is expected");
    }
  }
}

std::vector<py::ssize_t> without_gaps(const std::vector<py::ssize_t>& shape) {
  std::vector<py::ssize_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * shape[i - 1];
  return strides;
}

/// The capsule stays as it is, and with it the tensor.
DeviceImage from_dlpack(py::capsule capsule) {
  if (std::string(capsule.name() == nullptr ? "" : capsule.name()) != "dltensor")
    refuse("the image's __dlpack__ returned no capsule \"dltensor\": pass a tensor of a library that supports DLPack");
  const auto& tensor = *capsule.get_pointer<const DlTensor>();  // the first member of DLManagedTensor
  if (tensor.device_type != dl_cuda && tensor.device_type != dl_cuda_managed) {
    refuse("the image's __dlpack_device__ is a CUDA device, but its __dlpack__ returned device type " + std::to_string(tensor.device_type) +
           ", 2 (CUDA) or 13 (CUDA managed) is expected");
  }
  if (tensor.type_code != dl_unsigned || tensor.type_bits != 8 || tensor.type_lanes != 1) {
    refuse("an image of DLPack type " + std::to_string(tensor.type_code) + " with " + std::to_string(tensor.type_bits) +
           " bits was given, uint8 is expected: scale to 0..255 and convert it on the device");
  }
  DeviceImage image;
  image.data = static_cast<const std::uint8_t*>(tensor.data) + tensor.byte_offset;
  image.device = tensor.device_id;
  image.shape.assign(tensor.shape, tensor.shape + std::max(tensor.ndim, 0));
  check_shape(image.shape);
  if (tensor.strides == nullptr) {
    image.strides = without_gaps(image.shape);
  } else {
    image.strides.assign(tensor.strides, tensor.strides + tensor.ndim);
  }
  image.owner = std::move(capsule);
  return image;
}

DeviceImage from_pointer(py::object owner, std::uintptr_t pointer, std::vector<py::ssize_t> shape,
                         std::optional<std::vector<py::ssize_t>> strides, int device, std::uintptr_t stream) {
  check_shape(shape);
  if (strides && strides->size() != shape.size())
    refuse("an image of " + std::to_string(shape.size()) + " dimensions and " + std::to_string(strides->size()) +
           " strides was given, one stride for each dimension is expected");
  if (!strides) strides = without_gaps(shape);
  return {.owner = std::move(owner),
          .data = reinterpret_cast<const std::uint8_t*>(pointer),  // NOLINT(performance-no-int-to-ptr): that is how Python tells addresses
          .shape = std::move(shape),
          .strides = *std::move(strides),
          .device = device,
          .stream = stream};
}

}  // namespace

posekit::ImageView DeviceImage::view(bool rgb) const {
  posekit::ImageView result = view_of(data, shape, strides, rgb);
  result.cuda_device = device;
  result.cuda_stream = reinterpret_cast<void*>(stream);  // NOLINT(performance-no-int-to-ptr): likewise
  return result;
}

posekit::ImageView view_of(const AnyImage& image, bool rgb) {
  if (const auto* array = std::get_if<py::array>(&image)) return view_of(*array, rgb);
  return std::get<DeviceImage>(image).view(rgb);
}

void register_device_image(py::module_& module) {
  py::class_<DeviceImage>(module, "DeviceImage")
      .def(py::init(&from_dlpack), py::arg("capsule"))
      .def(py::init(&from_pointer), py::arg("owner"), py::arg("pointer"), py::arg("shape"), py::arg("strides"), py::arg("device"),
           py::arg("stream"))
      .def_property_readonly("shape", [](const DeviceImage& image) { return py::tuple(py::cast(image.shape)); })
      .def_property_readonly("strides", [](const DeviceImage& image) { return py::tuple(py::cast(image.strides)); })
      .def_property_readonly("pointer", [](const DeviceImage& image) { return reinterpret_cast<std::uintptr_t>(image.data); })
      .def_readonly("device", &DeviceImage::device)
      .def_readonly("stream", &DeviceImage::stream);
}

}  // namespace posekit_python
