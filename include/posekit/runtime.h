/// Process-wide settings and facts: version, CPUs, Torch's threads and TF32, memory, the log.
///
/// Nothing else in the core library changes global state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "posekit/export.h"

namespace posekit::inline v0 {

/// Returns the library's version, "major.minor.patch".
[[nodiscard]] POSEKIT_API std::string_view version() noexcept;

/// Names the Torch that the library was built for and the one that runs, for example "2.13.0".
struct TorchVersions {
  std::string built_for;
  std::string running;
};
/// Returns both versions of Torch.
/// @throws Error as the first model that is loaded, if the library that runs models can't be loaded
[[nodiscard]] POSEKIT_API TorchVersions torch_versions();

/// Returns whether the library was built with CUDA.
/// @throws Error as torch_versions
[[nodiscard]] POSEKIT_API bool built_with_cuda();

/// Sets a folder in which to look for the library that runs models, libposekit_torch-2.N.so.
///
/// A shared libposekit links no Torch. It loads that library when it is first needed: by a model,
/// or by a function here that is about Torch. It looks into its own folder, then into this one,
/// then into those of the environment's POSEKIT_BACKENDS (absolute paths, with a colon between;
/// not in set-uid programs). A library or folder of the last two to which all users may write is
/// refused. Where Torch is loaded already, the library for that Torch is taken, else the newest
/// that can be loaded. After that, and in a static build, this has no effect.
///
/// @throws Error invalid_argument if the path is not absolute
POSEKIT_API void set_backend_folder(const std::filesystem::path& path);

/// Returns how many CPUs this process may use, at least 1.
///
/// It is POSEKIT_CPUS where the environment has it. Otherwise it is the smallest of the process's
/// CPU affinity, its cgroup's quota (v1 or v2, rounded up) and OMP_NUM_THREADS where the
/// environment has it. ThreadPool(0) has that many threads. Torch's own default knows nothing of a
/// quota.
///
/// @throws Error invalid_argument if POSEKIT_CPUS is not a number from 1 to 65536
[[nodiscard]] POSEKIT_API std::size_t usable_cpus();

/// Says what decided how many CPUs are usable.
enum class CpuLimit : std::uint8_t { affinity, cgroup, omp_num_threads, posekit_cpus };

/// Tells how many CPUs this process may use, and why.
struct CpuReport {
  std::size_t usable = 1;                      ///< What usable_cpus returns.
  CpuLimit decided_by = CpuLimit::affinity;    ///< The first one that gives that number.
  std::size_t affinity = 1;                    ///< CPUs that the process may run on.
  std::optional<std::size_t> cgroup;           ///< The cgroup's quota, rounded up; none: no quota.
  std::optional<std::size_t> omp_num_threads;  ///< OMP_NUM_THREADS; none: not set, or no number.
  std::optional<std::size_t> posekit_cpus;     ///< POSEKIT_CPUS; none: not set.
};

/// Returns how many CPUs this process may use, and why. Thread-safe unless the environment changes.
/// @throws Error as usable_cpus
[[nodiscard]] POSEKIT_API CpuReport cpu_report();

/// Returns "affinity", "cgroup", "omp_num_threads" or "posekit_cpus".
[[nodiscard]] POSEKIT_API std::string_view to_string(CpuLimit value) noexcept;

/// Sets the number of intra-op threads of a forward.
///
/// Inter-op threads are set to 1 where that can still be set.
///
/// The settings are Torch's, for the whole process, other users of Torch included. Call it before
/// any model is loaded. Results may differ in the last digits between numbers of threads.
///
/// @throws Error invalid_argument if `threads` < 1
POSEKIT_API void set_torch_threads(int threads);

/// Returns Torch's number of intra-op threads.
[[nodiscard]] POSEKIT_API int torch_threads();

/// Sets whether float32 matrix products and convolutions may use TF32 on NVIDIA GPUs.
///
/// TF32 is faster, with 10 bits of mantissa in place of 23. The settings are Torch's, for the whole
/// process, other users of Torch included. Call it before any model is loaded; docs/gpu.md says
/// more.
///
/// TF32 is off unless it is set: models of `Precision::fp32` then compute in float32. One exception
/// is the convolutions of scripted (not traced) models. Torch runs them in TF32 unless this is
/// called with false. For its traced convolutions a model keeps what was set when it was loaded.
POSEKIT_API void set_torch_tf32(bool allowed);

/// Returns whether float32 matrix products may use TF32.
[[nodiscard]] POSEKIT_API bool torch_tf32();

/// Limits how much of one CUDA device's memory Torch's allocator may take in this process.
///
/// The setting is Torch's, for the whole process, other users of Torch included. Call it before any
/// model is loaded: memory that is already taken is not given back. The last call for a device
/// counts.
///
/// Beyond the limit a batch fails with out_of_memory. CUDA's own context, and what others take
/// directly from CUDA, don't count.
///
/// @param device "cuda" (cuda:0), "cuda:N", several joined by commas, or "auto" where that is a
///     CUDA device
/// @param bytes of each device, from 1 to its whole memory; Torch keeps it as a fraction of that
/// @throws Error invalid_argument for a CPU, an unknown device or such a number of bytes
/// @throws Error device_unavailable if there is no such device
POSEKIT_API void set_device_memory_limit(const std::string& device, std::uint64_t bytes);

/// Makes malloc keep freed memory for the next forward instead of giving it back to the system.
///
/// It sets M_MMAP_THRESHOLD and M_TRIM_THRESHOLD by glibc's mallopt, for the whole process. The
/// process then holds its peak. Call it early; the program `posekit` does. For many models, fresh
/// pages cost more than a forward's own work: see docs/performance.md.
///
/// @return whether malloc was set; false with another C library than glibc, where nothing happens
POSEKIT_API bool keep_freed_memory();

/// Says how important a note of the library is.
enum class LogLevel : std::uint8_t { info, warning };

/// Gets the notes of the library.
using LogCallback = std::function<void(LogLevel, std::string_view)>;

/// Sets where the library's notes go; the library itself prints nothing.
///
/// An empty function drops them, which is the default.
///
/// This may be called at any time. The callback may be called from any thread that uses the
/// library, and from several at once.
POSEKIT_API void set_log_callback(LogCallback callback);

}  // namespace posekit::inline v0
