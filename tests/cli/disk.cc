/// A disk that is full, and a folder that can't be written.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <string>

#include "support/small_disk.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using posekit_test::check_error;
using posekit_test::SmallDisk;
using posekit_test::Workplace;

TEST_CASE("A full disk is a clear error for each image it meets, and leaves no half file") {
  const Workplace here;
  const SmallDisk disk(here.path("out"));
  if (!disk.mounted()) SKIP("a small file system can't be mounted here: it takes root");
  here.image("in/first.png", 160, 120);
  for (int i = 0; i < 40; ++i) std::filesystem::copy(here.path("in/first.png"), here.path("in/image-" + std::to_string(i) + ".png"));
  const auto result = here.estimate({"in", "--whole-image", "--draw", "-o", "out"});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("No space left"));
  check_error(result.err, "can't be written");
  const auto files = here.files("out");
  CHECK_FALSE(files.empty());
  for (const std::string& file : files) {
    CAPTURE(file);
    CHECK_FALSE(file.ends_with(".tmp"));
    if (file.ends_with(".json")) CHECK(here.json("out/" + file)["instance_info"].size() == 1);
    if (file.ends_with(".jpg")) CHECK(here.read("out/" + file).ends_with("\xff\xd9"));
  }
}

TEST_CASE("A folder that can't be created is reported, and nothing is left anywhere") {
  const Workplace here;
  const std::string image = here.image("a.png");
  const auto result = here.estimate({image, "--whole-image", "-o", "/proc/posekit-out"});
  CHECK(result.exit_code == 1);
  check_error(result.err, "/proc/posekit-out");
}
