/// Listing folders: complete, sorted, in parts that stay, and never all in memory.
#include "posekit/listing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "posekit/media.h"
#include "support/fails_with.h"
#include "support/paths.h"
#include "support/resident.h"

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

}  // namespace

TEST_CASE("Images and videos are listed, with sub-folders, in the order of their paths, and the rest is counted") {
  const TemporaryDir folder;
  make(folder.path(),
       {"b.png", "a/z.JPG", "a/b/c.mp4", "a.jpg", "a-b.webm", "c.txt", "d.TXT", "noextension", ".posekit-1-2.tmp.mp4", "z/notes.md"});
  fs::create_symlink("b.png", folder.path() / "linked.png");
  fs::create_symlink("nowhere.png", folder.path() / "dangling.png");
  FolderListing listing(folder.path());
  const auto first = listing.next();
  REQUIRE(first);
  CHECK(first->path == folder.path() / "a/b/c.mp4");
  CHECK(first->kind == MediaKind::video);
  CHECK(listing.next()->kind == MediaKind::image);
  Names rest;
  while (const auto file = listing.next()) rest.push_back(file->name.generic_string());
  CHECK(rest == Names{"a-b.webm", "a.jpg", "b.png", "dangling.png", "linked.png"});
  CHECK(listing.left_out().kinds == std::map<std::string, std::size_t>{{"", 1}, {".md", 1}, {".txt", 2}});
  CHECK(listing.left_out().hidden == 1);
}

TEST_CASE("What phones, cameras and older programs call images and videos is listed, TypeScript is not") {
  const TemporaryDir folder;
  const Names media{"a.jfif", "b.JPE", "c.MTS", "d.m2ts", "e.3gp", "f.wmv", "g.flv", "h.ogv"};
  make(folder.path(), media);
  make(folder.path(), {"i.heic", "k.AVIF", "l.ts"});
  std::string stream(400, '\0');  // an MPEG transport stream: packets of 188 bytes
  stream[0] = stream[188] = stream[376] = 0x47;
  std::ofstream(folder.path() / "m.ts") << stream;
  FolderListing listing(folder.path());
  Names names;
  while (const auto file = listing.next()) names.push_back(file->name.generic_string());
  Names expected = media;
  expected.emplace_back("m.ts");
  CHECK(names == expected);
  CHECK(listing.left_out().kinds == std::map<std::string, std::size_t>{{".avif", 1}, {".heic", 1}, {".ts", 1}});
}

TEST_CASE("Hidden names and what systems put beside photos are left out, each counted once") {
  const TemporaryDir folder;
  make(folder.path(), {"a.jpg", "._a.jpg", ".thumbnails/t.jpg", ".thumbnails/u.jpg", "@eaDir/a.jpg/THUMB.jpg", "sub/.hidden.png",
                       "__MACOSX/._a.jpg", "$Recycle.Bin/x.jpg"});
  FolderListing listing(folder.path());
  CHECK(listing.next()->name == "a.jpg");
  CHECK_FALSE(listing.next());
  CHECK(listing.left_out().hidden == 6);
  const TemporaryDir above;  // a folder that is named may be hidden
  make(above.path(), {".photos/a.jpg"});
  CHECK(names_of(above.path() / ".photos") == Names{"a.jpg"});
}

TEST_CASE("Linked folders are searched once each, and circles end") {
  const TemporaryDir elsewhere;
  make(elsewhere.path(), {"far/x.jpg", "far/deep/y.jpg"});
  const TemporaryDir folder;
  make(folder.path(), {"a/z.jpg", "b/w.jpg", ".store/s.jpg"});
  const auto link = [&](const fs::path& target, const char* name) { fs::create_directory_symlink(target, folder.path() / name); };
  link(elsewhere.path() / "far", "link1");
  link(elsewhere.path() / "far", "link2");           // the same again
  link(elsewhere.path() / "far" / "deep", "link3");  // reached by link1
  link(folder.path() / "a", "link4");                // searched anyway
  link("..", "a/up");                                // circles
  link(folder.path().parent_path(), "above");
  link(elsewhere.path() / "far", "b/again");
  fs::create_directory_symlink("..", elsewhere.path() / "far" / "round");
  link(folder.path() / ".store", "store");  // hidden, so not searched without the link
  FolderListing listing(folder.path());
  Names names;
  while (const auto file = listing.next()) {
    CHECK(file->problem.empty());
    names.push_back(file->name.generic_string());
  }
  CHECK(names == Names{"a/z.jpg", "b/again/deep/y.jpg", "b/again/x.jpg", "b/w.jpg", "store/s.jpg"});
  CHECK(listing.left_out().linked_folders == 7);
  CHECK(listing.left_out().hidden == 1);
}

