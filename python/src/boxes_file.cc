/// Boxes of people from a file.
#include "posekit/boxes_file.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "arrays.h"
#include "gil.h"
#include "register.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here

namespace posekit_python {
namespace {

std::unique_ptr<BoxesFile> read(const std::filesystem::path& path, const std::vector<std::filesystem::path>& images,
                                std::optional<std::filesystem::path> annotations, std::optional<std::int64_t> category,
                                std::optional<float> score_threshold, bool scale) {
  const GilRelease release;
  const BoxesFileOptions options{.annotations = std::move(annotations).value_or(std::filesystem::path()),
                                 .category = category,
                                 .score_threshold = score_threshold,
                                 .scale = scale};
  const auto next = [&, i = std::size_t{0}]() mutable { return i < images.size() ? std::optional(images[i++]) : std::nullopt; };
  return std::make_unique<BoxesFile>(path, next, options);
}

}  // namespace

void register_boxes_file(py::module_& module) {
  py::class_<BoxesFile>(module, "BoxesFile")
      .def(py::init(&read), py::arg("path"), py::arg("images"), py::arg("annotations"), py::arg("category"), py::arg("score_threshold"),
           py::arg("scale"))
      .def(
          "boxes",
          [](const BoxesFile& file, const std::filesystem::path& image, int width, int height) {
            return array_of(file.boxes(image, {width, height}));
          },
          py::arg("image"), py::arg("width"), py::arg("height"))
      .def("has_entry", &BoxesFile::has_entry, py::arg("image"))
      .def_property_readonly("lists_images", &BoxesFile::lists_images)
      .def_property_readonly("unused_entries", &BoxesFile::unused_entries)
      .def_property_readonly("notes", &BoxesFile::notes);
}

}  // namespace posekit_python
