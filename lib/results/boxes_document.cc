/// What a boxes file says: JSON, record by record, so that only boxes and names are ever held.
#include "results/boxes_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/strict_json.h"
#include "posekit/error.h"
#include "results/unicode.h"

namespace posekit::inline v0 {
namespace {

using Json = nlohmann::json;
using Event = Json::parse_event_t;

constexpr int most_levels = 32;  // COCO's segmentations are the deepest of what is read past
constexpr std::size_t most_bytes = std::size_t{1} << 30;

constexpr auto known_keys = std::to_array<std::string_view>({"bbox", "bbox_mode", "category_id", "category_name", "confidence", "file_name",
                                                             "height", "image_id", "id", "iscrowd", "label", "name", "score", "width"});

bool is_known(std::string_view key) { return std::ranges::find(known_keys, key) != known_keys.end(); }

/// Files of other kinds that people take for a boxes file, by their first bytes; empty: none of them.
std::string_view other_kind(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kinds{{{"\x1F\x8B", "gzip"},
                                                                                {"PK\x03\x04", "a ZIP archive"},
                                                                                {"\x80", "a Python pickle"},
                                                                                {"<", "XML"},
                                                                                {"version https://git-lfs", "a Git-LFS pointer"}}};
  for (const auto& [begin, kind] : kinds) {
    if (text.starts_with(begin)) return kind;
  }
  return {};
}

/// Where in a text a byte is, as editors count.
std::string place_of(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte, text.size()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);
  const auto column = std::ranges::count_if(in_line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; });
  return fmt::format("line {}, column {}", line, std::max<std::ptrdiff_t>(1, column));
}

/// A number that JSON does not know and other programs write, around a place where the parser gave up; empty: none.
std::string_view not_a_number_at(std::string_view text, std::size_t byte) {
  const std::string_view around = text.substr(byte < 4 ? 0 : byte - 4, 12);
  for (const std::string_view word : {"-Infinity", "Infinity", "NaN", "-nan", "nan", "inf"}) {
    if (around.find(word) != std::string_view::npos) return word;
  }
  return {};
}

/// A number that is whole, in whichever form: some programs write 785.0.
std::optional<std::int64_t> whole_number(const Json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return {};
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (number != std::floor(number) || std::abs(number) > 9e15) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

/// A number; NaN of null, which is what some programs write for it: the estimator reports such a box.
std::optional<double> number_of(const Json& value) {
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

/// Takes in a document as the parser goes through it. Records are read and forgotten one by one.
class Reader {
 public:
  Reader(std::string name, bool annotations_only) : name_(std::move(name)), annotations_only_(annotations_only) {}

  /// Reads a document, or a line of one that has a document in each line.
  void read(std::string_view text, std::size_t begin, std::size_t end);
  BoxesDocument finish();

  [[noreturn]] void fail(const std::string& what) const;

 private:
  [[noreturn]] void fail(const std::string& where, const Json& found, const std::string& expected) const;

  bool take(int depth, Event event, Json& value);
  bool begin_object(int depth);
  bool take_key(int depth, const Json& key);
  bool take_value(int depth, const Json& value);
  bool take_container(int depth, const Json& value, bool is_array);
  void end_document(Json& rest);

  void take_detection(const Json& record, const std::string& where);
  void take_record(const Json& record, const std::string& where);
  ImageKey image_of(const Json& record, const std::string& where) const;
  void take_image(const Json& image);
  void take_category(const Json& category);
  void take_corners(const Json& box);

  Box box_of(const Json& record, const std::string& where, std::string& problem) const;
  std::int64_t id_of(const Json& record, const char* key, const std::string& where) const;
  int side_of(const Json& image, const char* key, const std::string& where) const;

  bool is_record_list() const { return key_ == "images" || key_ == "annotations" || key_ == "categories"; }
  int record_depth() const { return is_list_ ? 2 : 3; }  ///< Of the keys of an annotation, image, category or detection.
  bool has(const std::string& key) const { return keys_.contains(key); }
  /// Reports a value that is no list, or no entry of its list: in a map at the document's end, when it is known to be one.
  void not_a_list(const std::string& found);
  void not_an_entry(const Json& found);
  void suspect(const std::string& where, const std::string& found, const std::string& expected);

  std::string name_;
  bool annotations_only_;
  BoxesDocument document_;

  // Of the document, or of its line.
  bool is_list_ = false;
  std::string key_;              ///< The outermost object's, whose value comes.
  bool value_is_array_ = false;  ///< Whether that value is an array.
  std::size_t item_ = 0;         ///< The position in the outermost array, or in that value.
  std::set<std::string> record_keys_;
  bool passes_over_ = false;    ///< Whether the value of a record's key is not needed.
  std::set<std::string> keys_;  ///< Of the outermost object.
  std::vector<std::string> map_images_;
  std::vector<ListedBox> map_boxes_;
  std::string suspicion_;

  // Of all lines.
  bool has_map_ = false;
  bool has_coco_ = false;
  std::size_t detections_ = 0;
};

void Reader::fail(const std::string& what) const {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{} \"{}\": {}", annotations_only_ ? "annotations file" : "boxes file", name_, what));
}

