/// Process-wide settings and facts: version, CPUs, Torch's threads and TF32, memory, the log.
#include "posekit/runtime.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "errors.h"
#include "gil.h"
#include "register.h"

namespace py = pybind11;

namespace posekit_python {
namespace {

/// Imports torch before a call, so that posekit loads its library for that torch. As a call guard before GilRelease.
struct TorchImport {
  TorchImport() { py::module_::import("posekit._torch"); }
};

/// The callback is called, and dropped, by threads that don't hold the GIL.
void set_log_callback(py::object callback) {
  posekit::LogCallback native;
  if (!callback.is_none()) {
    const std::shared_ptr<py::object> shared(new py::object(std::move(callback)), [](py::object* object) {
      const GilAcquire acquire;
      delete object;
    });
    native = [shared](posekit::LogLevel level, std::string_view message) {
      const GilAcquire acquire;
      try {
        (*shared)(level == posekit::LogLevel::warning ? "warning" : "info", text_of(message));
      } catch (py::error_already_set& error) {
        error.discard_as_unraisable("posekit's log callback");
      }
    };
  }
  const GilRelease release;
  posekit::set_log_callback(std::move(native));
}

}  // namespace

void register_runtime(py::module_& module) {
  module.def("version", &posekit::version, "The library's version, \"major.minor.patch\".");
  module.def(
      "torch_versions",
      [] {
        const posekit::TorchVersions versions = posekit::torch_versions();
        return py::make_tuple(versions.built_for, versions.running);
      },
      py::call_guard<TorchImport>(), "The Torch that posekit was built for, and the one that runs.");
  module.def("built_with_cuda", &posekit::built_with_cuda, py::call_guard<TorchImport>(), "Whether posekit was built with CUDA.");
  module.def("usable_cpus", &posekit::usable_cpus,
             "How many CPUs this process may use, at least 1.\n\n"
             "It is POSEKIT_CPUS where the environment has it, else the smallest of the process's CPU affinity, its cgroup's quota and "
             "OMP_NUM_THREADS where the environment has it. cpu_report says which.\n\n"
             "Raises InvalidArgumentError if POSEKIT_CPUS is not a number from 1 to 65536.");
  py::class_<posekit::CpuReport>(module, "CpuReport", "How many CPUs this process may use, and why.")
      .def_readonly("usable", &posekit::CpuReport::usable, "What usable_cpus returns.")
      .def_property_readonly(
          "decided_by", [](const posekit::CpuReport& report) { return posekit::to_string(report.decided_by); },
          "The first that gives that number: \"affinity\", \"cgroup\", \"omp_num_threads\" or \"posekit_cpus\".")
      .def_readonly("affinity", &posekit::CpuReport::affinity, "CPUs that the process may run on.")
      .def_readonly("cgroup", &posekit::CpuReport::cgroup, "The cgroup's quota, rounded up; None: no quota.")
      .def_readonly("omp_num_threads", &posekit::CpuReport::omp_num_threads, "OMP_NUM_THREADS; None: not set, or no number.")
      .def_readonly("posekit_cpus", &posekit::CpuReport::posekit_cpus, "POSEKIT_CPUS; None: not set.");
  module.def("cpu_report", &posekit::cpu_report,
             "How many CPUs this process may use, and why. Raises InvalidArgumentError as usable_cpus does.");
  module.def("set_torch_threads", &posekit::set_torch_threads, py::arg("threads"), py::call_guard<TorchImport, GilRelease>(),
             "Sets the number of intra-op threads of a forward, and inter-op threads to 1 where that can still be set.\n\n"
             "It is Torch's setting, for the whole process. Call it before any model is loaded; results may differ in the last digits "
             "between counts.\n\nRaises InvalidArgumentError if threads < 1.");
  module.def("torch_threads", &posekit::torch_threads, py::call_guard<TorchImport, GilRelease>(), "Torch's number of intra-op threads.");
  module.def(
      "set_torch_tf32", &posekit::set_torch_tf32, py::arg("allowed"), py::call_guard<TorchImport>(),
      "Lets float32 matrix products and convolutions use TF32 on NVIDIA GPUs.\n\n"
      "It is Torch's setting, for the whole process. Off unless set, but for convolutions of scripted models. Call it before any model is "
      "loaded.");
  module.def("torch_tf32", &posekit::torch_tf32, py::call_guard<TorchImport>(), "Whether float32 matrix products may use TF32.");
  module.def("set_device_memory_limit", &posekit::set_device_memory_limit, py::arg("device"), py::arg("bytes"),
             py::call_guard<TorchImport, GilRelease>(),
             "Limits what Torch's allocator takes of one CUDA device's memory.\n\n"
             "It is Torch's setting, for the whole process. Call it before any model is loaded.\n\n"
             "bytes: at least 1, at most what the device has.\n\n"
             "Raises InvalidArgumentError for a CPU or such a number, DeviceUnavailableError without the device.");
  module.def(
      "keep_freed_memory", &posekit::keep_freed_memory,
      "Lets malloc keep what is freed for the next forward instead of giving it back to the system.\n\n"
      "These are glibc's thresholds, for the whole process: fresh pages cost more than many a forward's work. The process then holds its "
      "peak. Call it early.\n\nReturns whether malloc was set: False with another C library than glibc, where nothing happens.");
  module.def("set_log_callback", &set_log_callback, py::arg("callback"),
             "Where notes of the library go: callback(level, message) with level \"info\" or \"warning\".\n\n"
             "It is called on any thread that uses the library, several at once. None: nowhere. Unless set, notes go to "
             "logging.getLogger(\"posekit\").");
}

}  // namespace posekit_python
