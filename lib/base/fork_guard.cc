/// Tells whether an object is used in a child of the process that made it.
#include "base/fork_guard.h"

#include <unistd.h>

#include <string>

#include "posekit/error.h"

namespace posekit::inline v0 {

ForkGuard::ForkGuard() noexcept : owner_(getpid()) {}

bool ForkGuard::forked() const noexcept { return getpid() != owner_; }

void ForkGuard::check(const char* what) const {
  if (!forked()) return;
  throw Error(ErrorCode::forked, std::string(what) + " was made by process " + std::to_string(owner_) + " and is used in its child " +
                                     std::to_string(getpid()) +
                                     " after fork(): make it in the child, or start the child with exec (\"spawn\" in Python)");
}

}  // namespace posekit::inline v0
