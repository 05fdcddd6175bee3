/// Boxes files: which entry an image has, what is refused, what is left out. The program's tests have what users see of it.
#include "posekit/boxes_file.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "posekit/error.h"
#include "support/fails_with.h"
#include "support/paths.h"

using namespace posekit;
using posekit_test::fails_with;

namespace {

using Names = std::vector<std::string>;

BoxesFile::Images images_of(const Names& names) {
  return
      [names, i = std::size_t{0}]() mutable { return i < names.size() ? std::optional<std::filesystem::path>(names[i++]) : std::nullopt; };
}

BoxesFile parse(const std::string& text, const Names& images, const BoxesFileOptions& options = {}) {
  return BoxesFile(text, "b.json", images_of(images), options);
}

constexpr Size size{400, 300};

/// The left side of the first box of an image, -1 if there is none.
double left(const BoxesFile& file, const std::string& image) {
  const auto boxes = file.boxes(image, size);
  return boxes.empty() ? -1 : boxes.front().x1;
}

/// Detection results: a box at `left` of each image id, which is JSON.
std::string detections(const std::vector<std::pair<std::string, int>>& entries) {
  std::string text;
  for (const auto& [id, x] : entries)
    text += (text.empty() ? "" : ",") + (R"({"image_id": )" + id + R"(, "bbox": [)" + std::to_string(x) + ", 10, 50, 50]}");
  return "[" + text + "]";
}

const std::string box = "[[1, 2, 30, 40]]";

}  // namespace

TEST_CASE("An entry belongs to the image that its name means, however both are written") {
  const auto [entry, image] = GENERATE(table<std::string, std::string>({
      {"a/x.png", "x.png"},
      {"a/x.png", "./a/x.png"},
      {"a/x.png", "b/../a/x.png"},
      {"a/x.png", "/somewhere/else/a/x.png"},
      {"/home/me/data/a/x.png", "a/x.png"},
      {"x.png", "a/x.png"},
      {"./x.png", "a/x.png"},
      {"../data//a/./x.png", "a/x.png"},
      {R"(a\\x.png)", "a/x.png"},
      {R"(C:\\photos\\a\\x.png)", "a/x.png"},
      {"http://images.org/a/x.png", "a/x.png"},
      {"x", "a/x.png"},
      {"a/x", "a/x.png"},
      {"785", "000000000785.png"},
      {"000785", "785.png"},
      {"000000000785", "000000000785.png"},
      {"785", "val2014/COCO_val2014_000000000785.jpg"},
      {"caf\u00E9.png", "cafe\u0301.png"},
      {"cafe\u0301/x.png", "caf\u00E9/x.png"},
      {"\u5199\u771F.jpg", "a/\u5199\u771F.jpg"},
      {"x.tar.png", "x.tar.png"},
  }));
  CAPTURE(entry, image);
  const BoxesFile file = parse("{\"" + entry + "\": " + box + "}", {image, "other.png"});
  CHECK(file.has_entry(image));
  CHECK(left(file, image) == 1);
  CHECK_FALSE(file.has_entry("other.png"));
  CHECK(file.unused_entries().empty());
}

TEST_CASE("A name that only looks alike means another image") {
  const auto [entry, image] = GENERATE(table<std::string, std::string>({
      {"x.png", "xx.png"},
      {"a/x.png", "ax.png"},
      {"x.jpg", "x.png"},
      {"785", "1785.png"},
      {"785", "IMG_785.png"},  // ids of a data base are no numbers of a camera
      {"78", "785.png"},
      {"X.png", "x.png"},
      {"e.png", "\u00E9.png"},
  }));
  CAPTURE(entry, image);
  fails_with([&] { return parse("{\"" + entry + "\": " + box + "}", {image}); }, "b.json", "1 entry");
}

