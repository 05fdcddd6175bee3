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

constexpr std::array<std::string_view, 10> known_keys{"bbox",     "category_id", "category_name", "file_name", "height",
                                                      "image_id", "id",          "iscrowd",       "name",      "width"};

bool is_known(std::string_view key) { return key == "score" || std::ranges::find(known_keys, key) != known_keys.end(); }

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
  bool take_key(int depth, const Json& key);
  bool take_value(int depth, const Json& value);
  bool take_container(int depth, const Json& value, bool is_array);
  void end_document(Json& rest);

  void take_record(const Json& record, const std::string& where);
  void take_image(const Json& image);
  void take_category(const Json& category);
  void take_corners(const Json& box);

  float score_of(const Json& value, const std::string& where) const;
  std::vector<double> numbers(const Json& value, const std::string& where, std::size_t least, std::size_t most) const;
  std::int64_t id_of(const Json& record, const char* key, const std::string& where) const;
  std::optional<Size> size_of(const Json& image, const std::string& where) const;
  std::optional<int> side_of(const Json& image, const char* key, const std::string& where) const;

  bool is_record_list() const { return key_ == "images" || key_ == "annotations" || key_ == "categories"; }
  int record_depth() const { return is_list_ ? 2 : 3; }  ///< Of the keys of an annotation, image, category or detection.
  bool has(const std::string& key) const { return keys_.contains(key); }
  /// Reports a value that is no list, or no entry of its list: in a map at the document's end, when it is known to be one.
  void not_a_list(const Json& found);
  void not_an_entry(const Json& found);
  void suspect(const std::string& where, const Json& found, const std::string& expected);

  std::string name_;
  bool annotations_only_;
  BoxesDocument document_;

  // Of the document, or of its line.
  bool is_list_ = false;
  std::string key_;              ///< The outermost object's, whose value comes.
  bool value_is_array_ = false;  ///< Whether that value is an array.
  std::size_t item_ = 0;         ///< The position in the outermost array, or in that value.
  std::set<std::string> record_keys_;
  std::set<std::string> keys_;  ///< Of the outermost object.
  std::vector<std::string> map_images_;
  std::vector<ListedBox> map_boxes_;
  std::string suspicion_;

  std::set<std::string> all_images_;  ///< Of maps in all lines.
  bool has_map_ = false;
  bool has_coco_ = false;
  std::size_t records_ = 0;  ///< In all lines.
};

void Reader::fail(const std::string& what) const {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{} \"{}\": {}", annotations_only_ ? "annotations file" : "boxes file", name_, what));
}

void Reader::fail(const std::string& where, const Json& found, const std::string& expected) const {
  fail(fmt::format("{} is {}, {} is expected", where, shown(found), expected));
}

void Reader::suspect(const std::string& where, const Json& found, const std::string& expected) {
  if (suspicion_.empty()) suspicion_ = fmt::format("{} is {}, {} is expected", where, shown(found), expected);
}

void Reader::not_a_list(const Json& found) {
  if (is_record_list()) fail(fmt::format("\"{}\"", key_), found, "an array");
  suspect(fmt::format("the entry of \"{}\"", key_), found, "an array of boxes");
}

void Reader::not_an_entry(const Json& found) {
  if (is_record_list()) fail(fmt::format("an entry of \"{}\"", key_), found, "an object");
  suspect(fmt::format("box {} of \"{}\"", item_, key_), found, "an array of 4 or 5 numbers");
}

