/// The boxes of people that a file has, by image.
#include "posekit/boxes_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "posekit/error.h"
#include "results/boxes_document.h"
#include "results/name_index.h"
#include "results/unicode.h"

namespace posekit::inline v0 {
namespace {

constexpr std::int64_t person_category = 1;  // COCO's
constexpr std::size_t most_shown = 5;

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::invalid_argument, what); }

std::string counted(std::size_t count, const char* one, const char* several) {
  return fmt::format("{} {}", count, count == 1 ? one : several);
}

bool is_person(std::string_view name) {
  return std::ranges::equal(name, std::string_view("person"), {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

bool is_finite(const Box& box) { return std::isfinite(box.x1) && std::isfinite(box.y1) && std::isfinite(box.x2) && std::isfinite(box.y2); }

/// Whether the boxes are of one or two pixels in the image's corner, as fractions of the sides are that reach beyond the image a little.
bool are_fractions(const std::vector<Box>& boxes) {
  const auto in = [](double value) { return value >= -0.5 && value <= 1.5; };
  return std::ranges::all_of(boxes, [&](const Box& box) { return in(box.x1) && in(box.y1) && in(box.x2) && in(box.y2); });
}

/// Whether sizes differ by a factor alone, rounding apart.
bool have_one_shape(Size a, Size b) {
  const double height = static_cast<double>(a.height) * b.width / a.width;
  return std::abs(height - b.height) <= std::max(1.0, 0.005 * b.height);
}

/// Says which boxes are people, and counts the others.
class Categories {
 public:
  using Counts = std::map<std::int64_t, std::size_t>;  ///< Of boxes, by category.

  Categories(const BoxesDocument& document, const std::string& file, const std::optional<std::int64_t>& asked);

  bool take(const ListedBox& box);
  /// @throws Error invalid_argument if there are boxes, and none is of a person though nothing says what the ids mean
  void check() const;
  /// What was left out; empty: nothing.
  std::string note() const;

 private:
  /// "1 (3 boxes), 7 (1 box)"
  std::string list(const Counts& counts) const;
  std::optional<std::int64_t> person_of_names(const Counts& counts) const;

  const BoxesDocument& document_;
  const std::string& file_;
  std::optional<std::int64_t> asked_;
  std::int64_t person_ = person_category;
  bool has_names_ = false;
  std::size_t taken_ = 0;
  Counts left_out_;
  std::map<std::string, std::size_t> left_out_names_;
};

std::string Categories::list(const Counts& counts) const {
  std::vector<std::string> texts;
  for (const auto& [id, count] : counts) {
    if (texts.size() == most_shown) {
      texts.emplace_back("...");
      break;
    }
    const auto name = document_.categories.find(id);
    const std::string title = name == document_.categories.end() || name->second.empty() ? "" : fmt::format(" \"{}\"", name->second);
    texts.push_back(fmt::format("{}{} ({})", id, title, counted(count, "box", "boxes")));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

/// The category with the name of people, of which there may be boxes. @throws Error invalid_argument if none has, or several
std::optional<std::int64_t> Categories::person_of_names(const Counts& counts) const {
  std::vector<std::string> all;
  std::vector<std::int64_t> people;
  for (const auto& [id, name] : document_.categories) {
    if (!name.empty() && all.size() < most_shown) all.push_back(fmt::format("{} \"{}\"", id, name));
    if (is_person(name)) people.push_back(id);
  }
  if (all.empty()) return std::nullopt;
  if (people.empty())
    fail(fmt::format("{}: no category has the name person: name the one of people (category, --category ID), one of {}", file_,
                     fmt::join(all, ", ")));
  if (people.size() > 1) std::erase_if(people, [&](std::int64_t id) { return !counts.contains(id); });  // a super-category has no boxes
  if (people.size() > 1)
    fail(fmt::format("{}: the categories {} have the name person: name one of them (category, --category ID)", file_,
                     fmt::join(people, " and ")));
  return people.empty() ? person_category : people.front();
}

Categories::Categories(const BoxesDocument& document, const std::string& file, const std::optional<std::int64_t>& asked)
    : document_(document), file_(file), asked_(asked) {
  Counts counts;
  for (const ListedBox& box : document.boxes) {
    if (box.category && !box.category_name) ++counts[*box.category];
  }
  if (asked_) {
    person_ = *asked_;
    if (!document.categories.empty() && !document.categories.contains(person_) && !counts.contains(person_))
      fail(fmt::format("{}: category {} is not among its categories: name one that is, for example {}", file_, person_,
                       document.categories.begin()->first));
    return;
  }
  if (const auto person = person_of_names(counts)) {
    person_ = *person;
    has_names_ = true;
    std::erase_if(counts, [&](const auto& entry) { return document.categories.contains(entry.first); });
    if (!counts.empty())
      fail(fmt::format(
          "{}: boxes have ids that are not among the categories, as some programs count from 0: name the one of people (category, "
          "--category ID); there are {}",
          file_, list(counts)));
  } else if (counts.contains(0)) {
    fail(
        fmt::format("{}: its categories have no names, and some programs count from 0: name the one of people (category, --category ID); "
                    "there are {}",
                    file_, list(counts)));
  }
}

bool Categories::take(const ListedBox& box) {
  const bool by_name = !asked_ && !has_names_ && box.category_name;
  const bool taken = by_name ? is_person(*box.category_name) : !box.category || *box.category == person_;
  if (taken) {
    ++taken_;
  } else if (by_name) {
    ++left_out_names_[*box.category_name];
  } else {
    ++left_out_[*box.category];
  }
  return taken;
}

void Categories::check() const {
  if (has_names_ || taken_ > 0) return;
  if (!left_out_names_.empty()) {
    fail(fmt::format(
        "{}: no box is of a category with the name person, \"{}\" is one: name the one of people by its id (category, --category ID)",
        file_, left_out_names_.begin()->first));
  }
  if (left_out_.empty()) return;
  fail(fmt::format("{}: no box is of category {}: name the one of people (category, --category ID); there are {}", file_, person_,
                   list(left_out_)));
}

std::string Categories::note() const {
  std::size_t count = 0;
  for (const auto& [id, boxes] : left_out_) count += boxes;
  for (const auto& [name, boxes] : left_out_names_) count += boxes;
  if (count == 0) return {};
  std::string of = list(left_out_);
  for (const auto& [name, boxes] : left_out_names_)
    of += fmt::format("{}\"{}\" ({})", of.empty() ? "" : ", ", name, counted(boxes, "box", "boxes"));
  return fmt::format("{}: left out: {} of other categories: {}", file_, counted(count, "box", "boxes"), of);
}

/// Images with COCO's ids, whose names are in an index, from its beginning on.
class CocoImages {
 public:
  /// Adds the images' names to an index that is empty yet. @throws Error invalid_argument if a name or an id is there twice
  CocoImages(std::vector<CocoImage> images, NameIndex& names);

  const CocoImage* find(const std::filesystem::path& image) const;
  const CocoImage* find(std::int64_t id) const;
  const std::string& file() const { return names_.file(); }
  /// @throws Error invalid_argument if no input is among them
  void check_used() const;

 private:
  std::vector<CocoImage> images_;
  NameIndex& names_;
  std::map<std::int64_t, std::size_t> by_id_;
};

CocoImages::CocoImages(std::vector<CocoImage> images, NameIndex& names) : images_(std::move(images)), names_(names) {
  for (std::size_t i = 0; i < images_.size(); ++i) {
    const CocoImage& image = images_[i];
    const auto [position, is_new] = names_.add(image.name);
    if (!is_new)
      fail(fmt::format("{}: the images {} and {} are both \"{}\": keep one of them", file(), images_[position].id, image.id, image.name));
    if (!by_id_.emplace(image.id, i).second)
      fail(fmt::format("{}: two images have the id {}, \"{}\" is one: keep one of them", file(), image.id, image.name));
  }
}

void CocoImages::check_used() const {
  for (std::size_t i = 0; i < images_.size(); ++i) {
    if (names_.is_used(i)) return;
  }
  if (names_.first_image().empty()) return;
  fail(fmt::format("{}: no input is among its {}: the inputs are like \"{}\", its names like \"{}\"; pass the annotations of these inputs",
                   file(), counted(images_.size(), "image", "images"), names_.first_image(), images_.empty() ? "" : images_.front().name));
}

const CocoImage* CocoImages::find(const std::filesystem::path& image) const {
  const auto position = names_.find(image);
  return position ? &images_[*position] : nullptr;
}

const CocoImage* CocoImages::find(std::int64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &images_[found->second];
}

}  // namespace

class BoxesFile::Impl {
 public:
  /// @param document none: only the annotations' ids are asked for
  Impl(std::optional<BoxesDocument> document, const std::string& name, const Images& images, const BoxesFileOptions& options);

  std::vector<Box> boxes(const std::filesystem::path& image, Size size) const;
  bool has_entry(const std::filesystem::path& image) const { return names_.find(image).has_value(); }
  std::optional<std::int64_t> image_id(const std::filesystem::path& image) const;

  bool lists_images() const { return lists_images_; }
  const std::vector<std::string>& unused() const { return unused_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void add_boxes(BoxesDocument document, const BoxesFileOptions& options);
  std::vector<Box>* entry_of(const ListedBox& box);
  std::vector<Box>& entry_of(const std::string& name);
  std::vector<Box>& entry_at(std::pair<std::size_t, bool> added);
  void check_matches();
  void note_folders(const NameIndex& names);
  /// The size that one of the files states, else the image's own. @throws Error invalid_argument if they contradict each other
  Size stated_size(const std::filesystem::path& image, Size size) const;

  const std::string& file() const { return names_.file(); }

  NameIndex names_;
  std::vector<std::vector<Box>> entries_;  ///< By the position of their names.
  std::optional<CocoImages> own_;          ///< Of a file that is annotations itself.
  NameIndex annotation_names_;
  std::optional<CocoImages> annotations_;
  bool lists_images_ = false;
  bool scale_;
  std::set<std::int64_t> unknown_ids_;  ///< That the annotations don't have.
  std::vector<std::string> unused_;
  std::vector<std::string> notes_;
};

BoxesFile::Impl::Impl(std::optional<BoxesDocument> document, const std::string& name, const Images& images, const BoxesFileOptions& options)
    : names_(fmt::format("boxes file \"{}\"", name)),
      annotation_names_(fmt::format("annotations file \"{}\"", options.annotations.string())),
      scale_(options.scale) {
  if (options.score_threshold && !std::isfinite(*options.score_threshold))
    fail(fmt::format("score_threshold is {}, a finite number is expected", *options.score_threshold));
  if (!options.annotations.empty()) {
    BoxesDocument annotations = parse_annotations(read_boxes_text(options.annotations, "annotations file"), options.annotations.string());
    annotations_.emplace(std::move(annotations.coco_images), annotation_names_);
    if (document && document->categories.empty()) document->categories = std::move(annotations.categories);
  }
  if (document) add_boxes(*std::move(document), options);
  while (const auto image = images()) {
    names_.add_image(*image);
    if (annotations_) annotation_names_.add_image(*image);
  }
  names_.settle();
  check_matches();
  if (!annotations_) return;
  annotation_names_.settle();
  annotations_->check_used();
  note_folders(annotation_names_);
}

void BoxesFile::Impl::add_boxes(BoxesDocument document, const BoxesFileOptions& options) {
  lists_images_ = document.kind != BoxesDocument::Kind::detections;
  for (const std::string& image : document.images) {
    const auto [position, is_new] = names_.add(image);
    if (!is_new) fail(fmt::format("{}: \"{}\" and \"{}\" are one path: keep one of them", file(), names_.text(position), image));
    entries_.emplace_back();
  }
  if (document.kind == BoxesDocument::Kind::coco) {
    own_.emplace(std::move(document.coco_images), names_);
    entries_.resize(names_.size());
  }
  Categories categories(document, file(), options.category);
  std::size_t crowds = 0;
  std::size_t low = 0;
  std::size_t without_score = 0;
  for (const ListedBox& box : document.boxes) {
    std::vector<Box>* boxes = entry_of(box);
    if (!categories.take(box) || boxes == nullptr) continue;
    if (!box.problem.empty()) fail(fmt::format("{}: {}", file(), box.problem));
    without_score += box.has_score || box.crowd ? 0 : 1;
    if (box.crowd) {
      ++crowds;
    } else if (options.score_threshold && !(box.box.score > *options.score_threshold)) {
      ++low;
    } else {
      boxes->push_back(box.box);
    }
  }
  categories.check();
  if (options.score_threshold && without_score > 0)
    notes_.push_back(fmt::format("{}: {} no score, which counts as 1", file(), counted(without_score, "box has", "boxes have")));
  if (std::string note = categories.note(); !note.empty()) notes_.push_back(std::move(note));
  if (crowds > 0) notes_.push_back(fmt::format("{}: left out: {} of crowds", file(), counted(crowds, "box", "boxes")));
  if (low > 0)
    notes_.push_back(
        fmt::format("{}: left out: {} with a score of at most {}", file(), counted(low, "box", "boxes"), *options.score_threshold));
}

/// Numbers are ids where there are ids, else names that are numbers. @return null for an id that the annotations don't have
std::vector<Box>* BoxesFile::Impl::entry_of(const ListedBox& box) {
  const auto* id = std::get_if<std::int64_t>(&box.image);
  if (own_) {
    const CocoImage* image = id == nullptr ? nullptr : own_->find(*id);
    if (image == nullptr) {
      fail(fmt::format("{}: an entry of \"annotations\" has the \"image_id\" {}, one that is among \"images\" is expected", file(),
                       id == nullptr ? std::get<std::string>(box.image) : fmt::format("{}", *id)));
    }
    return &entry_of(image->name);
  }
  if (id == nullptr) return &entry_of(std::get<std::string>(box.image));
  if (!annotations_) return &entry_at(names_.add(*id));
  if (const CocoImage* image = annotations_->find(*id)) return &entry_of(image->name);
  if (unknown_ids_.insert(*id).second) unused_.push_back(fmt::format("{}", *id));
  return nullptr;
}

std::vector<Box>& BoxesFile::Impl::entry_of(const std::string& name) { return entry_at(names_.add(name)); }

std::vector<Box>& BoxesFile::Impl::entry_at(std::pair<std::size_t, bool> added) {
  if (added.second) entries_.emplace_back();
  return entries_[added.first];
}

/// Names that fit with their last folders only are used, and said.
void BoxesFile::Impl::note_folders(const NameIndex& names) {
  std::size_t count = 0;
  std::optional<std::size_t> example;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names.is_used(i) || names.fits_whole(i)) continue;
    ++count;
    if (!example) example = i;
  }
  if (count > 0) {
    notes_.push_back(fmt::format("{}: {} in another folder than the file says, for example \"{}\" for \"{}\"", names.file(),
                                 counted(count, "input is", "inputs are"), names.text(*example), names.image(*example)));
  }
}

/// What no image used is counted; if that is everything, something is wrong with the names.
void BoxesFile::Impl::check_matches() {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (!names_.is_used(i)) unused_.push_back(names_.text(i));
  }
  if (!unused_.empty() && unused_.size() == names_.size() + unknown_ids_.size() && !names_.first_image().empty()) {
    const bool numbers =
        std::ranges::all_of(unused_, [](const std::string& name) { return name.find_first_not_of("0123456789") == std::string::npos; });
    fail(fmt::format(
        "{}: none of its {} fits an input: it has \"{}\", the inputs are like \"{}\"; {}", file(),
        counted(unused_.size(), "entry", "entries"), unused_.front(), names_.first_image(),
        numbers ? "pass the COCO annotations that its ids are from (--annotations FILE)" : "write the file names of the inputs"));
  }
  note_folders(names_);
}

Size BoxesFile::Impl::stated_size(const std::filesystem::path& image, Size size) const {
  Size result = size;
  for (const auto* images : {&own_, &annotations_}) {
    const CocoImage* listed = *images ? (*images)->find(image) : nullptr;
    if (listed == nullptr) continue;
    const Size stated{listed->size.width == 0 ? size.width : listed->size.width,
                      listed->size.height == 0 ? size.height : listed->size.height};
    if (stated == size) continue;
    const std::string sizes = fmt::format("{}: \"{}\" has {}x{} pixels there, the upright image has {}x{}", (*images)->file(), listed->name,
                                          stated.width, stated.height, size.width, size.height);
    if (stated.width == size.height && stated.height == size.width)
      fail(sizes + ": its boxes are of the image as the file stores it, write them for the upright one");
    if (!have_one_shape(stated, size)) fail(sizes + ": write boxes for this image");
    if (!scale_) fail(sizes + ": scale its boxes (--scale-boxes) if they are of the same picture in another size");
    result = stated;
  }
  return result;
}

std::vector<Box> BoxesFile::Impl::boxes(const std::filesystem::path& image, Size size) const {
  if (size.width <= 0 || size.height <= 0)
    fail(fmt::format("the size of the image \"{}\" is {}x{}, pixels > 0 are expected", image.string(), size.width, size.height));
  const auto position = names_.find(image);
  if (!position) return {};
  std::vector<Box> boxes = entries_[*position];
  const std::string& name = names_.text(*position);
  const Size stated = stated_size(image, size);
  if (!boxes.empty() && (size.width > 2 || size.height > 2) && are_fractions(boxes)) {
    fail(fmt::format("{}: all boxes of \"{}\" are fractions, pixels are expected: multiply fractions by the image's {}x{}", file(), name,
                     size.width, size.height));
  }
  const double x = static_cast<double>(size.width) / stated.width;
  const double y = static_cast<double>(size.height) / stated.height;
  for (Box& box : boxes) {
    box = {box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y, box.score};
    if (is_finite(box) && (box.x1 > size.width || box.y1 > size.height || box.x2 < 0 || box.y2 < 0)) {
      fail(fmt::format("{}: the box ({}, {}, {}, {}) of \"{}\" is outside of the image, which has {}x{} pixels: write boxes for this image",
                       file(), box.x1, box.y1, box.x2, box.y2, name, size.width, size.height));
    }
  }
  return boxes;
}

std::optional<std::int64_t> BoxesFile::Impl::image_id(const std::filesystem::path& image) const {
  const auto& images = annotations_ ? annotations_ : own_;
  const CocoImage* listed = images ? images->find(image) : nullptr;
  return listed == nullptr ? std::nullopt : std::optional(listed->id);
}

BoxesFile::BoxesFile(const std::filesystem::path& path, const Images& images, const BoxesFileOptions& options) {
  std::optional<BoxesDocument> document;
  if (!path.empty()) document = parse_boxes(read_boxes_text(path, "boxes file"), path.string());
  impl_ = std::make_shared<const Impl>(std::move(document), path.string(), images, options);
}

BoxesFile::BoxesFile(std::string_view text, const std::string& name, const Images& images, const BoxesFileOptions& options)
    : impl_(std::make_shared<const Impl>(parse_boxes(to_utf8(std::string(text)), name), name, images, options)) {}

std::vector<Box> BoxesFile::boxes(const std::filesystem::path& image, Size size) const { return impl_->boxes(image, size); }
bool BoxesFile::has_entry(const std::filesystem::path& image) const { return impl_->has_entry(image); }
std::optional<std::int64_t> BoxesFile::image_id(const std::filesystem::path& image) const { return impl_->image_id(image); }
bool BoxesFile::lists_images() const noexcept { return impl_->lists_images(); }
const std::vector<std::string>& BoxesFile::unused_entries() const noexcept { return impl_->unused(); }
const std::vector<std::string>& BoxesFile::notes() const noexcept { return impl_->notes(); }

}  // namespace posekit::inline v0
