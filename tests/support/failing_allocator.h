/// Replaces the program's operator new and delete: counts, and fails where a test wants it to. Compile failing_allocator.cc in.
#pragma once

#include <atomic>

namespace posekit_test {

constexpr long never = -1;

extern std::atomic<long> allocations_left;  ///< Until the first that fails; then, and at the start, `never`.
extern std::atomic<bool> fails_for_good;    ///< After the first all others fail too, and allocations_left stays 0.
extern std::atomic<long> blocks;            ///< Allocated and not freed.
extern std::atomic<long> allocations;       ///< Ever.

}  // namespace posekit_test
