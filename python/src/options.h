/// Options of Python calls as the library's.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "posekit/executor.h"
#include "posekit/model.h"
#include "posekit/pipeline.h"

namespace posekit_python {

/// Where metadata comes from: "document", "file" or "preset", and its text, path or name.
using MetadataChoice = std::optional<std::pair<std::string, std::string>>;

/// @throws posekit::Error invalid_argument that lists what a value may be
[[nodiscard]] posekit::ModelOptions model_options(const MetadataChoice& metadata, std::string sha256, std::string device,
                                                  const std::string& precision, const std::string& warm_up, bool fuse);

/// A count that Python gives as any integer.
/// @throws posekit::Error invalid_argument if it is negative
[[nodiscard]] std::size_t count_of(const char* name, std::int64_t value);

/// Raises TypeError that names the option, its value and what was expected.
[[noreturn]] void refuse_type(const char* name, pybind11::handle value, const char* expected);

/// What a message calls the values of a type.
template <class T>
constexpr const char* kind_of() {
  if constexpr (std::is_same_v<T, bool>)
    return "True or False";
  else if constexpr (std::is_integral_v<T>)
    return "an integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "a number";
  else if constexpr (std::is_same_v<T, std::vector<std::string>>)
    return "a list of names";
  else if constexpr (std::is_same_v<T, std::vector<double>>)
    return "a list of numbers";
  else
    return "a string";
}

/// Raises TypeError for a value of another type.
template <class T>
[[nodiscard]] T value_as(const char* name, pybind11::handle value) {
  try {
    return value.cast<T>();
  } catch (const pybind11::cast_error&) {
    refuse_type(name, value, kind_of<T>());
  }
}

/// Sets one option. Counts, times in seconds, executors and enumerators have their own forms; None resets an optional one.
template <class T>
void set_option(T& option, const char* name, pybind11::handle value) {
  option = value_as<T>(name, value);
}
void set_option(std::size_t& option, const char* name, pybind11::handle value);
void set_option(std::chrono::microseconds& option, const char* name, pybind11::handle value);
void set_option(std::shared_ptr<posekit::Executor>& option, const char* name, pybind11::handle value);
void set_option(posekit::Overflow& option, const char* name, pybind11::handle value);
template <class T>
void set_option(std::optional<T>& option, const char* name, pybind11::handle value) {
  option.reset();
  if (!value.is_none()) set_option(option.emplace(), name, value);
}

/// The options of a class by their names in Python: one line for each.
template <class Options>
using OptionTable = std::map<std::string_view, std::function<void(Options&, const char*, pybind11::handle)>>;

/// An entry of the table: a member.
template <class Options, class T>
auto option(T Options::*member) {
  return [member](Options& options, const char* name, pybind11::handle value) { set_option(options.*member, name, value); };
}

/// An entry of the table: a member of a part.
template <class Options, class Part, class T>
auto option(Part Options::*part, T Part::*member) {
  return [part, member](Options& options, const char* name, pybind11::handle value) { set_option(options.*part.*member, name, value); };
}

/// Raises TypeError for an option that is not in the table.
[[noreturn]] void refuse_name(const std::string& name);

/// The defaults, with the options that Python gave.
/// @throws posekit::Error invalid_argument; raises TypeError for an unknown name and for a value of another type
template <class Options>
[[nodiscard]] Options options_of(const OptionTable<Options>& table, const pybind11::kwargs& given) {
  Options options;
  for (const auto& [key, value] : given) {
    const auto name = key.template cast<std::string>();
    const auto entry = table.find(name);
    if (entry == table.end()) refuse_name(name);
    entry->second(options, name.c_str(), value);
  }
  return options;
}

}  // namespace posekit_python
