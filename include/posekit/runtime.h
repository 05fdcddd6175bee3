/// Process-wide things: version, CPUs, Torch's threads and TF32, a device's memory, malloc, the log callback. Nothing else in posekit
/// changes global state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// The library's version, "major.minor.patch".
[[nodiscard]] POSEKIT_API std::string_view version() noexcept;

/// The Torch that the library was built for and the one that runs, for example "2.13.0".
struct TorchVersions {
  std::string built_for;
  std::string running;
};
[[nodiscard]] POSEKIT_API TorchVersions torch_versions();

/// Whether the library was built with CUDA.
[[nodiscard]] POSEKIT_API bool built_with_cuda() noexcept;

/// How many CPUs this process may use: the smaller of its CPU affinity and its cgroup's quota (v1 or v2, rounded up), at least 1.
/// ThreadPool(0) makes as many threads; Torch's own default knows nothing of a quota.
[[nodiscard]] POSEKIT_API std::size_t usable_cpus();

/// Sets the number of intra-op threads of a forward (Torch's, for the whole process, other users of Torch included), and inter-op
/// threads to 1 where that can still be set. Call it before any model is loaded; results may differ in the last digits between counts.
/// @throws Error invalid_argument if threads < 1
POSEKIT_API void set_torch_threads(int threads);

/// Torch's number of intra-op threads.
[[nodiscard]] POSEKIT_API int torch_threads();

/// Lets float32 matrix products and convolutions use TF32 on NVIDIA GPUs (Torch's settings, for the whole process, other users of Torch
/// included): faster, with 10 bits of mantissa in place of 23. Off unless set: models of `Precision::fp32` compute in float32 then, but for
/// the convolutions of scripted (not traced) models, which Torch runs in TF32 unless this is called with false. A model keeps what was set
/// when it was loaded for its traced convolutions. Call it before any model is loaded; docs/gpu.md says more.
POSEKIT_API void set_torch_tf32(bool allowed);

/// Whether float32 matrix products may use TF32.
[[nodiscard]] POSEKIT_API bool torch_tf32();

/// Limits what this process may take of one CUDA device's memory by Torch's allocator (Torch's setting, for the whole process, other users
/// of Torch included). Beyond it a batch fails with out_of_memory. CUDA's own context and what others take directly from CUDA don't count.
/// The last call for a device holds; memory that is taken already is not given back. Call it before any model is loaded.
/// @param device "cuda" (cuda:0), "cuda:N", several joined by commas, or "auto" where that is a CUDA device
/// @param bytes of each; at least 1, at most the device's whole memory, of which Torch keeps it as a fraction
/// @throws Error invalid_argument for a CPU, an unknown device or such a number of bytes; device_unavailable if there is no such device
POSEKIT_API void set_device_memory_limit(const std::string& device, std::uint64_t bytes);

/// Lets malloc keep what is freed for the next forward instead of giving it back to the system (glibc's mallopt: M_MMAP_THRESHOLD and
/// M_TRIM_THRESHOLD, for the whole process): fresh pages cost more than many a forward's work, see docs/performance.md. The process then
/// holds its peak. Call it early. The program `posekit` does.
/// @return whether malloc could be told: false with another C library than glibc, where nothing happens
POSEKIT_API bool keep_freed_memory();

enum class LogLevel : std::uint8_t { info, warning };

using LogCallback = std::function<void(LogLevel, std::string_view)>;

/// Where notes of the library go, which itself prints nothing. An empty function: nowhere, the default.
/// The callback may be called from any thread that uses the library, several at once. Safe to call at any time.
POSEKIT_API void set_log_callback(LogCallback callback);

}  // namespace posekit::inline v0
