/// Loads those of posekit's own libraries that wait until something needs them. Only in shared builds.
#pragma once

#include <filesystem>
#include <string>

#include "posekit/export.h"

namespace posekit::inline v0 {

extern "C" {
/// What such a library shows, by one function of C: whose it is, before any object of C++ crosses.
struct PosekitLibrary {
  const char* posekit_version;  ///< As posekit::version().
  const char* built_for;        ///< The version of what it links: "2.13.0" of Torch, "4.6.0" of OpenCV.
  const void* functions;        ///< A table that has the layout of that version of posekit alone.
};
/// The type of the function. Internal: it may change with every version.
using PosekitLibraryEntry = const PosekitLibrary*();
}

/// The folder of the library or program that holds this address; links are followed. It comes from the loader, as the working directory may
/// have changed since. Empty: it can't be told.
[[nodiscard]] POSEKIT_API std::filesystem::path folder_of_library(const void* address);

/// What a library shows, or why it can't be used.
struct LoadedLibrary {
  const PosekitLibrary* library = nullptr;
  std::string why_not;
};

/// Loads a library of this version of posekit. It stays until the process ends.
/// @param entry the name of its function
[[nodiscard]] POSEKIT_API LoadedLibrary load_library(const std::filesystem::path& file, const char* entry);

}  // namespace posekit::inline v0
