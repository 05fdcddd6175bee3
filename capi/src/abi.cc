/// What the binary interface relies on: structs without padding that a caller may leave unset, enumerations that equal C++'s.
#include <type_traits>

#include "posekit/error.h"
#include "posekit/image.h"
#include "posekit/model.h"
#include "posekit/pipeline.h"
#include "posekit/runtime.h"
#include "posekit_c.h"

namespace {

using posekit::ErrorCode;

// No padding that a caller's _INIT could leave unset.
static_assert(std::has_unique_object_representations_v<posekit_model_options>);
static_assert(std::has_unique_object_representations_v<posekit_executor_callbacks>);
static_assert(sizeof(void*) != 8 || std::has_unique_object_representations_v<posekit_image>);

template <class Enum>
constexpr bool equal(std::int32_t c, Enum cpp) {
  return c == static_cast<std::int32_t>(cpp);
}

static_assert(equal(POSEKIT_OK, ErrorCode::ok) && equal(POSEKIT_ERROR_INVALID_ARGUMENT, ErrorCode::invalid_argument) &&
              equal(POSEKIT_ERROR_NOT_FOUND, ErrorCode::not_found) &&
              equal(POSEKIT_ERROR_UNSUPPORTED_MODEL, ErrorCode::unsupported_model) &&
              equal(POSEKIT_ERROR_INVALID_MODEL, ErrorCode::invalid_model) &&
              equal(POSEKIT_ERROR_DEVICE_UNAVAILABLE, ErrorCode::device_unavailable) &&
              equal(POSEKIT_ERROR_OUT_OF_MEMORY, ErrorCode::out_of_memory) && equal(POSEKIT_ERROR_IO, ErrorCode::io) &&
              equal(POSEKIT_ERROR_CANCELLED, ErrorCode::cancelled) &&
              equal(POSEKIT_ERROR_DEADLINE_EXCEEDED, ErrorCode::deadline_exceeded) && equal(POSEKIT_ERROR_FORKED, ErrorCode::forked) &&
              equal(POSEKIT_ERROR_CLOSED, ErrorCode::closed) && equal(POSEKIT_ERROR_INTERNAL, ErrorCode::internal));
static_assert(equal(POSEKIT_PIXEL_FORMAT_BGR8, posekit::PixelFormat::bgr8) &&
              equal(POSEKIT_PIXEL_FORMAT_RGB8, posekit::PixelFormat::rgb8) &&
              equal(POSEKIT_PIXEL_FORMAT_GRAY8, posekit::PixelFormat::gray8) &&
              equal(POSEKIT_PIXEL_FORMAT_BGRA8, posekit::PixelFormat::bgra8) &&
              equal(POSEKIT_PIXEL_FORMAT_RGBA8, posekit::PixelFormat::rgba8));
static_assert(equal(POSEKIT_PRECISION_AUTO, posekit::Precision::automatic) &&
              equal(POSEKIT_PRECISION_AS_EXPORTED, posekit::Precision::as_exported) &&
              equal(POSEKIT_PRECISION_FP32, posekit::Precision::fp32) && equal(POSEKIT_PRECISION_FP16, posekit::Precision::fp16) &&
              equal(POSEKIT_PRECISION_BF16, posekit::Precision::bf16));
static_assert(equal(POSEKIT_WARM_UP_CHECK, posekit::WarmUp::check) && equal(POSEKIT_WARM_UP_NONE, posekit::WarmUp::none));
static_assert(equal(POSEKIT_OVERFLOW_BLOCK, posekit::Overflow::block) && equal(POSEKIT_OVERFLOW_REFUSE, posekit::Overflow::refuse) &&
              equal(POSEKIT_OVERFLOW_LATEST, posekit::Overflow::latest));
static_assert(equal(POSEKIT_LOG_INFO, posekit::LogLevel::info) && equal(POSEKIT_LOG_WARNING, posekit::LogLevel::warning));

}  // namespace