TEST_CASE("The entry with the longest common tail is the image's, and the image the entry's") {
  const BoxesFile file =
      parse(R"({"train/x.png": [[1, 0, 9, 9]], "val/x.png": [[2, 0, 9, 9]]})", {"d/val/x.png", "d/train/x.png", "d/test/x.png"});
  CHECK(left(file, "d/train/x.png") == 1);
  CHECK(left(file, "d/val/x.png") == 2);
  CHECK_FALSE(file.has_entry("d/test/x.png"));
}

TEST_CASE("A name that means two things is refused with both") {
  fails_with([] { return parse(R"({"x.png": [[1, 2, 30, 40]]})", {"a/x.png", "b/x.png"}); }, "x.png", "a/x.png");
  fails_with([] { return parse(R"({"a/x.png": [], "b/x.png": []})", {"c/x.png"}); }, "x.png", "b/x.png");
  fails_with([] { return parse(R"({"x": [[1, 2, 30, 40]]})", {"x.png", "x.jpg"}); }, "x.png", "\"x\"");
  fails_with([] { return parse(R"({"x.png": [], "./x.png": []})", {"x.png"}); }, "x.png", "./x.png");
  fails_with([] { return parse("{\"\u00E9.png\": [], \"e\u0301.png\": []}", {"e\u0301.png"}); }, "b.json", "e\u0301.png");
  fails_with([] { return parse(detections({{"785", 1}}), {"00785.png", "0785.png"}); }, "785", "0785.png");
  fails_with(
      [] {
        return parse(R"({"images": [{"id": 1, "file_name": "x.png"}, {"id": 1, "file_name": "y.png"}], "annotations": []})", {"x.png"});
      },
      "id 1", "y.png");
  fails_with(
      [] {
        return parse(R"({"images": [{"id": 1, "file_name": "x.png"}, {"id": 2, "file_name": "./x.png"}], "annotations": []})", {"x.png"});
      },
      "images 1 and 2", "./x.png");
}

TEST_CASE("Whether a name of three images is clear does not depend on their order") {
  Names images{"a/x.jpg", "b/x.jpg", "c/x.jpg"};
  do {
    const BoxesFile file = parse(R"({"x.jpg": [[1, 0, 9, 9]], "a/x.jpg": [[2, 0, 9, 9]], "c/x.jpg": [[3, 0, 9, 9]]})", images);
    CHECK(left(file, "a/x.jpg") == 2);
    CHECK(left(file, "b/x.jpg") == 1);
    CHECK(left(file, "c/x.jpg") == 3);
    fails_with([&] { return parse(R"({"x.jpg": [], "c/x.jpg": []})", images); }, "x.jpg", "alike");
  } while (std::ranges::next_permutation(images).found);
}

TEST_CASE("Entries of another folder are not taken for a picture that has none of its own") {
  const std::string three =
      detections({{"\"clip1/1\"", 1}, {"\"clip1/3\"", 3}, {"\"clip2/1\"", 4}, {"\"clip2/2\"", 5}, {"\"clip2/3\"", 6}});
  const BoxesFile file = parse(three, {"clip1/1.png", "clip1/2.png", "clip1/3.png"});
  CHECK(left(file, "clip1/1.png") == 1);
  CHECK_FALSE(file.has_entry("clip1/2.png"));
  CHECK(file.unused_entries() == Names{"clip2/1", "clip2/2", "clip2/3"});
  CHECK(file.notes().empty());
  const BoxesFile mot = parse(detections({{"\"s2/img1/2\"", 5}, {"\"s4/img1/1\"", 1}}), {"s4/img1/1.png", "s4/img1/2.png"});
  CHECK_FALSE(mot.has_entry("s4/img1/2.png"));
  // A folder that was renamed: all of it fits, and a note says so.
  const BoxesFile moved = parse(detections({{"\"clip1/1\"", 1}, {"\"clip1/3\"", 3}}), {"clip3/1.png", "clip3/3.png"});
  CHECK(left(moved, "clip3/3.png") == 3);
  CHECK(moved.notes().size() == 1);
}

