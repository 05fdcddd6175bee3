/// The check of messages' form finds each fault that it is there for.
#include "support/message_form.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>

using posekit_test::longest_message;
using posekit_test::problem_of_form;

TEST_CASE("A message that names thing, value and remedy has the form") {
  const auto [message, thing, value] = GENERATE(table<std::string, std::string, std::string>({
      {"device \"gpu\" was given, \"cpu\" is expected", "device", "gpu"},
      {"image \"a.jpg\" is cut off: fetch or copy it again", "image", "a.jpg"},
      {"there is no preset \"told\": use one of a, b", "preset", "told"},
      {"image \"" + std::string(1000, 'x') + "\" does not exist: check the path", "image", "x"},
      {"sha256 " + std::string(300, '0') + " was given, 64 digits are expected", "sha256", std::string(300, '0')},
  }));
  CHECK(problem_of_form(message, thing, value).empty());
}

TEST_CASE("A message without thing, value or remedy, in foreign words or too long lacks the form") {
  const auto [message, problem] = GENERATE(table<std::string, std::string>({
      {"\"7\" was given, 8 is expected", "it does not name \"limit\""},
      {"limit was given, 8 is expected", "it does not show \"7\""},
      {"limit 7 is wrong", "it says neither what is expected nor what to do"},
      {"limit 7: nobody", "it says neither what is expected nor what to do"},
      {"limit 7 tells nothing, 8 is expected", "it has the word \"tells\""},
      {"limit 7: memory Is Out, 8 is expected", "it has the word \"Is Out\""},
      {"limit 7 allows so many, 8 is expected", "it has the word \"so many\""},
      {"limit 7 is wrong, 8 is expected" + std::string(longest_message, '.'), "it has 270 characters of its own"},
  }));
  CHECK(problem_of_form(message, "limit", "7") == problem);
}
