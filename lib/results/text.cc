/// Text that goes into results.
#include "results/text.h"

#include <nlohmann/json.hpp>

namespace posekit::inline v0 {

using Json = nlohmann::json;

std::string json_string(std::string_view text) { return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string valid_utf8(std::string_view text) { return Json::parse(json_string(text)).get<std::string>(); }

}  // namespace posekit::inline v0
