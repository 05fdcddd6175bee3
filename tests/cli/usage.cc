/// The command line itself: exit codes, help, options that exclude each other.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sstream>

#include "posekit/runtime.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using posekit_test::Workplace;
using Arguments = std::vector<std::string>;

TEST_CASE("Help and version go to standard output with exit code 0") {
  const Workplace here;
  const auto version = here.run({"--version"});
  CHECK(version.exit_code == 0);
  CHECK_THAT(version.out, ContainsSubstring(std::string(posekit::version())));
  CHECK(version.err.empty());
  const auto help = here.run({"estimate", "--help"});
  CHECK(help.exit_code == 0);
  CHECK_THAT(help.out, ContainsSubstring("--boxes") && ContainsSubstring("--flip-test") && ContainsSubstring("--overwrite"));
  CHECK(help.err.empty());
}

TEST_CASE("Help names the value, range, default and exclusions of each option, in 80 columns") {
  const Workplace here;
  const auto help_of = [&](Arguments command) {
    command.emplace_back("--help");
    const auto help = here.run(command);
    CHECK(help.exit_code == 0);
    for (const std::string& line : posekit_test::lines(help.out)) {
      CAPTURE(line);
      CHECK(line.size() <= 80);
    }
    std::istringstream words(help.out);
    std::string text;
    for (std::string word; words >> word;) text += word + ' ';
    return text;
  };
  CHECK_THAT(help_of({}), ContainsSubstring("estimate estimate the poses"));
  CHECK_THAT(help_of({"estimate"}), ContainsSubstring("-o, --output FOLDER folder for results") &&
                                        ContainsSubstring("(default: posekit-out)") && ContainsSubstring("(1 to 4096; default: the CPUs") &&
                                        ContainsSubstring("--format {json,coco,coco-dataset,csv,openpose} json:") &&
                                        ContainsSubstring("--track, --no-track in videos") &&
                                        ContainsSubstring("not with --boxes, --whole-image)"));
  CHECK_THAT(help_of({"inspect"}), ContainsSubstring("(default: auto; needs --memory)") && ContainsSubstring("(not with --preset)"));
  CHECK_THAT(help_of({"bench"}), ContainsSubstring("(1 to 65536; default: 1,4)"));
}

TEST_CASE("Wrong usage ends with exit code 2, a hint on standard error and nothing written") {
  const Workplace here;
  here.image("a.png");
  here.text("b.json", "{}");
  const auto arguments = GENERATE(values<Arguments>({{},
                                                     {"walk"},
                                                     {"estimate"},
                                                     {"inspect"},
                                                     {"estimate", "a.png", "--nonsense"},
                                                     {"estimate", "a.png", "--boxes", "b.json", "--whole-image"},
                                                     {"estimate", "a.png", "--boxes", "b.json", "--detector", "d.pt"},
                                                     {"estimate", "a.png", "--detector", "d.pt", "--whole-image"},
                                                     {"estimate", "a.png", "--preset", "sapiens-coco17", "--metadata", "m.json"},
                                                     {"estimate", "a.png", "--category", "1"},
                                                     {"estimate", "a.png", "--boxes", "b.json", "--tiles", "0.5"},
                                                     {"estimate", "a.png", "--boxes", "b.json", "--nms-iou", "0.5"},
                                                     {"estimate", "a.png", "--whole-image", "--max-persons", "1"},
                                                     {"estimate", "a.png", "--max-persons", "-1"},
                                                     {"estimate", "a.png", "--box-padding", "wide"},
                                                     {"estimate", "a.png", "--whole-image", "--det-threshold", "0.5"},
                                                     {"estimate", "a.png", "--whole-image", "--tiles", "0.5"},
                                                     {"estimate", "a.png", "--det-threshold", "much"},
                                                     {"estimate", "a.png", "--keep", "--overwrite"},
                                                     {"estimate", "a.png", "--scale-boxes"},
                                                     {"estimate", "a.png", "--subset-of-boxes"},
                                                     {"estimate", "a.png", "--format", "xml"},
                                                     {"estimate", "a.png", "--format", "0"},
                                                     {"estimate", "a.png", "--executor", "thread"},
                                                     {"estimate", "a.png", "--precision", "fp8"},
                                                     {"estimate", "a.png", "--precision", "2"},
                                                     {"estimate", "a.png", "--batch", "0"},
                                                     {"estimate", "a.png", "--batch", "-1"},
                                                     {"estimate", "a.png", "--torch-threads", "0"},
                                                     {"estimate", "a.png", "--torch-threads", "two"},
                                                     {"estimate", "a.png", "-o", "x", "-o", "y"},
                                                     {"estimate", "a.png", "-o", "-", "--draw"}}));
  CAPTURE(arguments);
  const auto result = here.run(arguments);
  CHECK(result.exit_code == 2);
  CHECK(result.out.empty());
  CHECK_FALSE(result.err.empty());
  CHECK(here.files(".") == Arguments{"a.png", "b.json"});
}

TEST_CASE("Options before the inputs do not consume an input as their value") {
  const Workplace here;
  here.image("a.png");
  CHECK(here.estimate({"--keypoints", "tail,head", "a.png", "--whole-image"}).exit_code == 0);
  CHECK(here.files("posekit-out") == Arguments{"a.png.json"});
  const auto photo = (posekit_test::source_dir() / "examples/images/astronaut.jpg").string();
  CHECK(here.run({"estimate", "--tiles", "0.5,0.75", photo}).exit_code == 0);
  CHECK(here.has("posekit-out/astronaut.jpg.json"));
}
