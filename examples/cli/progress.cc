/// Progress on standard error.
#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace cli {
namespace {

constexpr std::size_t bar_width = 30;
constexpr std::chrono::milliseconds frame_bar_interval{100};

/// File names may hold anything: no control character of theirs reaches a terminal.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7F; }, '?');
  return text;
}

}  // namespace

void print_error(const std::string& text) noexcept {
  (void)std::fputs(text.c_str(), stderr);
  (void)std::fflush(stderr);
}

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(!quiet && isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { clear_bar(); }

void Progress::set_total(std::size_t total) {
  const std::lock_guard lock(mutex_);
  total_ = total;
}

void Progress::step(const std::string& line) {
  const std::lock_guard lock(mutex_);
  ++done_;
  if (quiet_) return;
  if (terminal_) {
    draw_bar(done_, total_, start_, "inputs/s");
  } else {
    print_error(fmt::format("[{}{}] {}\n", done_, total_ ? fmt::format("/{}", *total_) : "", printable(line)));
  }
}

void Progress::frames(const std::string& video, std::size_t done, std::optional<std::size_t> total) {
  const std::lock_guard lock(mutex_);
  if (!terminal_) return;
  const auto now = Clock::now();
  if (video_ != video) {
    video_ = video;
    video_start_ = now;
  }
  if (now - last_frame_bar_ < frame_bar_interval) return;
  last_frame_bar_ = now;
  draw_bar(done, total, video_start_, fmt::format("frames/s of {}", printable(video)));
}

void Progress::message(const std::string& line) {
  const std::lock_guard lock(mutex_);
  clear_bar();
  print_error(printable(line) + "\n");
}

void Progress::draw_bar(std::size_t done, std::optional<std::size_t> total, Clock::time_point start, const std::string& what) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const double rate = static_cast<double>(done) / std::max(seconds, 1e-6);
  if (!total) {
    print_error(fmt::format("\r\033[K{}  {:.1f} {}", done, rate, what));
  } else {
    const std::size_t shown = std::min(done, *total);
    const auto left = static_cast<long>(static_cast<double>(*total - shown) / std::max(rate, 1e-6));
    const std::size_t filled = bar_width * shown / std::max<std::size_t>(1, *total);
    print_error(fmt::format("\r\033[K[{:#<{}}{:.<{}}] {}/{}  {:.1f} {}  {}:{:02} left", "", filled, "", bar_width - filled, done, *total,
                            rate, what, left / 60, left % 60));
  }
}

void Progress::clear_bar() const {
  if (terminal_) print_error("\r\033[K");
}

}  // namespace cli
