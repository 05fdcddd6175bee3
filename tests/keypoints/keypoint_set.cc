/// Keypoint sets: the built-in ones, parsing, subsets.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>

#include "posekit/error.h"
#include "posekit/keypoints.h"
#include "support/fails_with.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::check_message_form;
using posekit_test::fails_with;

namespace {

std::string message_of(const std::string& json) {
  try {
    (void)parse_keypoint_set(json);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid_argument);
    return error.what();
  }
  return "no error";
}

const std::string two_points = R"({"name": "two", "keypoints": [{"name": "left_eye", "swap": 1}, {"name": "right_eye", "swap": 0}],
  "links": [[0, 1]], "sigmas": [0.1, 0.2], "subsets": {"one": [1]}})";

}  // namespace

TEST_CASE("The built-in keypoint sets have the sizes their names say") {
  const auto [name, count] = GENERATE(table<std::string, std::size_t>(
      {{"blazepose33", 33}, {"coco17", 17}, {"coco_wholebody133", 133}, {"goliath308", 308}, {"halpe26", 26}, {"mpii16", 16}}));
  const KeypointSet& set = builtin_keypoint_set(name);
  CHECK(set.name == name);
  CHECK(set.size() == count);
  CHECK(set.can_mirror());
  CHECK(!set.links.empty());
}

TEST_CASE("builtin_keypoint_sets lists every set, sorted") {
  CHECK(builtin_keypoint_sets() ==
        std::vector<std::string>{"blazepose33", "coco17", "coco_wholebody133", "goliath308", "halpe26", "mpii16"});
}

TEST_CASE("Partners of the built-in sets are left and right of the same part") {
  for (const std::string& name : builtin_keypoint_sets()) {
    const KeypointSet& set = builtin_keypoint_set(name);
    for (std::size_t i = 0; i < set.size(); ++i) {
      const std::string& own = set.keypoints[i].name;
      const std::string& other = set.keypoints[*set.keypoints[i].swap].name;
      INFO(name << ": " << own << " and " << other);
      if (own.starts_with("left_")) CHECK(other == "right_" + own.substr(5));
      CHECK(*set.keypoints[*set.keypoints[i].swap].swap == i);
    }
  }
}

TEST_CASE("An unknown keypoint set is an error that lists the known ones") {
  CHECK_THROWS_WITH(builtin_keypoint_set("coco18"), ContainsSubstring("coco17") && ContainsSubstring("mpii16"));
  fails_with([] { return builtin_keypoint_set("coco18"); }, "keypoint set", "coco18");
}

TEST_CASE("parse_keypoint_set reads every part of a set") {
  const KeypointSet set = parse_keypoint_set(two_points);
  CHECK(set.name == "two");
  CHECK(set.keypoints == std::vector<KeypointInfo>{{"left_eye", 1}, {"right_eye", 0}});
  CHECK(set.links == std::vector<std::pair<std::size_t, std::size_t>>{{0, 1}});
  CHECK(set.sigmas == std::vector<double>{0.1, 0.2});
  CHECK(set.subsets.at("one") == std::vector<std::size_t>{1});
  CHECK_FALSE(parse_keypoint_set(R"({"name": "n", "keypoints": [{"name": "a"}]})").can_mirror());
}

TEST_CASE("parse_keypoint_set names the key that is wrong") {
  const auto [json, expected] = GENERATE(table<std::string, std::string>({
      {"", "not valid JSON"},
      {"[]", "the document is [], an object"},
      {R"({"keypoints": [{"name": "a"}]})", "\"name\" is missing"},
      {R"({"name": 3, "keypoints": [{"name": "a"}]})", "\"name\" is 3"},
      {R"({"name": "n"})", "\"keypoints\" is missing"},
      {R"({"name": "n", "keypoints": {}})", "\"keypoints\" is {}"},
      {R"({"name": "n", "keypoints": []})", "\"keypoints\" has 0 entries"},
      {R"({"name": "n", "keypoints": ["a"]})", "\"keypoints[0]\""},
      {R"({"name": "n", "keypoints": [{"swap": 0}]})", "\"name\" is missing"},
      {R"({"name": "n", "keypoints": [{"name": "a"}, {"name": "a"}]})", "\"keypoints[1].name\""},
      {R"({"name": "n", "keypoints": [{"name": "a", "id": 1}]})", "\"keypoints[0].id\" is 1"},
      {R"({"name": "n", "keypoints": [{"name": "a", "swap": 1}]})", "\"keypoints[0].swap\" is 1"},
      {R"({"name": "n", "keypoints": [{"name": "a", "swap": -1}]})", "\"keypoints[0].swap\" is -1"},
      {R"({"name": "n", "keypoints": [{"name": "a", "swap": 0.5}]})", "\"keypoints[0].swap\" is 0.5"},
      {R"({"name": "n", "keypoints": [{"name": "a", "swap": 1}, {"name": "b", "swap": 1}]})",
       "\"keypoints[0].swap\" is 1, whose partner is another"},
      {R"({"name": "n", "count": 2, "keypoints": [{"name": "a"}]})", "\"count\" is 2"},
      {R"({"name": "n", "keypoints": [{"name": "a"}], "links": [[0]]})", "\"links\""},
      {R"({"name": "n", "keypoints": [{"name": "a"}], "links": [[0, 1]]})", "\"links\" is 1"},
      {R"({"name": "n", "keypoints": [{"name": "a"}], "sigmas": [1, 2]})", "\"sigmas\" has 2"},
      {R"({"name": "n", "keypoints": [{"name": "a"}], "sigmas": [0]})", "\"sigmas\" has the entry 0"},
      {R"({"name": "n", "keypoints": [{"name": "a"}], "subsets": {"s": [0, 0]}})", "\"subsets.s\" names keypoint 0 twice"},
      {R"({"name": "n", "keypoints": [{"name": "a"}], "subsets": {"s": []}})", "\"subsets.s\" is empty"},
      {R"({"name": "n", "keypoints": [{"name": "a"}], "subsets": []})", "\"subsets\" is []"},
      {std::string(100000, '['), "nested deeper"},
      {std::string(100000, '[') + std::string(100000, ']'), "nested deeper"},
      {R"({"name": "n", "name": "m", "keypoints": [{"name": "a"}]})", "\"name\" twice"},
      {R"({"name": 1e999, "keypoints": [{"name": "a"}]})", "out of range"},
  }));
  INFO(json.substr(0, 200));
  check_message_form(message_of(json), "keypoint set", expected);
}

