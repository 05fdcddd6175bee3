/// The page of a report.
#include "report_page.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string_view>
#include <utility>

#include "messages.h"
#include "outputs.h"
#include "posekit/runtime.h"
#include "report_template.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_failures_without_script = 200;

/// Text of an HTML element or attribute.
std::string html(const std::string& text) {
  std::string escaped;
  for (const char c : valid_utf8(text)) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

/// A path as a part of a URL, byte for byte.
std::string url(std::string_view path) {
  std::string encoded;
  for (const char c : path) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("-._~/").find(c) != std::string_view::npos;
    encoded += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

const char* state_of(Step step) { return step == Step::done ? "done" : step == Step::failed ? "failed" : "done before"; }

bool is_listed(const ReportRow& row) { return row.step && row.step != Step::interrupted; }

/// A row for the page's script. Files are named by what follows the input's name, so that a long name is there once.
std::string json_of(const ReportRow& row) {
  nlohmann::ordered_json json{{"input", row.path}, {"name", url(row.name)}, {"state", state_of(*row.step)}};
  const auto add_file = [&](const char* what, const std::string& file, const std::string& begin) {
    if (file.empty()) return;
    const std::string end = file.starts_with(begin) ? file.substr(begin.size()) : "";
    json[what] = url(end.starts_with('.') ? end : file);
  };
  if (row.results > 0) {
    json["people"] = row.people;
    if (row.kind != InputKind::image) json["frames"] = row.results;
    json["width"] = row.size.width;
    json["height"] = row.size.height;
    json["ms"] = std::round(row.time.count() * 10) / 10;
  }
  add_file("result", row.result, row.name);
  add_file("drawing", row.drawing, row.name);
  add_file("thumbnail", row.thumbnail, "thumbnails/" + row.name);
  if (!row.messages.empty()) json["messages"] = row.messages;
  std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) text.replace(at, 1, "\\u003c");
  return text;
}

void write(posekit::OutputFile& out, const std::string& text) { out.write(bytes_of(text)); }

void write_rows(posekit::OutputFile& out, const std::deque<ReportRow>& rows) {
  const char* between = "[\n";
  for (const ReportRow& row : rows) {
    if (!is_listed(row)) continue;
    write(out, between + json_of(row));
    between = ",\n";
  }
  write(out, *between == '[' ? "[]" : "\n]");
}

std::string figure(const std::string& name, const std::string& value, const char* unit = "") {
  return fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", name, value, unit);
}

std::string capitalised(std::string word) {
  word.front() = static_cast<char>(word.front() - 'a' + 'A');
  return word;
}

std::string speed_section(const RunTotals& totals) {
  const std::size_t count = totals.images + totals.frames;
  if (count == 0) return {};
  std::string section = "<section aria-labelledby=\"speed-title\">\n<h2 id=\"speed-title\">Speed of this run</h2>\n<dl class=\"speed\">\n";
  section += figure("Time", fmt::format("{:.2f}", totals.wall.count()), " <small>s</small>");
  section += figure(capitalised(totals.unit()), fmt::format("{:.1f}", totals.per_second(count)), " <small>/s</small>");
  section += figure(capitalised(totals.unit_of_people()), fmt::format("{:.1f}", totals.per_second(totals.people)), " <small>/s</small>");
  for (const auto& [name, time] : totals.mean_times())
    section += figure(capitalised(name), fmt::format("{:.1f}", time.count()), " <small>ms</small>");
  return section + "</dl>\n</section>\n";
}

std::string list_section(const char* title, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string section = fmt::format("<h2>{}</h2>\n<ul class=\"list\">\n", title);
  for (const std::string& line : lines) section += "<li>" + html(line) + "</li>\n";
  return section + "</ul>\n";
}

std::vector<std::string> failures(const std::deque<ReportRow>& rows) {
  std::vector<std::string> lines;
  std::size_t more = 0;
  for (const ReportRow& row : rows) {
    if (row.step != Step::failed) continue;
    for (const std::string& message : row.messages) {
      if (lines.size() == most_failures_without_script) ++more;
      if (lines.size() < most_failures_without_script) lines.push_back(fmt::format("{}: {}", row.path, message));
    }
  }
  if (more > 0) lines.push_back(fmt::format("and {} more", more));
  return lines;
}

std::string nonce() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

/// The text for each word in double braces of the template, except the rows.
std::map<std::string, std::string, std::less<>> texts_of(const ReportContent& content) {
  const auto count = [&](Step step) { return std::ranges::count(content.rows, std::optional(step), &ReportRow::step); };
  std::size_t people = 0;
  bool has_videos = false;
  for (const ReportRow& row : content.rows) {
    people += is_listed(row) ? row.people : 0;
    has_videos = has_videos || row.kind != InputKind::image;
  }
  const auto failed = static_cast<std::size_t>(count(Step::failed));
  const auto inputs = static_cast<std::size_t>(std::ranges::count_if(content.rows, is_listed));
  const auto now = fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  std::string failures_banner;
  if (failed > 0)
    failures_banner = fmt::format(
        "<p class=\"banner\">{} of {} failed. <button type=\"button\" id=\"show-failed\" hidden>Show only failed inputs</button></p>\n",
        failed, counted(inputs, "input", "inputs"));
  std::vector<std::string> notes;
  for (const std::string& note : content.notes) notes.push_back(note.starts_with("posekit: ") ? note.substr(9) : note);
  return {{"nonce", nonce()},
          {"version", std::string(posekit::version())},
          {"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", now)},
          {"readable_time", fmt::format("{:%Y-%m-%d %H:%M} UTC", now)},
          {"model", html(content.model)},
          {"interrupted",
           content.interrupted ? "<p class=\"banner\">The run was interrupted. The page lists what was done until then.</p>\n" : ""},
          {"failures", failures_banner},
          {"inputs", std::to_string(inputs)},
          {"done", std::to_string(count(Step::done))},
          {"failed", std::to_string(failed)},
          {"failed_class", failed > 0 ? " class=\"bad\"" : ""},
          {"before", std::to_string(count(Step::skipped))},
          {"people", std::to_string(people)},
          {"people_word", has_videos ? "Poses" : "People"},
          {"video_note", has_videos ? " A person in ten frames of a video is ten poses." : ""},
          {"speed", speed_section(content.totals)},
          {"notes", list_section("Notes", notes)},
          {"errors", list_section("Errors", failures(content.rows))}};
}

}  // namespace

void write_report_page(const fs::path& file, const ReportContent& content, const posekit::WriteOptions& options) {
  const auto texts = texts_of(content);
  posekit::OutputFile out(file, options);
  std::string_view rest = report_template;
  for (std::size_t begin = 0; (begin = rest.find("{{")) != std::string_view::npos;) {
    const std::size_t end = rest.find("}}", begin);
    const std::string_view word = rest.substr(begin + 2, end - begin - 2);
    write(out, std::string(rest.substr(0, begin)));
    if (word == "rows") {
      write_rows(out, content.rows);
    } else {
      write(out, texts.find(word)->second);
    }
    rest.remove_prefix(end + 2);
  }
  write(out, std::string(rest));
  out.finish();
}

bool is_report_page(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string head(512, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  return head.find("<meta name=\"generator\" content=\"posekit ") != std::string::npos;
}

}  // namespace cli
