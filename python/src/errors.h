/// posekit::Error becomes the Python class of its code.
#pragma once

namespace posekit_python {

/// For the module that calls it: each module has a copy of the exception's type.
void register_errors();

}  // namespace posekit_python
