/// What working on images and on videos have in common.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stop_token>
#include <string>

#include "model_runner.h"
#include "ordered_report.h"
#include "outputs.h"

namespace cli {

struct RunContext {
  const EstimateOptions& options;
  ModelRunner& runner;
  const GivenBoxes& boxes;
  const OutputPlan& plan;
  OrderedReport& report;
  Progress& progress;
  std::stop_token stop;                     ///< A signal's own token: only ever asked.
  std::function<std::stop_token()> waking;  ///< One for whoever waits: it costs a thread, made by the first call.

  bool to_stdout() const { return options.output == "-"; }
};

/// A message of the library's that does not name the input gets its name in front.
std::string naming(const Input& input, const std::string& message);

/// "1 person", "2 people", "3 frames".
std::string counted(std::size_t count, const char* one, const char* several);

/// @throws posekit::Error io
void write_to_stdout(const std::string& text);

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace cli
