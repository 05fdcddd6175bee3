/// --report: a page about a run, with small pictures.
#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <random>

#include "posekit/image_io.h"
#include "posekit/video.h"
#include "support/videos.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using posekit_test::check_error;
using posekit_test::report_rows;
using posekit_test::Workplace;
using Names = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

const std::string page_file = "posekit-out/report/index.html";

/// The number that the page shows at an element.
std::string shown(const std::string& page, const std::string& id) {
  const std::string begin = "id=\"" + id + "\">";
  const std::size_t at = page.find(begin) + begin.size();
  return page.substr(at, page.find('<', at) - at);
}

/// What the page counts: inputs, done, failed, done before, people.
Names counts(const std::string& page) {
  Names numbers;
  for (const char* id : {"count-inputs", "count-done", "count-failed", "count-before", "count-people"}) numbers.push_back(shown(page, id));
  return numbers;
}

std::vector<std::string> states(const json& rows) {
  std::vector<std::string> all;
  for (const json& row : rows) all.push_back(row["state"]);
  return all;
}

posekit::Image picture(int width, int height, const std::function<int(int x, int y, int c)>& value) {
  posekit::Image image{.pixels = {}, .width = width, .height = height, .format = posekit::PixelFormat::bgr8};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) image.pixels.push_back(static_cast<std::uint8_t>(value(x, y, c)));
    }
  }
  return image;
}

int pixel(const posekit::Image& image, int x, int y, int c) {
  return image.pixels[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)) * 3 +
                      static_cast<std::size_t>(c)];
}

}  // namespace

TEST_CASE("A report counts inputs and people, and lists each input in order with its files, its figures or its error") {
  const Workplace here;
  here.image("in/a.png", 80, 40);
  here.text("in/b.png", "no image");
  here.image("in/sub/c.png", 30, 60);
  const auto result = here.estimate({"in", "in/missing.png", "--whole-image", "--report", "--draw"});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("the report is posekit-out/report/index.html"));
  const std::string page = here.read(page_file);
  CHECK(counts(page) == Names{"4", "2", "2", "0", "2"});
  json rows = report_rows(page);
  CHECK(states(rows) == Names{"done", "failed", "done", "failed"});
  const json result_a = here.json("posekit-out/a.png.json");
  double ms = 0;
  for (const auto& [stage, time] : result_a["timings_ms"].items()) ms += time.get<double>();
  CHECK(rows[0]["ms"].get<double>() == Catch::Approx(ms).margin(0.0501));
  CHECK(rows[0].erase("ms") == 1);
  CHECK(rows[0] == json({{"input", "in/a.png"},
                         {"name", "a.png"},
                         {"state", "done"},
                         {"people", 1},
                         {"width", 80},
                         {"height", 40},
                         {"result", ".json"},
                         {"drawing", ".pose.jpg"},
                         {"thumbnail", ".pose.jpg"}}));
  CHECK(rows[2]["name"] == "sub/c.png");
  CHECK(here.has("posekit-out/report/thumbnails/sub/c.png.pose.jpg"));
  for (const json& failed : {rows[1], rows[3]}) {
    CHECK_FALSE((failed.contains("result") || failed.contains("drawing") || failed.contains("thumbnail") || failed.contains("people")));
    REQUIRE(failed["messages"].size() == 1);
    CHECK_THAT(result.err, ContainsSubstring(failed["messages"][0].get<std::string>()));
    CHECK_THAT(failed["messages"][0], ContainsSubstring(": "));
  }
  CHECK_THAT(page, ContainsSubstring("<li>in/missing.png: image &quot;in/missing.png&quot; does not exist: check the path</li>"));
}

TEST_CASE("A report lists box errors beside the people of an image, and what concerns the run as notes") {
  const Workplace here;
  here.image("a.png", 80, 40);
  here.text("boxes.json", R"({"a.png": [[0, 0, 40, 40], [30, 5, 20, 40]], "other.png": []})");
  const auto result = here.estimate({"a.png", "--boxes", "boxes.json", "--report"});
  CHECK(result.exit_code == 1);
  const std::string page = here.read(page_file);
  const json row = report_rows(page).at(0);
  CHECK(row.at("state") == "failed");
  CHECK(row.at("people") == 1);
  CHECK(row.at("result") == ".json");
  CHECK_THAT(row.at("messages").at(0), ContainsSubstring("box 1"));
  CHECK_THAT(page, ContainsSubstring("<h2>Notes</h2>") && ContainsSubstring("boxes.json"));
}

