/// Calls that fail with an error whose message has the form.
#pragma once

#include <source_location>
#include <string>

#include "posekit/error.h"
#include "support/message_form.h"

namespace posekit_test {

/// Expects a call to throw posekit::Error with a message that names the thing and the value and has the form.
template <class Call>
void fails_with(Call&& call, const std::string& thing, const std::string& value,
                std::source_location where = std::source_location::current()) {
  try {
    (void)call();
    FAIL_CHECK("line " << where.line() << ": no error");
  } catch (const posekit::Error& error) {
    check_message_form(error.what(), thing, value, where);
  }
}

}  // namespace posekit_test
