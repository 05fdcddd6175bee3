/// posekit::Error becomes the Python class of its code.
#include "errors.h"

#include <pybind11/pybind11.h>

#include <exception>

#include "posekit/error.h"

namespace py = pybind11;

namespace posekit_python {

void register_errors() {
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const posekit::Error& error) {
      // A message may hold a path, whose bytes need not be UTF-8.
      const auto message = py::reinterpret_steal<py::str>(PyUnicode_DecodeFSDefault(error.what()));
      const py::object raised = py::module_::import("posekit._errors").attr("error_of")(static_cast<int>(error.code()), message);
      PyErr_SetObject(py::type::handle_of(raised).ptr(), raised.ptr());
    }
  });
}

}  // namespace posekit_python
