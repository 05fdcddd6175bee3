/// A name for a file that is not whole yet.
#include "io/temporary_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

fs::path name_beside(const fs::path& target, const std::string& ending) {
  static std::atomic<unsigned> counter = 0;
  return target.parent_path() / fmt::format(".posekit-{}-{}.tmp{}", getpid(), counter++, ending);
}

}  // namespace

void fail_to_write(const fs::path& path, int error) {
  throw Error(ErrorCode::io, fmt::format("\"{}\" can't be written ({}): check the folder, its permissions and the space on the disk",
                                         path.string(), std::strerror(error)));
}

TemporaryFile::TemporaryFile(const fs::path& target, const std::string& ending) : target_(target) {
  do {  // in containers process ids come again, and a killed run leaves its file behind
    path_ = name_beside(target, ending);
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
  if (descriptor_ < 0) fail_to_write(target_, errno);
}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!done_) unlink(path_.c_str());
}

void TemporaryFile::close() {
  if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0) fail_to_write(target_, errno);
}

void TemporaryFile::commit() {
  close();
  if (rename(path_.c_str(), target_.c_str()) != 0) fail_to_write(target_, errno);
  done_ = true;
}

}  // namespace posekit::inline v0
