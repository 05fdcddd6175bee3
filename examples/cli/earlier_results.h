/// What an earlier run left: whether its results are those that this run would make.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "given_boxes.h"
#include "inputs.h"
#include "options.h"
#include "ordered_report.h"
#include "outputs.h"

namespace cli {

/// Writes into each result what it was made with, and looks whether a result that is there was made with the same.
/// One thread at a time may call `skip`; `with_origin` may be called beside it.
class EarlierResults {
 public:
  EarlierResults(const EstimateOptions& options, const GivenBoxes& boxes) : options_(options), boxes_(boxes) {}

  /// Looks at the result of an input.
  /// @return how the input ends without being worked on; none: its result has to be made
  /// @throws posekit::Error if a model's file can't be read, or the boxes file contradicts the image
  std::optional<Entry> skip(const Input& input, const Output& output);
  /// Which results are made again, and why.
  Remarks remarks() const;

  /// A result's JSON with what it was made with, after `prepare`.
  /// @param video frames and problems of a video; empty for an image
  std::string with_origin(std::string json, const Input& input, const nlohmann::json& video);
  /// Reads the models' checksums. @throws posekit::Error
  void prepare() { origin(); }

 private:
  enum class State {
    missing,    ///< Nothing is there, or the result of an input that failed.
    done,       ///< A result that this run would make again.
    different,  ///< A result that was made with something else.
    foreign     ///< A file that is no result of posekit.
  };
  struct Earlier {
    State state = State::missing;
    std::string what;  ///< That something else.
  };

  const nlohmann::json& origin();
  nlohmann::json origin_of(const Input& input);
  Earlier look(const Input& input, const Output& output);
  std::string difference(const nlohmann::json& first, const nlohmann::json& last, const Input& input, const Output& output);

  const EstimateOptions& options_;
  const GivenBoxes& boxes_;
  std::optional<nlohmann::json> origin_;
  std::map<std::string, std::size_t> made_again_;  ///< By what their earlier results were made with.
};

}  // namespace cli
