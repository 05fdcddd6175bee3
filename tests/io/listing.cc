/// Listing folders: complete, sorted, in parts that stay, and never all in memory.
#include "posekit/listing.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "support/fails_with.h"
#include "support/paths.h"

using namespace posekit;
using posekit_test::TemporaryDir;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

void touch(const fs::path& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(file >= 0);
  close(file);
}

void make(const fs::path& folder, const Names& names) {
  for (const std::string& name : names) {
    fs::create_directories((folder / name).parent_path());
    touch(folder / name);
  }
}

Names names_of(FolderListing listing) {
  Names names;
  while (const auto file = listing.next()) names.push_back(file->name.generic_string());
  return names;
}

Names names_of(const fs::path& folder, ListingOptions options = {}) { return names_of(FolderListing(folder, std::move(options))); }

/// What this process has in memory, in KiB.
long resident() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmRSS:") continue;
    long value = 0;
    status >> value;
    return value;
  }
  return -1;
}

}  // namespace

TEST_CASE("Only images and videos are listed, with sub-folders, in the order of their paths") {
  const TemporaryDir folder;
  make(folder.path(), {"b.png", "a/z.JPG", "a/b/c.mp4", "a.jpg", "a-b.webm", "c.txt", "noextension", ".posekit-1-2.tmp.mp4", "z/notes.md"});
  fs::create_directory_symlink(folder.path() / "a", folder.path() / "link");
  fs::create_symlink("b.png", folder.path() / "linked.png");
  fs::create_symlink("nowhere.png", folder.path() / "dangling.png");
  CHECK(names_of(folder.path()) == Names{"a/b/c.mp4", "a/z.JPG", "a-b.webm", "a.jpg", "b.png", "dangling.png", "linked.png"});
  FolderListing listing(folder.path());
  const auto first = listing.next();
  REQUIRE(first);
  CHECK(first->path == folder.path() / "a/b/c.mp4");
  CHECK(first->kind == MediaKind::video);
  CHECK(listing.next()->kind == MediaKind::image);
}

TEST_CASE("Results of an earlier run, in the output folder or beside their originals, are not listed") {
  const TemporaryDir folder;
  make(folder.path(),
       {"a.jpg", "a.jpg.pose.jpg", "b.mp4", "b.mp4.pose.mp4", "lone.jpg.pose.jpg", "out/x.jpg", "sub/c.png", "sub/c.png.pose.jpg"});
  CHECK(names_of(folder.path()).size() == 8);
  CHECK(names_of(folder.path(), {.shard = {}, .output = folder.path() / "out"}).size() == 7);
  CHECK(names_of(folder.path(), {.shard = {}, .output = folder.path()}) ==
        Names{"a.jpg", "b.mp4", "lone.jpg.pose.jpg", "out/x.jpg", "sub/c.png"});
}

TEST_CASE("A folder that can't be listed is reported, and the others are listed") {
  const TemporaryDir folder;
  FolderListing listing(folder.path() / "missing");
  const auto problem = listing.next();
  REQUIRE(problem);
  CHECK_FALSE(problem->problem.empty());
  CHECK(problem->path == folder.path() / "missing" / "");
  CHECK_FALSE(listing.next());
}

TEST_CASE("A shard's index is below its count") {
  posekit_test::fails_with([] { return FolderListing(".", {.shard = {.index = 3, .count = 3}, .output = {}}); }, "shard", "3 of 3");
  posekit_test::fails_with([] { return FolderListing(".", {.shard = {.index = 0, .count = 0}, .output = {}}); }, "shard", "0 of 0");
}

TEST_CASE("100,000 files are listed sorted and complete, in stable shards, in flat memory") {
  const TemporaryDir folder;
  constexpr int count = 100000;
  // In one folder and in no order, so that names have to be read in several goes.
  for (int i = 0; i < count; ++i) {
    touch(folder.path() / ("a-name-of-forty-letters-like-cameras-do-" + std::to_string((i * 7919L) % count) + ".jpg"));
  }
  const long before = resident();
  long most = 0;
  int listed = 0;
  for (FolderListing listing(folder.path()); listing.next(); ++listed) {
    if (listed % 500 == 0) most = std::max(most, resident() - before);
  }
  std::printf("memory of listing %d files: %ld KiB\n", listed, most);
  CHECK(listed == count);
#ifndef __SANITIZE_ADDRESS__  // it keeps freed memory back on purpose
  CHECK(most < 5000);         // all the names are more than 10,000 KiB
#endif
  const Names all = names_of(folder.path());
  CHECK(all.size() == count);
  CHECK(std::ranges::is_sorted(all));
  CHECK(std::ranges::adjacent_find(all) == all.end());

  std::vector<Names> parts;
  for (std::size_t i = 0; i < 3; ++i) {
    parts.push_back(names_of(folder.path(), {.shard = {.index = i, .count = 3}, .output = {}}));
    CHECK(parts[i].size() > count / 3 - 1000);
    CHECK(parts[i].size() < count / 3 + 1000);
  }
  Names together;
  for (const Names& part : parts) together.insert(together.end(), part.begin(), part.end());
  std::ranges::sort(together);
  CHECK(together == all);  // disjoint, as each name is in `all` once

  Names added;
  for (int i = 0; i < 1000; ++i) added.push_back("zz-added-" + std::to_string(i) + ".png");
  added.push_back("0-in-front.jpg");
  make(folder.path(), added);
  for (std::size_t i = 0; i < 3; ++i) {
    const Names later = names_of(folder.path(), {.shard = {.index = i, .count = 3}, .output = {}});
    CHECK(std::ranges::includes(later, parts[i]));
    for (const std::string& name : later) {
      if (!std::ranges::binary_search(parts[i], name)) CHECK((name.starts_with("zz-added-") || name == "0-in-front.jpg"));
    }
  }
}
