/// A name for a file that is not whole yet.
#include "host/temporary_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view name_begin = ".posekit-";
constexpr std::string_view name_end = ".tmp";

fs::path name_beside(const fs::path& target, const std::string& ending) {
  static std::atomic<unsigned> counter = 0;
  return target.parent_path() / fmt::format("{}{}-{}{}{}", name_begin, getpid(), counter++, name_end, ending);
}

/// Whether a name is one that `name_beside` makes.
bool is_temporary_name(std::string_view name) {
  if (!name.starts_with(name_begin)) return false;
  name.remove_prefix(name_begin.size());
  const std::string_view number = name.substr(0, name.find('.'));
  return number.find('-') != std::string_view::npos && number.find_first_not_of("0123456789-") == std::string_view::npos &&
         name.substr(number.size()).starts_with(name_end);
}

bool is_own_file(const struct stat& file) { return S_ISREG(file.st_mode) && file.st_uid == geteuid(); }

/// Removes a file if its writer is gone: then its lock is to be had.
void remove_if_stale(int folder, const char* name) {
  struct stat named {};
  if (fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) != 0 || !is_own_file(named)) return;
  const int file = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return;
  struct stat locked {};
  // The writer may have given it its name, and another may have this one, since it was opened.
  if (flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &locked) == 0 && fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
      is_own_file(locked) && named.st_dev == locked.st_dev && named.st_ino == locked.st_ino)
    (void)unlinkat(folder, name, 0);
  ::close(file);
}

void remove_stale_files(const fs::path& folder) {
  struct Close {
    void operator()(DIR* open) const noexcept { closedir(open); }
  };
  const std::unique_ptr<DIR, Close> list(opendir(folder.empty() ? "." : folder.c_str()));
  if (!list) return;  // making the file says what is wrong
  while (const dirent* entry = readdir(list.get())) {
    if (is_temporary_name(entry->d_name)) remove_if_stale(dirfd(list.get()), entry->d_name);
  }
}

/// The first time in this process that a folder is written to.
bool is_first_in(const fs::path& folder) {
  static std::mutex mutex;
  static std::unordered_set<std::size_t>& folders = *new std::unordered_set<std::size_t>;  // files are written while the process exits, too
  const std::lock_guard lock(mutex);
  return folders.insert(std::hash<std::string>()(folder.string())).second;
}

}  // namespace

void fail_to_write(const fs::path& path, int error) {
  throw Error(ErrorCode::io, fmt::format("\"{}\" can't be written ({}): check the folder, its permissions and the space on the disk",
                                         path.string(), std::strerror(error)));
}

TemporaryFile::TemporaryFile(const fs::path& target, bool sync, const std::string& ending) : target_(target), sync_(sync) {
  if (is_first_in(target.parent_path())) remove_stale_files(target.parent_path());
  constexpr int most_tries = 1000;
  for (int tries = 1; !make(ending); ++tries) {
    if (tries == most_tries) fail_to_write(target_, EAGAIN);
  }
}

/// @return false: another name is to be tried
bool TemporaryFile::make(const std::string& ending) {
  path_ = name_beside(target_, ending);
  descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0 && (errno == EEXIST || errno == EINTR)) return false;  // in containers process ids come again
  if (descriptor_ < 0) fail_to_write(target_, errno);
  lock_ = fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  const int error = lock_ < 0 ? errno : 0;
  struct stat made {};
  const bool taken = lock_ >= 0 && flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (error == 0 && !taken && fstat(lock_, &made) == 0 && made.st_nlink > 0) return true;
  // Another process has taken it for a stale one, before it was locked; or this one has too many files open.
  ::close(std::exchange(descriptor_, -1));
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
  unlink(path_.c_str());
  if (error != 0) fail_to_write(target_, error);
  return false;
}

TemporaryFile::~TemporaryFile() {
  if (!done_) unlink(path_.c_str());
  if (descriptor_ >= 0) ::close(descriptor_);
  if (lock_ >= 0) ::close(lock_);
}

void TemporaryFile::close() {
  if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0) fail_to_write(target_, errno);
}

/// The folder is not synced: after a power cut the name is the old file's or, with all its bytes, the new one's.
void TemporaryFile::commit() {
  close();
  if (sync_ && fsync(lock_) != 0 && errno != EINVAL) fail_to_write(target_, errno);
  if (rename(path_.c_str(), target_.c_str()) != 0) fail_to_write(target_, errno);
  done_ = true;
  ::close(std::exchange(lock_, -1));
}

}  // namespace posekit::inline v0