void Reader::read(std::string_view text, std::size_t begin, std::size_t end) {
  is_list_ = false;
  keys_.clear();
  map_images_.clear();
  map_boxes_.clear();
  suspicion_.clear();
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
    case Event::object_start:
      if (depth + 1 == record_depth()) record_keys_.clear();
      if (depth == 1) value_is_array_ = false;
      return true;
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

bool Reader::take_key(int depth, const Json& key) {
  const std::string& name = key.get_ref<const std::string&>();
  if (depth == 1 && !is_list_) {
    if (!keys_.insert(name).second) fail(fmt::format("{} is there twice, once is expected", shown(key)));
    key_ = name;
    return true;
  }
  if (depth < record_depth()) return true;
  if (!is_known(name)) return false;  // segmentations, keypoints and the like are read past
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
  not_a_list(value);
  return is_known(key_);
}

bool Reader::take_container(int depth, const Json& value, bool is_array) {
  if (is_list_) {
    if (depth != 1) return true;
    const std::string where = fmt::format("entry {}", item_++);
    if (is_array) fail(where, value, "an object with \"image_id\" and \"bbox\"");
    take_record(value, where);
    return false;
  }
  if (depth == 1) {
    if (!is_array) not_a_list(value);
    if (is_array && !is_record_list()) map_images_.push_back(key_);
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
    take_record(value, "an entry of \"annotations\"");
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
  if (has("image_id") || has("bbox")) return take_record(rest, fmt::format("entry {}", records_));
  if (has("images") || has("annotations"))
    fail(fmt::format("it has \"{}\" alone, COCO annotations have \"images\" and \"annotations\": add the other",
                     has("images") ? "images" : "annotations"));
  if (!suspicion_.empty()) fail(suspicion_);
  has_map_ = true;
  for (std::string& image : map_images_) {
    if (!all_images_.insert(image).second) fail(fmt::format("{} is there twice, once is expected", shown(image)));
    document_.images.push_back(std::move(image));
  }
  document_.boxes.insert(document_.boxes.end(), map_boxes_.begin(), map_boxes_.end());
}

BoxesDocument Reader::finish() {
  if (has_coco_ + has_map_ + (!has_coco_ && records_ > 0) > 1) fail("it has entries of several kinds, one kind is expected: split it");
  if (has_map_) document_.kind = BoxesDocument::Kind::map;
  if (has_coco_) document_.kind = BoxesDocument::Kind::coco;
  return std::move(document_);
}

/// An annotation, or a detection: x, y, width, height.
void Reader::take_record(const Json& record, const std::string& where) {
  ++records_;
  if (!record.contains("image_id")) fail(where, record, "an object with \"image_id\" and \"bbox\"");
  if (!record.contains("bbox")) fail(where, record, "an object with \"bbox\"");
  ListedBox listed;
  const Json& image = record["image_id"];
  if (image.is_string()) {
    listed.image = image.get<std::string>();
  } else if (const auto id = whole_number(image)) {
    listed.image = *id;
  } else {
    fail(where + ".image_id", image, "a file name or a whole number");
  }
  const auto v = numbers(record["bbox"], where + ".bbox", 4, 4);
  listed.box = {v[0], v[1], v[0] + v[2], v[1] + v[3], record.contains("score") ? score_of(record["score"], where + ".score") : 1.0F};
  if (record.contains("category_id") && !record["category_id"].is_null()) listed.category = id_of(record, "category_id", where);
  if (record.contains("category_name") && record["category_name"].is_string()) listed.category_name = record["category_name"];
  if (record.contains("iscrowd")) {
    const Json& crowd = record["iscrowd"];
    if (crowd.is_boolean()) {
      listed.crowd = crowd.get<bool>();
    } else if (const auto number = whole_number(crowd); number && (*number == 0 || *number == 1)) {
      listed.crowd = *number == 1;
    } else if (!crowd.is_null()) {
      fail(where + ".iscrowd", crowd, "0 or 1");
    }
  }
  document_.boxes.push_back(std::move(listed));
}

void Reader::take_image(const Json& image) {
  const std::string where = "an entry of \"images\"";
  CocoImage listed{.id = id_of(image, "id", where), .name = {}, .size = size_of(image, where)};
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
  if (box.size() < 4 || box.size() > 5) return suspect(where, box, "an array of 4 or 5 numbers");
  for (const Json& value : box) {
    if (!value.is_number() && !value.is_null()) return suspect(where, value, "a number");
  }
  const auto v = numbers(box, where, 4, 5);
  map_boxes_.push_back({.image = key_,
                        .box = {v[0], v[1], v[2], v[3], v.size() > 4 ? score_of(box[4], where) : 1.0F},
                        .category = {},
                        .category_name = {},
                        .crowd = false});
}

float Reader::score_of(const Json& value, const std::string& where) const {
  const auto score = value.is_number() ? static_cast<float>(value.get<double>()) : std::numeric_limits<float>::quiet_NaN();
  if (!std::isfinite(score)) fail(where, value, "a finite number");
  return score;
}

/// A null is what some programs write for NaN: the estimator reports such a box.
std::vector<double> Reader::numbers(const Json& value, const std::string& where, std::size_t least, std::size_t most) const {
  if (!value.is_array() || value.size() < least || value.size() > most) {
    fail(where, value,
         least == most ? fmt::format("an array of {} numbers", least) : fmt::format("an array of {} or {} numbers", least, most));
  }
  std::vector<double> result;
  for (const Json& entry : value) {
    if (!entry.is_null() && !entry.is_number()) fail(where, entry, "a number");
    result.push_back(entry.is_null() ? std::numeric_limits<double>::quiet_NaN() : entry.get<double>());
  }
  return result;
}

std::int64_t Reader::id_of(const Json& record, const char* key, const std::string& where) const {
  const auto id = record.contains(key) ? whole_number(record[key]) : std::nullopt;
  if (!id) fail(where, record, fmt::format("an object with a whole number \"{}\"", key));
  return *id;
}

/// Programs that don't know a side leave it out, or write 0 or null.
std::optional<int> Reader::side_of(const Json& image, const char* key, const std::string& where) const {
  if (!image.contains(key) || image[key].is_null()) return std::nullopt;
  const auto side = whole_number(image[key]);
  if (!side || *side < 0 || *side > std::numeric_limits<int>::max())
    fail(fmt::format("{}, \"{}\"", where, key), image[key], "a whole number of pixels");
  return *side == 0 ? std::nullopt : std::optional(static_cast<int>(*side));
}

std::optional<Size> Reader::size_of(const Json& image, const std::string& where) const {
  const auto width = side_of(image, "width", where);
  const auto height = side_of(image, "height", where);
  return width && height ? std::optional(Size{*width, *height}) : std::nullopt;
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
