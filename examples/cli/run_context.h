/// What working on images and on videos have in common.
#pragma once

#include <functional>
#include <stop_token>

#include "model_runner.h"
#include "options.h"
#include "ordered_report.h"
#include "outputs.h"
#include "progress.h"

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

}  // namespace cli
