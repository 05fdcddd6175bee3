/// Finds and loads the library that runs models, and hands what uses Torch on to it. Only in a shared libposekit: a static one has it
/// linked in.
#include "backend/loaded_backend.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "backend/backend_folder.h"
#include "backend/torch_version.h"
#include "base/process_end.h"
#include "host/loaded_library.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "libposekit_torch-";
constexpr std::string_view suffix = ".so";

/// A version of Torch without its patch.
struct Minor {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const Minor&) const = default;
};

std::optional<Minor> minor_of(std::string_view text) {
  Minor version;
  const char* const end = text.data() + text.size();
  const auto [dot, first] = std::from_chars(text.data(), end, version.major);
  if (first != std::errc() || dot == end || *dot != '.') return std::nullopt;
  const auto [last, second] = std::from_chars(dot + 1, end, version.minor);
  if (second != std::errc() || last != end) return std::nullopt;
  return version;
}

struct Folder {
  fs::path path;
  bool checked = true;  ///< Whether others must not be able to write to it.
};

struct Candidate {
  fs::path file;
  Minor torch;
};

std::vector<Folder> folders_of(const BackendSearch& search) {
  std::vector<Folder> folders;
  if (!search.beside.empty()) folders.push_back({search.beside, false});
  if (!search.given.empty()) folders.push_back({search.given, true});
  std::string_view rest = search.variable;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (one.empty()) continue;
    if (one.front() != '/') {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("POSEKIT_BACKENDS has the folder \"{}\", absolute paths with a colon between are expected", one));
    }
    folders.push_back({fs::path(one), true});
  }
  return folders;
}

/// The libraries of a folder, newest first. A folder that is not there or can't be read has none.
std::vector<Candidate> candidates_in(const fs::path& folder) {
  std::vector<Candidate> found;
  std::error_code error;
  for (fs::directory_iterator entries(folder, error); !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    const auto minor = minor_of(std::string_view(name).substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
    if (minor) found.push_back({entries->path(), *minor});
  }
  std::ranges::sort(found, [](const Candidate& a, const Candidate& b) { return a.torch > b.torch; });
  return found;
}

bool others_may_write(const fs::path& path) {
  struct stat status {};
  return stat(path.c_str(), &status) != 0 || (status.st_mode & S_IWOTH) != 0;
}

/// What a library has, or why it can't be used.
struct Opened {
  const BackendFunctions* functions = nullptr;
  std::string why_not;
};

Opened open(const Candidate& candidate, bool checked) {
  std::error_code error;
  const fs::path file = fs::canonical(candidate.file, error);  // a link's target is what is loaded
  if (error) return {.why_not = error.message()};
  if (checked && (others_may_write(file) || others_may_write(file.parent_path()))) {
    return {.why_not = "all users may write to it or to its folder"};
  }
  const LoadedLibrary loaded = load_library(file, backend_entry_name);
  if (loaded.library == nullptr) return {.why_not = loaded.why_not};
  const std::string_view torch = loaded.library->built_for;
  if (minor_of(torch_minor_of(torch)) != candidate.torch) return {.why_not = fmt::format("it was built for Torch {}", torch)};
  return {.functions = static_cast<const BackendFunctions*>(loaded.library->functions), .why_not = {}};
}

std::string loaded_torch() {
  void* const torch = dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
  if (torch == nullptr) return {};
  const auto show_config = reinterpret_cast<std::string (*)()>(dlsym(torch, "_ZN2at11show_configB5cxx11Ev"));
  std::string minor;
  if (show_config != nullptr) minor = torch_minor_of(torch_version_in(show_config()));
  dlclose(torch);
  return minor;
}

const BackendFunctions& backend() {
  static const BackendFunctions& functions = load_backend(backend_search());
  return functions;
}

}  // namespace

BackendSearch backend_search() {
  const char* const variable = secure_getenv("POSEKIT_BACKENDS");  // null where the program has rights that its user has not
  return {.beside = folder_of_library(backend_entry_name),
          .given = backend_folder(),
          .variable = variable == nullptr ? "" : variable,
          .loaded_torch_minor = loaded_torch()};
}

const BackendFunctions& load_backend(const BackendSearch& search) {
  std::string loaded = search.loaded_torch_minor;
  std::vector<std::string> looked;
  std::vector<std::string> found;
  std::vector<std::string> reasons;
  for (const Folder& folder : folders_of(search)) {
    looked.push_back(fmt::format("\"{}\"", folder.path.string()));
    for (const Candidate& candidate : candidates_in(folder.path)) {
      const std::string torch = fmt::format("{}.{}", candidate.torch.major, candidate.torch.minor);
      found.push_back(torch);
      if (!loaded.empty() && torch != loaded) continue;
      Opened opened = open(candidate, folder.checked);
      if (opened.functions != nullptr) {
        if (loaded.empty()) loaded = loaded_torch();  // the loader takes the Torch that it finds, of whatever version
        if (loaded.empty() || torch == loaded) {
          end_before_what_was_made();
          return *opened.functions;
        }
        opened.why_not = fmt::format("the Torch that is found for it is {}", loaded);
      }
      reasons.push_back(fmt::format("\"{}\" can't be used (\"{}\")", candidate.file.string(), opened.why_not));
    }
  }
  if (found.empty()) {
    throw Error(
        ErrorCode::not_found,
        fmt::format("posekit's library that runs models, {}2.N{}, is in none of {}: install all of posekit, or name the library's folder "
                    "in POSEKIT_BACKENDS",
                    prefix, suffix, fmt::join(looked, ", ")));
  }
  if (reasons.empty()) {
    throw Error(ErrorCode::internal,
                fmt::format("this process has loaded Torch {}, but posekit {} is here for Torch {} (in {}): install one of these, or build "
                            "posekit for Torch {}",
                            loaded, version(), fmt::join(found, " and "), fmt::join(looked, ", "), loaded));
  }
  throw Error(ErrorCode::internal,
              fmt::format("posekit can't run models: {}; install the Torch that it was built for, or build posekit again",
                          fmt::join(reasons, "; ")));
}

std::unique_ptr<ModelFile> open_model_file(FileFormat format, const ModelSource& source, Device device) {
  return backend().open_model_file(format, source, device);
}
std::vector<Device> devices_of(const std::string& option) { return backend().devices_of(option); }
TorchVersions torch_versions() { return backend().torch_versions(); }
bool built_with_cuda() { return backend().built_with_cuda(); }
void set_torch_threads(int threads) { backend().set_torch_threads(threads); }
int torch_threads() { return backend().torch_threads(); }
void set_torch_tf32(bool allowed) { backend().set_torch_tf32(allowed); }
bool torch_tf32() { return backend().torch_tf32(); }
void set_device_memory_limit(const std::string& device, std::uint64_t bytes) { backend().set_device_memory_limit(device, bytes); }

}  // namespace posekit::inline v0
