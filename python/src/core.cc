/// The module posekit._core: the library without OpenCV. The package's .py files are the public face.
#include <pybind11/pybind11.h>

#include "errors.h"
#include "register.h"

PYBIND11_MODULE(_core, module) {
  posekit_python::register_errors();
  posekit_python::register_keypoints(module);
  posekit_python::register_model(module);
  posekit_python::register_results(module);
  posekit_python::register_boxes_file(module);
  posekit_python::register_device_image(module);
  posekit_python::register_executor(module);
  posekit_python::register_estimator(module);
  posekit_python::register_detector(module);
  posekit_python::register_predictor(module);
  posekit_python::register_stream(module);
  posekit_python::register_tracker(module);
  posekit_python::register_runtime(module);
}
