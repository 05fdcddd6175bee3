/// Runs one batch of crops through a session of its own.
#pragma once

#include <cstddef>
#include <cstring>

#include "backend/model_backend.h"

namespace posekit_test {

/// The whole output of a model on the CPU for `count` crops in the backend's format.
inline posekit::ModelOutput run_batch(posekit::ModelBackend& backend, const void* crops, std::size_t count,
                                      const posekit::RunControl& control = {}) {
  const auto session = backend.open_session({});
  std::memcpy(session->staging(0, count), crops, count * posekit::crop_bytes(backend.crop_format(), backend.info().input.size()));
  session->submit(0, count, control);
  return session->collect(0).output;
}

}  // namespace posekit_test
