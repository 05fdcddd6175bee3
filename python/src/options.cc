/// Options of Python calls as the library's.
#include "options.h"

#include <filesystem>

#include "interrupt.h"
#include "posekit/error.h"

namespace py = pybind11;

namespace posekit_python {
namespace {

using posekit::Error;
using posekit::ErrorCode;
using posekit::Precision;
using posekit::WarmUp;

Precision precision_of(const std::string& name) {
  for (const Precision value : {Precision::automatic, Precision::as_exported, Precision::fp32, Precision::fp16, Precision::bf16}) {
    if (name == posekit::to_string(value)) return value;
  }
  throw Error(ErrorCode::invalid_argument,
              "precision \"" + name + R"(" was given, "auto", "as_exported", "fp32", "fp16" or "bf16" is expected)");
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
                                    const std::string& warm_up, bool fuse) {
  return {.metadata = metadata_of(metadata),
          .sha256 = std::move(sha256),
          .device = std::move(device),
          .precision = precision_of(precision),
          .warm_up = warm_up_of(warm_up),
          .fuse = fuse};
}

std::size_t count_of(const char* name, std::int64_t value) {
  if (value >= 0) return static_cast<std::size_t>(value);
  throw Error(ErrorCode::invalid_argument, std::string(name) + " is " + std::to_string(value) + ", a number >= 0 is expected");
}

void refuse_type(const char* name, py::handle value, const char* expected) {
  throw py::type_error(std::string(name) + " is " + py::repr(value).cast<std::string>() + ", " + expected + " is expected");
}

void refuse_name(const std::string& name) { throw py::type_error("there is no option \"" + name + "\""); }

void set_option(std::size_t& option, const char* name, py::handle value) { option = count_of(name, value_as<std::int64_t>(name, value)); }

void set_option(std::chrono::microseconds& option, const char* name, py::handle value) {
  constexpr double longest = 1e9;
  const auto seconds = value_as<double>(name, value);
  if (!(seconds >= 0 && seconds <= longest))
    throw Error(ErrorCode::invalid_argument, std::string(name) + " is " + std::to_string(seconds) + ", seconds >= 0 are expected");
  option = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::duration<double>(seconds));
}

void set_option(std::shared_ptr<posekit::Executor>& option, const char* name, py::handle value) {
  if (!value.is_none() && !py::isinstance<posekit::ThreadPool>(value)) refuse_type(name, value, "a ThreadPool or None");
  option = watched(value.is_none() ? nullptr : value.cast<std::shared_ptr<posekit::ThreadPool>>());
}

void set_option(posekit::Overflow& option, const char* name, py::handle value) {
  using posekit::Overflow;
  const auto given = value_as<std::string>(name, value);
  if (given == "block")
    option = Overflow::block;
  else if (given == "latest")
    option = Overflow::latest;
  else
    throw Error(ErrorCode::invalid_argument, std::string(name) + " \"" + given + "\" was given, \"block\" or \"latest\" is expected");
}

}  // namespace posekit_python
