/// The log callback.
#include "base/log.h"

#include <memory>
#include <mutex>
#include <utility>

namespace posekit::inline v0 {
namespace {

std::mutex callback_mutex;
std::shared_ptr<const LogCallback> callback;

}  // namespace

void set_log_callback(LogCallback new_callback) {
  auto shared = new_callback ? std::make_shared<const LogCallback>(std::move(new_callback)) : nullptr;
  const std::lock_guard lock(callback_mutex);
  callback.swap(shared);
}

void log(LogLevel level, std::string_view message) {
  std::shared_ptr<const LogCallback> current;  // called outside the lock, so that it may set another
  {
    const std::lock_guard lock(callback_mutex);
    current = callback;
  }
  if (current) (*current)(level, message);
}

}  // namespace posekit::inline v0
