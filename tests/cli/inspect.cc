/// posekit inspect.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "support/model_builder.h"
#include "workplace.h"

using Catch::Matchers::ContainsSubstring;
using posekit_test::check_error;
using posekit_test::Workplace;

TEST_CASE("inspect shows a model's size, its weights, each value with its origin, and the keypoints") {
  const Workplace here;
  const auto file = posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt";
  const auto result = here.run({"inspect", file.string()});
  CHECK(result.exit_code == 0);
  CHECK(result.err.empty());
  for (const char* text : {"TorchScript", "2 (posekit_cpus)", "3008559", "731401", "output.codec", "archive", "default", "33 keypoints",
                           "left_shoulder", "coco17"})
    CHECK_THAT(result.out, ContainsSubstring(text));
}

TEST_CASE("inspect shows which values come from a metadata file, and notes unknown keys") {
  const Workplace here;
  posekit_test::save_script_model(here.path("m.pt"), "def forward(self, x):\n    return x\n",
                                  posekit_test::pose_metadata("regression", 32, 32, 0, 0, posekit_test::two_keypoints));
  here.text("own.json", posekit_test::pose_metadata("regression", 48, 32, 0, 0, posekit_test::two_keypoints, "", R"("colour": "blue")"));
  const auto result = here.run({"inspect", "m.pt", "--metadata", "own.json"});
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("own.json") && ContainsSubstring("48") && ContainsSubstring("colour"));
}

TEST_CASE("inspect of a detector shows its values and no keypoints") {
  const Workplace here;
  const auto result = here.run({"inspect", (posekit_test::source_dir() / "examples/models/person_detector.pt").string()});
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("score_threshold") && !ContainsSubstring("keypoints of"));
}

TEST_CASE("inspect of another kind of file says what it is") {
  const Workplace here;
  here.text("text.pt", "hello");
  here.text("empty.pt", "");
  here.text("pointer.pt", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  for (const char* file : {"text.pt", "empty.pt", "pointer.pt", "nowhere.pt"}) {
    CAPTURE(file);
    const auto result = here.run({"inspect", file});
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    check_error(result.err, file);
  }
  CHECK_THAT(here.run({"inspect", "pointer.pt"}).err, ContainsSubstring("LFS"));
}

TEST_CASE("inspect --memory runs a model and reports the memory it takes") {
  const Workplace here;
  const auto file = (posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt").string();
  const auto result = here.run({"inspect", file, "--memory", "--device", "cpu", "--precision", "bf16"});
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out,
             ContainsSubstring("memory on cpu in bf16") && ContainsSubstring("each person") && ContainsSubstring("holds a batch of"));
  CHECK_THAT(here.run({"inspect", file}).out, !ContainsSubstring("memory on"));
}

TEST_CASE("inspect accepts one device, and only with --memory") {
  const Workplace here;
  const auto file = (posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt").string();
  CHECK(here.run({"inspect", file, "--device", "cpu"}).exit_code == 2);
  const auto many = here.run({"inspect", file, "--memory", "--device", "cpu,cpu"});
  CHECK(many.exit_code == 1);
  CHECK(many.out.empty());
  check_error(many.err, "model", "\"cpu,cpu\"");
}

TEST_CASE("A device's memory limit needs a CUDA device and is read with its unit") {
  const Workplace here;
  const auto file = (posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt").string();
  for (const char* command : {"inspect", "bench"}) {
    CAPTURE(command);
    std::vector<std::string> words{command, file, "--device", "cpu", "--device-memory-limit"};
    if (words.front() == "inspect") words.insert(words.begin() + 2, "--memory");
    const auto with_limit = [&](const char* limit) {
      std::vector<std::string> all = words;
      all.emplace_back(limit);
      return here.run(all);
    };
    const auto on_cpu = with_limit("8GiB");
    CHECK(on_cpu.exit_code == 1);
    check_error(on_cpu.err, "memory limit", "the CPU");
    for (const char* wrong : {"much", "8Gigs", "-1"}) CHECK(with_limit(wrong).exit_code == 2);
    check_error(with_limit("0").err, "memory limit", "0 bytes");
  }
  here.image("a.png");
  const auto estimated = here.estimate({"a.png", "--whole-image", "--device-memory-limit", "8GiB", "--device", "cpu"});
  CHECK(estimated.exit_code == 1);
  check_error(estimated.err, "memory limit");
}