TEST_CASE("Numbers fit 1.png and 001.png alike, text fits what is spelled as it is") {
  fails_with([] { return parse(detections({{"1", 1}}), {"1.png", "001.png"}); }, "\"1\"", "001.png");
  CHECK(left(parse(detections({{"\"1\"", 1}}), {"1.png", "001.png"}), "1.png") == 1);
  CHECK(left(parse(detections({{"1", 1}}), {"001.png"}), "001.png") == 1);
  for (const auto& [first, second] : {std::pair{"01", "1"}, std::pair{"1", "01"}})
    fails_with([&] { return parse("{\"" + std::string(first) + "\": [], \"" + second + "\": []}", {"0001.png"}); }, "\"01\"", "alike");
}

TEST_CASE("Two images with one name in canonical form are not told apart by an entry") {
  fails_with([] { return parse("{\"\u00E9.png\": []}", {"\u00E9.png", "e\u0301.png"}); }, "b.json", "alike");
  fails_with([] { return parse(R"({"a/x.png": []})", {"a/x.png", "a\\x.png"}); }, "a/x.png", "alike");
}

TEST_CASE("A hundred thousand names that are alike take no longer than others") {
  Names images;
  std::string text = "[";
  for (int i = 0; i < 100000; ++i) {
    images.push_back("seq" + std::to_string(i) + "/img.jpg");
    text += (i == 0 ? "" : ",") + (R"({"image_id": ")" + images.back() + R"(", "bbox": [1, 2, 30, 40]})");
  }
  const BoxesFile file = parse(text + "]", images);
  CHECK(file.unused_entries().empty());
  CHECK(left(file, "seq99999/img.jpg") == 1);
}

TEST_CASE("Deep and wide JSON that is no boxes file is refused in time that grows with its length") {
  std::string objects = R"({"_via_img_metadata": {)";
  for (int i = 0; i < 100000; ++i) objects += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\": {}";
  fails_with([&] { return parse(objects + "}}", {"a.png"}); }, "_via_img_metadata", "an object");
  std::string list = "[[";
  for (int i = 0; i < 100000; ++i) list += i == 0 ? "{}" : ",{}";
  fails_with([&] { return parse(list + "]]", {"a.png"}); }, "b.json", "an object in it");
  std::string values = "0";
  for (int i = 0; i < 100000; ++i) values += ",0";
  for (int i = 0; i < 100000; ++i) values += ",{}";
  fails_with([&] { return parse(R"([{"image_id": "a", "bbox": [)" + values + "]}]", {"a.png"}); }, "b.json", "an object in it");
  fails_with([&] { return parse(R"({"a.png": [[)" + values + "]]}", {"a.png"}); }, "b.json", "an object in it");
  CHECK(parse(R"([{"image_id": "a", "segmentation": {"counts": [{}], "size": [1, 2]}, "bbox": [1, 2, 3, 4]}])", {"a.png"})
            .has_entry("a.png"));
}

TEST_CASE("A name of two images is no matter where each has an entry that fits better") {
  const BoxesFile file =
      parse(R"({"a/x.png": [[1, 0, 9, 9]], "b/x.png": [[2, 0, 9, 9]], "x.png": [[3, 0, 9, 9]]})", {"a/x.png", "b/x.png"});
  CHECK(left(file, "a/x.png") == 1);
  CHECK(left(file, "b/x.png") == 2);
  CHECK(file.unused_entries() == Names{"x.png"});
}

TEST_CASE("An image that is named twice is one image") {
  const BoxesFile file = parse(R"({"x.png": [[1, 0, 9, 9]]})", {"x.png", "./x.png", "a/../x.png"});
  CHECK(left(file, "a/../x.png") == 1);
}

TEST_CASE("Entries that fit no image are listed; if none fits, that is an error") {
  CHECK(parse(detections({{"\"a.png\"", 1}, {"\"b.png\"", 2}, {"7", 3}}), {"a.png"}).unused_entries() == Names{"b.png", "7"});
  fails_with([] { return parse(detections({{"785", 1}, {"7", 2}}), {"a.png"}); }, "2 entries", "--annotations");
  fails_with([] { return parse(R"({"b.png": []})", {"a.png"}); }, "b.png", "a.png");
  CHECK_FALSE(parse("[]", {"a.png"}).has_entry("a.png"));
  CHECK_FALSE(parse("{}", {"a.png"}).has_entry("a.png"));
}

