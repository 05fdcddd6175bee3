/// Writing files whole or not at all.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/files.h"
#include "posekit/error.h"
#include "posekit/image_io.h"
#include "support/in_child.h"
#include "support/message_form.h"
#include "support/paths.h"

using namespace posekit;
using posekit_test::bytes_of;
namespace fs = std::filesystem;

namespace {

/// Called by fsync; returns the error that it shall report, or 0.
std::function<int()> at_fsync;

std::size_t entries(const fs::path& folder) {
  const fs::directory_iterator list(folder);
  return static_cast<std::size_t>(std::distance(begin(list), end(list)));
}

std::vector<std::byte> filled(std::size_t size, int value) { return std::vector<std::byte>(size, static_cast<std::byte>(value)); }

/// Columns of width 16: red, green, blue, gray; alpha differs everywhere.
Image columns(PixelFormat format) {
  const int n = channels(format);
  const bool bgr = format == PixelFormat::bgr8 || format == PixelFormat::bgra8;
  constexpr int colors[4][3] = {{200, 40, 30}, {30, 180, 60}, {40, 60, 210}, {90, 90, 90}};
  Image image{{}, 64, 16, format};
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 64; ++x) {
      const int* rgb = colors[x / 16];
      for (int c = 0; c < n; ++c) {
        const int value = c == 3 ? x : n == 1 ? rgb[0] : rgb[bgr ? 2 - c : c];
        image.pixels.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  return image;
}

template <class Call>
Error error_of(Call&& call) {
  return posekit_test::error_of(std::forward<Call>(call), "posekit-test-", "");  // the folder of each file
}

/// Lets no file of this process grow beyond a size, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

/// In the place of the C library's.
extern "C" __attribute__((visibility("default"))) int fsync(int file) {
  errno = at_fsync ? at_fsync() : 0;
  return errno == 0 ? static_cast<int>(syscall(SYS_fsync, file)) : -1;
}

TEST_CASE("A written PNG reads back the same from every pixel format") {
  const PixelFormat format = GENERATE(PixelFormat::bgr8, PixelFormat::rgb8, PixelFormat::bgra8, PixelFormat::rgba8);
  const posekit_test::TemporaryDir folder;
  write_image(folder.path() / "a.PNG", columns(format).view());
  CHECK(read_image(folder.path() / "a.PNG").pixels == columns(PixelFormat::bgr8).pixels);
}

TEST_CASE("A gray image and rows with gaps are written as they look") {
  const posekit_test::TemporaryDir folder;
  const Image gray = columns(PixelFormat::gray8);
  std::vector<std::uint8_t> padded;
  for (std::size_t y = 0; y < 16; ++y) {
    padded.insert(padded.end(), gray.pixels.begin() + static_cast<std::ptrdiff_t>(64 * y),
                  gray.pixels.begin() + static_cast<std::ptrdiff_t>(64 * (y + 1)));
    padded.insert(padded.end(), 7, 0xee);
  }
  write_image(folder.path() / "gray.png", {padded.data(), 64, 16, 71, PixelFormat::gray8});
  const Image read = read_image(folder.path() / "gray.png");
  for (std::size_t i = 0; i < gray.pixels.size(); ++i) {
    REQUIRE(read.pixels[3 * i] == gray.pixels[i]);
    REQUIRE(read.pixels[3 * i + 2] == gray.pixels[i]);
  }
}

TEST_CASE("A written JPEG is close to the image") {
  const posekit_test::TemporaryDir folder;
  const Image image = columns(PixelFormat::bgr8);
  write_image(folder.path() / "a.jpeg", image.view());
  const Image read = read_image(folder.path() / "a.jpeg");
  REQUIRE(read.pixels.size() == image.pixels.size());
  for (std::size_t x = 8; x < 64; x += 16) {  // amid each column, away from the colour edges that JPEG blurs
    for (std::size_t c = 0; c < 3; ++c) CHECK(std::abs(read.pixels[3 * x + c] - image.pixels[3 * x + c]) <= 12);
  }
}

TEST_CASE("An unknown extension or too large an image is refused, and nothing is left") {
  const posekit_test::TemporaryDir folder;
  for (const std::string name : {"a.xyz", "a", "a."}) {
    const Error error = error_of([&] { write_image(folder.path() / name, columns(PixelFormat::bgr8).view()); });
    CHECK(error.code() == ErrorCode::invalid_argument);
    CHECK(std::string(error.what()).find(".png") != std::string::npos);
  }
  const Image wide{std::vector<std::uint8_t>(std::size_t{70000} * 3), 70000, 1, PixelFormat::bgr8};
  const Error error = error_of([&] { write_image(folder.path() / "wide.jpg", wide.view()); });
  CHECK(std::string(error.what()).find("70000x1") != std::string::npos);
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("A written file has all bytes, replaces the one before and leaves nothing beside it") {
  const posekit_test::TemporaryDir folder;
  const fs::path path = folder.path() / "results.json";
  write_file(path, filled(100, 'a'));
  write_file(path, filled(3'000'000, 'b'));
  CHECK(bytes_of(path) == filled(3'000'000, 'b'));
  write_file(path, {});
  CHECK(fs::file_size(path) == 0);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("A full disk leaves the old file and nothing beside it") {
  const posekit_test::TemporaryDir folder;
  const fs::path path = folder.path() / "results.json";
  write_file(path, filled(100, 'a'));
  const Error error = [&] {
    const FileSizeLimit limit(4096);
    return error_of([&] { write_file(path, filled(100'000, 'b')); });
  }();
  CHECK(error.code() == ErrorCode::io);
  CHECK(std::string(error.what()).find("results.json") != std::string::npos);
  CHECK(std::string(error.what()).find("too large") != std::string::npos);  // the system's words
  CHECK(bytes_of(path) == filled(100, 'a'));
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("A path that can't be written is an io error with the system's reason") {
  const posekit_test::TemporaryDir folder;
  CHECK(std::string(error_of([&] { write_file(folder.path() / "no/a.json", {}); }).what()).find("No such file") != std::string::npos);
  write_file(folder.path() / "file", {});
  CHECK(error_of([&] { write_file(folder.path() / "file/a.json", {}); }).code() == ErrorCode::io);
  fs::create_directory(folder.path() / "taken");
  CHECK(error_of([&] { write_file(folder.path() / "taken", {}); }).code() == ErrorCode::io);
  CHECK(entries(folder.path()) == 2);  // the file and the folder, no temporary file
}

TEST_CASE("Temporary files of killed runs are removed by the next process's first file in their folder") {
  const posekit_test::TemporaryDir folder;
  for (int i = 0; i < 1000; ++i) std::ofstream(folder.path() / (".posekit-" + std::to_string(getpid()) + "-" + std::to_string(i) + ".tmp"));
  std::ofstream(folder.path() / ".posekit-1-0.tmp.mp4").close();
  write_file(folder.path() / "a.json", filled(10, 'a'));
  CHECK(bytes_of(folder.path() / "a.json") == filled(10, 'a'));
  CHECK(entries(folder.path()) == 1);
  std::ofstream(folder.path() / ".posekit-1-1.tmp").close();
  write_file(folder.path() / "b.json", {});
  CHECK(entries(folder.path()) == 3);  // looked for once
}

TEST_CASE("A process that is killed while it writes leaves a temporary file to the next one") {
  const posekit_test::TemporaryDir folder;
  const int ended = posekit_test::in_child([&] {
    OutputFile file(folder.path() / "a.txt");
    file.write(filled(10, 'a'));
    return raise(SIGKILL);
  });
  REQUIRE(ended == -1);
  REQUIRE(entries(folder.path()) == 1);
  REQUIRE_FALSE(fs::exists(folder.path() / "a.txt"));
  write_file(folder.path() / "b.txt", {});
  CHECK(entries(folder.path()) == 1);
  CHECK(fs::exists(folder.path() / "b.txt"));
}

TEST_CASE("Only a temporary file of this user that no process writes is removed") {
  const posekit_test::TemporaryDir folder;
  const fs::path kept = folder.path() / "kept";
  std::ofstream(kept) << "mine";
  fs::create_symlink(kept, folder.path() / ".posekit-1-0.tmp");
  fs::create_directory(folder.path() / ".posekit-1-1.tmp");
  REQUIRE(mkfifo((folder.path() / ".posekit-1-2.tmp").c_str(), 0666) == 0);
  std::ofstream(folder.path() / ".posekit-mine.tmp").close();
  std::ofstream(folder.path() / ".posekit-1-3.txt").close();
  const fs::path written = folder.path() / ".posekit-1-4.tmp";
  const int writer = open(written.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  REQUIRE(flock(writer, LOCK_EX) == 0);
  const fs::path foreign = folder.path() / ".posekit-1-5.tmp";
  std::ofstream{foreign}.close();
  const bool can_give_away = chown(foreign.c_str(), 1, 1) == 0;  // takes root
  const fs::path linked = folder.path() / ".posekit-1-6.tmp";
  fs::create_hard_link(kept, linked);
  write_file(folder.path() / "a.json", {});
  for (const char* name : {"0.tmp", "1.tmp", "2.tmp", "3.txt", "4.tmp"})
    CHECK(fs::symlink_status(folder.path() / (std::string(".posekit-1-") + name)).type() != fs::file_type::not_found);
  CHECK(fs::exists(folder.path() / ".posekit-mine.tmp"));
  CHECK(fs::exists(foreign) == can_give_away);
  CHECK_FALSE(fs::exists(linked));
  CHECK(bytes_of(kept).size() == 4);
  close(writer);
}

TEST_CASE("A temporary file is locked until it has its name, and has the permissions of any new file") {
  const posekit_test::TemporaryDir folder;
  const mode_t before = umask(027);
  OutputFile file(folder.path() / "a.txt");
  umask(before);
  file.write(filled(10, 'a'));
  REQUIRE(entries(folder.path()) == 1);
  const int other = open(fs::directory_iterator(folder.path())->path().c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(flock(other, LOCK_SH | LOCK_NB) != 0);
  file.finish();
  CHECK(flock(other, LOCK_SH | LOCK_NB) == 0);
  close(other);
  CHECK(fs::status(folder.path() / "a.txt").permissions() == fs::perms(0640));
}

TEST_CASE("Processes that begin to write to one folder at once don't remove each other's files") {
  const posekit_test::TemporaryDir folder;
  std::vector<pid_t> children;
  for (int child = 0; child < 8; ++child) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    alarm(60);
    int failed = 0;
    for (int n = 0; n < 40; ++n) {
      const fs::path sub = folder.path() / std::to_string(n);  // each is new to each process
      fs::create_directory(sub);
      try {
        write_file(sub / std::to_string(child), filled(100, child));
      } catch (const Error&) {
        failed = 1;
      }
    }
    _exit(failed);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  for (int n = 0; n < 40; ++n) CHECK(entries(folder.path() / std::to_string(n)) == 8);
}

TEST_CASE("A file's bytes are on the disk before it has its name, unless the caller says no") {
  const posekit_test::TemporaryDir folder;
  const fs::path path = folder.path() / "a.json";
  int synced = 0;
  bool named = false;
  at_fsync = [&] {
    ++synced;
    named = named || fs::exists(path);
    return 0;
  };
  write_file(path, filled(10, 'a'));
  CHECK(synced == 1);
  CHECK_FALSE(named);
  write_image(folder.path() / "a.png", columns(PixelFormat::bgr8).view());
  CHECK(synced == 2);
  write_file(path, filled(10, 'b'), {.sync = false});
  write_image(folder.path() / "a.png", columns(PixelFormat::bgr8).view(), {.sync = false});
  CHECK(synced == 2);
  at_fsync = [] { return EIO; };
  CHECK(error_of([&] { write_file(path, filled(10, 'c')); }).code() == ErrorCode::io);
  at_fsync = nullptr;
  CHECK(bytes_of(path) == filled(10, 'b'));
  CHECK(entries(folder.path()) == 2);
}

TEST_CASE("Threads that write one file at once leave one complete file") {
  const posekit_test::TemporaryDir folder;
  const fs::path path = folder.path() / "a.bin";
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 8; ++i) {
      writers.emplace_back([&path, i] {
        for (int n = 0; n < 20; ++n) write_file(path, filled(20'000, 'a' + i));
      });
    }
  }
  const auto bytes = bytes_of(path);
  REQUIRE(bytes.size() == 20'000);
  CHECK(bytes == filled(20'000, std::to_integer<int>(bytes[0])));
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("A partly written file is not kept") {
  const posekit_test::TemporaryDir folder;
  {
    OutputFile file(folder.path() / "a.txt");
    const std::vector<std::byte> bytes(4000);
    const FileSizeLimit limit(1000);
    CHECK(error_of([&] { file.write(bytes); }).code() == ErrorCode::io);
    CHECK(error_of([&] { file.finish(); }).code() == ErrorCode::io);
  }
  CHECK(fs::is_empty(folder.path()));
}
