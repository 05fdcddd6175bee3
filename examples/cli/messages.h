/// Messages about an input.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "inputs.h"
#include "posekit/error.h"
#include "posekit/pose.h"
#include "posekit/result_io.h"

namespace cli {

/// What standard error says at a run's end.
struct Remarks {
  std::vector<std::string> lines;
  bool failed = false;  ///< Whether something of them makes the run a failure.
};

/// A message of the library's that does not name the input gets its name in front.
std::string naming(const Input& input, const std::string& message);

/// "1 person", "2 people", "3 frames".
std::string counted(std::size_t count, const char* one, const char* several);

/// Text as results have it: bytes that are no UTF-8 are replaced.
std::string valid_utf8(const std::string& text);

/// Does the work on an input. @return its error, lack of memory included; none on success
std::optional<posekit::Error> failure_of(const std::function<void()>& work);

/// What results say of an image or video that failed as a whole.
posekit::ImageResult failed_result(const posekit::Error& error);
/// What results say of an input as a whole. @param size an image's, if it is known
posekit::ResultSource source_of(const Input& input, posekit::Size size = {});

}  // namespace cli
