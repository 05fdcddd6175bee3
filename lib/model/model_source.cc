/// Reads a model's bytes from where they are.
#include "model/model_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "posekit/error.h"

namespace posekit::inline v0 {

ModelReader::ModelReader(const ModelSource& source) : bytes_(source.bytes()), size_(source.bytes().size()) {
  if (source.in_memory()) return;
  file_.open(source.path(), std::ios::binary);
  if (!file_)
    throw Error(ErrorCode::io,
                source.text() + " can't be opened (" + std::strerror(errno) + "): check its permissions");  // NOLINT(concurrency-mt-unsafe)
  size_ = std::filesystem::file_size(source.path());
}

std::string ModelReader::read(std::uint64_t from, std::size_t count) {
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, size_ - std::min(size_, from)));
  if (!file_.is_open()) {
    const auto part = bytes_.subspan(count == 0 ? 0 : static_cast<std::size_t>(from), count);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  return bytes_at(file_, from, count);
}

}  // namespace posekit::inline v0
