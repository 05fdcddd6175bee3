/// A loaded model, and what one is: its metadata, presets, inspection.
#include "posekit/model.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <cstddef>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "gil.h"
#include "options.h"
#include "posekit/model_info.h"
#include "posekit/model_report.h"
#include "register.h"

namespace py = pybind11;
using namespace posekit;  // NOLINT(google-build-using-namespace): what is bound here

namespace posekit_python {
namespace {

/// A getter for a member that is an enumeration: its name.
template <class Struct, class Enum>
auto name_of(Enum Struct::*member) {
  return [member](const Struct& value) { return to_string(value.*member); };
}

void register_parts(py::module_& module) {
  py::class_<InputInfo>(module, "InputInfo", "What a model's input is.")
      .def_readonly("width", &InputInfo::width, "W, pixels.")
      .def_readonly("height", &InputInfo::height, "H, pixels.")
      .def_property_readonly("color", name_of(&InputInfo::color), "\"rgb\" or \"bgr\".")
      .def_readonly("mean", &InputInfo::mean, "Three values in the order of `color`, units 0..255.")
      .def_readonly("std", &InputInfo::std, "Input value = (pixel - mean) / std.");
  py::class_<PoseInfo>(module, "PoseInfo", "What only pose models have.")
      .def_readonly("box_padding", &PoseInfo::box_padding, "Factor on the box's size.")
      .def_property_readonly("enlarge", name_of(&PoseInfo::enlarge),
                             "\"bilinear\" or \"bicubic\": how a crop is made where it enlarges its part of the image.")
      .def_property_readonly("alignment", name_of(&PoseInfo::alignment), "\"udp\" or \"classic\".")
      .def_readonly("keypoints", &PoseInfo::keypoints, "What the K channels mean.");
  py::class_<DetectInfo>(module, "DetectInfo", "What only detectors have.")
      .def_property_readonly("resize", name_of(&DetectInfo::resize), "\"letterbox\" or \"stretch\".")
      .def_property_readonly("pad", name_of(&DetectInfo::pad), "\"right_bottom\" or \"center\".")
      .def_readonly("pad_value", &DetectInfo::pad_value, "Grey level 0..255 of the border.")
      .def_readonly("score_threshold", &DetectInfo::score_threshold, "Scores must exceed it.")
      .def_readonly("nms_iou", &DetectInfo::nms_iou, "Of two boxes that overlap more, the weaker is removed.")
      .def_readonly("person_label", &DetectInfo::person_label, "The label that means a person.")
      .def_property_readonly(
          "max_persons",
          [](const DetectInfo& info) {
            return info.max_persons == std::numeric_limits<std::size_t>::max() ? std::nullopt : std::optional(info.max_persons);
          },
          "At most this many boxes are kept, the best. None: no limit.");
  py::class_<ValueOrigin>(module, "ValueOrigin", "Where one value of a ModelInfo came from.")
      .def_readonly("key", &ValueOrigin::key, "As in the document, for example \"output.codec\".")
      .def_readonly("value", &ValueOrigin::value, "As JSON text.")
      .def_readonly("origin", &ValueOrigin::origin, "For example \"archive\", \"preset sapiens-coco17\", \"option\" or \"default\".");
}

/// The codec's name, which each kind of output has.
template <class Output>
std::string_view codec_name(const Output& output) {
  return to_string(codec_of(output));
}

void register_outputs(py::module_& module) {
  py::class_<HeatmapOutput>(module, "HeatmapOutput", "Heatmaps [B,K,h,w].")
      .def_property_readonly("codec", &codec_name<HeatmapOutput>, "\"udp_heatmap\" or \"heatmap\".")
      .def_property_readonly(
          "width", [](const HeatmapOutput& output) { return output.size.width; }, "Cells in a row.")
      .def_property_readonly(
          "height", [](const HeatmapOutput& output) { return output.size.height; }, "Rows of cells.")
      .def_property_readonly("refinement", name_of(&HeatmapOutput::refinement), "\"none\", \"quarter\" or \"dark\".")
      .def_readonly("blur_kernel", &HeatmapOutput::blur_kernel, "Odd, in cells; for \"dark\".")
      .def_readonly("flip_shift", &HeatmapOutput::flip_shift,
                    "Whether the flip test moves the mirrored map right by one cell. Never with \"udp_heatmap\".");
  py::class_<SimccOutput>(module, "SimccOutput", "Two classifications a keypoint, x [B,K,Wx] and y [B,K,Wy].")
      .def_property_readonly("codec", &codec_name<SimccOutput>, "\"simcc\".")
      .def_readonly("split_ratio", &SimccOutput::split_ratio, "Bins for each input pixel.");
  py::class_<RegressionOutput>(module, "RegressionOutput", "Coordinates [B,K,2 or 3].")
      .def_property_readonly("codec", &codec_name<RegressionOutput>, "\"regression\".")
      .def_readonly("normalized", &RegressionOutput::normalized, "Whether they are in 0..1 instead of input pixels.");
  py::class_<BoxesOutput>(module, "BoxesOutput", "A detector's boxes [B,N,4], scores [B,N], optional labels [B,N].")
      .def_property_readonly("codec", &codec_name<BoxesOutput>, "\"boxes_scores\".");
}

void register_info(py::module_& module) {
  py::class_<ModelInfo>(module, "ModelInfo", "A model's metadata (docs/models.md), complete: defaults are filled in, options applied.")
      .def_property_readonly(
          "task", [](const ModelInfo& info) { return to_string(info.task()); }, "\"pose\" or \"detect\".")
      .def_readonly("name", &ModelInfo::name, "The model's name.")
      .def_readonly("licence", &ModelInfo::licence, "The weights' licence, or empty.")
      .def_readonly("source", &ModelInfo::source, "Where the weights come from, or empty.")
      .def_readonly("sha256", &ModelInfo::sha256, "Of the weights file, lower-case hex, or empty.")
      .def_property_readonly("dtype", name_of(&ModelInfo::dtype), "\"fp32\", \"fp16\" or \"bf16\": the type that the file computes in.")
      .def_readonly("input", &ModelInfo::input, "What the input is.")
      .def_readonly("output", &ModelInfo::output, "What the output is: HeatmapOutput, SimccOutput, RegressionOutput or BoxesOutput.")
      .def_property_readonly(
          "pose", [](const ModelInfo& info) { return std::get_if<PoseInfo>(&info.purpose); }, "None for a detector.")
      .def_property_readonly(
          "detect", [](const ModelInfo& info) { return std::get_if<DetectInfo>(&info.purpose); }, "None for a pose model.")
      .def_readonly("origins", &ModelInfo::origins, "Where each value came from.")
      .def_readonly("notes", &ModelInfo::notes, "For example unknown keys that were ignored.")
      .def(
          "to_json", [](const ModelInfo& info) { return to_json(info); },
          "The metadata as a document that parse_model_info reads back: one line, the keypoint set in full.")
      .def("__repr__", [](const ModelInfo& info) {
        return "ModelInfo(" + py::repr(py::str(info.name)).cast<std::string>() + ", task \"" + std::string(to_string(info.task())) +
               "\", input " + std::to_string(info.input.width) + "x" + std::to_string(info.input.height) + ", codec \"" +
               std::string(to_string(codec_of(info.output))) + "\")";
      });
  py::class_<ModelReport>(module, "ModelReport", "What a model file is.")
      .def_readonly("path", &ModelReport::path, "The file.")
      .def_readonly("file_bytes", &ModelReport::file_bytes, "The file's size.")
      .def_readonly("parameters", &ModelReport::parameters, "Number of values in parameters and buffers.")
      .def_readonly("parameter_bytes", &ModelReport::parameter_bytes, "Their size.")
      .def_readonly("info", &ModelReport::info, "The metadata.")
      .def(
          "to_json", [](const ModelReport& report) { return to_json(report); },
          "The report as one JSON object: path, file_bytes, parameters, parameter_bytes, metadata, origins, notes.");
  py::class_<MemoryReport>(module, "MemoryReport", "What a model takes of its device's memory, in bytes.")
      .def_property_readonly(
          "device", [](const MemoryReport& report) { return to_string(report.device); }, "\"cpu\" or \"cuda:N\".")
      .def_readonly("weights", &MemoryReport::weights, "Held while the model is loaded.")
      .def_readonly("batch", &MemoryReport::batch, "More for a batch, however many persons are in it.")
      .def_readonly("person", &MemoryReport::person, "And for each person in it, at the peak: crop, activations, output.")
      .def_readonly("available", &MemoryReport::available, "What could be had beside the weights; None: the system does not report it.")
      .def_readonly("largest_batch", &MemoryReport::largest_batch, "The batch that fits into that; 0: none. None: not known.");
}

Model load_file(const std::filesystem::path& path, const MetadataChoice& metadata, std::string sha256, std::string device,
                const std::string& precision, const std::string& warm_up, bool fuse) {
  const ModelOptions options = model_options(metadata, std::move(sha256), std::move(device), precision, warm_up, fuse);
  const GilRelease release;
  return Model(path, options);
}

struct ReleaseBuffer {
  void operator()(Py_buffer* buffer) const {
    PyBuffer_Release(buffer);
    delete buffer;
  }
};

Model load_bytes(const py::buffer& bytes, const MetadataChoice& metadata, std::string sha256, std::string device,
                 const std::string& precision, const std::string& warm_up, bool fuse) {
  const ModelOptions options = model_options(metadata, std::move(sha256), std::move(device), precision, warm_up, fuse);
  auto taken = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(bytes.ptr(), taken.get(), PyBUF_SIMPLE) != 0) throw py::error_already_set();
  const std::unique_ptr<Py_buffer, ReleaseBuffer> buffer(taken.release());  // goes after the GIL is taken again
  const std::span content(static_cast<const std::byte*>(buffer->buf), static_cast<std::size_t>(buffer->len));
  const GilRelease release;
  return Model(content, options);
}

void register_loaded(py::module_& module) {
  // The path's type takes bytes too, as a file's name: so the bytes of a model come first.
  py::class_<Model>(module, "Model", py::release_gil_before_calling_cpp_dtor())
      .def(py::init(&load_bytes), py::arg("source"), py::kw_only(), py::arg("metadata"), py::arg("sha256"), py::arg("device"),
           py::arg("precision"), py::arg("warm_up"), py::arg("fuse"))
      .def(py::init(&load_file), py::arg("source"), py::kw_only(), py::arg("metadata"), py::arg("sha256"), py::arg("device"),
           py::arg("precision"), py::arg("warm_up"), py::arg("fuse"))
      .def_property_readonly("info", &Model::info, py::return_value_policy::copy)
      .def_property_readonly("device", [](const Model& model) { return to_string(model.devices()); })
      .def_property_readonly("is_fused", &Model::is_fused)
      .def("measure_memory", &Model::measure_memory, py::call_guard<GilRelease>());
}

}  // namespace

void register_model(py::module_& module) {
  register_parts(module);
  register_outputs(module);
  register_info(module);
  register_loaded(module);
  module.def("parse_model_info", &parse_model_info, py::arg("json"), py::arg("origin") = "document",
             "Reads a metadata document alone, without a model.\n\nRaises InvalidModelError.");
  module.def("model_presets", &model_presets, "Names of the metadata presets, sorted.");
  module.def(
      "inspect_model",
      [](const std::filesystem::path& path, const MetadataChoice& metadata, std::string sha256) {
        const ModelOptions options = model_options(metadata, std::move(sha256), "cpu", "auto", "none", true);
        const GilRelease release;
        return inspect_model(path, options);
      },
      py::arg("path"), py::arg("metadata"), py::arg("sha256"));
}

}  // namespace posekit_python
