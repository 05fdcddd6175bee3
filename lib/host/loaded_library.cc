/// Loads libraries by dlopen.
#include "host/loaded_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <climits>

#include "posekit/runtime.h"

namespace posekit::inline v0 {

namespace fs = std::filesystem;

fs::path folder_of_library(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  void* const library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return {};
  std::array<char, PATH_MAX> origin{};
  const bool known = dlinfo(library, RTLD_DI_ORIGIN, origin.data()) == 0;
  dlclose(library);
  if (!known) return {};
  std::error_code error;
  const fs::path file =
      fs::canonical(fs::path(origin.data()) / fs::path(info.dli_fname).filename(), error);  // a link's folder is not its own
  return error ? fs::path() : file.parent_path();
}

LoadedLibrary load_library(const fs::path& file, const char* entry) {
  void* const opened = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (opened == nullptr) return {.why_not = dlerror()};
  const auto function = reinterpret_cast<PosekitLibraryEntry*>(dlsym(opened, entry));
  if (function == nullptr) return {.why_not = fmt::format("it has no function {}", entry)};
  const PosekitLibrary* const library = function();
  if (library->posekit_version != version()) {
    return {.why_not = fmt::format("it belongs to posekit {}, this is {}", library->posekit_version, version())};
  }
  return {.library = library, .why_not = {}};
}

}  // namespace posekit::inline v0
