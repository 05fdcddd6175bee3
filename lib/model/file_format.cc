/// What kind of file a model is, before Torch opens it.
#include "model/file_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t head_bytes = 512;
constexpr std::size_t end_record_bytes = 22;
constexpr std::size_t longest_tail = end_record_bytes + 65535;  // with the longest comment
constexpr std::size_t most_directory_bytes = std::size_t{64} << 20;
constexpr const char* how_to_export = "make a TorchScript file of the network with python -m posekit.export, see docs/export.md";

[[noreturn]] void fail(ErrorCode code, const ModelSource& model, const std::string& what, const std::string& remedy) {
  throw Error(code, fmt::format("{} {}: {}", model.text(), what, remedy));
}

/// The `count` bytes at `at`, least significant first.
std::uint64_t number(const std::string& bytes, std::size_t at, std::size_t count) {
  return little_endian(std::string_view(bytes).substr(at, count));
}

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Finds a zip's central directory by its end record (APPNOTE 4.3.16, zip64 4.3.14); none if the archive is cut off.
std::optional<Directory> find_directory(ModelReader& file) {
  const std::size_t tail_bytes = static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), longest_tail));
  const std::string tail = file.read(file.size() - tail_bytes, tail_bytes);
  const std::size_t end = tail.rfind("PK\5\6");
  if (end == std::string::npos || end + end_record_bytes > tail.size()) return std::nullopt;
  Directory directory{number(tail, end + 16, 4), number(tail, end + 12, 4)};
  if (directory.offset == 0xffffffff || directory.bytes == 0xffffffff) {
    const std::size_t locator = end >= 20 ? end - 20 : 0;
    if (end < 20 || tail.compare(locator, 4, "PK\6\7") != 0) return std::nullopt;
    const std::string record = file.read(number(tail, locator + 8, 8), 56);
    if (record.size() < 56 || record.compare(0, 4, "PK\6\6") != 0) return std::nullopt;
    directory = {number(record, 48, 8), number(record, 40, 8)};
  }
  if (directory.offset > file.size() || directory.bytes > file.size() - directory.offset || directory.bytes > most_directory_bytes)
    return std::nullopt;
  return directory;
}

/// The names of a zip's entries; none if the archive is cut off or broken.
std::optional<std::vector<std::string>> zip_names(ModelReader& file) {
  constexpr std::size_t entry_bytes = 46;
  const auto directory = find_directory(file);
  if (!directory) return std::nullopt;
  const std::string bytes = file.read(directory->offset, static_cast<std::size_t>(directory->bytes));
  std::vector<std::string> names;
  for (std::size_t at = 0; at < bytes.size();) {
    if (bytes.size() - at < entry_bytes || bytes.compare(at, 4, "PK\1\2") != 0) return std::nullopt;
    const std::size_t name_bytes = number(bytes, at + 28, 2);
    const std::size_t whole = entry_bytes + name_bytes + number(bytes, at + 30, 2) + number(bytes, at + 32, 2);
    if (bytes.size() - at < whole) return std::nullopt;
    names.push_back(bytes.substr(at + entry_bytes, name_bytes));
    at += whole;
  }
  return names;
}

FileFormat recognise_zip(const ModelSource& model, ModelReader& file) {
  const auto names = zip_names(file);
  if (!names)
    fail(ErrorCode::invalid_model, model, "is a cut-off or broken archive",
         "fetch or copy it again, and compare its size with the original's");
  const auto has = [&](std::string_view part) {
    return std::ranges::any_of(*names, [&](const std::string& name) { return ("/" + name).find(part) != std::string::npos; });
  };
  if (has("/constants.pkl") || has("/code/")) return FileFormat::torchscript;
  if (has("/data/aotinductor/")) {
    fail(ErrorCode::unsupported_model, model, "is an AOTInductor package (.pt2), which this version does not run", how_to_export);
  }
  if (has("/archive_format") || has("/models/") || has("/serialized_exported_program.json")) {
    fail(ErrorCode::unsupported_model, model, "is a torch.export archive (.pt2), not TorchScript", how_to_export);
  }
  if (has("/data.pkl")) fail(ErrorCode::unsupported_model, model, "is a torch.save checkpoint: weights without a network", how_to_export);
  fail(ErrorCode::unsupported_model, model, "is a zip archive, but not a TorchScript one", how_to_export);
}

/// ONNX is a protobuf message without a magic number: field 1 (ir_version, a small number), then field 2 (producer_name) or 7 (graph).
bool looks_like_onnx(const std::string& head) {
  return head.size() > 4 && head[0] == '\x08' && head[1] > 0 && head[1] < 32 &&
         (head[2] == '\x12' || head[2] == '\x3a' || head[2] == '\x42');
}

bool looks_like_safetensors(const std::string& head, std::uint64_t file_bytes) {
  return head.size() > 9 && head[8] == '{' && number(head, 0, 8) <= file_bytes - 8;
}

void check_openable(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) fail(ErrorCode::not_found, path, "does not exist", "check the path");
  if (error) fail(ErrorCode::io, path, "can't be examined (" + error.message() + ")", "check the path and its permissions");
  if (status.type() == fs::file_type::directory) {
    fail(ErrorCode::invalid_argument, path, "is a folder, a model file is expected", "pass the file in it");
  }
  if (status.type() != fs::file_type::regular) fail(ErrorCode::invalid_argument, path, "is not a regular file", "pass a model file");
}

}  // namespace

FileFormat recognise_format(const ModelSource& model) {
  if (!model.in_memory()) check_openable(model.path());
  ModelReader file(model);
  const std::string head = file.read(0, head_bytes);

  if (head.empty()) fail(ErrorCode::invalid_model, model, "is empty", "fetch or copy it again");
  if (head.starts_with("version https://git-lfs")) {
    fail(ErrorCode::invalid_model, model, "is a Git-LFS pointer, not the file itself", "run `git lfs pull` in its repository");
  }
  if (head.starts_with("PK\3\4") || head.starts_with("PK\5\6")) return recognise_zip(model, file);
  if (head.starts_with("\x80\x02") || head.starts_with("\x80\x04")) {
    fail(ErrorCode::unsupported_model, model, "is a pickle (an old torch.save checkpoint): weights without a network", how_to_export);
  }
  if (head.size() >= 8 && head.compare(4, 4, "TFL3") == 0)
    fail(ErrorCode::unsupported_model, model, "is a TensorFlow Lite model", how_to_export);
  if (looks_like_safetensors(head, file.size())) {
    fail(ErrorCode::unsupported_model, model, "is a safetensors file: weights without a network", how_to_export);
  }
  if (looks_like_onnx(head)) fail(ErrorCode::unsupported_model, model, "is an ONNX model", how_to_export);
  if (head.starts_with("<!DOCTYPE") || head.starts_with("<!doctype") || head.starts_with("<html")) {
    fail(ErrorCode::invalid_model, model, "is a web page", "fetch the file itself, its address led to a page about it or to an error");
  }
  fail(ErrorCode::unsupported_model, model, "is not a TorchScript archive (it does not begin as one)", how_to_export);
}

}  // namespace posekit::inline v0
