/// What each file of the module _core adds to it.
#pragma once

#include <pybind11/pybind11.h>

namespace posekit_python {

void register_keypoints(pybind11::module_& module);
void register_model(pybind11::module_& module);
void register_device_image(pybind11::module_& module);
void register_executor(pybind11::module_& module);
void register_estimator(pybind11::module_& module);
void register_detector(pybind11::module_& module);
void register_predictor(pybind11::module_& module);
void register_stream(pybind11::module_& module);
void register_boxes_file(pybind11::module_& module);
void register_results(pybind11::module_& module);
void register_tracker(pybind11::module_& module);
void register_runtime(pybind11::module_& module);

}  // namespace posekit_python
