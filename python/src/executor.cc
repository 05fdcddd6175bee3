/// The thread pool. (SerialExecutor is the absence of one.)
#include "posekit/executor.h"

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "gil.h"
#include "options.h"
#include "register.h"

namespace py = pybind11;

namespace posekit_python {

void register_executor(py::module_& module) {
  py::class_<posekit::ThreadPool, std::shared_ptr<posekit::ThreadPool>>(module, "ThreadPool", py::release_gil_before_calling_cpp_dtor())
      .def(py::init([](std::int64_t threads) {
             const std::size_t count = count_of("threads", threads);
             const GilRelease release;
             return std::make_shared<posekit::ThreadPool>(count);
           }),
           py::arg("threads"))
      .def_property_readonly("slots", &posekit::ThreadPool::slots);
}

}  // namespace posekit_python
