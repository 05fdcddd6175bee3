/// Parses untrusted JSON.
#include "base/strict_json.h"

#include <fmt/format.h>

#include <set>
#include <vector>

namespace posekit::inline v0 {
namespace {

using Json = nlohmann::json;

constexpr int most_levels = 16;
constexpr std::size_t longest_shown = 60;

}  // namespace

ParsedJson parse_strict_json(std::string_view text, std::size_t most_bytes) {
  if (text.size() > most_bytes) return {{}, fmt::format("has {} bytes, at most {} are allowed", text.size(), most_bytes)};
  std::string problem;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  // What the callback refuses is left out of the value, so a deep document is never built.
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > most_levels) {
      if (problem.empty()) problem = fmt::format("is nested deeper than {} levels: flatten it", most_levels);
      return false;
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second && problem.empty()) {
      problem = fmt::format("has the key {} twice: keep one of them", shown(parsed));
    }
    return true;
  };
  try {
    ParsedJson result{Json::parse(text, watch), {}};
    result.problem = problem;
    return result;
  } catch (const Json::parse_error& error) {
    return {{}, problem.empty() ? fmt::format("is not valid JSON (byte {}): check its quotes, commas and brackets", error.byte) : problem};
  } catch (const Json::exception&) {
    return {{}, problem.empty() ? std::string("is not valid JSON (a number is out of range): write numbers that a double holds") : problem};
  }
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > longest_shown) text = text.substr(0, longest_shown) + "...";
  return text;
}

}  // namespace posekit::inline v0
