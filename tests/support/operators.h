/// Torch's operators as they run: what memory they use, and how many there are. For tests that include no Torch.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace posekit_test {

/// What an operator does with the memory of one tensor.
struct MemoryUse {
  const void* storage = nullptr;  ///< Where the whole memory that the tensor is a view of begins,
  std::size_t storage_bytes = 0;  ///< and its size.
  std::size_t bytes_read = 0;     ///< Of the tensor, repeated values once, of a gathered one no more than the result has.
  std::size_t bytes_written = 0;
};

/// An operator that has run, as a caller of Torch's or a network has asked for it: not what it is made of.
struct OperatorRun {
  std::string name;
  std::vector<MemoryUse> uses;        ///< None for views, and for what only makes memory.
  bool waits_for_other_side = false;  ///< To a named device, blocking: between two devices, the caller would wait.
};

/// Reports each operator while it lives, on the thread that asked for it, when the operator has ended. One at a time.
class OperatorWatch {
 public:
  using Report = std::function<void(const OperatorRun&)>;
  /// @param report of operators of all threads
  explicit OperatorWatch(Report report);
  OperatorWatch(const OperatorWatch&) = delete;
  OperatorWatch& operator=(const OperatorWatch&) = delete;
  ~OperatorWatch();

 private:
  Report report_;
  unsigned long callback_;
};

/// What work asks Torch for.
struct OperatorCounts {
  std::size_t operators = 0;  ///< Without views: about the kernels that a device would be given, or more of them for reductions and copies.
  std::size_t bytes_read = 0;
  std::size_t bytes_written = 0;
};

/// Runs work and counts what it asks for on this thread.
OperatorCounts operators_in(const std::function<void()>& work);

}  // namespace posekit_test
