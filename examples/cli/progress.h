/// Progress on standard error: a bar on a terminal, plain lines otherwise.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>

namespace cli {

/// Writes to standard error; where that fails there is nowhere to report it.
void print_error(const std::string& text) noexcept;

/// Any thread may call any member.
class Progress {
 public:
  explicit Progress(bool quiet);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// How many inputs there are, once that is known.
  void set_total(std::size_t total);
  /// One more input is done. @param line what a plain log says of it
  void step(const std::string& line);
  /// So many frames of a video are done. @param total if known
  void frames(const std::string& video, std::size_t done, std::optional<std::size_t> total);
  /// A line that stays, above the bar; printed when quiet, too.
  void message(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;

  void draw_bar(std::size_t done, std::optional<std::size_t> total, Clock::time_point start, const std::string& what) const;
  void clear_bar() const;

  std::mutex mutex_;
  std::optional<std::size_t> total_;
  std::size_t done_ = 0;
  bool quiet_;
  bool terminal_;
  Clock::time_point start_ = Clock::now();
  std::string video_;
  Clock::time_point video_start_;
  Clock::time_point last_frame_bar_;
};

}  // namespace cli
