/// Runs work in a forked child.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace posekit_test {

/// @param work returns the child's exit code, 0 to 99
/// @return that, 101 if it threw, -1 if a signal ended the child: after a minute the kernel takes it for hung and sends one
template <class Work>
int in_child(Work work) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    int status = 100;
    try {
      status = work();
    } catch (...) {
      status = 101;
    }
    _exit(status);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return -2;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace posekit_test
