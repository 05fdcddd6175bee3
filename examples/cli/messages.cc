/// Messages about an input.
#include "messages.h"

#include <fmt/format.h>

#include <new>
#include <nlohmann/json.hpp>

namespace cli {

std::string naming(const Input& input, const std::string& message) {
  const std::string name = fmt::format("\"{}\"", input.path.string());
  const bool is_named = message.find(name) != std::string::npos;
  return fmt::format("posekit: {}{}", is_named ? "" : name + ": ", message);
}

std::string counted(std::size_t count, const char* one, const char* several) {
  return fmt::format("{} {}", count, count == 1 ? one : several);
}

std::string valid_utf8(const std::string& text) {
  using Json = nlohmann::json;
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

std::optional<posekit::Error> failure_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const posekit::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return posekit::Error(posekit::ErrorCode::out_of_memory, "memory ran out: use a smaller --batch, smaller images or a smaller model");
  }
  return std::nullopt;
}

posekit::ImageResult failed_result(const posekit::Error& error) {
  posekit::ImageResult result;
  result.code = error.code();
  result.message = error.what();
  return result;
}

posekit::ResultSource source_of(const Input& input, posekit::Size size) {
  return {.path = input.path.string(), .size = size, .frame = std::nullopt, .time_s = std::nullopt};
}

}  // namespace cli
