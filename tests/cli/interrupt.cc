/// Ctrl-C while a folder is worked on.
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <functional>
#include <random>

#include "faults/rounds.h"
#include "support/videos.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using posekit_test::Workplace;

namespace {

constexpr int images = 200;
constexpr int hang_limit_ms = 20000;  // ten times generous: within a second plus the batch in flight is the promise

/// Starts the program, waits until it has written `files_before` files into a folder, calls `then`, and sends the signal `signals` times.
/// @return its exit code; -1 if a signal ended it, -2 if it was too slow, -3 if it ended before
int interrupted_run(const Workplace& here, int files_before, int signals, int signal = SIGINT, const std::vector<const char*>& more = {},
                    const std::function<void()>& then = {}) {
  std::filesystem::create_directories(here.path("out"));
  const int watch = inotify_init1(IN_CLOEXEC);
  REQUIRE(watch >= 0);
  REQUIRE(inotify_add_watch(watch, here.path("out").c_str(), IN_MOVED_TO) >= 0);

  const std::string program = posekit_test::program();
  const std::string model = here.path("model.pt").string();
  const std::string in = here.path("in").string();
  const std::string out = here.path("out").string();
  std::vector<const char*> arguments{program.c_str(),   "estimate", in.c_str(),  "-m", model.c_str(), "--whole-image", "-o", out.c_str(),
                                     "--torch-threads", "1",        "--threads", "2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.push_back(nullptr);
  pid_t child = 0;
  posix_spawnattr_t attributes;
  REQUIRE(posix_spawnattr_init(&attributes) == 0);
  sigset_t defaults;  // what runs the tests may ignore the signal
  sigemptyset(&defaults);
  sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  REQUIRE(posix_spawn(&child, program.c_str(), nullptr, &attributes, const_cast<char* const*>(arguments.data()), environ) == 0);
  posix_spawnattr_destroy(&attributes);
  int written = 0;
  alignas(inotify_event) std::array<char, 4096> events;
  while (written < files_before) {
    pollfd poll_watch{.fd = watch, .events = POLLIN, .revents = 0};
    if (poll(&poll_watch, 1, hang_limit_ms) <= 0) break;
    const ssize_t bytes = read(watch, events.data(), events.size());
    for (ssize_t at = 0; at < bytes;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      ++written;
    }
  }
  close(watch);
  if (then) then();
  for (int i = 0; i < signals; ++i) kill(child, signal);

  const auto start = std::chrono::steady_clock::now();
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (std::chrono::steady_clock::now() - start > std::chrono::milliseconds(hang_limit_ms)) return -2;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void make_images(const Workplace& here, int count = images) {
  const std::string first = here.image("in/image-0.png", 1280, 960);
  for (int i = 1; i < count; ++i) std::filesystem::create_hard_link(here.path(first), here.path("in/image-" + std::to_string(i) + ".png"));
  REQUIRE(here.estimate({here.path(first).string(), "--whole-image", "-o", here.path("warm").string()}).exit_code == 0);  // makes the model
}

}  // namespace

TEST_CASE("Ctrl-C ends a run with code 130 and whole files only, and the same command completes the set") {
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < posekit_test::rounds(3, 20); ++round) {
    const Workplace here;
    make_images(here);
    const int files_before = std::uniform_int_distribution(1, images / 2)(random);
    INFO("interrupted after " << files_before << " files");
    REQUIRE(interrupted_run(here, files_before, 1) == 130);
    const auto files = here.files("out");
    CHECK(files.size() >= static_cast<std::size_t>(files_before));
    CHECK(files.size() < images);
    for (const std::string& file : files) CHECK(here.json("out/" + file)["instance_info"].size() == 1);
    const auto rest = here.estimate({"in", "--whole-image", "-o", "out"});
    CHECK(rest.exit_code == 0);
    CHECK(here.files("out").size() == images);
  }
}

TEST_CASE("Ctrl-C leaves no document of all results, whose rest would be missing") {
  const std::string format = GENERATE("coco-dataset", "csv");
  const Workplace here;
  make_images(here);
  REQUIRE(interrupted_run(here, 5, 1, SIGINT, {"--format", format.c_str(), "--draw"}) == 130);
  const auto files = here.files("out");
  CHECK(files.size() >= 5);
  for (const std::string& file : files) CHECK(file.ends_with(".pose.jpg"));
}

TEST_CASE("A document that another run has written meanwhile stays, and the run fails") {
  const Workplace here;
  make_images(here, images / 2);
  REQUIRE(interrupted_run(here, 1, 0, SIGINT, {"--format", "csv", "--draw"}, [&] { here.text("out/results.csv", "another's"); }) == 1);
  CHECK(here.read("out/results.csv") == "another's");
}

TEST_CASE("Ctrl-C leaves a report of what was done, which says so, and the same command completes it") {
  constexpr int count = images / 2;
  const Workplace here;
  make_images(here, count);
  REQUIRE(interrupted_run(here, 5, 1, SIGINT, {"--report"}) == 130);
  const std::string page = here.read("out/report/index.html");
  CHECK_THAT(page, ContainsSubstring("The run was interrupted."));
  const auto rows = posekit_test::report_rows(page);
  CHECK(rows.size() >= 5);
  CHECK(rows.size() < count);
  std::vector<std::string> results;
  for (const auto& row : rows) {
    CHECK(row["state"] == "done");
    results.push_back(row["name"].get<std::string>() + ".json");
    CHECK(here.has("out/report/thumbnails/" + row["name"].get<std::string>() + ".pose.jpg"));
  }
  auto files = here.files("out");
  std::erase_if(files, [](const std::string& file) { return file.starts_with("report/"); });
  CHECK(results == files);  // as both are sorted by name
  CHECK(here.estimate({"in", "--whole-image", "-o", "out", "--report"}).exit_code == 0);
  const std::string whole = here.read("out/report/index.html");
  CHECK_THAT(whole, !ContainsSubstring("The run was interrupted."));
  CHECK(posekit_test::report_rows(whole).size() == count);
}

TEST_CASE("A second Ctrl-C ends the program at once") {
  const Workplace here;
  make_images(here);
  const int code = interrupted_run(here, 1, 2);
  CHECK(code == 130);
}

TEST_CASE("Ctrl-C or SIGHUP in the middle of videos leaves whole files of whole lines, and the same command completes the set") {
  const int signal = GENERATE(SIGINT, SIGHUP);
  constexpr std::size_t frames = 1000;
  constexpr std::size_t videos = 20;
  const Workplace here;
  posekit_test::write_video(here.path("in/video-0.avi"), frames);
  for (std::size_t i = 1; i < videos; ++i)
    std::filesystem::create_hard_link(here.path("in/video-0.avi"), here.path("in/video-" + std::to_string(i) + ".avi"));
  const std::string image = here.path(here.image("warm.png")).string();
  REQUIRE(here.estimate({image, "--whole-image", "-o", here.path("warm").string()}).exit_code == 0);
  REQUIRE(interrupted_run(here, 2, 1, signal) == 130);
  const auto files = here.files("out");
  CHECK(files.size() >= 2);
  CHECK(files.size() < videos);
  for (const std::string& file : files) CHECK(posekit_test::lines(here.read("out/" + file)).size() == frames);
  CHECK(here.estimate({"in", "--whole-image", "-o", "out"}).exit_code == 0);
  CHECK(here.files("out").size() == videos);
  for (const std::string& file : here.files("out")) CHECK(posekit_test::lines(here.read("out/" + file)).size() == frames);
}

TEST_CASE("A run that is killed in the middle of a video leaves a temporary file, which the next run removes") {
  const Workplace here;
  posekit_test::write_video(here.path("in/video-0.avi"), 1000);
  for (int i = 1; i < 20; ++i)
    std::filesystem::create_hard_link(here.path("in/video-0.avi"), here.path("in/video-" + std::to_string(i) + ".avi"));
  const std::string image = here.path(here.image("warm.png")).string();
  REQUIRE(here.estimate({image, "--whole-image", "-o", here.path("warm").string()}).exit_code == 0);  // makes the model
  const auto temporary = [&] {
    const auto files = here.files("out");
    return std::ranges::count_if(files, [](const std::string& file) { return file.starts_with(".posekit-"); });
  };
  for (int kills = 0; temporary() == 0 && kills < 15; ++kills)
    CHECK(interrupted_run(here, 1, 1, SIGKILL) == -1);  // seldom between two videos
  CHECK(temporary() == 1);
  CHECK(here.estimate({"in", "--whole-image", "-o", "out", "--no-sync"}).exit_code == 0);
  CHECK(here.files("out").size() == 20);
  CHECK(temporary() == 0);
}

TEST_CASE("SIGHUP is ignored where it was ignored before, as by nohup") {
  const Workplace here;
  here.image("a.png");
  std::string list;
  for (int i = 0; i < 50; ++i) list += "a.png\n";
  here.text("list.txt", list);
  REQUIRE(here.estimate({"a.png", "--whole-image", "-o", "warm"}).exit_code == 0);  // makes the model
  posekit_test::ProcessOptions interrupted;
  interrupted.signal_at_output = SIGHUP;
  const std::string command = "'" + posekit_test::program() + "' estimate @list.txt -m model.pt --whole-image -o - --quiet";
  const auto result = here.command({"sh", "-c", "trap '' HUP; exec " + command}, interrupted);
  CHECK(result.exit_code == 0);
  CHECK(posekit_test::lines(result.out).size() == 50);
}

TEST_CASE("A signal at any time ends a run of one image, with its result or as interrupted") {
  const Workplace here;
  here.image("a.png");
  REQUIRE(here.estimate({"a.png", "--whole-image", "-o", "warm"}).exit_code == 0);  // makes the model
  for (int tenth = 1; tenth <= 12; ++tenth) {
    const std::string out = "out-" + std::to_string(tenth);
    const auto result =
        here.command({"timeout", "--preserve-status", "-s", "INT", std::to_string(tenth / 10) + "." + std::to_string(tenth % 10),
                      posekit_test::program(), "estimate", "a.png", "-m", "model.pt", "--whole-image", "--torch-threads", "1", "--threads",
                      tenth % 2 == 0 ? "1" : "2", "-o", out});
    INFO("after " << tenth << " tenths of a second: exit code " << result.exit_code);
    CHECK_FALSE(result.timed_out);
    if (result.exit_code == 0)
      CHECK(here.has(out + "/a.png.json"));
    else
      CHECK(result.exit_code == 130);
  }
}
