/// Runs work in several threads at once.
#pragma once

#include <cstddef>
#include <latch>
#include <thread>
#include <vector>

namespace posekit_test {

/// Runs work(0) to work(count - 1), each in a thread of its own; they begin together. Waits for all.
template <class Work>
void at_once(std::size_t count, const Work& work) {
  std::latch start(static_cast<std::ptrdiff_t>(count));
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&start, &work, i] {
      start.arrive_and_wait();
      work(i);
    });
  }
}

}  // namespace posekit_test
