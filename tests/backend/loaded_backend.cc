/// Which library that runs models is loaded, from where, and what is said where none can be.
#include "backend/loaded_backend.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "posekit/error.h"
#include "support/message_form.h"
#include "support/paths.h"
#include "support/process.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
namespace fs = std::filesystem;

namespace {

/// Puts a library of a kind where its name says which Torch it is for. The name is of no other test, as a library that was loaded stays.
fs::path put(const fs::path& folder, const std::string& torch_minor, const char* kind = FAKE_BACKEND) {
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::owner_all);
  fs::path file = folder / ("libposekit_torch-" + torch_minor + ".so");
  fs::copy_file(kind, file);
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  return file;
}

/// The file of the library that was loaded.
std::string loaded_by(const BackendSearch& search) {
  Dl_info info{};
  REQUIRE(dladdr(&load_backend(search), &info) != 0);
  return info.dli_fname;
}

/// The error of a search; the test fails if there is none.
Error error_of(const BackendSearch& search, const std::string& thing, const std::string& value) {
  return posekit_test::error_of([&] { (void)load_backend(search); }, thing, value);
}

}  // namespace

TEST_CASE("The library for the Torch that is loaded is taken, else that for the newest") {
  const posekit_test::TemporaryDir dir;
  put(dir.path(), "2.9");
  put(dir.path(), "2.13");
  put(dir.path(), "2.10");
  std::ofstream(dir.path() / "libposekit_torch-2.14.so.old") << "not a library";
  std::ofstream(dir.path() / "libposekit_torch-new.so") << "not a library";
  const fs::path folder = fs::canonical(dir.path());
  CHECK(loaded_by({.beside = dir.path(), .given = {}, .variable = {}, .loaded_torch_minor = "2.10"}) ==
        folder / "libposekit_torch-2.10.so");
  CHECK(loaded_by({.beside = dir.path(), .given = {}, .variable = {}, .loaded_torch_minor = {}}) == folder / "libposekit_torch-2.13.so");
  const BackendSearch other{.beside = dir.path(), .given = {}, .variable = {}, .loaded_torch_minor = "2.12"};
  const Error error = error_of(other, "Torch 2.12", "2.13 and 2.10 and 2.9");
  CHECK(error.code() == ErrorCode::internal);
}

TEST_CASE("The library's own folder comes first, then the program's, then those of POSEKIT_BACKENDS") {
  const posekit_test::TemporaryDir dir;
  const fs::path root = fs::canonical(dir.path());
  for (const char* folder : {"beside", "given", "first", "second"}) fs::create_directories(root / folder);
  BackendSearch search{.beside = root / "beside",
                       .given = root / "given",
                       .variable = "/nowhere:" + (root / "first").string() + "::" + (root / "second").string() + ":",
                       .loaded_torch_minor = {}};
  const Error error = error_of(search, "POSEKIT_BACKENDS", "libposekit_torch-2.N.so");
  CHECK(error.code() == ErrorCode::not_found);
  for (const char* folder : {"beside", "given", "first", "second"}) CHECK_THAT(error.what(), ContainsSubstring((root / folder).string()));
  for (const char* folder : {"second", "first", "given", "beside"}) {
    put(root / folder, "2.13");
    CHECK(loaded_by(search) == root / folder / "libposekit_torch-2.13.so");
  }
  search.variable = "here:/there";
  CHECK(error_of(search, "POSEKIT_BACKENDS", "here").code() == ErrorCode::invalid_argument);
  const Error given = posekit_test::error_of([] { set_backend_folder("lib"); }, "backend folder", "lib");
  CHECK(given.code() == ErrorCode::invalid_argument);
}