void Reader::fail(const std::string& where, const Json& found, const std::string& expected) const {
  fail(fmt::format("{} is {}, {} is expected", where, shown(found), expected));
}

void Reader::suspect(const std::string& where, const std::string& found, const std::string& expected) {
  if (suspicion_.empty()) suspicion_ = fmt::format("{} is {}, {} is expected", where, found, expected);
}

void Reader::not_a_list(const std::string& found) {
  if (is_record_list()) fail(fmt::format("\"{}\" is {}, an array is expected", key_, found));
  suspect(fmt::format("the entry of \"{}\"", key_), found, "an array of boxes");
}

void Reader::not_an_entry(const Json& found) {
  if (is_record_list()) fail(fmt::format("an entry of \"{}\"", key_), found, "an object");
  suspect(fmt::format("box {} of \"{}\"", item_, key_), shown(found), "an array of 4 or 5 numbers");
}

void Reader::read(std::string_view text, std::size_t begin, std::size_t end) {
  is_list_ = false;
  keys_.clear();
  map_images_.clear();
  map_boxes_.clear();
  suspicion_.clear();
  passes_over_ = false;
  item_ = 0;
  const auto watch = [this](int depth, Event event, Json& value) { return take(depth, event, value); };
  try {
    Json rest = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(end), watch);
    end_document(rest);
  } catch (const Json::parse_error& error) {
    const std::size_t byte = begin + error.byte;
    const std::string place = place_of(text, byte);
    if (const auto word = not_a_number_at(text, byte); !word.empty())
      fail(fmt::format("{} has {}, which JSON does not know: leave that box out, or correct the program that wrote it", place, word));
    if (std::string_view(error.what()).find("UTF-8") != std::string_view::npos)
      fail(fmt::format("{} is not UTF-8: write the file as UTF-8 or UTF-16", place));
    fail(fmt::format("{} is not valid JSON: check its quotes, commas and brackets", place));
  } catch (const Json::out_of_range&) {
    fail("a number is out of range: write numbers that a double holds");
  }
}

/// @return whether the value is kept in what is left of the document
bool Reader::take(int depth, Event event, Json& value) {
  if (depth > most_levels) fail(fmt::format("it is nested deeper than {} levels: flatten it", most_levels));
  switch (event) {
    case Event::key: return take_key(depth, value);
    case Event::object_start: return begin_object(depth);
    case Event::array_start:
      if (depth == 0) is_list_ = true;
      if (depth == 1 && !is_list_) {
        value_is_array_ = true;
        item_ = 0;
      }
      return true;
    case Event::object_end: return take_container(depth, value, false);
    case Event::array_end: return take_container(depth, value, true);
    case Event::value: return take_value(depth, value);
  }
  return true;
}

