/// Ctrl-C and other signals while a call runs with the GIL released.
#include "interrupt.h"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "gil.h"
#include "posekit/error.h"

namespace py = pybind11;
using namespace std::chrono_literals;

namespace posekit_python {
namespace {

constexpr auto poll_period = 100ms;

thread_local InterruptWatch* current = nullptr;

bool is_main_thread() {
  const py::object main = py::module_::import("threading").attr("main_thread")().attr("ident");
  return !main.is_none() && main.cast<unsigned long>() == PyThread_get_thread_ident();
}

class WatchedExecutor final : public posekit::Executor {
 public:
  explicit WatchedExecutor(std::shared_ptr<posekit::Executor> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] std::size_t slots() const noexcept override { return inner_->slots(); }

  void parallel_for(std::size_t n, posekit::TaskRef task) override {
    InterruptWatch::poll();
    inner_->parallel_for(n, [&](std::size_t index, std::size_t slot) {
      task(index, slot);
      InterruptWatch::poll();
    });
  }

 private:
  std::shared_ptr<posekit::Executor> inner_;
};

}  // namespace

InterruptWatch::InterruptWatch() : outer_(current), watches_(is_main_thread()) {
  if (watches_) current = this;
}

InterruptWatch::~InterruptWatch() {
  if (watches_) current = outer_;
}

void InterruptWatch::rethrow() {
  std::optional<py::error_already_set> raised = std::exchange(raised_, std::nullopt);
  if (raised) throw py::error_already_set(std::move(*raised));
}

void InterruptWatch::poll() {
  InterruptWatch* const watch = current;
  if (watch == nullptr || watch->raised_) return;
  const auto now = Clock::now();
  if (now - watch->last_poll_ < poll_period) return;
  const GilAcquire acquire;
  if (PyErr_CheckSignals() != 0) {
    watch->raised_.emplace();
    watch->stop_.request_stop();
  }
  watch->last_poll_ = Clock::now();
}

std::shared_ptr<posekit::Executor> watched(std::shared_ptr<posekit::Executor> inner) {
  if (!inner) inner = std::make_shared<posekit::SerialExecutor>();
  return std::make_shared<WatchedExecutor>(std::move(inner));
}

posekit::RunControl run_control(const InterruptWatch& watch, std::optional<double> timeout) {
  constexpr double no_deadline = 1e9;
  posekit::RunControl control{.stop = watch.token(), .deadline = std::nullopt};
  if (!timeout) return control;
  if (!(*timeout >= 0)) {
    throw posekit::Error(posekit::ErrorCode::invalid_argument,
                         "timeout is " + std::to_string(*timeout) + ", a number of seconds >= 0 or None is expected");
  }
  if (*timeout > no_deadline) return control;
  using Clock = std::chrono::steady_clock;
  control.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*timeout));
  return control;
}

}  // namespace posekit_python