TEST_CASE("Results and drawings of posekit are not listed, whichever folder they are in") {
  const TemporaryDir folder;
  make(folder.path(), {"a.jpg", "a.jpg.json", "a.jpg.pose.jpg", "b.mp4", "b.mp4.jsonl", "b.mp4.pose.mp4", "lone.jpg.pose.jpg", "out/x.jpg",
                       "sub/c.png", "sub/c.png.pose.jpg", "pose.jpg", "x.pose.jpg", "data.json", "dance/d.jpg", "dance.pose.jpg"});
  FolderListing listing(folder.path(), {.shard = {}, .output = folder.path() / "out"});
  Names names;
  while (const auto file = listing.next()) names.push_back(file->name.generic_string());
  CHECK(names == Names{"a.jpg", "b.mp4", "dance/d.jpg", "dance.pose.jpg", "out/x.jpg", "pose.jpg", "sub/c.png", "x.pose.jpg"});
  CHECK(listing.left_out().results == 6);
  CHECK(listing.left_out().kinds == std::map<std::string, std::size_t>{{".json", 1}});
  FolderListing own(folder.path(), {.shard = {}, .output = folder.path()});
  while (own.next()) continue;
  CHECK(own.left_out().results == 0);
}

TEST_CASE("Pipes are counted, and shards count what they leave out each once") {
  const TemporaryDir folder;
  Names names;
  for (int i = 0; i < 40; ++i) names.push_back("f" + std::to_string(i) + (i % 2 == 0 ? ".txt" : ".jpg"));
  names.emplace_back("once.csv");
  make(folder.path(), names);
  REQUIRE(mkfifo((folder.path() / "pipe.jpg").c_str(), 0600) == 0);
  LeftOut sum;
  std::size_t listed = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    FolderListing listing(folder.path(), {.shard = {.index = i, .count = 3}, .output = {}});
    while (listing.next()) ++listed;
    for (const auto& [kind, count] : listing.left_out().kinds) CHECK(count > 0);
    sum += listing.left_out();
  }
  CHECK(listed == 20);
  CHECK(sum.kinds[".txt"] == 20);
  CHECK(sum.special == 1);
}

TEST_CASE("The first bytes of a file say what it is") {
  const TemporaryDir folder;
  const auto kind = [&](const std::string& bytes) {
    std::ofstream(folder.path() / "file", std::ios::binary) << bytes;
    return media_kind_of_content(folder.path() / "file");
  };
  using namespace std::string_literals;
  for (const std::string& image : {"\xFF\xD8\xFF\xE0"s, "\x89PNG\r\n\x1A\n"s, "BM____"s, "RIFF\0\0\0\0WEBPVP8 "s, "II*\0\x08\0\0\0"s,
                                   "MM\0*\0\0\0\x08"s, "\0\0\0\x0CjP  \r\n\x87\n"s, "\xFF\x4F\xFF\x51"s})
    CHECK(kind(image) == MediaKind::image);
  for (const std::string& video :
       {"\0\0\0\x18"
        "ftypmp42\0\0\0\0mp42isom"s,
        "\0\0\0\x14"
        "ftypqt  \0\0\0\0qt  "s,
        "RIFF\xFF\xFF\0\0AVI LIST"s, "\x1A\x45\xDF\xA3\x80"s, "\x30\x26\xB2\x75\x8E\x66\xCF\x11"s, "FLV\1\5"s, "OggS\0\2"s})
    CHECK(kind(video) == MediaKind::video);
  for (const std::string& refused : {"\0\0\0\x18"
                                     "ftypheic\0\0\0\0mif1heic"s,
                                     "\0\0\0\x18"
                                     "ftypavif\0\0\0\0avifmif1"s,
                                     "GIF89a"s})
    CHECK(kind(refused) == MediaKind::image);
  for (const std::string& other : {""s, "text"s, "RIFF\0\0\0\0WAVEfmt "s, "%PDF-1.7"s}) CHECK(kind(other) == MediaKind::other);
  for (const char* cut : {"RIFF", "RIFF\1\2\3\4AV", "\xFF", "\x47"}) CHECK(kind(cut) == MediaKind::other);
  CHECK(media_kind_of_content(folder.path()) == MediaKind::other);
  CHECK(media_kind_of_content(folder.path() / "missing") == MediaKind::other);
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

TEST_CASE("Very many files are listed sorted and complete, in stable shards, in flat memory") {
  const TemporaryDir folder;
#ifdef __SANITIZE_ADDRESS__  // each takes eight times as long, and memory is not looked at
  constexpr int count = 10000;
#else
  constexpr int count = 100000;
#endif
  // In one folder and in no order, so that names have to be read in several goes.
  for (int i = 0; i < count; ++i) {
    touch(folder.path() / ("a-name-of-forty-letters-like-cameras-do-" + std::to_string((i * 7919L) % count) + ".jpg"));
  }
  const long before = posekit_test::resident_kilobytes();
  long most = 0;
  int listed = 0;
  for (FolderListing listing(folder.path()); listing.next(); ++listed) {
    if (listed % 500 == 0) most = std::max(most, posekit_test::resident_kilobytes() - before);
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
