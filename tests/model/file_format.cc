/// Files that are not TorchScript are named by their kind, before Torch opens them.
#include "model/file_format.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "support/message_form.h"
#include "support/paths.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::check_message_form;
namespace fs = std::filesystem;

namespace {

std::string little_endian(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

/// A zip archive of empty, stored entries.
std::string zip_of(const std::vector<std::string>& names) {
  std::string locals;
  std::string directory;
  for (const std::string& name : names) {
    directory +=
        "PK\1\2" + std::string(24, '\0') + little_endian(name.size(), 2) + std::string(12, '\0') + little_endian(locals.size(), 4) + name;
    locals += "PK\3\4" + std::string(22, '\0') + little_endian(name.size(), 2) + std::string(2, '\0') + name;
  }
  return locals + directory + "PK\5\6" + std::string(4, '\0') + little_endian(names.size(), 2) + little_endian(names.size(), 2) +
         little_endian(directory.size(), 4) + little_endian(locals.size(), 4) + std::string(2, '\0');
}

struct Seen {
  ErrorCode code = ErrorCode::ok;
  std::string message;
};

Seen look_at(const ModelSource& model) {
  try {
    (void)recognise_format(model);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

}  // namespace

TEST_CASE("An archive with code is accepted under any name") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "sapiens_torchscript.pt2";
  std::ofstream(path, std::ios::binary) << zip_of({"m/data.pkl", "m/code/__torch__.py", "m/constants.pkl"});
  CHECK(look_at(path).code == ErrorCode::ok);
  for (const char* name : {"person_detector.pt", "pose_landmark_full.pt", "pose_landmark_lite.pt", "shape308.pt"}) {
    CHECK(look_at(posekit_test::source_dir() / "examples/models" / name).code == ErrorCode::ok);
  }
}

TEST_CASE("A file of another kind is named, with a code and a remedy") {
  const auto [content, code, what, remedy] = GENERATE(table<std::string, ErrorCode, std::string, std::string>({
      {"", ErrorCode::invalid_model, "is empty", "again"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", ErrorCode::invalid_model, "Git-LFS pointer", "git lfs pull"},
      {zip_of({"m/data.pkl", "m/version", "m/data/0"}), ErrorCode::unsupported_model, "torch.save checkpoint", "posekit.export"},
      {zip_of({"m/archive_format", "m/models/model.json", "m/data/weights/w"}), ErrorCode::unsupported_model, "torch.export",
       "posekit.export"},
      {zip_of({"m/archive_format", "m/data/aotinductor/model/x.so"}), ErrorCode::unsupported_model, "AOTInductor", "posekit.export"},
      {zip_of({"a.txt"}), ErrorCode::unsupported_model, "zip archive", "posekit.export"},
      {zip_of({"m/data.pkl", "m/constants.pkl"}).substr(0, 60), ErrorCode::invalid_model, "cut-off", "again"},
      {zip_of({"m/data.pkl"}).replace(70, 4, "XXXX"), ErrorCode::invalid_model, "cut-off or broken", "again"},
      {std::string("\x80\x02}q\x01", 5), ErrorCode::unsupported_model, "pickle", "posekit.export"},
      {little_endian(2, 8) + "{}", ErrorCode::unsupported_model, "safetensors", "posekit.export"},
      {std::string("\x08\x07\x12\x07pytorch", 11), ErrorCode::unsupported_model, "ONNX", "posekit.export"},
      {std::string("\x1c\0\0\0TFL3\x14\0", 10), ErrorCode::unsupported_model, "TensorFlow Lite", "posekit.export"},
      {"<!DOCTYPE html><html></html>", ErrorCode::invalid_model, "web page", "file itself"},
      {"hello", ErrorCode::unsupported_model, "not a TorchScript archive", "posekit.export"},
      {"PK\3\4", ErrorCode::invalid_model, "cut-off", "again"},
  }));
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "model.pt";
  std::ofstream(path, std::ios::binary) << content;
  const Seen seen = look_at(path);
  CHECK(seen.code == code);
  CHECK_THAT(seen.message, ContainsSubstring(what) && ContainsSubstring(remedy));
  check_message_form(seen.message, "model.pt", what);

  const Seen in_memory = look_at(std::as_bytes(std::span(content)));
  CHECK(in_memory.code == code);
  CHECK(in_memory.message == "the model in memory" + seen.message.substr(path.string().size() + 2));
}

TEST_CASE("A missing file, a folder, a pipe and an unreadable file are errors of their own") {
  const posekit_test::TemporaryDir dir;
  const Seen missing = look_at(dir.path() / "missing.pt");
  CHECK(missing.code == ErrorCode::not_found);
  check_message_form(missing.message, "missing.pt", "does not exist");
  const Seen folder = look_at(dir.path());
  CHECK(folder.code == ErrorCode::invalid_argument);
  check_message_form(folder.message, dir.path().string(), "folder");
  REQUIRE(mkfifo((dir.path() / "pipe").c_str(), 0600) == 0);
  const Seen pipe = look_at(dir.path() / "pipe");  // does not wait for a writer
  CHECK(pipe.code == ErrorCode::invalid_argument);
  check_message_form(pipe.message, "pipe", "not a regular file");

  const auto closed = dir.path() / "closed.pt";
  std::ofstream(closed) << "x";
  fs::permissions(closed, fs::perms::none);
  if (geteuid() == 0) SKIP("root may read everything, so there is no file without permission");
  const Seen unreadable = look_at(closed);
  CHECK(unreadable.code == ErrorCode::io);
  check_message_form(unreadable.message, "closed.pt", "Permission denied");
}
