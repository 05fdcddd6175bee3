/// Progress on standard error: a bar on a terminal, plain lines otherwise.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace cli {

class Progress {
 public:
  Progress(std::size_t total, bool quiet);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// One more image is done. @param line what a plain log says of it
  void step(const std::string& line);
  /// A line that stays, above the bar; printed when quiet, too.
  void message(const std::string& line);

 private:
  void draw_bar();
  void clear_bar();

  std::size_t total_;
  std::size_t done_ = 0;
  bool quiet_;
  bool terminal_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace cli
