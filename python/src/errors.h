/// posekit::Error becomes the Python class of its code.
#pragma once

#include <pybind11/pybind11.h>

#include <string_view>

namespace posekit_python {

/// For the module that calls it: each module has a copy of the exception's type.
void register_errors();

/// A message as Python's text. It may hold a path, whose bytes need not be UTF-8.
[[nodiscard]] pybind11::str text_of(std::string_view message);

}  // namespace posekit_python