/// Only the outermost object and records are read: what is in other objects is passed over, and no box has objects in it. The parser
/// looks through all that it keeps of an array or object at the end of each object in it.
bool Reader::begin_object(int depth) {
  const int depth_of_record = record_depth() - 1;
  if (depth > depth_of_record && !passes_over_) fail("a box has an object in it, numbers are expected");
  if (depth == depth_of_record) record_keys_.clear();
  if (depth == 1 && !is_list_) {
    value_is_array_ = false;
    not_a_list("an object");
  }
  return depth == 0 || (depth == depth_of_record && (is_list_ || value_is_array_));
}

bool Reader::take_key(int depth, const Json& key) {
  const std::string& name = key.get_ref<const std::string&>();
  if (depth == 1 && !is_list_) {
    if (!keys_.insert(name).second) fail(fmt::format("{} is there twice, once is expected", shown(key)));
    key_ = name;
    passes_over_ = false;
    return true;
  }
  if (depth < record_depth()) return true;
  if (depth == record_depth()) passes_over_ = !is_known(name);  // segmentations, keypoints and the like
  if (!is_known(name)) return false;
  if (depth == record_depth() && !record_keys_.insert(name).second)
    fail(fmt::format("an entry has {} twice, once is expected", shown(key)));
  return true;
}

bool Reader::take_value(int depth, const Json& value) {
  if (is_list_) {
    if (depth == 1) fail(fmt::format("entry {}", item_), value, "an object with \"image_id\" and \"bbox\"");
    return true;
  }
  if (depth == 2 && value_is_array_) {
    not_an_entry(value);
    ++item_;
    return key_ == "bbox";
  }
  if (depth != 1) return true;
  not_a_list(shown(value));
  return is_known(key_);
}

bool Reader::take_container(int depth, const Json& value, bool is_array) {
  if (is_list_) {
    if (depth != 1) return true;
    const std::string where = fmt::format("entry {}", item_++);
    if (is_array) fail(where, value, "an object with \"image_id\" and \"bbox\"");
    take_detection(value, where);
    return false;
  }
  if (depth == 1) {
    if (!is_record_list()) map_images_.push_back(key_);
    return key_ == "bbox";
  }
  if (depth != 2 || !value_is_array_) return true;
  if (is_record_list() == is_array) {
    not_an_entry(value);
  } else if (key_ == "images") {
    take_image(value);
  } else if (key_ == "categories") {
    take_category(value);
  } else if (annotations_only_) {
    // boxes are not read
  } else if (key_ == "annotations") {
    const auto id = value.contains("id") ? whole_number(value["id"]) : std::nullopt;
    take_record(value, id ? fmt::format("annotation {} of \"annotations\"", *id) : "an entry of \"annotations\"");
  } else {
    take_corners(value);
  }
  ++item_;
  return false;
}

/// What kind of a document it was is known at its end.
void Reader::end_document(Json& rest) {
  if (is_list_) {
    if (annotations_only_) fail("it is a list, COCO annotations with \"images\" are expected");
    return;
  }
  if (!rest.is_object()) fail("the document", rest, "an object (image: boxes), COCO annotations or COCO detection results");
  if (has("images") && (has("annotations") || annotations_only_)) {
    has_coco_ = true;
    return;
  }
  if (annotations_only_) fail("it has no \"images\", COCO annotations are expected");
  if (has("image_id") || has("bbox")) return take_detection(rest, fmt::format("entry {}", detections_));
  if (has("images") || has("annotations"))
    fail(fmt::format("it has \"{}\" alone, COCO annotations have \"images\" and \"annotations\": add the other",
                     has("images") ? "images" : "annotations"));
  if (!suspicion_.empty()) fail(suspicion_);
  has_map_ = true;
  document_.images.insert(document_.images.end(), map_images_.begin(), map_images_.end());
  document_.boxes.insert(document_.boxes.end(), map_boxes_.begin(), map_boxes_.end());
}

BoxesDocument Reader::finish() {
  if (has_coco_ + has_map_ + (detections_ > 0) > 1) fail("it has entries of several kinds, one kind is expected: split it");
  if (has_map_) document_.kind = BoxesDocument::Kind::map;
  if (has_coco_) document_.kind = BoxesDocument::Kind::coco;
  return std::move(document_);
}

void Reader::take_detection(const Json& record, const std::string& where) {
  ++detections_;
  take_record(record, where);
}

