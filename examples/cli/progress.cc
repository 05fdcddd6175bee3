/// Progress on standard error.
#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace cli {
namespace {

constexpr std::size_t bar_width = 30;

/// File names may hold anything: no control character of theirs reaches a terminal.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7F; }, '?');
  return text;
}

}  // namespace

Progress::Progress(std::size_t total, bool quiet) : total_(total), quiet_(quiet), terminal_(!quiet && isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { clear_bar(); }

void Progress::step(const std::string& line) {
  ++done_;
  if (quiet_) return;
  if (terminal_) {
    draw_bar();
  } else {
    fmt::print(stderr, "[{}/{}] {}\n", done_, total_, printable(line));
  }
}

void Progress::message(const std::string& line) {
  clear_bar();
  fmt::print(stderr, "{}\n", printable(line));
}

void Progress::draw_bar() {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double rate = static_cast<double>(done_) / std::max(seconds, 1e-6);
  const auto left = static_cast<long>(static_cast<double>(total_ - done_) / std::max(rate, 1e-6));
  const std::size_t filled = bar_width * done_ / std::max<std::size_t>(1, total_);
  fmt::print(stderr, "\r\033[K[{:#<{}}{:.<{}}] {}/{}  {:.1f} images/s  {}:{:02} left", "", filled, "", bar_width - filled, done_, total_,
             rate, left / 60, left % 60);
  std::fflush(stderr);
}

void Progress::clear_bar() {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

}  // namespace cli