TEST_CASE("A map and annotations list their images, detection results do not") {
  CHECK(parse("{}", {}).lists_images());
  CHECK(parse(R"({"images": [], "annotations": []})", {}).lists_images());
  CHECK_FALSE(parse("[]", {}).lists_images());
  CHECK_FALSE(parse(R"({"image_id": "a", "bbox": [1, 2, 3, 4]})", {}).lists_images());
}

TEST_CASE("JSON lines are detections, one or many a file, or parts of a map") {
  const std::string one = R"({"image_id": "a.png", "bbox": [1, 2, 30, 40], "score": 0.5})";
  const std::string two = R"({"image_id": "b.png", "bbox": [2, 2, 30, 40]})";
  for (const std::string& text : {one + "\n" + two, "\xEF\xBB\xBF" + one + "\r\n\r\n" + two + "\r\n", one + "\n" + two + "\n\n"}) {
    const BoxesFile file = parse(text, {"a.png", "b.png"});
    CHECK(left(file, "a.png") == 1);
    CHECK(left(file, "b.png") == 2);
    CHECK_FALSE(file.lists_images());
  }
  const BoxesFile map = parse("{\"a.png\": [[1, 2, 30, 40]]}\n{\"b.png\": []}\n", {"a.png", "b.png"});
  CHECK(left(map, "a.png") == 1);
  CHECK(map.has_entry("b.png"));
  CHECK(map.lists_images());
  fails_with([] { return parse("{\"a.png\": []}\n{\"a.png\": []}", {"a.png"}); }, "a.png", "one path");
  fails_with([&] { return parse("{\"a.png\": []}\n" + two, {"a.png"}); }, "b.json", "several kinds");
  fails_with([&] { return parse(one + "\n{\"image_id\"", {"a.png"}); }, "b.json", "line 2");
}

TEST_CASE("What is wrong with the text is named, with line and column") {
  fails_with([] { return parse("{\"a.png\": [[1, 2, 3, 4]]\n", {}); }, "b.json", "line 2");
  fails_with([] { return parse("{\"a.png\":\n  [[50, 50, 150, NaN]]}", {}); }, "line 2, column 18", "NaN");
  fails_with([] { return parse("[{\"image_id\": 1, \"bbox\": [1, 2, -Infinity, 4]}]", {}); }, "line 1, column 34", "-Infinity");
  fails_with([] { return parse("{\"a.png\": [[nan, 2, 3, 4]]}", {}); }, "line 1", "nan");
  fails_with([] { return parse("{\"\xE9.png\": []}", {}); }, "UTF-8", "line 1, column 4");
  fails_with([] { return parse("{\"a.png\": [[1e999, 2, 3, 4]]}", {}); }, "b.json", "out of range");
  fails_with([] { return parse(" \r\n", {}); }, "b.json", "empty");
  fails_with([] { return parse("\xFF\xFE", {}); }, "b.json", "empty");
}

TEST_CASE("Records with a key twice, and ids that are no whole numbers, are refused") {
  fails_with([] { return parse(R"([{"image_id": "a", "bbox": [1, 2, 3, 4], "bbox": [5, 6, 7, 8]}])", {}); }, "an entry", "\"bbox\"");
  fails_with([] { return parse(R"([{"image_id": 1.5, "bbox": [1, 2, 3, 4]}])", {}); }, "image_id", "1.5");
  fails_with([] { return parse(R"([{"image_id": 18446744073709551615, "bbox": [1, 2, 3, 4]}])", {}); }, "image_id", "18446744073709551615");
  fails_with([] { return parse(R"([{"image_id": true, "bbox": [1, 2, 3, 4]}])", {}); }, "image_id", "true");
  fails_with([] { return parse(R"([{"image_id": "a", "category_id": "1", "bbox": [1, 2, 3, 4]}])", {}); }, "entry 0", "category_id");
  fails_with([] { return parse(R"([{"image_id": "a", "iscrowd": 2, "bbox": [1, 2, 3, 4]}])", {}); }, "iscrowd", "2");
  CHECK(left(parse(R"([{"image_id": 785.0, "category_id": 1.0, "bbox": [7, 2, 3, 4]}])", {"0785.png"}), "0785.png") == 7);
}

