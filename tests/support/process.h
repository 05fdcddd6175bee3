/// Runs a program to its end and returns what it printed.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace posekit_test {

struct ProcessOptions {
  std::filesystem::path directory;                 ///< Where it runs; empty: here.
  std::map<std::string, std::string> environment;  ///< Set on top of this process's own.
  std::filesystem::path stdout_file;               ///< Standard output goes there, for example to /dev/full; empty: it is captured.
  bool stderr_terminal = false;                    ///< Standard error is a terminal; what is written to it is captured all the same.
  bool close_at_output = false;                    ///< Nobody reads standard output any more once its first byte has come.
  int signal_at_output = 0;                        ///< Sent once, when the first byte comes from standard output.
  std::chrono::seconds time_limit{120};            ///< Then it is killed.
};

struct ProcessResult {
  int exit_code = -1;  ///< -1 if a signal ended it.
  int signal = 0;      ///< The signal that ended it, or 0.
  bool timed_out = false;
  std::string out;
  std::string err;
};

/// @param command the program's path, or a name to be found in PATH, and its arguments
/// @throws std::system_error if it can't be started
ProcessResult run_process(const std::vector<std::string>& command, const ProcessOptions& options = {});

}  // namespace posekit_test
