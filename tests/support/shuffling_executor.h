/// An executor that runs tasks in a random order, on random slots: what the contract allows and code may not rely on otherwise.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <random>
#include <vector>

#include "posekit/executor.h"

namespace posekit_test {

class ShufflingExecutor final : public posekit::Executor {
 public:
  explicit ShufflingExecutor(unsigned seed = 1) : seed_(seed) {}

  std::size_t slots() const noexcept override { return 5; }

  void parallel_for(std::size_t n, posekit::TaskRef task) override {
    std::minstd_rand random(seed_);
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t index : order) task(index, random() % slots());
  }

 private:
  unsigned seed_;
};

}  // namespace posekit_test
