/// Tells whether an object is used in a child of the process that made it.
#pragma once

#include <sys/types.h>

namespace posekit::inline v0 {

/// Remembers the process that made it. After fork() a child has its parent's memory but only one of its threads: mutexes may be held
/// by threads that are gone, and whoever waits for them hangs. So objects with threads or locks refuse to work there.
class ForkGuard {
 public:
  ForkGuard() noexcept;

  /// Whether this is another process than the one that made the guard.
  [[nodiscard]] bool forked() const noexcept;

  /// @throws Error forked that names the object. @param what for example "ThreadPool"
  void check(const char* what) const;

 private:
  pid_t owner_;
};

}  // namespace posekit::inline v0