TEST_CASE("Which category is people has to be clear") {
  const auto with = [](const std::string& ids) {
    std::string text;
    for (const char id : ids)
      text += (text.empty() ? "" : ",") +
              (R"({"image_id": "a.png", "category_id": )" + std::string(1, id) + R"(, "bbox": [)" + id + ", 2, 30, 40]}");
    return "[" + text + "]";
  };
  fails_with([&] { return parse(with("0"), {"a.png"}); }, "--category", "0 (1 box)");
  fails_with([&] { return parse(with("001"), {"a.png"}); }, "--category", "0 (2 boxes), 1 (1 box)");
  fails_with([&] { return parse(with("77"), {"a.png"}); }, "--category", "7 (2 boxes)");
  const auto asked = [](std::int64_t id) {
    return BoxesFileOptions{.annotations = {}, .category = id, .score_threshold = {}, .scale = false};
  };
  CHECK(left(parse(with("01"), {"a.png"}, asked(0)), "a.png") == 0);
  CHECK(left(parse(with("01"), {"a.png"}, asked(1)), "a.png") == 1);
  const BoxesFile dropped = parse(with("1772"), {"a.png"});
  CHECK(dropped.boxes("a.png", size).size() == 1);
  REQUIRE(dropped.notes().size() == 1);
  CHECK(dropped.notes()[0].find("3 boxes of other categories: 2 (1 box), 7 (2 boxes)") != std::string::npos);
  CHECK(left(parse(R"([{"image_id": "a.png", "bbox": [1, 2, 30, 40]}])", {"a.png"}), "a.png") == 1);
}

TEST_CASE("A box of another category may be none, one of a person may not") {
  const std::string other = R"({"image_id": "a.png", "category_id": 3, "bbox": []})";
  const std::string person = R"({"image_id": "a.png", "category_id": 1, "bbox": [1, 2, 30, 40]})";
  CHECK(parse("[" + other + "," + person + "]", {"a.png"}).boxes("a.png", size).size() == 1);
  fails_with([&] { return parse(R"([{"image_id": "a.png", "category_id": 1, "bbox": []}])", {"a.png"}); }, "entry 0.bbox", "[]");
}

TEST_CASE("Other programs' keys beside a box are read, or refused") {
  const auto one = [](const std::string& more) { return R"([{"image_id": 5, "bbox": [10, 20, 30, 40])" + more + "}]"; };
  CHECK(parse(one(R"(, "file_name": "a.png")"), {"a.png"}).boxes("a.png", size) == std::vector<Box>{{10, 20, 40, 60, 1}});
  CHECK(parse(one(R"(, "bbox_mode": 0)"), {"5.png"}).boxes("5.png", size) == std::vector<Box>{{10, 20, 30, 40, 1}});
  CHECK(parse(one(R"(, "bbox_mode": 1)"), {"5.png"}).boxes("5.png", size) == std::vector<Box>{{10, 20, 40, 60, 1}});
  fails_with([&] { return parse(one(R"(, "bbox_mode": 4)"), {"5.png"}); }, "bbox_mode", "4");
  fails_with([&] { return parse(one(R"(, "confidence": 0.01)"), {"5.png"}); }, "entry 0", "confidence");
  fails_with([&] { return parse(one(R"(, "label": "bicycle")"), {"5.png"}); }, "--category", "bicycle");
  const BoxesFile unscored = parse(one(""), {"5.png"}, {.annotations = {}, .category = {}, .score_threshold = 0.5F, .scale = false});
  REQUIRE(unscored.notes().size() == 1);
  CHECK(unscored.notes()[0].find("1 box has no score") != std::string::npos);
}

