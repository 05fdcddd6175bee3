/// Torch's state, of the process and of a thread: versions, threads, devices, modes.
#include "posekit/runtime.h"

#include <ATen/Context.h>
#include <ATen/FuncTorchTLS.h>
#include <ATen/Parallel.h>
#include <ATen/PythonTorchFunctionTLS.h>
#include <ATen/SavedTensorHooks.h>
#include <ATen/Version.h>
#include <c10/core/AutogradState.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/core/impl/PythonDispatcherTLS.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <c10/util/Exception.h>
#include <torch/version.h>

#include <cstdint>
#include <memory>
#include <thread>

#include "backend/backend_library.h"
#include "backend/torch_version.h"
#include "base/log.h"
#include "posekit/error.h"
#include "torch/device.h"
#include "torch/runtime.h"

namespace posekit::inline v0 {
namespace {

std::string running_torch() { return torch_version_in(at::show_config()); }

void check_cuda(int index) {
  const CudaDevices devices = cuda_devices();
  if (devices.count == 0) {
    throw Error(ErrorCode::device_unavailable, "CUDA was asked for, but " + devices.why_none + ", or use \"cpu\"");
  }
  if (index >= devices.count) {
    throw Error(ErrorCode::device_unavailable, "device \"cuda:" + std::to_string(index) + "\" was asked for, cuda:0 to cuda:" +
                                                   std::to_string(devices.count - 1) + " is expected: see nvidia-smi");
  }
}

/// Whether nothing is switched on for this thread.
bool is_as_fresh() {
  const c10::impl::LocalDispatchKeySet keys = c10::impl::tls_local_dispatch_key_set();
  const c10::AutogradState& autograd = c10::AutogradState::get_tls_state();
  return keys.included_ == c10::default_included_set && keys.excluded_ == c10::default_excluded_set && autograd.get_grad_mode() &&
         autograd.get_fw_grad_mode() && autograd.get_multithreading_enabled() && !autograd.get_view_replay_enabled() &&
         c10::impl::TorchDispatchModeTLS::stack_len() == 0 && at::impl::PythonTorchFunctionTLS::stack_len() == 0 &&
         at::impl::PythonTorchFunctionTLS::get_disabled_state() == at::impl::TorchFunctionDisabledState::ENABLED &&
         c10::impl::PythonDispatcherTLS::get_state() == nullptr && at::functorch::functorchTLSAccessor() == nullptr &&
         at::SavedTensorDefaultHooks::get_tls_state().stack.empty() && c10::ThreadLocalDebugInfo::current() == nullptr;
}

/// Of this thread if it is as fresh, so that a program with one thread stays with one.
const at::ThreadLocalState& state_of_a_fresh_thread() {
  // Never freed: threads may still be at work while the process ends.
  static const auto& state = *[] {
    std::unique_ptr<at::ThreadLocalState> fresh;
    const auto capture = [&] { fresh = std::make_unique<at::ThreadLocalState>(); };
    if (is_as_fresh()) {
      capture();
    } else {
      std::jthread(capture).join();
    }
    return fresh.release();
  }();
  return state;
}

/// Lets Torch settle this thread's number of intra-op threads before anything is computed on it; costs nothing after the first time.
/// Without it a forward in a fresh thread starts with the default number (measured with Torch 2.13).
void init_torch_thread() {
  thread_local const bool done = [] {
    at::init_num_threads();
    return true;
  }();
  (void)done;
}

}  // namespace

TorchVersions torch_versions() { return {TORCH_VERSION, running_torch()}; }

bool built_with_cuda() {
#ifdef POSEKIT_CUDA
  return true;
#else
  return false;
#endif
}

void set_torch_threads(int threads) {
  if (threads < 1)
    throw Error(ErrorCode::invalid_argument, std::to_string(threads) + " Torch threads were asked for, a number >= 1 is expected");
  at::set_num_threads(threads);
  try {
    if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1);
  } catch (const c10::Error&) {
    // The inter-op pool is there already: its size can't change any more, and posekit does not use it.
  }
}

int torch_threads() { return at::get_num_threads(); }

void set_torch_tf32(bool allowed) {
  at::globalContext().setAllowTF32CuBLAS(allowed);
  at::globalContext().setAllowTF32CuDNN(allowed);
}

bool torch_tf32() {
  try {
    return at::globalContext().allowTF32CuBLAS();
  } catch (const c10::Error&) {
    return false;  // Torch's older and newer settings contradict each other: then nobody may rely on it
  }
}

void set_device_memory_limit(const std::string& device, std::uint64_t bytes) {
  if (bytes == 0) throw Error(ErrorCode::invalid_argument, "a memory limit of 0 bytes was given, a number >= 1 is expected");
  for (const Device one : devices_of(device)) {
    if (one.kind == DeviceKind::cpu) {
      throw Error(ErrorCode::invalid_argument,
                  "a memory limit was given for \"" + device + "\", which is the CPU here: name a CUDA device (\"cuda\", \"cuda:N\")");
    }
    in_torch("the memory of \"" + to_string(one) + "\" can't be limited", ErrorCode::device_unavailable, [&] {
      const std::uint64_t total = total_memory(torch_device(one));
      if (bytes > total) {
        throw Error(ErrorCode::invalid_argument, "a memory limit of " + std::to_string(bytes) + " bytes was given, but " + to_string(one) +
                                                     " has " + std::to_string(total) + ": pass at most that");
      }
      limit_memory(torch_device(one), static_cast<double>(bytes) / static_cast<double>(total));
    });
  }
}

TorchScope::TorchScope()
    : debug_info_(c10::ThreadLocalDebugInfo::current()), callbacks_(at::get_record_function_tls_()), state_(state_of_a_fresh_thread()) {
  c10::ThreadLocalDebugInfo::_forceCurrentDebugInfo(debug_info_);
  at::set_record_function_tls_(callbacks_);
  init_torch_thread();
}

void check_torch_version() {
  const std::string running = running_torch();
  if (torch_minor_of(running) == torch_minor_of(TORCH_VERSION)) return;
  throw Error(ErrorCode::internal, "posekit was built for Torch " TORCH_VERSION ", but Torch " + running +
                                       " runs: install that version, or build posekit for this one");
}

std::vector<Device> devices_of(const std::string& option) {
  std::vector<Device> devices = parse_devices(option);
  if (devices.empty()) {
    const CudaDevices cuda = cuda_devices();
    if (cuda.count > 0) return {Device{DeviceKind::cuda, 0}};
    if (cuda.broken) log(LogLevel::warning, "device \"auto\" is the CPU here: " + cuda.why_none);
    return {Device{}};
  }
  for (const Device device : devices) {
    if (device.kind == DeviceKind::cuda) check_cuda(device.index);
  }
  return devices;
}

c10::Device torch_device(Device device) {
  return device.kind == DeviceKind::cpu ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device.index));
}

}  // namespace posekit::inline v0
