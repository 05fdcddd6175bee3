/// Run control: cancellation from any thread, and a deadline.
#include <algorithm>
#include <chrono>

#include "arguments.h"
#include "guard.h"
#include "handles.h"

using namespace posekit_c;  // NOLINT(google-build-using-namespace): the functions below are its face

namespace {

using Clock = std::chrono::steady_clock;

int64_t nanoseconds_now() { return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count(); }

}  // namespace

posekit::RunControl posekit_c::run_control(const posekit_control* control) {
  posekit::RunControl result;
  if (control == nullptr) return result;
  result.stop = control->stop.get_token();
  const int64_t deadline = control->deadline;
  if (deadline != INT64_MAX) {
    result.deadline = Clock::time_point(std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(deadline)));
  }
  return result;
}

posekit_status posekit_control_create(posekit_control** control) {
  return guard([&] {
    clear(control);
    require(control, "control");
    *control = new posekit_control;
  });
}

posekit_status posekit_control_cancel(posekit_control* control) {
  return guard([&] { require(control, "control").stop.request_stop(); });
}

posekit_status posekit_control_set_deadline(posekit_control* control, uint64_t nanoseconds_from_now) {
  return guard([&] {
    require(control, "control");
    const int64_t now = nanoseconds_now();
    const uint64_t most = static_cast<uint64_t>(INT64_MAX) - static_cast<uint64_t>(now);  // so far away that it means none
    control->deadline = nanoseconds_from_now >= most ? INT64_MAX : now + static_cast<int64_t>(nanoseconds_from_now);
  });
}

void posekit_control_destroy(posekit_control* control) { delete control; }
