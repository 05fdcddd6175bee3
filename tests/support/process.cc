/// Runs a program to its end and returns what it printed.
#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace posekit_test {
namespace {

using Clock = std::chrono::steady_clock;

void check(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

void check_code(int code, const char* what) {
  if (code != 0) throw std::system_error(code, std::generic_category(), what);
}

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return number_; }
  bool open() const { return number_ >= 0; }
  void reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

/// The end that is read here, and the one that the program gets.
struct Channel {
  Descriptor ours;
  Descriptor theirs;
};

Channel make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Channel make_terminal() {
  Descriptor ours(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  check(ours.open() && ::grantpt(ours.get()) == 0 && ::unlockpt(ours.get()) == 0, "posix_openpt");
  Descriptor theirs(::open(::ptsname(ours.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  check(theirs.open(), "open of a terminal");
  return {std::move(ours), std::move(theirs)};
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!changes.contains(std::string(text.substr(0, text.find('='))))) result.emplace_back(text);
  }
  for (const auto& [name, value] : changes) result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

pid_t start(std::vector<std::string> command, const ProcessOptions& options, int out, int err) {
  posix_spawn_file_actions_t actions;
  check_code(::posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  if (!options.directory.empty()) ::posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());

  // The process that runs the tests may ignore signals; the program must not inherit that.
  posix_spawnattr_t attributes;
  check_code(::posix_spawnattr_init(&attributes), "posix_spawnattr_init");
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) sigaddset(&defaults, signal);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> environment = environment_with(options.environment);
  pid_t pid = -1;
  const int code = ::posix_spawnp(&pid, command[0].c_str(), &actions, &attributes, pointers(command).data(), pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  check_code(code, command[0].c_str());
  return pid;
}

/// Takes what there is to read; closes at the end. A terminal's end is reported as an error.
void drain(Descriptor& from, std::string& to) {
  std::array<char, 65536> block{};
  const ssize_t count = ::read(from.get(), block.data(), block.size());
  if (count > 0) {
    to.append(block.data(), static_cast<std::size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    from.reset();
  }
}

/// Reads both channels until the program has ended and nobody holds them any more.
void follow(pid_t pid, Descriptor& out, Descriptor& err, const ProcessOptions& options, ProcessResult& result) {
  Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  check(ended.open(), "pidfd_open");
  const auto limit = Clock::now() + options.time_limit;
  bool signalled = options.signal_at_output == 0;
  while (out.open() || err.open() || ended.open()) {
    std::array<pollfd, 3> waited{{{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now()).count();
    const int ready = left <= 0 ? 0 : ::poll(waited.data(), waited.size(), static_cast<int>(left));
    if (ready == 0) {
      result.timed_out = true;
      ::kill(pid, SIGKILL);
      return;
    }
    if (ready < 0) continue;
    if (out.open() && waited[0].revents != 0) drain(out, result.out);
    if (err.open() && waited[1].revents != 0) drain(err, result.err);
    if (ended.open() && waited[2].revents != 0) ended.reset();
    if (options.close_at_output && !result.out.empty()) out.reset();
    if (!signalled && !result.out.empty()) {
      ::kill(pid, options.signal_at_output);
      signalled = true;
    }
  }
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& command, const ProcessOptions& options) {
  Channel out = make_pipe();
  Channel err = options.stderr_terminal ? make_terminal() : make_pipe();
  if (!options.stdout_file.empty()) {
    out.theirs = Descriptor(::open(options.stdout_file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    check(out.theirs.open(), options.stdout_file.c_str());
  }
  const pid_t pid = start(command, options, out.theirs.get(), err.theirs.get());
  out.theirs.reset();
  err.theirs.reset();

  ProcessResult result;
  follow(pid, out.ours, err.ours, options, result);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) check(errno == EINTR, "waitpid");
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

}  // namespace posekit_test
