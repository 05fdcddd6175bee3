/// Which image a name means.
#include "results/name_index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "posekit/error.h"
#include "results/unicode.h"

namespace posekit::inline v0 {
namespace {

/// A path in one spelling: `/` between parts, none of them empty or a dot, Unicode's canonical form.
std::string normal_form(std::string_view path) {
  std::vector<std::string> parts;
  const std::string canonical = canonical_form(path);
  std::string_view rest = canonical;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("/\\"), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
  }
  return fmt::format("{}", fmt::join(parts, "/"));
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view without_extension(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == 0 || dot == std::string_view::npos ? name : name.substr(0, dot);
}

std::optional<std::int64_t> number_of(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool only_digits = !digits.empty() && digits.front() != '-' && end == digits.data() + digits.size();
  return only_digits && error == std::errc() ? std::optional(value) : std::nullopt;
}

/// The number that a file's name is: 785 of 000000000785 and of COCO's COCO_val2014_000000000785.
std::optional<std::int64_t> number_of_stem(std::string_view stem) {
  constexpr std::size_t coco_digits = 12;
  const bool coco = stem.starts_with("COCO_") && stem.size() > coco_digits && stem[stem.size() - coco_digits - 1] == '_';
  return number_of(coco ? stem.substr(stem.size() - coco_digits) : stem);
}

/// How many folders of two paths are the same, from the end, without the last part.
std::size_t common_folders(std::string_view a, std::string_view b) {
  std::size_t count = 0;
  while (true) {
    const std::size_t a_end = a.rfind('/');
    const std::size_t b_end = b.rfind('/');
    if (a_end == std::string_view::npos || b_end == std::string_view::npos) return count;
    a = a.substr(0, a_end);
    b = b.substr(0, b_end);
    if (last_part(a) != last_part(b)) return count;
    ++count;
  }
}

}  // namespace

/// An image's path in normal form, and what it may be found by.
struct NameIndex::Parts {
  explicit Parts(std::string normal)
      : path(std::move(normal)), name(last_part(path)), stem(without_extension(name)), number(number_of_stem(stem)) {}
  explicit Parts(const std::filesystem::path& image) : Parts(normal_form(std::filesystem::absolute(image).string())) {}

  std::string path;
  std::string name;
  std::string stem;
  std::optional<std::int64_t> number;
};

std::pair<std::size_t, bool> NameIndex::add(const std::string& name) {
  std::string path = normal_form(name);
  const auto [known, is_new] = by_path_.emplace(path, names_.size());
  if (!is_new) return {known->second, false};
  const std::string last(last_part(path));
  by_last_part_.emplace(last, names_.size());
  if (const auto number = number_of(last)) by_number_.emplace(*number, names_.size());
  Name& added = names_.emplace_back();
  added.parts = static_cast<std::size_t>(std::ranges::count(path, '/')) + 1;
  added.path = std::move(path);
  added.text = name;
  return {names_.size() - 1, true};
}

/// Calls visit(name, fit) for each name that may mean the image.
void NameIndex::visit(const Parts& image, const std::function<void(std::size_t, const Fit&)>& visit) const {
  const auto visit_range = [&](const auto& range, Fit::Kind kind) {
    for (auto found = range.first; found != range.second; ++found)
      visit(found->second, {kind, common_folders(names_[found->second].path, image.path) + 1});
  };
  visit_range(by_last_part_.equal_range(image.name), Fit::file_name);
  if (image.stem != image.name) visit_range(by_last_part_.equal_range(image.stem), Fit::stem);
  if (!image.number) return;
  const auto numbers = by_number_.equal_range(*image.number);
  for (auto found = numbers.first; found != numbers.second; ++found) {
    const std::string_view last = last_part(names_[found->second].path);
    if (last != image.name && last != image.stem)
      visit(found->second, {Fit::number, common_folders(names_[found->second].path, image.path) + 1});
  }
}

void NameIndex::add_image(const std::filesystem::path& image) {
  const Parts parts(image);
  if (first_image_.empty()) first_image_ = image.string();
  visit(parts, [&](std::size_t position, const Fit& fit) {
    Name& name = names_[position];
    if (fit > name.fit) {
      name.fit = fit;
      name.image = parts.path;
      name.rival.clear();
    } else if (fit == name.fit && name.image != parts.path) {
      name.rival = parts.path;
    }
  });
}

std::optional<std::size_t> NameIndex::find(const Parts& image) const {
  std::optional<std::size_t> best;
  Fit best_fit;
  std::optional<std::size_t> equal;
  visit(image, [&](std::size_t position, const Fit& fit) {
    const Name& name = names_[position];
    if (fit != name.fit || (name.image != image.path && name.rival.empty()) || fit < best_fit) return;
    equal = fit == best_fit ? best : std::nullopt;
    best = position;
    best_fit = fit;
  });
  const auto ambiguous = [&](const std::string& what) { throw Error(ErrorCode::invalid_argument, fmt::format("{}: {}", file_, what)); };
  if (equal) {
    ambiguous(fmt::format("the entries \"{}\" and \"{}\" fit the image \"/{}\" alike: keep one of them, or write its folders too",
                          names_[*equal].text, names_[*best].text, image.path));
  }
  if (best && !names_[*best].rival.empty()) {
    const Name& name = names_[*best];
    const std::string& other = name.image == image.path ? name.rival : name.image;
    ambiguous(fmt::format("the entry \"{}\" fits the images \"/{}\" and \"/{}\" alike: write its folders too", name.text, other, image.path));
  }
  return best;
}

void NameIndex::settle() {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].fit.kind == Fit::none) continue;
    for (const std::string& image : {names_[i].image, names_[i].rival}) {
      if (image.empty()) continue;
      if (const auto name = find(Parts(image))) names_[*name].used = true;
    }
  }
}

std::optional<std::size_t> NameIndex::find(const std::filesystem::path& image) const { return find(Parts(image)); }

}  // namespace posekit::inline v0
