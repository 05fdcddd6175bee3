/// Which metadata counts: given, sidecar, or in the archive.
#include "model/metadata_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/embedded_documents.h"
#include "posekit/error.h"

namespace posekit::inline v0 {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t most_bytes = std::uintmax_t{1} << 20;

std::string read_document(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    throw Error(ErrorCode::not_found, fmt::format("metadata file \"{}\" does not exist: check the path", path.string()));
  }
  std::ifstream file(path, std::ios::binary);
  if (status.type() != fs::file_type::regular || !file) {
    throw Error(ErrorCode::io, fmt::format("metadata file \"{}\" can't be read ({}): a readable regular file is expected", path.string(),
                                           status.type() != fs::file_type::regular ? "not a regular file" : std::strerror(errno)));
  }
  if (fs::file_size(path) > most_bytes) {
    throw Error(ErrorCode::invalid_model,
                fmt::format("metadata file \"{}\" has {} bytes, at most {} are allowed", path.string(), fs::file_size(path), most_bytes));
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

ModelInfo read_preset(const std::string& name) {
  for (const EmbeddedDocument& document : embedded_documents()) {
    if (document.name == "presets/" + name) return parse_model_info(document.json, "preset " + name);
  }
  throw Error(ErrorCode::not_found,
              fmt::format("there is no metadata preset \"{}\": use one of {}", name, fmt::join(model_presets(), ", ")));
}

struct FindGiven {
  const ModelSource& model;

  std::optional<ModelInfo> operator()(std::monostate) const {
    if (model.in_memory()) return std::nullopt;
    const fs::path sidecar = model.path().string() + ".posekit.json";
    std::error_code ignored;
    if (!fs::exists(sidecar, ignored)) return std::nullopt;
    return parse_model_info(read_document(sidecar), "sidecar " + sidecar.filename().string());
  }
  std::optional<ModelInfo> operator()(const MetadataDocument& document) const { return parse_model_info(document.json, "given document"); }
  std::optional<ModelInfo> operator()(const MetadataFile& file) const {
    return parse_model_info(read_document(file.path), "file " + file.path.string());
  }
  std::optional<ModelInfo> operator()(const MetadataPreset& preset) const { return read_preset(preset.name); }
};

/// The presets of models with that many keypoints.
std::vector<std::string> fitting_presets(std::size_t keypoints) {
  std::vector<std::string> names = model_presets();
  std::erase_if(names, [&](const std::string& name) { return read_preset(name).pose().keypoints.size() != keypoints; });
  return names;
}

}  // namespace

std::optional<ModelInfo> find_metadata(const ModelSource& model, const ModelOptions& options) {
  return std::visit(FindGiven{model}, options.metadata);
}

void fail_without_metadata(const ModelSource& model, std::optional<std::size_t> channels) {
  const std::string beside = model.in_memory() ? "" : fmt::format(", no \"{}.posekit.json\" beside it", model.path().filename().string());
  const std::string missing = fmt::format("{} has no metadata (no \"posekit.json\" in it{})", model.text(), beside);
  const auto fitting = channels ? fitting_presets(*channels) : std::vector<std::string>();
  throw Error(ErrorCode::invalid_model,
              fitting.empty()
                  ? fmt::format("{}: pass metadata, or one of the presets {}", missing, fmt::join(model_presets(), ", "))
                  : fmt::format("{}: pass metadata, or the preset of its family; by its weights' shapes it has {} keypoints, as {}",
                                missing, *channels, fmt::join(fitting, ", ")));
}

}  // namespace posekit::inline v0
