/// posekit::Error becomes the Python class of its code.
#include "errors.h"

#include <exception>

#include "posekit/error.h"

namespace py = pybind11;

namespace posekit_python {

py::str text_of(std::string_view message) {
  auto text = py::reinterpret_steal<py::str>(PyUnicode_DecodeFSDefaultAndSize(message.data(), static_cast<py::ssize_t>(message.size())));
  if (!text) throw py::error_already_set();
  return text;
}

void register_errors() {
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const posekit::Error& error) {
      const py::object raised =
          py::module_::import("posekit._errors").attr("error_of")(static_cast<int>(error.code()), text_of(error.what()));
      PyErr_SetObject(py::type::handle_of(raised).ptr(), raised.ptr());
    }
  });
}

}  // namespace posekit_python