TEST_CASE("Files of other kinds are named") {
  for (const auto& [begin, kind] :
       std::vector<std::pair<std::string, std::string>>{{"\x1F\x8B\x08", "gzip"},
                                                        {"PK\x03\x04", "ZIP"},
                                                        {"\x80\x04\x95", "pickle"},
                                                        {"<annotation>", "XML"},
                                                        {"version https://git-lfs.github.com/spec/v1", "Git-LFS"}})
    fails_with([&] { return parse(begin, {"a.png"}); }, "b.json", kind);
}

TEST_CASE("Names of categories say which is people") {
  const auto coco = [](const std::string& categories) {
    return R"({"images": [{"id": 1, "file_name": "a.png"}], "categories": )" + categories +
           R"(, "annotations": [{"image_id": 1, "category_id": 0, "bbox": [4, 2, 30, 40]}, {"image_id": 1, "category_id": 1, "bbox": [5, 2, 30, 40]}]})";
  };
  CHECK(left(parse(coco(R"([{"id": 0, "name": "person"}, {"id": 1, "name": "bicycle"}])"), {"a.png"}), "a.png") == 4);
  CHECK(left(parse(coco(R"([{"id": 1, "name": "Person"}, {"id": 0, "name": "bicycle"}])"), {"a.png"}), "a.png") == 5);
  CHECK(left(parse(coco(R"([{"id": 1, "name": "bicycle"}, {"id": 0, "name": "pedestrian"}])"), {"a.png"},
                   {.annotations = {}, .category = 0, .score_threshold = {}, .scale = false}),
             "a.png") == 4);
  fails_with([&] { return parse(coco(R"([{"id": 0, "name": "dog"}, {"id": 1, "name": "bicycle"}])"), {"a.png"}); }, "--category",
             "0 \"dog\", 1 \"bicycle\"");
  fails_with([&] { return parse(coco(R"([{"id": 0, "name": "person"}, {"id": 1, "name": "person"}])"), {"a.png"}); }, "--category",
             "0 and 1");
  fails_with([&] { return parse(coco(R"([{"id": 0, "name": "person"}, {"id": 0, "name": "dog"}])"), {"a.png"}); }, "category 0", "twice");
  fails_with(
      [&] {
        return parse(coco(R"([{"id": 0, "name": "person"}])"), {"a.png"},
                     {.annotations = {}, .category = 3, .score_threshold = {}, .scale = false});
      },
      "category", "3");
  fails_with([&] { return parse(coco("[]"), {"a.png"}); }, "--category", "0 (1 box), 1 (1 box)");
  const std::string twice = coco(R"([{"id": 0, "name": "person"}, {"id": 5, "name": "person"}, {"id": 1, "name": "dog"}])");
  CHECK(left(parse(twice, {"a.png"}), "a.png") == 4);  // a super-category, which has no boxes
  fails_with([&] { return parse(coco(R"([{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}])"), {"a.png"}); }, "--category",
             "0 (1 box)");
  fails_with(
      [&] {
        return parse(R"([{"image_id": "a.png", "category_name": "pedestrian", "category_id": 1, "bbox": [6, 2, 30, 40]}])", {"a.png"});
      },
      "--category", "\"pedestrian\"");
  // SAHI counts from 0 and writes names into each detection.
  const BoxesFile named = parse(R"([{"image_id": "a.png", "category_id": 0, "category_name": "person", "bbox": [6, 2, 30, 40]},
                                    {"image_id": "a.png", "category_id": 1, "category_name": "bicycle", "bbox": [7, 2, 30, 40]}])",
                                {"a.png"});
  CHECK(named.boxes("a.png", size).size() == 1);
  CHECK(left(named, "a.png") == 6);
  REQUIRE(named.notes().size() == 1);
  CHECK(named.notes()[0].find("\"bicycle\" (1 box)") != std::string::npos);
}

