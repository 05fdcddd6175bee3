/// The page of a report, with words in double braces for what a run fills in. CMake makes it of report.html.
#pragma once

namespace cli {

extern const char* const report_template;

}  // namespace cli
