/// posekit bench.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <set>
#include <tuple>

#include "support/model_builder.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using posekit_test::check_error;
using posekit_test::Workplace;

namespace {

void make_model(const Workplace& here) {
  here.image("a.png");
  REQUIRE(here.estimate({"a.png", "--whole-image"}).exit_code == 0);
}

const std::vector<std::string> sweep{"bench", "model.pt", "--batch", "1,3", "--threads", "1,2", "--torch-threads", "1", "--seconds", "0"};

}  // namespace

TEST_CASE("bench measures every setting once, and no stage takes longer than the whole") {
  const Workplace here;
  make_model(here);
  auto arguments = sweep;
  arguments.insert(arguments.end(), {"--json", "-"});
  const auto result = here.run(arguments);
  REQUIRE(result.exit_code == 0);
  const auto document = nlohmann::json::parse(result.out);
  CHECK(document["format"] == "posekit-bench/1");
  CHECK(document["model"] == "test");
  CHECK(document["device"] == "cpu");
  CHECK(document["cpus"] == 2);
  CHECK(document["cpus_decided_by"] == "posekit_cpus");
  std::set<std::tuple<int, int, int>> settings;
  for (const auto& row : document["rows"]) {
    settings.emplace(row["batch"], row["threads"], row["torch_threads"]);
    const auto& median = row["median_ms"];
    for (const char* stage : {"preprocess", "inference", "postprocess"}) {
      CHECK(median[stage] > 0);
      CHECK(median[stage] <= median["whole"]);
    }
    CHECK(row["calls"] >= 3);
    CHECK(row["persons_per_second"] > 0);
  }
  CHECK(settings == std::set<std::tuple<int, int, int>>{{1, 1, 1}, {3, 1, 1}, {1, 2, 1}, {3, 2, 1}});
}

TEST_CASE("bench prints a table and writes the figures to a file") {
  const Workplace here;
  make_model(here);
  auto arguments = sweep;
  arguments.insert(arguments.end(), {"--json", "figures.json"});
  const auto result = here.run(arguments);
  REQUIRE(result.exit_code == 0);
  CHECK(posekit_test::lines(result.out).size() == 2 + 4);
  CHECK_THAT(result.out, ContainsSubstring("test on cpu, fp32") && ContainsSubstring("usable CPUs: 2 (posekit_cpus)") &&
                             ContainsSubstring("persons/s"));
  CHECK(here.json("figures.json")["rows"].size() == 4);
}

TEST_CASE("bench says what is wrong with a model or an option") {
  const Workplace here;
  const auto missing = here.run({"bench", "nowhere.pt", "--seconds", "0"});
  CHECK(missing.exit_code == 1);
  check_error(missing.err, "nowhere.pt");
  CHECK(here.run({"bench", "nowhere.pt", "--batch", "0"}).exit_code == 2);
  CHECK(here.run({"bench"}).exit_code == 2);
}
