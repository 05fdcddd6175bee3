/// Which image a name means.
#include "results/name_index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <string_view>

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

/// A path from the root on, as it is written.
std::string absolute_form(const std::filesystem::path& image) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(image, error);
  return (error ? image : absolute).lexically_normal().string();
}

/// The folders of a path, with another last part.
std::string with_last_part(std::string_view path, std::string_view last) {
  return fmt::format("{}{}", path.substr(0, path.rfind('/') + 1), last);
}

/// Calls visit(tail) for the last part of a path, the last two, and so on, until it returns false.
template <class Visit>
void visit_tails(std::string_view path, Visit visit) {
  constexpr std::size_t most_parts = 32;  // of a name that is nothing but folders
  std::size_t begin = path.size();
  for (std::size_t part = 0; part < most_parts && begin != 0; ++part) {
    begin = begin == path.size() ? path.rfind('/') : path.rfind('/', begin - 2);
    begin = begin == std::string_view::npos ? 0 : begin + 1;
    if (!visit(path.substr(begin))) return;
  }
}

}  // namespace

/// The first two of several.
struct NameIndex::Two {
  Position first = none;
  Position second = none;

  void add(Position position) { (first == none ? first : second) = position; }
};

/// Where names and images meet that have a tail in common, and no longer one with any of the others.
struct NameIndex::Meeting {
  std::size_t parts = 0;    ///< Of the tail.
  bool has_images = false;  ///< Whether the tail is some image's, though it may not be the longest.
  Two whole;                ///< Names that are the tail: of numbers there may be several.
  Two names;                ///< Longer names that differ in the next folder.
  Two images;
  Two images_of_folder;  ///< Those whose folder has no image with a longer tail.
};

/// How long the longest tail is by which a file of a folder meets another: names of one folder mean images of one folder.
struct NameIndex::Folders {
  std::unordered_map<std::string, std::size_t> of_names;
  std::unordered_map<std::string, std::size_t> of_images;
};

/// The meetings of all names and images. Paths are borrowed.
class NameIndex::Meetings {
 public:
  explicit Meetings(Folders& folders) : folders_(folders) {}

  /// First all names, then all images, then all of both again, then the places.
  void announce_name(std::string_view path) {
    visit_tails(path, [&](std::string_view tail) { return by_tail_.try_emplace(tail), true; });
  }
  void announce_image(std::string_view path) {
    std::size_t parts = 0;
    for (Meeting* meeting : meetings_of_image(path)) {
      meeting->has_images = true;
      meeting->parts = ++parts;
    }
    std::size_t& longest = longest_in(folders_.of_images, path);
    longest = std::max(longest, parts);
  }
  void announce_place(std::string_view path) {
    if (const Meeting* place = place_of_name(path)) {
      std::size_t& longest = longest_in(folders_.of_names, path);
      longest = std::max(longest, place->parts);
    }
  }
  void add_image(std::string_view path, Position position) {
    const auto meetings = meetings_of_image(path);
    if (meetings.empty()) return;
    meetings.back()->images.add(position);
    if (meetings.size() == longest_in(folders_.of_images, path)) meetings.back()->images_of_folder.add(position);
  }
  /// @return where the name meets images; null: nowhere, or other names of its folder meet images that have more in common
  const Meeting* add_name(std::string_view path, Position position) {
    Meeting* place = place_of_name(path);
    if (place == nullptr) return nullptr;
    const auto parts = static_cast<std::size_t>(std::ranges::count(path, '/')) + 1;
    if (place->parts == parts) {
      place->whole.add(position);
    } else if (place->parts == longest_in(folders_.of_names, path)) {
      place->names.add(position);
    } else {
      return nullptr;
    }
    return place;
  }

 private:
  std::vector<Meeting*> meetings_of_image(std::string_view path) {
    std::vector<Meeting*> meetings;
    visit_tails(path, [&](std::string_view tail) {
      const auto found = by_tail_.find(tail);
      if (found != by_tail_.end()) meetings.push_back(&found->second);
      return found != by_tail_.end();
    });
    return meetings;
  }
  Meeting* place_of_name(std::string_view path) {
    Meeting* place = nullptr;
    visit_tails(path, [&](std::string_view tail) {
      Meeting& meeting = by_tail_.at(tail);
      if (meeting.has_images) place = &meeting;
      return meeting.has_images;
    });
    return place;
  }
  static std::size_t& longest_in(std::unordered_map<std::string, std::size_t>& folders, std::string_view path) {
    return folders[std::string(path.substr(0, path.rfind('/') + 1))];
  }

  Folders& folders_;
  std::unordered_map<std::string_view, Meeting> by_tail_;
};

/// Names and images that are compared by one kind of last part: the file's name, the name without its extension, or a number.
struct NameIndex::Round {
  struct Entry {
    Position position;
    std::string path;  ///< Its folders, and the last part that is compared.
  };
  std::vector<Entry> names;
  std::vector<Entry> images;
};

