/// Replaces the program's operator new and delete: counts, and fails where a test wants it to.
#include "support/failing_allocator.h"

#include <cstdlib>
#include <new>

namespace posekit_test {

std::atomic<long> allocations_left = never;
std::atomic<bool> fails_for_good = false;
std::atomic<long> blocks = 0;
std::atomic<long> allocations = 0;

namespace {

void* allocate(std::size_t size) {
  long left = allocations_left;
  while (left != never && !allocations_left.compare_exchange_weak(left, left == 0 && fails_for_good ? 0 : left - 1)) continue;
  if (left == 0) throw std::bad_alloc();  // and `never`, which is 0 - 1, stays behind
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  ++blocks;
  ++allocations;
  return memory;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  --blocks;
  std::free(memory);
}

}  // namespace
}  // namespace posekit_test

void* operator new(std::size_t size) { return posekit_test::allocate(size); }
void* operator new[](std::size_t size) { return posekit_test::allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return posekit_test::allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { posekit_test::release(memory); }
void operator delete[](void* memory) noexcept { posekit_test::release(memory); }
void operator delete(void* memory, std::size_t) noexcept { posekit_test::release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { posekit_test::release(memory); }
