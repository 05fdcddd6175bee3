/// What is written to the standard error stream, by any code.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "support/paths.h"

namespace posekit_test {

/// What calls write to the standard error stream meanwhile.
template <class Call>
std::string printed_by(Call&& call) {
  const TemporaryDir folder;
  const std::filesystem::path path = folder.path() / "stderr";
  std::fflush(stderr);
  const int before = dup(STDERR_FILENO);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  dup2(file, STDERR_FILENO);
  call();
  std::fflush(stderr);
  dup2(before, STDERR_FILENO);
  close(before);
  close(file);
  std::ifstream text(path);
  return {std::istreambuf_iterator<char>(text), {}};
}

}  // namespace posekit_test