std::pair<std::size_t, bool> NameIndex::add(const std::string& name) {
  std::string path = normal_form(name);
  const auto [known, is_new] = name_by_path_.emplace(path, static_cast<Position>(names_.size()));
  if (is_new) names_.push_back({.text = name, .path = std::move(path), .image = none, .fits_whole = false, .is_number = false});
  names_[known->second].is_number = false;
  return {known->second, is_new};
}

std::pair<std::size_t, bool> NameIndex::add(std::int64_t number) {
  const std::string name = fmt::format("{}", number);
  if (const auto known = name_by_path_.find(name); known != name_by_path_.end()) return {known->second, false};
  const auto added = add(name);
  names_[added.first].is_number = true;
  return added;
}

void NameIndex::add_image(const std::filesystem::path& image) {
  if (first_image_.empty()) first_image_ = image.string();
  std::string written = absolute_form(image);
  std::string path = normal_form(written);
  const auto [known, is_new] = image_by_path_.emplace(path, static_cast<Position>(images_.size()));
  if (is_new) {
    images_.push_back({.path = std::move(path), .written = std::move(written), .twin = {}, .name = none});
  } else if (images_[known->second].written != written) {
    images_[known->second].twin = std::move(written);
  }
}

std::optional<std::size_t> NameIndex::find(const std::filesystem::path& image) const {
  const auto found = image_by_path_.find(normal_form(absolute_form(image)));
  if (found == image_by_path_.end() || images_[found->second].name == none) return std::nullopt;
  return images_[found->second].name;
}

void NameIndex::settle() {
  const auto numbered = [](std::string_view path, const std::optional<std::int64_t>& number) {
    return number ? std::optional(with_last_part(path, fmt::format("{}", *number))) : std::nullopt;
  };
  using NameKey = std::function<std::optional<std::string>(const Name& name)>;
  using ImageKey = std::function<std::optional<std::string>(const Image& image)>;
  const auto stem_of = [](const std::string& path) { return without_extension(last_part(path)); };
  const NameKey text = [](const Name& name) { return name.is_number ? std::nullopt : std::optional(name.path); };
  const NameKey number = [&](const Name& name) { return numbered(name.path, number_of(last_part(name.path))); };
  const ImageKey file_name = [](const Image& image) { return image.path; };
  const ImageKey stem = [&](const Image& image) { return with_last_part(image.path, stem_of(image.path)); };
  const ImageKey number_in_stem = [&](const Image& image) { return numbered(image.path, number_of_stem(stem_of(image.path))); };
  const std::array<std::pair<NameKey, ImageKey>, 3> kinds{{{text, file_name}, {text, stem}, {number, number_in_stem}}};
  Folders folders;
  for (const auto& [key_of_name, key_of_image] : kinds) {
    Round round;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (names_[i].image != none) continue;
      if (auto key = key_of_name(names_[i])) round.names.push_back({static_cast<Position>(i), *std::move(key)});
    }
    for (std::size_t i = 0; i < images_.size() && !round.names.empty(); ++i) {
      if (images_[i].name != none) continue;
      if (auto key = key_of_image(images_[i])) round.images.push_back({static_cast<Position>(i), *std::move(key)});
    }
    match(round, folders);
  }
}

/// One name and one image that meet belong together.
void NameIndex::match(const Round& round, Folders& folders) {
  Meetings meetings(folders);
  for (const Round::Entry& name : round.names) meetings.announce_name(name.path);
  for (const Round::Entry& image : round.images) meetings.announce_image(image.path);
  for (const Round::Entry& name : round.names) meetings.announce_place(name.path);
  for (const Round::Entry& image : round.images) meetings.add_image(image.path, image.position);
  std::vector<const Meeting*> places;
  for (const Round::Entry& name : round.names) {
    if (const Meeting* place = meetings.add_name(name.path, name.position)) places.push_back(place);
  }
  for (const Meeting* place : places) {
    const bool fits_whole = place->whole.first != none;
    const Two& names = fits_whole ? place->whole : place->names;
    const Two& images = fits_whole ? place->images : place->images_of_folder;
    if (images.first == none) continue;  // each image with this tail fits another name better
    check(names, images);
    Name& name = names_[names.first];
    name.image = images.first;
    name.fits_whole = fits_whole;
    images_[images.first].name = names.first;
  }
}

void NameIndex::check(const Two& names, const Two& images) const {
  const std::string& name = names_[names.first].text;
  const Image& image = images_[images.first];
  if (images.second != none || !image.twin.empty()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{}: the entry \"{}\" fits the images \"{}\" and \"{}\" alike: write its folders too", file_, name,
                            image.written, images.second == none ? image.twin : images_[images.second].written));
  }
  if (names.second != none) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{}: the entries \"{}\" and \"{}\" fit the image \"{}\" alike: keep one of them, or write its folders too",
                            file_, name, names_[names.second].text, image.written));
  }
}

}  // namespace posekit::inline v0
