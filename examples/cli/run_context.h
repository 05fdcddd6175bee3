/// What the runs over images and over videos share.
#pragma once

#include <functional>
#include <stop_token>

#include "combined_file.h"
#include "earlier_results.h"
#include "given_boxes.h"
#include "model_runner.h"
#include "options.h"
#include "ordered_report.h"
#include "outputs.h"
#include "progress.h"
#include "report.h"
#include "totals.h"

namespace cli {

struct RunContext {
  const EstimateOptions& options;
  ModelRunner& runner;
  const GivenBoxes& boxes;
  EarlierResults& earlier;
  CombinedFile& combined;
  const OutputPlan& plan;
  OrderedReport& report;
  Report* page;       ///< Null: --report was not given.
  RunTotals& totals;  ///< For the sinks, which are called one at a time.
  Progress& progress;
  std::stop_token stop;                     ///< The signal handler's: it can be polled, and ends no wait.
  std::function<std::stop_token()> waking;  ///< A token that ends waits too. The first call starts a thread for it.
};

}  // namespace cli
