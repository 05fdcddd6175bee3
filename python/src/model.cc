/// What a model is: its metadata, presets, inspection.
#include "posekit/model.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <limits>
#include <optional>

#include "options.h"
#include "register.h"

namespace py = pybind11;
using namespace posekit;

namespace posekit_python {
namespace {

/// A getter for a member that is an enumeration: its name.
template <class Struct, class Enum>
auto name_of(Enum Struct::*member) {
  return [member](const Struct& value) { return to_string(value.*member); };
}

void register_parts(py::module_& module) {
  py::class_<InputInfo>(module, "InputInfo", "What a model's input is.")
      .def_readonly("width", &InputInfo::width)
      .def_readonly("height", &InputInfo::height)
      .def_property_readonly("color", name_of(&InputInfo::color), "\"rgb\" or \"bgr\".")
      .def_readonly("mean", &InputInfo::mean, "In the order of color, units 0..255.")
      .def_readonly("std", &InputInfo::std, "Input value = (pixel - mean) / std.")
      .def_property_readonly("resize", name_of(&InputInfo::resize), "\"letterbox\" or \"stretch\"; detectors only, like the next two.")
      .def_property_readonly("pad", name_of(&InputInfo::pad), "\"right_bottom\" or \"center\".")
      .def_readonly("pad_value", &InputInfo::pad_value);
  py::class_<OutputInfo>(module, "OutputInfo", "What a model's output is and how it becomes keypoints.")
      .def_property_readonly("codec", name_of(&OutputInfo::codec))
      .def_readonly("width", &OutputInfo::width, "Of a heatmap.")
      .def_readonly("height", &OutputInfo::height, "Of a heatmap.")
      .def_property_readonly("refinement", name_of(&OutputInfo::refinement), "\"none\", \"quarter\" or \"dark\".")
      .def_readonly("blur_kernel", &OutputInfo::blur_kernel)
      .def_readonly("split_ratio", &OutputInfo::split_ratio)
      .def_readonly("normalized", &OutputInfo::normalized);
  py::class_<ValueOrigin>(module, "ValueOrigin", "Where one value of a ModelInfo came from.")
      .def_readonly("key", &ValueOrigin::key)
      .def_readonly("value", &ValueOrigin::value, "As JSON text.")
      .def_readonly("origin", &ValueOrigin::origin);
}

void register_info(py::module_& module) {
  py::class_<ModelInfo>(module, "ModelInfo", "A model's metadata (docs/models.md), complete: defaults are filled in, options applied.")
      .def_property_readonly("task", name_of(&ModelInfo::task), "\"pose\" or \"detect\".")
      .def_readonly("name", &ModelInfo::name)
      .def_readonly("licence", &ModelInfo::licence)
      .def_readonly("source", &ModelInfo::source)
      .def_readonly("sha256", &ModelInfo::sha256, "Of the weights file, lower-case hex, or empty.")
      .def_readonly("input", &ModelInfo::input)
      .def_readonly("output", &ModelInfo::output)
      .def_readonly("box_padding", &ModelInfo::box_padding, "Pose only, like the next three.")
      .def_property_readonly("alignment", name_of(&ModelInfo::alignment), "\"udp\" or \"classic\".")
      .def_readonly("flip_shift", &ModelInfo::flip_shift)
      .def_readonly("keypoints", &ModelInfo::keypoints)
      .def_readonly("score_threshold", &ModelInfo::score_threshold, "Detect only, like the next three.")
      .def_readonly("nms_iou", &ModelInfo::nms_iou)
      .def_readonly("person_label", &ModelInfo::person_label)
      .def_property_readonly(
          "max_persons",
          [](const ModelInfo& info) {
            return info.max_persons == std::numeric_limits<std::size_t>::max() ? std::nullopt : std::optional(info.max_persons);
          },
          "None: no limit.")
      .def_readonly("origins", &ModelInfo::origins, "Where each value came from.")
      .def_readonly("notes", &ModelInfo::notes, "For example unknown keys that were ignored.")
      .def("__repr__", [](const ModelInfo& info) {
        return "ModelInfo(" + py::repr(py::str(info.name)).cast<std::string>() + ", task \"" + std::string(to_string(info.task)) +
               "\", input " + std::to_string(info.input.width) + "x" + std::to_string(info.input.height) + ", codec \"" +
               std::string(to_string(info.output.codec)) + "\")";
      });
  py::class_<ModelReport>(module, "ModelReport", "What a model file is.")
      .def_readonly("path", &ModelReport::path)
      .def_readonly("file_bytes", &ModelReport::file_bytes)
      .def_readonly("parameters", &ModelReport::parameters, "Number of values in parameters and buffers.")
      .def_readonly("parameter_bytes", &ModelReport::parameter_bytes)
      .def_readonly("info", &ModelReport::info);
  py::class_<MemoryReport>(module, "MemoryReport", "What a model takes of its device's memory, in bytes.")
      .def_readonly("device", &MemoryReport::device)
      .def_readonly("weights", &MemoryReport::weights, "Held while the model is loaded.")
      .def_readonly("batch", &MemoryReport::batch, "More for a batch, however many persons are in it.")
      .def_readonly("person", &MemoryReport::person, "And for each person in it, at the peak: crop, activations, output.")
      .def_readonly("available", &MemoryReport::available, "What could be had beside the weights; None: the system does not tell.")
      .def_readonly("largest_batch", &MemoryReport::largest_batch, "The batch that fits into that; 0: none. None: not told.");
}

}  // namespace

void register_model(py::module_& module) {
  register_parts(module);
  register_info(module);
  module.def("parse_model_info", &parse_model_info, py::arg("json"), py::arg("origin") = "document",
             "Reads a metadata document alone, without a model.");
  module.def("model_presets", &model_presets, "Names of the metadata presets, sorted.");
  module.def(
      "inspect_model",
      [](const std::filesystem::path& path, const MetadataChoice& metadata, std::string sha256) {
        const ModelOptions options = model_options(metadata, std::move(sha256), "cpu", "fp32", "none");
        const py::gil_scoped_release release;
        return inspect_model(path, options);
      },
      py::arg("path"), py::arg("metadata"), py::arg("sha256"));
  module.def(
      "measure_memory",
      [](const std::filesystem::path& path, const MetadataChoice& metadata, std::string sha256, std::string device,
         const std::string& precision) {
        const ModelOptions options = model_options(metadata, std::move(sha256), std::move(device), precision, "none");
        const py::gil_scoped_release release;
        return measure_memory(path, options);
      },
      py::arg("path"), py::arg("metadata"), py::arg("sha256"), py::arg("device"), py::arg("precision"));
}

}  // namespace posekit_python
