/// What an earlier run left: whether its results are those that this run would make.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "given_boxes.h"
#include "inputs.h"
#include "messages.h"
#include "options.h"
#include "ordered_report.h"
#include "outputs.h"

namespace cli {

/// What an input's file is when it is read. Of a camera nothing.
struct InputState {
  std::string path;  ///< From the root on, without links.
  std::uintmax_t bytes = 0;
  std::int64_t modified_ns = 0;  ///< Since 1970.
};
InputState state_of(const Input& input);

/// Writes into each result what it was made with, and looks whether a result that is there was made with the same.
/// After `prepare`, any thread may call what is const.
class EarlierResults {
 public:
  EarlierResults(const EstimateOptions& options, const GivenBoxes& boxes) : options_(options), boxes_(boxes) {}

  /// Reads the models' checksums. @throws UsageError, posekit::Error if a file can't be read
  void prepare();

  /// What a new result takes the place of.
  struct Replaced {
    std::string made_with;          ///< Not empty: something else.
    std::filesystem::path drawing;  ///< Empty: none.
    std::filesystem::path crops;    ///< Likewise.
  };
  /// Looks at the result of an input. @param replaced set to what is there, if the result has to be made
  /// @return how the input ends without being worked on; none: its result has to be made
  std::optional<Entry> skip(const Input& input, const Output& output, Replaced& replaced) const;
  /// Counts what is replaced, and removes its drawing and crops: before the new result is written. One thread at a time may call it.
  void replace(const Replaced& replaced);
  /// Which results were made again, and why.
  Remarks remarks() const;

  /// A result's JSON with what it was made with.
  /// @param video what a video's last line says of its lines; null for an image
  /// @param crops how many crops the result has; null: they are not wanted
  std::string with_origin(std::string json, const Input& input, const InputState& state, const nlohmann::json& video,
                          const nlohmann::json& crops) const;

 private:
  enum class State {
    missing,    ///< Nothing is there, or the result of an input that failed.
    done,       ///< A result that this run would make again.
    different,  ///< A result that was made with something else.
    foreign     ///< A file that must not be replaced.
  };
  struct Earlier {
    State state = State::missing;
    std::string what;                    ///< That something else, or what is wrong with the file.
    bool has_drawing = false;            ///< Whether the result says that it has one.
    std::optional<std::size_t> crops{};  ///< How many crops it says that it has.
  };

  nlohmann::json origin_of(const Input& input, const InputState& state) const;
  Earlier look(const Input& input, const Output& output) const;
  Earlier compare(const nlohmann::json& first, const nlohmann::json& last, const Input& input) const;
  std::string other_boxes(const nlohmann::json& first, const Input& input) const;

  const EstimateOptions& options_;
  const GivenBoxes& boxes_;
  nlohmann::json origin_;
  std::map<std::string, std::size_t> made_again_;  ///< By what their earlier results were made with.
};

}  // namespace cli
