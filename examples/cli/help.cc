/// What --help looks like.
#include "help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace cli {
namespace {

constexpr std::size_t first_column = 30;
constexpr std::size_t text_column = 50;

std::string wrapped(const std::string& text) {
  std::string lines;
  std::size_t length = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const bool fits = length + 1 + word.size() <= text_column;
    if (!lines.empty()) lines += fits ? ' ' : '\n';
    length = lines.empty() || !fits ? word.size() : length + 1 + word.size();
    lines += word;
  }
  return lines;
}

/// In the alphabet's order: the set's is that of addresses.
std::string names_of(const std::set<CLI::Option*>& options) {
  std::set<std::string> names;
  for (const CLI::Option* option : options) names.insert(option->get_name());
  return fmt::format("{}", fmt::join(names, ", "));
}

class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(first_column); }

  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    if (is_positional) return option->get_name(true);
    std::vector<std::string> names;
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    return fmt::format("{}", fmt::join(names, ", "));
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional()) return option->get_expected_max() > 1 ? "..." : "";
    const std::string type = option->get_type_name();
    return option->get_type_size() == 0 ? "" : " " + type.substr(0, type.find(':'));
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::vector<std::string> remarks;
    const std::string type = option->get_type_name();
    if (const auto colon = type.find(':'); colon != std::string::npos) remarks.push_back(type.substr(colon + 1));  // a validator's text
    if (!option->get_default_str().empty()) remarks.push_back("default: " + option->get_default_str());
    if (!option->get_needs().empty()) remarks.push_back("needs " + names_of(option->get_needs()));
    if (!option->get_excludes().empty()) remarks.push_back("not with " + names_of(option->get_excludes()));
    const std::string& text = option->get_description();
    return wrapped(remarks.empty() ? text : fmt::format("{} ({})", text, fmt::join(remarks, "; ")));
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

}  // namespace cli