TEST_CASE("select_keypoints accepts a subset's name, the set's own, or names of keypoints") {
  const KeypointSet& set = builtin_keypoint_set("blazepose33");
  CHECK(select_keypoints(set, std::vector<std::string>{"coco17"}).size() == 17);
  CHECK(select_keypoints(set, std::vector<std::string>{"blazepose33"}).size() == 33);
  CHECK(select_keypoints(set, std::vector<std::string>{"right_wrist", "nose"}) == std::vector<std::size_t>{16, 0});
}

TEST_CASE("A selection may mix subsets and keypoints, and keeps what several bring at its first place") {
  const KeypointSet& set = builtin_keypoint_set("goliath308");
  const auto select = [&](const std::vector<std::string>& names) { return select_keypoints(set, names); };
  const std::vector<std::size_t> body = select({"body"});
  const std::vector<std::size_t> hand = select({"left_hand"});
  std::vector<std::size_t> expected = body;
  for (const std::size_t i : hand) {
    if (set.keypoints[i].name != "left_wrist") expected.push_back(i);
  }
  CHECK(select({"body", "left_hand"}) == expected);
  CHECK(expected.size() == body.size() + hand.size() - 1);
  CHECK(select({"left_wrist", "left_hand"})[0] == hand[0]);
  CHECK(select({"left_wrist", "left_hand"}).size() == hand.size());
  CHECK(select({"feet", "goliath308"}).size() == 308);
  CHECK(subset(set, select({"body", "left_hand"})).links.size() == subset(set, body).links.size() + subset(set, hand).links.size());
}

TEST_CASE("select_keypoints names the wrong name and the right ones") {
  const KeypointSet& set = builtin_keypoint_set("blazepose33");
  const auto select = [&](const std::vector<std::string>& names) { return [&set, names] { return select_keypoints(set, names); }; };
  CHECK_THROWS_WITH(select({"tail"})(), ContainsSubstring("coco17"));
  fails_with(select({"tail"}), "\"blazepose33\"", "tail");
  fails_with(select({"nose", "nose"}), "keypoint selection", "\"nose\" twice");
  fails_with(select({"coco17", "coco17"}), "keypoint selection", "\"coco17\" twice");
  fails_with(select({"coco17", "tail"}), "\"blazepose33\"", "tail");
  fails_with(select({}), "keypoint selection", "empty");
}

TEST_CASE("Of two subsets with the same keypoints, a built-in set's name is the new set's") {
  const KeypointSet& set = builtin_keypoint_set("coco_wholebody133");
  const std::vector<std::size_t> body = select_keypoints(set, std::vector<std::string>{"body"});
  CHECK(body == select_keypoints(set, std::vector<std::string>{"coco17"}));
  CHECK(subset(set, body).name == "coco17");
}

TEST_CASE("A subset keeps names, inner links, inner partners and sigmas, renumbered") {
  const KeypointSet& body = builtin_keypoint_set("coco_wholebody133");
  const KeypointSet& coco = builtin_keypoint_set("coco17");
  const KeypointSet taken = subset(body, select_keypoints(body, std::vector<std::string>{"coco17"}));
  CHECK(taken.name == "coco17");
  CHECK(taken.keypoints == coco.keypoints);
  CHECK(taken.links == coco.links);
  CHECK(taken.sigmas == coco.sigmas);

  const KeypointSet half = subset(coco, std::vector<std::size_t>{7, 5, 6});
  CHECK(half.keypoints[0] == KeypointInfo{"left_elbow", std::nullopt});
  CHECK(half.keypoints[1] == KeypointInfo{"left_shoulder", 2});
  CHECK(half.links == std::vector<std::pair<std::size_t, std::size_t>>{{1, 2}, {1, 0}});
  fails_with([&] { return subset(coco, std::vector<std::size_t>{17}); }, "\"coco17\"", "17");
}
