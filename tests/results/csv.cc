/// Results as rows of comma-separated values, read back by a reader of RFC 4180.
#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <string>
#include <vector>

#include "posekit/error.h"
#include "posekit/result_io.h"
#include "support/fails_with.h"

using namespace posekit;
using Rows = std::vector<std::vector<std::string>>;

namespace {

/// Each field as it stands, without the quotes; a missing one is "-".
Rows read_csv(const std::string& text) {
  Rows rows{{}};
  std::string field;
  bool was_quoted = false;
  const auto end_field = [&] {
    rows.back().push_back(field.empty() && !was_quoted ? "-" : field);
    field.clear();
    was_quoted = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      was_quoted = true;
      for (++i; text[i] != '"' || text[i + 1] == '"'; ++i) {
        field += text[i];
        if (text[i] == '"') ++i;
      }
    } else if (text[i] == ',') {
      end_field();
    } else if (text[i] == '\n') {
      end_field();
      rows.emplace_back();
    } else {
      field += text[i];
    }
  }
  REQUIRE(rows.back().empty());  // the last line ends
  rows.pop_back();
  return rows;
}

const KeypointSet two{
    .name = "two", .provenance = {}, .keypoints = {{"nose", {}}, {"say \"hand\", left", {}}}, .links = {}, .sigmas = {}, .subsets = {}};

ImageResult one_person() {
  ImageResult result;
  Pose pose;
  pose.box = {0.5, -1, 10.25, 20, 0.1F};
  pose.box_index = 3;
  pose.keypoints = {{1.5F, 2, 0.1F}, {-3, 4.25F, 1e-7F}};
  result.poses = {pose};
  return result;
}

const ResultSource photo{.path = "a, \"b\"\nc.jpg", .size = {640, 480}, .frame = {}, .time_s = {}};

}  // namespace

TEST_CASE("A CSV row is a keypoint of a person, with the columns of the header") {
  const Rows header = read_csv(csv_header());
  REQUIRE(header.size() == 1);
  CHECK(header[0] == std::vector<std::string>{"result",   "path", "frame", "time_s", "width",      "height",    "box_index",
                                              "track_id", "x1",   "y1",    "x2",     "y2",         "box_score", "keypoint_index",
                                              "keypoint", "x",    "y",     "score",  "error_code", "error"});
  const Rows rows = read_csv(to_csv(one_person(), photo, 7, two));
  REQUIRE(rows.size() == 2);
  CHECK(
      rows[0] ==
      std::vector<std::string>{
          "7", "a, \"b\"\nc.jpg", "-", "-", "640", "480", "3", "-", "0.5", "-1", "10.25", "20", "0.1", "0", "nose", "1.5", "2", "0.1", "-",
          "-"});
  CHECK(rows[1] ==
        std::vector<std::string>{"7", "a, \"b\"\nc.jpg",    "-",  "-",    "640",   "480", "3", "-", "0.5", "-1", "10.25", "20", "0.1",
                                 "1", "say \"hand\", left", "-3", "4.25", "1e-07", "-",   "-"});
}

TEST_CASE("CSV rows of a video have the frame, its time and the person's number") {
  ImageResult result = one_person();
  result.poses[0].track_id = 0;
  const Rows rows = read_csv(to_csv(result, {.path = "v.mp4", .size = {8, 6}, .frame = 12, .time_s = 0.48}, 0, two));
  CHECK(rows[1][2] == "12");
  CHECK(rows[1][3] == "0.48");
  CHECK(rows[1][7] == "0");
}

TEST_CASE("An error is a CSV row behind those of the people: the image's without a box, a box's with its index") {
  ImageResult result = one_person();
  result.code = ErrorCode::deadline_exceeded;
  result.message = "late, \"really\"";
  result.box_errors = {{5, ErrorCode::invalid_argument, ""}};
  const Rows rows = read_csv(to_csv(result, photo, 0, two));
  REQUIRE(rows.size() == 4);
  const std::vector<std::string> image{"0", "a, \"b\"\nc.jpg", "-", "-", "640", "480"};
  const auto error_row = [&](const char* box, const char* code, const char* message) {
    std::vector<std::string> row = image;
    row.push_back(box);
    row.resize(18, "-");
    row.insert(row.end(), {code, message});
    return row;
  };
  CHECK(rows[2] == error_row("-", "deadline_exceeded", "late, \"really\""));
  CHECK(rows[3] == error_row("5", "invalid_argument", ""));
}

TEST_CASE("A result without people and errors is one CSV row with its image") {
  const Rows rows = read_csv(to_csv({}, photo, 2, two));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].size() == 20);
  CHECK(rows[0][0] == "2");
  CHECK(std::vector<std::string>(rows[0].begin() + 6, rows[0].end()) == std::vector<std::string>(14, "-"));
}

TEST_CASE("CSV is UTF-8 with finite numbers, whatever paths and poses hold") {
  ImageResult result = one_person();
  result.poses[0].keypoints[0].score = std::numeric_limits<float>::quiet_NaN();
  const Rows rows = read_csv(to_csv(result, {.path = "\xff.jpg", .size = {1, 1}, .frame = {}, .time_s = {}}, 0, two));
  CHECK(rows[0][1] == "\xEF\xBF\xBD.jpg");
  CHECK(rows[0][17] == "0");
}

TEST_CASE("CSV of a pose with another number of keypoints than the set is refused") {
  ImageResult result = one_person();
  result.poses[0].keypoints.pop_back();
  posekit_test::fails_with([&] { return to_csv(result, photo, 0, two); }, "two", "1 keypoints");
}