/// Which image a record is of: the name, where it has one beside a number of its own.
ImageKey Reader::image_of(const Json& record, const std::string& where) const {
  if (!record.contains("image_id")) fail(where, record, "an object with \"image_id\" and \"bbox\"");
  const bool is_annotation = !is_list_ && key_ == "annotations";
  if (!is_annotation && record.contains("file_name") && record["file_name"].is_string()) return record["file_name"].get<std::string>();
  const Json& image = record["image_id"];
  if (image.is_string()) return image.get<std::string>();
  const auto id = whole_number(image);
  if (!id) fail(where + ".image_id", image, "a file name or a whole number");
  return *id;
}

/// An annotation, or a detection.
void Reader::take_record(const Json& record, const std::string& where) {
  ListedBox listed{.image = image_of(record, where),
                   .box = {},
                   .category = {},
                   .category_name = {},
                   .crowd = false,
                   .has_score = record.contains("score"),
                   .problem = {}};
  listed.box = box_of(record, where, listed.problem);
  if (record.contains("category_id") && !record["category_id"].is_null()) listed.category = id_of(record, "category_id", where);
  for (const char* key : {"category_name", "label"}) {
    if (record.contains(key) && record[key].is_string()) listed.category_name = record[key].get<std::string>();
  }
  if (record.contains("iscrowd") && !record["iscrowd"].is_null()) {
    const Json& crowd = record["iscrowd"];
    const auto number = crowd.is_boolean() ? std::optional<std::int64_t>(crowd.get<bool>() ? 1 : 0) : whole_number(crowd);
    if (!number || *number < 0 || *number > 1) fail(where + ".iscrowd", crowd, "0 or 1");
    listed.crowd = *number == 1;
  }
  document_.boxes.push_back(std::move(listed));
}

/// x, y, width, height, unless Detectron2's "bbox_mode" says x1, y1, x2, y2.
/// @param problem what is wrong with it, which matters only if it is a person's
Box Reader::box_of(const Json& record, const std::string& where, std::string& problem) const {
  const auto wrong = [&](const std::string& what, const Json& found, const std::string& expected) {
    problem = fmt::format("{} is {}, {} is expected", what, shown(found), expected);
    return Box{};
  };
  if (!record.contains("bbox")) return wrong(where, record, "an object with \"bbox\"");
  const Json& values = record["bbox"];
  if (!values.is_array() || values.size() != 4) return wrong(where + ".bbox", values, "an array of 4 numbers");
  std::array<double, 4> v{};
  for (std::size_t i = 0; i < v.size(); ++i) {
    const auto value = number_of(values[i]);
    if (!value) return wrong(where + ".bbox", values[i], "a number");
    v[i] = *value;
  }
  float score = 1;
  if (record.contains("score")) {
    score = static_cast<float>(number_of(record["score"]).value_or(std::numeric_limits<double>::quiet_NaN()));
    if (!std::isfinite(score)) return wrong(where + ".score", record["score"], "a finite number");
  } else if (record.contains("confidence")) {
    return wrong(where, record, "\"score\" in place of \"confidence\"");
  }
  const Json mode = record.contains("bbox_mode") ? record["bbox_mode"] : Json(1);
  if (mode == 0) return {v[0], v[1], v[2], v[3], score};
  if (mode != 1) return wrong(where + ".bbox_mode", mode, "0 (x1, y1, x2, y2) or 1 (x, y, width, height)");
  return {v[0], v[1], v[0] + v[2], v[1] + v[3], score};
}

void Reader::take_image(const Json& image) {
  const std::string where = "an entry of \"images\"";
  CocoImage listed{.id = id_of(image, "id", where), .name = {}, .size = {side_of(image, "width", where), side_of(image, "height", where)}};
  if (!image.contains("file_name") || !image["file_name"].is_string()) fail(where, image, "an object with \"file_name\"");
  listed.name = image["file_name"].get<std::string>();
  document_.coco_images.push_back(std::move(listed));
}

