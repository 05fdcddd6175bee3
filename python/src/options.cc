/// Options of Python calls as the library's.
#include "options.h"

#include <filesystem>

#include "posekit/error.h"

namespace posekit_python {
namespace {

using posekit::Error;
using posekit::ErrorCode;
using posekit::Precision;
using posekit::WarmUp;

Precision precision_of(const std::string& name) {
  for (const Precision value : {Precision::fp32, Precision::fp16, Precision::bf16}) {
    if (name == posekit::to_string(value)) return value;
  }
  throw Error(ErrorCode::invalid_argument, "precision \"" + name + "\" was given, \"fp32\", \"fp16\" or \"bf16\" is expected");
}

WarmUp warm_up_of(const std::string& name) {
  if (name == "check") return WarmUp::check;
  if (name == "none") return WarmUp::none;
  throw Error(ErrorCode::invalid_argument, "warm_up \"" + name + "\" was given, \"check\" or \"none\" is expected");
}

posekit::MetadataSource metadata_of(const MetadataChoice& choice) {
  if (!choice) return std::monostate{};
  const auto& [kind, text] = *choice;
  if (kind == "document") return posekit::MetadataDocument{text};
  if (kind == "file") return posekit::MetadataFile{text};
  return posekit::MetadataPreset{text};
}

}  // namespace

posekit::ModelOptions model_options(const MetadataChoice& metadata, std::string sha256, std::string device, const std::string& precision,
                                    const std::string& warm_up) {
  return {.metadata = metadata_of(metadata),
          .sha256 = std::move(sha256),
          .device = std::move(device),
          .precision = precision_of(precision),
          .warm_up = warm_up_of(warm_up)};
}

std::size_t count_of(const char* name, std::int64_t value) {
  if (value >= 0) return static_cast<std::size_t>(value);
  throw Error(ErrorCode::invalid_argument, std::string(name) + " is " + std::to_string(value) + ", a number >= 0 is expected");
}

}  // namespace posekit_python