TEST_CASE("Sizes that contradict the upright image are refused, and scaled on demand if the shape is the same") {
  const auto coco = [](int width, int height) {
    return R"({"images": [{"id": 1, "file_name": "a.png", "width": )" + std::to_string(width) + ", \"height\": " + std::to_string(height) +
           R"(}], "annotations": [{"image_id": 1, "bbox": [50, 60, 100, 120]}]})";
  };
  const BoxesFileOptions scaled{.annotations = {}, .category = {}, .score_threshold = {}, .scale = true};
  for (const bool scale : {false, true}) {
    const BoxesFile same = parse(coco(400, 300), {"a.png"}, scale ? scaled : BoxesFileOptions{});
    CHECK(same.boxes("a.png", {400, 300}) == std::vector<Box>{{50, 60, 150, 180, 1}});
    const BoxesFile turned = parse(coco(300, 400), {"a.png"}, scale ? scaled : BoxesFileOptions{});
    fails_with([&] { return turned.boxes("a.png", {400, 300}); }, "300x400", "400x300");
    const BoxesFile other = parse(coco(400, 200), {"a.png"}, scale ? scaled : BoxesFileOptions{});
    fails_with([&] { return other.boxes("a.png", {400, 300}); }, "400x200", "400x300");
  }
  fails_with([&] { return parse(coco(800, 600), {"a.png"}).boxes("a.png", {400, 300}); }, "--scale-boxes", "800x600");
  CHECK(parse(coco(800, 600), {"a.png"}, scaled).boxes("a.png", {400, 300}) == std::vector<Box>{{25, 30, 75, 90, 1}});
  CHECK(parse(coco(200, 150), {"a.png"}, scaled).boxes("a.png", {400, 301}).front().x2 == 300);  // a pixel of rounding
  CHECK(parse(coco(0, 0), {"a.png"}).boxes("a.png", {400, 300}).size() == 1);                    // not known
  CHECK(parse(coco(400, 0), {"a.png"}).boxes("a.png", {400, 300}).size() == 1);
  fails_with([&] { return parse(coco(800, 0), {"a.png"}).boxes("a.png", {400, 300}); }, "800x300", "400x300");
  fails_with([&] { return parse(coco(-4, 3), {"a.png"}); }, "width", "-4");
}

TEST_CASE("Fractions of the sides, and boxes outside of the image, are refused") {
  fails_with([] { return parse(R"({"a.png": [[0.125, 0.1667, 0.375, 0.5], [0, 0, 1, 1]]})", {"a.png"}).boxes("a.png", size); }, "a.png",
             "400x300");
  fails_with([] { return parse(R"([{"image_id": "a.png", "bbox": [0.7, 0.7, 0.30000001, 0.3]}])", {"a.png"}).boxes("a.png", size); },
             "a.png", "pixels");
  CHECK(parse(R"({"a.png": [[0, 0, 1, 1]]})", {"a.png"}).boxes("a.png", {2, 2}).size() == 1);
  fails_with([] { return parse(R"({"a.png": [[0.125, 0.1667, 0.375, 0.5], [-0.02, 0.1, 0.3, 1.05]]})", {"a.png"}).boxes("a.png", size); },
             "a.png", "fractions");
  CHECK(parse(R"({"a.png": [[0.1, 0.1, 0.9, 0.9], [0, 0, 9, 9]]})", {"a.png"}).boxes("a.png", size).size() == 2);
  fails_with([] { return parse(R"({"a.png": [[0, 0, 9, 9], [500, 10, 600, 90]]})", {"a.png"}).boxes("a.png", size); }, "400x300",
             "(500, 10, 600, 90)");
  CHECK(parse(R"({"a.png": [[-20, -20, 900, 900]]})", {"a.png"}).boxes("a.png", size).size() == 1);
  CHECK(parse(R"({"a.png": [[1, 2, 30, null]]})", {"a.png"}).boxes("a.png", size).size() == 1);  // the estimator reports it
}

