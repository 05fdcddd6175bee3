/// Ctrl-C: the first asks to stop, the second ends the program at once.
#pragma once

#include <stop_token>

namespace cli {

constexpr int interrupted_exit_code = 130;

/// Installs the handlers of SIGINT and SIGTERM. @return the token that they trigger
std::stop_token watch_for_interrupt();

}  // namespace cli
