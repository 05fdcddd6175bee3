/// The form of an error message: it names the thing and the value, and says what is expected or what to do, in plain words, briefly.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <regex>
#include <source_location>
#include <string>

#include "posekit/error.h"

namespace posekit_test {

constexpr std::size_t longest_message = 240;  ///< In characters, without quoted paths and values.

/// What is wrong with a message's form; empty where nothing is.
/// @param thing what the message has to name, for example an option
/// @param value what was wrong with it, as the message shows it; does not count in the length
inline std::string problem_of_form(const std::string& message, const std::string& thing, const std::string& value) {
  // Words that read as translated: CONTRIBUTING.md.
  static const std::regex foreign(
      R"(\b(told|tells?|whoever|vouches|stands|lies|goes|anew|dear|mend|young|so many|became of|hands out|is out|save for|but for)\b)",
      std::regex::icase);
  static const std::regex remedy(
      R"(\b(expected|allowed|must)\b|[:,;(] (?:or )?(add|allow|call|check|choose|close|connect|convert|copy|correct|derive|export|fetch|)"
      R"(fill|flatten|free|give|install|keep|leave|load|lower|make|name|open|pass|process|raise|record|report|resize|restart|run|scale|see|)"
      R"(set|split|start|submit|turn|use|write)\b)");
  static const std::regex quoted(R"("[^"]*")");
  if (message.find(thing) == std::string::npos) return "it does not name \"" + thing + "\"";
  if (message.find(value) == std::string::npos) return "it does not show \"" + value + "\"";
  std::string own = message;
  if (!value.empty()) own.erase(own.find(value), value.size());
  own = std::regex_replace(own, quoted, "");
  std::smatch found;
  if (!std::regex_search(own, remedy)) return "it says neither what is expected nor what to do";
  if (std::regex_search(own, found, foreign)) return "it has the word \"" + found.str() + "\"";
  if (own.size() > longest_message) return "it has " + std::to_string(own.size()) + " characters of its own";
  return {};
}

/// Expects a message to have the form.
inline void check_message_form(const std::string& message, const std::string& thing, const std::string& value,
                               std::source_location where = std::source_location::current()) {
  const std::string problem = problem_of_form(message, thing, value);
  INFO("line " << where.line() << ": " << problem << ": " << message.substr(0, 1000));
  CHECK(problem.empty());
}

/// The error of a call; the test fails if there is none, or if its message has not the form.
template <class Call>
posekit::Error error_of(Call&& call, const std::string& thing, const std::string& value,
                        std::source_location where = std::source_location::current()) {
  try {
    call();
  } catch (const posekit::Error& error) {
    check_message_form(error.what(), thing, value, where);
    return error;
  }
  FAIL("line " << where.line() << ": no error about " << thing << " " << value);
  return {posekit::ErrorCode::internal, ""};
}

}  // namespace posekit_test
