/// Process-wide settings and facts: version, CPUs, Torch's threads and TF32, memory, the log.
#include "posekit/runtime.h"

#include <string>

#include "arguments.h"
#include "guard.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

const char* posekit_version() { return posekit::version().data(); }

int32_t posekit_version_number() {
  int32_t number = 0;
  int32_t part = 0;
  for (const char c : posekit::version()) {
    if (c == '.') {
      number = (number + part) * 100;
      part = 0;
    } else {
      part = part * 10 + (c - '0');
    }
  }
  return number + part;
}

posekit_status posekit_torch_versions(const char** built_for, const char** running) {
  return guard([&] {
    clear(built_for);
    clear(running);
    require(built_for, "built_for");
    require(running, "running");
    static const posekit::TorchVersions versions = posekit::torch_versions();
    *built_for = versions.built_for.c_str();
    *running = versions.running.c_str();
  });
}

posekit_status posekit_set_backend_folder(const char* folder) {
  return guard([&] { posekit::set_backend_folder(&require(folder, "folder")); });
}

posekit_status posekit_built_with_cuda(int32_t* built_with_cuda) {
  return guard([&] { require(built_with_cuda, "built_with_cuda") = posekit::built_with_cuda() ? 1 : 0; });
}

posekit_status posekit_usable_cpus(size_t* cpus) {
  return guard([&] {
    clear(cpus);
    require(cpus, "cpus");
    *cpus = posekit::usable_cpus();
  });
}

posekit_status posekit_set_torch_threads(int32_t threads) {
  return guard([&] { posekit::set_torch_threads(threads); });
}

posekit_status posekit_torch_threads(int32_t* threads) {
  return guard([&] {
    clear(threads);
    require(threads, "threads");
    *threads = posekit::torch_threads();
  });
}

posekit_status posekit_set_torch_tf32(int32_t allowed) {
  return guard([&] { posekit::set_torch_tf32(allowed != 0); });
}

posekit_status posekit_torch_tf32(int32_t* allowed) {
  return guard([&] {
    clear(allowed);
    require(allowed, "allowed");
    *allowed = posekit::torch_tf32() ? 1 : 0;
  });
}

posekit_status posekit_set_device_memory_limit(const char* device, uint64_t bytes) {
  return guard([&] { posekit::set_device_memory_limit(&require(device, "device"), bytes); });
}

posekit_status posekit_keep_freed_memory(int32_t* applied) {
  return guard([&] {
    const bool could = posekit::keep_freed_memory();
    if (applied != nullptr) *applied = could ? 1 : 0;
  });
}

posekit_status posekit_set_log_callback(posekit_log_function function, void* context) {
  return guard([&] {
    if (function == nullptr) return posekit::set_log_callback({});
    posekit::set_log_callback([function, context](posekit::LogLevel level, std::string_view message) {
      function(context, static_cast<posekit_log_level>(level), std::string(message).c_str());
    });
  });
}
