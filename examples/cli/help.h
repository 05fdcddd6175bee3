/// What --help looks like.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

namespace cli {

/// For each option its names and its value, then its text, range, default, and the options that it needs or excludes; 80 columns wide.
std::shared_ptr<CLI::FormatterBase> help_formatter();

}  // namespace cli
