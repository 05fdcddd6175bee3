/// Main returns while another thread's work has just made a static object, as Torch does: exit code 0 if it lives until the work has ended.
#include <unistd.h>

#include <chrono>
#include <latch>
#include <thread>

#include "base/process_end.h"

namespace {

class Late {
 public:
  Late() = default;
  Late(const Late&) = delete;
  Late& operator=(const Late&) = delete;
  ~Late() { alive_ = false; }
  [[nodiscard]] bool alive() const { return alive_; }

 private:
  volatile bool alive_ = true;
};

std::latch made(1);

void work() {
  const posekit::ModelWork under_way;
  static const Late late;
  made.count_down();
  std::this_thread::sleep_for(std::chrono::milliseconds{200});
  if (!late.alive()) _exit(1);
}

}  // namespace

int main() {
  { const posekit::ModelWork first; }
  std::jthread(work).detach();
  made.wait();
  return 0;
}