TEST_CASE("No file name breaks out of a report, and its files are found whatever their bytes") {
  const Workplace here;
  const std::string name =
      GENERATE(std::string("<!--<script>alert('1')</script>\"&amp;.png"), std::string("\xE2\x80\xA8\xE2\x80\xA9{{rows}}.png"),
               std::string("no\xFF\xFEutf.png"), std::string("100%25 #?.png"), std::string("a\nb\\\".png"));
  here.image("in/" + name);
  here.text("in/" + name + ".broken.png", "no image");
  REQUIRE(here.estimate({"in", "--whole-image", "--report"}).exit_code == 1);
  const std::string page = here.read(page_file);
  const json rows = report_rows(page);
  REQUIRE(rows.size() == 2);
  CHECK_THAT(page, !ContainsSubstring("<script>") && !ContainsSubstring("<!--"));
  CHECK_THAT(page, !ContainsSubstring("\xFF"));
  std::string decoded;
  const std::string url = rows[0]["name"];
  for (std::size_t i = 0; i < url.size(); ++i) {
    CAPTURE(url);
    CHECK((std::isalnum(static_cast<unsigned char>(url[i])) != 0 || std::string_view("-._~/%").find(url[i]) != std::string_view::npos));
    if (url[i] != '%') {
      decoded += url[i];
    } else {
      decoded += static_cast<char>(std::stoi(url.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
  }
  CHECK(decoded == name);
  CHECK(here.has("posekit-out/report/thumbnails/" + name + rows[0]["thumbnail"].get<std::string>()));
}

TEST_CASE("A thumbnail is a JPEG of at most 192 pixels and 20 kB, of pure noise too") {
  const Workplace here;
  std::mt19937 random(7);
  const posekit::Image noise = picture(700, 500, [&](int, int, int) { return static_cast<int>(random() >> 24); });
  posekit::write_image(here.path("noise.png"), noise.view());
  posekit::write_image(here.path("small.png"), picture(192, 191, [&](int, int, int) { return static_cast<int>(random() >> 24); }).view());
  here.image("tall.png", 30, 3000);
  here.image("tiny.png", 7, 5);
  REQUIRE(here.estimate({"noise.png", "small.png", "tall.png", "tiny.png", "--whole-image", "--report"}).exit_code == 0);
  const auto thumbnail = [&](const std::string& name) {
    const std::string file = "posekit-out/report/thumbnails/" + name + ".pose.jpg";
    CHECK(fs::file_size(here.path(file)) <= 20000);
    CHECK(here.read(file).starts_with("\xFF\xD8\xFF"));
    return posekit::image_size(here.path(file));
  };
  CHECK(thumbnail("noise.png") == posekit::Size{192, 137});
  CHECK(thumbnail("small.png").width < 192);
  CHECK(thumbnail("small.png").width > 96);
  CHECK(thumbnail("tall.png") == posekit::Size{2, 192});
  CHECK(thumbnail("tiny.png") == posekit::Size{7, 5});
}

TEST_CASE("A thumbnail's pixels are the means of the image areas that they cover") {
  const Workplace here;
  const auto [width, height] = GENERATE(std::pair{600, 400}, std::pair{251, 333});
  // The mean of a ramp over an area is its value at the area's centre.
  const auto ramp = [](double x, double y, int c) { return c == 0 ? 20 + x / 3 : c == 1 ? 230 - y / 2 : (x + y) / 5 + 10; };
  posekit::write_image(here.path("ramp.png"),
                       picture(width, height, [&](int x, int y, int c) { return static_cast<int>(std::lround(ramp(x, y, c))); }).view());
  here.text("boxes.json", R"({"ramp.png": []})");
  REQUIRE(here.estimate({"ramp.png", "--boxes", "boxes.json", "--report"}).exit_code == 0);
  const posekit::Image small = posekit::read_image(here.path("posekit-out/report/thumbnails/ramp.png.pose.jpg"));
  CHECK(std::max(small.width, small.height) == 192);
  double worst = 0;
  for (int y = 0; y < small.height; ++y) {
    for (int x = 0; x < small.width; ++x) {
      const double source_x = (x + 0.5) * width / small.width - 0.5;
      const double source_y = (y + 0.5) * height / small.height - 0.5;
      for (int c = 0; c < 3; ++c) worst = std::max(worst, std::abs(pixel(small, x, y, c) - ramp(source_x, source_y, c)));
    }
  }
  CHECK(worst < 6);  // JPEG's own
}

TEST_CASE("The poses are on the thumbnail where they are on the image") {
  const Workplace here;
  posekit::write_image(here.path("grey.png"), picture(1200, 800, [](int, int, int) { return 128; }).view());
  REQUIRE(here.estimate({"grey.png", "--whole-image", "--report"}).exit_code == 0);
  const json person = here.json("posekit-out/grey.png.json")["instance_info"][0];
  const double x1 = person["keypoints"][0][0];
  const double x2 = person["keypoints"][1][0];
  const double y = person["keypoints"][0][1];
  const posekit::Image small = posekit::read_image(here.path("posekit-out/report/thumbnails/grey.png.pose.jpg"));
  REQUIRE(small.width == 192);
  const auto contrast = [&](double at_x, double at_y) {
    int most = 0;
    for (int c = 0; c < 3; ++c)
      most = std::max(most, std::abs(pixel(small, static_cast<int>(at_x * 192 / 1200), static_cast<int>(at_y * 192 / 1200), c) - 128));
    return most;
  };
  CHECK(contrast(x1, y) > 40);
  CHECK(contrast(x2, y) > 40);
  CHECK(contrast((x1 + x2) / 2, y) > 40);
  CHECK(contrast((x1 + x2) / 2, y - 150) < 10);
  CHECK(contrast(x2 + 200, y) < 10);
}

TEST_CASE("A video is one row, whose thumbnail is the first frame with people") {
  const Workplace here;
  const posekit::Image photo = posekit::read_image(posekit_test::source_dir() / "examples/images/astronaut.jpg");
  const posekit::Image black = picture(photo.width, photo.height, [](int, int, int) { return 0; });
  const posekit::Image grey = picture(photo.width, photo.height, [](int, int, int) { return 90; });
  for (const auto& [name, frames] : {std::pair{"late.avi", std::vector{&black, &black, &photo, &grey}}, {"empty.avi", {&grey, &black}}}) {
    posekit::VideoWriter writer(here.path(name), photo.view().size(), 10);
    for (const posekit::Image* frame : frames) writer.write(frame->view());
    writer.finish();
  }
  REQUIRE(here.run({"estimate", "late.avi", "empty.avi", "--report", "--no-track"}).exit_code == 0);
  const std::string page = here.read(page_file);
  const json rows = report_rows(page);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["frames"] == 4);
  std::size_t poses = 0;
  for (const std::string& line : posekit_test::lines(here.read("posekit-out/late.avi.jsonl")))
    poses += json::parse(line)["instance_info"].size();
  CHECK(poses == 1);
  CHECK(rows[0]["people"] == poses);
  CHECK(rows[0]["result"] == ".jsonl");
  CHECK(counts(page) == Names{"2", "2", "0", "0", "1"});
  const posekit::Image with_people = posekit::read_image(here.path("posekit-out/report/thumbnails/late.avi.pose.jpg"));
  const posekit::Image without = posekit::read_image(here.path("posekit-out/report/thumbnails/empty.avi.pose.jpg"));
  CHECK(*std::ranges::max_element(with_people.pixels) > 200);
  CHECK(std::ranges::minmax(with_people.pixels).min < 30);
  CHECK(std::ranges::minmax(without.pixels).min > 80);
  CHECK(std::ranges::minmax(without.pixels).max < 100);
}

TEST_CASE("What was done before is listed so, with its figures and the thumbnail that is there") {
  const Workplace here;
  here.image("a.png");
  posekit_test::write_video(here.path("b.avi"), 3);
  REQUIRE(here.estimate({"a.png", "b.avi", "--whole-image", "--report"}).exit_code == 0);
  json first = report_rows(here.read(page_file));
  here.image("c.png");
  REQUIRE(here.estimate({"a.png", "b.avi", "c.png", "--whole-image", "--report"}).exit_code == 0);
  const std::string page = here.read(page_file);
  CHECK(counts(page) == Names{"3", "1", "0", "2", "5"});
  const json second = report_rows(page);
  CHECK(states(second) == Names{"done before", "done before", "done"});
  for (json& row : first) row["state"] = "done before";
  for (std::size_t i : {0U, 1U}) CHECK(second[i] == first[i]);
  fs::remove_all(here.path("posekit-out/report"));
  REQUIRE(here.estimate({"a.png", "b.avi", "c.png", "--whole-image", "--report"}).exit_code == 0);
  for (const json& row : report_rows(here.read(page_file))) {
    CHECK(row.contains("result"));
    CHECK_FALSE(row.contains("thumbnail"));
  }
}

TEST_CASE("A report needs a folder, and replaces nothing but a report") {
  const Workplace here;
  here.image("a.png");
  const auto to_stdout = here.estimate({"a.png", "--whole-image", "--report", "-o", "-"});
  CHECK(to_stdout.exit_code == 2);
  CHECK(to_stdout.out.empty());
  check_error(to_stdout.err, "--report", "-o");
  here.text(page_file, "<html>my own page</html>");
  const auto refused = here.estimate({"a.png", "--whole-image", "--report"});
  CHECK(refused.exit_code == 2);
  check_error(refused.err, "posekit-out/report/index.html", "--overwrite");
  CHECK(here.files("posekit-out") == Names{"report/index.html"});
  CHECK(here.estimate({"a.png", "--whole-image", "--report", "--overwrite"}).exit_code == 0);
  CHECK(report_rows(here.read(page_file)).size() == 1);
  CHECK(here.estimate({"a.png", "--whole-image", "--report"}).exit_code == 0);
  here.text("other/report", "a file");
  const auto file = here.estimate({"a.png", "--whole-image", "--report", "-o", "other"});
  CHECK(file.exit_code == 2);
  check_error(file.err, "other/report", "--report");
}

TEST_CASE("A report's files are no inputs, and are not counted as left out") {
  const Workplace here;
  here.image("a.png");
  here.image("sub/b.png");
  fs::copy_file(here.path("a.png"), here.path("no-extension"));
  const Names arguments{".", "no-extension", "--whole-image", "--report", "-o", GENERATE("posekit-out", ".", "sub")};
  REQUIRE(here.estimate(arguments).exit_code == 0);
  const auto again = here.estimate(arguments);
  CHECK(again.exit_code == 0);
  const std::string page = here.read(arguments.back() + "/report/index.html");
  CHECK(counts(page) == Names{"3", "0", "0", "3", "3"});
  for (const json& row : report_rows(page)) CHECK(row.contains("thumbnail"));
  CHECK_THAT(again.err, !ContainsSubstring(" .html"));
  CHECK_THAT(here.estimate({".", "--whole-image", "-o", "elsewhere"}).err, !ContainsSubstring(" .html"));
}

TEST_CASE("A page or thumbnail that can't be written fails the run, and the results are there") {
  const Workplace here;
  here.image("a.png");
  fs::create_directories(here.path("posekit-out/report/thumbnails/a.png.pose.jpg"));
  const auto thumbnail = here.estimate({"a.png", "--whole-image", "--report"});
  CHECK(thumbnail.exit_code == 1);
  check_error(thumbnail.err, "1 thumbnail", "a.png.pose.jpg");
  CHECK_FALSE(report_rows(here.read(page_file))[0].contains("thumbnail"));
  here.text("other/report/index.html/file", "");
  const auto page = here.estimate({"a.png", "--whole-image", "--report", "--overwrite", "-o", "other"});
  CHECK(page.exit_code == 1);
  check_error(page.err, "other/report/index.html");
  CHECK(here.has("other/a.png.json"));
}

TEST_CASE("A report of COCO results has the people of each image, and no file of its own for it") {
  const Workplace here;
  here.image("a.png");
  REQUIRE(here.estimate({"a.png", "--whole-image", "--report", "--format", "coco"}).exit_code == 0);
  const json row = report_rows(here.read(page_file)).at(0);
  CHECK(row.at("people") == 1);
  CHECK_FALSE(row.contains("result"));
  CHECK(row.at("thumbnail") == ".pose.jpg");
}
