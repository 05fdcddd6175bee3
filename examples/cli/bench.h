/// posekit bench.
#pragma once

#include <vector>

#include "options.h"

namespace cli {

struct BenchOptions {
  ModelChoice model;
  std::vector<std::size_t> batches{1, 4};
  std::vector<std::size_t> threads;  ///< Empty: 1 and as many as there are CPUs.
  std::vector<int> torch_threads;    ///< Likewise.
  double seconds = 2;                ///< Measured for each row of the table.
  std::string json;                  ///< "-": standard output, in place of the table. Empty: none.
};

int run_bench(const BenchOptions& options);

}  // namespace cli