TEST_CASE("Scores at the threshold and crowds are left out, and counted") {
  const BoxesFile file =
      parse(R"([{"image_id": "a", "bbox": [1, 2, 3, 4], "score": 0.9}, {"image_id": "a", "bbox": [2, 2, 3, 4], "score": 0.25},
                                   {"image_id": "a", "bbox": [3, 2, 3, 4], "score": 0.001}, {"image_id": "a", "bbox": [4, 2, 3, 4], "iscrowd": 1}])",
            {"a.png"}, {.annotations = {}, .category = {}, .score_threshold = 0.25F, .scale = false});
  CHECK(file.boxes("a.png", size).size() == 1);
  REQUIRE(file.notes().size() == 2);
  CHECK(file.notes()[0].find("1 box of crowds") != std::string::npos);
  CHECK(file.notes()[1].find("2 boxes with a score of at most 0.25") != std::string::npos);
}

TEST_CASE("Names in another folder than written are noted with an example") {
  const BoxesFile file = parse(R"({"train/x.png": [], "y.png": []})", {"val/x.png", "val/y.png"});
  REQUIRE(file.notes().size() == 1);
  CHECK(file.notes()[0].find("1 input is in another folder") != std::string::npos);
  CHECK(file.notes()[0].find("\"train/x.png\"") != std::string::npos);
}

TEST_CASE("Annotations give ids to images, and images to ids") {
  const posekit_test::TemporaryDir folder;
  const std::string annotations = (folder.path() / "a.json").string();
  std::ofstream(annotations)
      << R"({"images": [{"id": 17, "file_name": "val/x.png", "width": 400, "height": 300}, {"id": 18, "file_name": "val/y.png"}],
                                            "categories": [{"id": 3, "name": "person"}, {"id": 1, "name": "dog"}]})";
  const BoxesFileOptions options{.annotations = annotations, .category = {}, .score_threshold = {}, .scale = false};
  const BoxesFile file =
      parse(R"([{"image_id": 17, "category_id": 3, "bbox": [1, 2, 30, 40]}, {"image_id": 17, "category_id": 1, "bbox": [2, 2, 30, 40]}])",
            {"p/x.png", "p/y.png"}, options);
  CHECK(file.boxes("p/x.png", size) == std::vector<Box>{{1, 2, 31, 42, 1}});
  CHECK(file.image_id("p/x.png") == 17);
  CHECK(file.image_id("p/y.png") == 18);
  CHECK_FALSE(file.has_entry("p/y.png"));
  fails_with([&] { return file.boxes("p/x.png", {300, 400}); }, "400x300", "300x400");

  // An id that the annotations don't have is no name; sizes count in both files.
  const BoxesFile unknown = parse(R"([{"image_id": 785, "bbox": [1, 2, 30, 40]}, {"image_id": 17, "bbox": [1, 2, 30, 40]}])",
                                  {"x.png", "785.png"}, {.annotations = annotations, .category = 1, .score_threshold = {}, .scale = false});
  CHECK_FALSE(unknown.has_entry("785.png"));
  CHECK(unknown.unused_entries() == Names{"785"});
  const BoxesFile sized = parse(
      R"({"images": [{"id": 1, "file_name": "y.png", "width": 800, "height": 600}], "annotations": [{"image_id": 1, "bbox": [1, 2, 30, 40]}]})",
      {"y.png"}, options);
  fails_with([&] { return sized.boxes("y.png", size); }, "800x600", "400x300");

  const BoxesFile ids({}, images_of({"x.png", "z.png"}), options);
  CHECK(ids.image_id("x.png") == 17);
  CHECK_FALSE(ids.image_id("z.png"));
  fails_with([&] { return BoxesFile({}, images_of({"z.png"}), options); }, "a.json", "z.png");
  fails_with([&] { return BoxesFile("nowhere.json", images_of({"z.png"}), {}); }, "boxes file", "nowhere.json");
  fails_with([&] { return BoxesFile(folder.path(), images_of({"z.png"}), {}); }, "boxes file", folder.path().string());
}