void Reader::take_category(const Json& category) {
  const std::string where = "an entry of \"categories\"";
  const std::int64_t id = id_of(category, "id", where);
  const bool has_name = category.contains("name") && category["name"].is_string();
  if (!document_.categories.emplace(id, has_name ? category["name"].get<std::string>() : std::string()).second)
    fail(fmt::format("category {} is there twice, once is expected", id));
}

void Reader::take_corners(const Json& box) {
  const std::string where = fmt::format("box {} of \"{}\"", item_, key_);
  if (box.size() < 4 || box.size() > 5) return suspect(where, shown(box), "an array of 4 or 5 numbers");
  std::array<double, 5> v{0, 0, 0, 0, 1};
  for (std::size_t i = 0; i < box.size(); ++i) {
    const auto value = number_of(box[i]);
    if (!value) return suspect(where, shown(box[i]), "a number");
    v[i] = *value;
  }
  const auto score = static_cast<float>(v[4]);
  if (!std::isfinite(score)) return suspect(where + ", its score", shown(box[4]), "a finite number");
  map_boxes_.push_back({.image = key_,
                        .box = {v[0], v[1], v[2], v[3], score},
                        .category = {},
                        .category_name = {},
                        .crowd = false,
                        .has_score = box.size() > 4,
                        .problem = {}});
}

std::int64_t Reader::id_of(const Json& record, const char* key, const std::string& where) const {
  const auto id = record.contains(key) ? whole_number(record[key]) : std::nullopt;
  if (!id) fail(where, record, fmt::format("an object with a whole number \"{}\"", key));
  return *id;
}

/// Programs that don't know a side leave it out, or write 0 or null.
int Reader::side_of(const Json& image, const char* key, const std::string& where) const {
  if (!image.contains(key) || image[key].is_null()) return 0;
  const auto side = whole_number(image[key]);
  if (!side || *side < 0 || *side > std::numeric_limits<int>::max())
    fail(fmt::format("{}, \"{}\"", where, key), image[key], "a whole number of pixels");
  return static_cast<int>(*side);
}

/// The next line that is not blank, from `at` on. @return none at the end
std::optional<std::pair<std::size_t, std::size_t>> next_line(std::string_view text, std::size_t at) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n", at);
  if (begin == std::string_view::npos) return std::nullopt;
  return std::pair{begin, std::min(text.find('\n', begin), text.size())};
}

/// Whether each line is a document of its own.
bool is_json_lines(std::string_view text) {
  const auto first = next_line(text, 0);
  return first && text[first->first] == '{' && next_line(text, first->second) &&
         Json::accept(text.substr(first->first, first->second - first->first));
}

BoxesDocument parse(std::string_view text, const std::string& name, bool annotations_only) {
  Reader reader(name, annotations_only);
  if (!next_line(text, 0)) reader.fail("it is empty, JSON is expected");
  if (const std::string_view kind = other_kind(text); !kind.empty())
    reader.fail(fmt::format("it is {}, JSON is expected: convert it", kind));
  if (annotations_only || !is_json_lines(text)) {
    reader.read(text, 0, text.size());
  } else {
    for (auto line = next_line(text, 0); line; line = next_line(text, line->second)) reader.read(text, line->first, line->second);
  }
  return reader.finish();
}

}  // namespace

std::string read_boxes_text(const std::filesystem::path& path, std::string_view kind) {
  const auto fail = [&](ErrorCode code, const char* what) { throw Error(code, fmt::format("{} \"{}\" {}", kind, path.string(), what)); };
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) fail(ErrorCode::not_found, "does not exist: check the path");
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, ignored))
    fail(ErrorCode::io, "can't be read: check that it is a file, and its permissions");
  std::string text;
  std::vector<char> block(std::size_t{1} << 20);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > most_bytes) fail(ErrorCode::io, "is larger than 1 GiB: split it");
  }
  if (file.bad()) fail(ErrorCode::io, "can't be read to its end: check the disk");
  return to_utf8(std::move(text));
}

BoxesDocument parse_boxes(std::string_view utf8, const std::string& name) { return parse(utf8, name, false); }
BoxesDocument parse_annotations(std::string_view utf8, const std::string& name) { return parse(utf8, name, true); }

}  // namespace posekit::inline v0
