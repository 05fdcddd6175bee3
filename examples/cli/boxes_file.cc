/// Boxes from a file.
#include "boxes_file.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "options.h"

namespace cli {
namespace {

using Json = nlohmann::json;

constexpr int most_levels = 32;  // COCO's segmentations are the deepest of what is read past
constexpr std::size_t most_bytes = std::size_t{1} << 30;
constexpr std::size_t longest_shown = 60;
constexpr std::int64_t person_category = 1;

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() > longest_shown ? text.substr(0, longest_shown) + "..." : text;
}

[[noreturn]] void fail(const std::string& where, const Json& found, const std::string& expected) {
  throw UsageError(fmt::format("boxes file: {} is {}, {} is expected", where, shown(found), expected));
}

float score_of(const Json& value, const std::string& where) {
  const auto score = value.is_number() ? static_cast<float>(value.get<double>()) : std::numeric_limits<float>::quiet_NaN();
  if (!std::isfinite(score)) fail(where, value, "a finite number");
  return score;
}

/// A number, or null, which some programs write for NaN: the estimator reports such a box.
double number(const Json& value, const std::string& where) {
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (!value.is_number()) fail(where, value, "a number");
  return value.get<double>();
}

std::vector<double> numbers(const Json& value, const std::string& where, std::size_t least, std::size_t most) {
  if (!value.is_array() || value.size() < least || value.size() > most) {
    fail(where, value,
         least == most ? fmt::format("an array of {} numbers", least) : fmt::format("an array of {} or {} numbers", least, most));
  }
  std::vector<double> result;
  for (const Json& entry : value) result.push_back(number(entry, where));
  return result;
}

posekit::Box box_of_corners(const Json& value, const std::string& where) {
  const auto v = numbers(value, where, 4, 5);
  return {v[0], v[1], v[2], v[3], v.size() > 4 ? score_of(value[4], where) : 1.0F};
}

/// COCO's boxes are x, y, width, height.
posekit::Box box_of_size(const Json& entry, const std::string& where) {
  if (!entry.contains("bbox")) fail(where, entry, "an object with \"bbox\"");
  const auto v = numbers(entry["bbox"], where + ".bbox", 4, 4);
  const float score = entry.contains("score") ? score_of(entry["score"], where + ".score") : 1.0F;
  return {v[0], v[1], v[0] + v[2], v[1] + v[3], score};
}

std::int64_t id_of(const Json& entry, const char* key, const std::string& where) {
  if (!entry.is_object() || !entry.contains(key) || !entry[key].is_number_integer())
    fail(where, entry, fmt::format("an object with a whole number \"{}\"", key));
  return entry[key].get<std::int64_t>();
}

const Json& list_of(const Json& document, const char* key) {
  if (!document[key].is_array()) fail(fmt::format("\"{}\"", key), document[key], "an array");
  return document[key];
}

/// The id of the category "person": COCO's own where the file lists none.
std::int64_t person_id(const Json& document) {
  if (!document.contains("categories")) return person_category;
  for (const Json& category : list_of(document, "categories")) {
    const std::int64_t id = id_of(category, "id", "an entry of \"categories\"");
    if (category.contains("name") && category["name"] == "person") return id;
  }
  fail("\"categories\"", document["categories"], "a list with the category \"person\"");
}

}  // namespace

BoxesFile BoxesFile::parse(std::string_view json) {
  bool too_deep = false;
  std::string twice;
  std::set<std::string> keys;  // of the outermost object: the file names
  const Json document = [&] {
    try {
      return Json::parse(json, [&](int depth, Json::parse_event_t event, Json& value) {
        too_deep = too_deep || depth > most_levels;
        if (depth == 1 && event == Json::parse_event_t::key && !keys.insert(value.get<std::string>()).second) twice = value;
        return depth <= most_levels;
      });
    } catch (const Json::exception&) {
      throw UsageError("boxes file: it is not valid JSON: check its quotes, commas and brackets");
    }
  }();
  if (too_deep) throw UsageError(fmt::format("boxes file: it is nested deeper than {} levels: flatten it", most_levels));
  if (!twice.empty()) throw UsageError(fmt::format("boxes file: \"{}\" is there twice, once is expected", twice));

  BoxesFile file;
  if (document.is_array()) {  // COCO detection results
    for (std::size_t i = 0; i < document.size(); ++i) {
      const Json& entry = document[i];
      const std::string where = fmt::format("entry {}", i);
      if (!entry.is_object() || !entry.contains("image_id")) fail(where, entry, "an object with \"image_id\" and \"bbox\"");
      if (entry.contains("category_id") && entry["category_id"] != person_category) continue;
      const Json& id = entry["image_id"];
      if (!id.is_string() && !id.is_number_integer()) fail(where + ".image_id", id, "a file name");
      file.boxes_[id.is_string() ? id.get<std::string>() : std::to_string(id.get<std::int64_t>())].push_back(box_of_size(entry, where));
    }
  } else if (document.is_object() && document.contains("images") && document.contains("annotations")) {
    std::map<std::int64_t, std::string> names;
    for (const Json& image : list_of(document, "images")) {
      const std::int64_t id = id_of(image, "id", "an entry of \"images\"");
      if (!image.contains("file_name") || !image["file_name"].is_string())
        fail("an entry of \"images\"", image, "an object with \"file_name\"");
      names[id] = image["file_name"].get<std::string>();
      file.ids_[names[id]] = id;
      file.boxes_[names[id]];
    }
    const std::int64_t person = person_id(document);
    for (const Json& annotation : list_of(document, "annotations")) {
      const std::string where = "an entry of \"annotations\"";
      const auto name = names.find(id_of(annotation, "image_id", where));
      if (name == names.end()) fail(where, annotation["image_id"], "an \"image_id\" that is among \"images\"");
      if (annotation.contains("category_id") && annotation["category_id"] != person) continue;
      if (annotation.contains("iscrowd") && annotation["iscrowd"] == 1) continue;
      file.boxes_[name->second].push_back(box_of_size(annotation, where));
    }
  } else if (document.is_object()) {
    for (const auto& [name, boxes] : document.items()) {
      if (!boxes.is_array()) fail(fmt::format("the entry of \"{}\"", name), boxes, "an array of boxes");
      auto& list = file.boxes_[name];
      for (std::size_t i = 0; i < boxes.size(); ++i) list.push_back(box_of_corners(boxes[i], fmt::format("box {} of \"{}\"", i, name)));
    }
  } else {
    fail("the document", document, "an object (image: boxes), COCO annotations or COCO detection results");
  }
  return file;
}

BoxesFile BoxesFile::read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(path, ignored))
    throw UsageError(fmt::format("the boxes file \"{}\" can't be read: check the path", path.string()));
  std::string text;
  std::vector<char> block(std::size_t{1} << 20);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > most_bytes) throw UsageError(fmt::format("the boxes file \"{}\" is larger than 1 GiB: split it", path.string()));
  }
  return parse(text);
}

const std::vector<posekit::Box>* BoxesFile::find(const std::filesystem::path& image) const {
  for (const std::string& name : {image.string(), image.filename().string(), image.stem().string()}) {
    if (const auto found = boxes_.find(name); found != boxes_.end()) return &found->second;
  }
  return nullptr;
}

std::optional<std::int64_t> BoxesFile::image_id(const std::filesystem::path& image) const {
  for (const std::string& name : {image.string(), image.filename().string()}) {
    if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace cli