TEST_CASE("A library that can't be used is passed over, and if no other is there, the reason is given") {
  const posekit_test::TemporaryDir dir;
  const fs::path root = fs::canonical(dir.path());
  put(root / "other", "2.14", OTHER_BACKEND);
  put(root / "misnamed", "2.14", MISNAMED_BACKEND);
  put(root / "no entry", "2.14", NO_BACKEND);
  fs::create_directories(root / "broken");
  std::ofstream(root / "broken/libposekit_torch-2.14.so") << "not a library";
  fs::create_directories(root / "gone");
  fs::create_symlink("nowhere", root / "gone/libposekit_torch-2.14.so");
  const auto why = [&](const char* folder) {
    const BackendSearch search{.beside = root / folder, .given = {}, .variable = {}, .loaded_torch_minor = {}};
    const Error error = error_of(search, "libposekit_torch-2.14.so", folder);
    CHECK(error.code() == ErrorCode::internal);
    put(root / folder, "2.13");
    CHECK(loaded_by(search) == root / folder / "libposekit_torch-2.13.so");
    return std::string(error.what());
  };
  CHECK_THAT(why("other"), ContainsSubstring("belongs to posekit 0.0.9") && ContainsSubstring(std::string(version())));
  CHECK_THAT(why("misnamed"), ContainsSubstring("built for Torch 2.7.1"));
  CHECK_THAT(why("no entry"), ContainsSubstring("posekit_backend"));
  CHECK_THAT(why("broken"), ContainsSubstring("file too short") || ContainsSubstring("invalid ELF header"));
  CHECK_THAT(why("gone"), ContainsSubstring("No such file"));
}

TEST_CASE("A library to which all users may write is refused where the program or the environment names its folder") {
  const posekit_test::TemporaryDir dir;
  const fs::path root = fs::canonical(dir.path());
  const fs::path file = put(root / "folder", "2.13");
  const BackendSearch given{.beside = {}, .given = root / "folder", .variable = {}, .loaded_torch_minor = {}};
  const BackendSearch named{.beside = {}, .given = {}, .variable = (root / "folder").string(), .loaded_torch_minor = {}};
  const auto refused = [](const BackendSearch& search) { (void)error_of(search, "libposekit_torch-2.13.so", "all users may write"); };
  for (const fs::path& open : {file, file.parent_path()}) {
    fs::permissions(open, fs::perms::others_write, fs::perm_options::add);
    refused(given);
    refused(named);
    fs::permissions(open, fs::perms::others_write, fs::perm_options::remove);
  }
  // A link is what it leads to.
  fs::create_directories(root / "links");
  fs::create_symlink(file, root / "links/libposekit_torch-2.13.so");
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  refused({.beside = {}, .given = root / "links", .variable = {}, .loaded_torch_minor = {}});
  fs::permissions(file, fs::perms::others_write, fs::perm_options::remove);
  CHECK(loaded_by(given) == file);
  CHECK(loaded_by(named) == file);
  CHECK(loaded_by({.beside = {}, .given = root / "links", .variable = {}, .loaded_torch_minor = {}}) == file);
}

TEST_CASE("A set-uid program does not look at POSEKIT_BACKENDS") {
  const posekit_test::TemporaryDir dir;
  fs::permissions(dir.path(), fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
  const fs::path program = dir.path() / "program";
  fs::copy_file(PRINT_SEARCH, program);
  posekit_test::ProcessOptions options;
  options.environment = {{"POSEKIT_BACKENDS", "/some/folder"}};
  CHECK(posekit_test::run_process({program.string()}, options).out == "/some/folder\n");
#ifdef __SANITIZE_ADDRESS__
  SKIP("a set-uid program can't look for leaks");
#else
  struct statvfs system {};
  if (geteuid() != 0 || statvfs(program.c_str(), &system) != 0 || (system.f_flag & ST_NOSUID) != 0) {
    SKIP("no set-uid program can be made here");
  }
  constexpr uid_t nobody = 65534;
  REQUIRE(chown(program.c_str(), nobody, nobody) == 0);
  REQUIRE(chmod(program.c_str(), 04755) == 0);
  CHECK(posekit_test::run_process({program.string()}, options).out == "\n");
#endif
}
