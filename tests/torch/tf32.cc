/// fp32 means fp32: the TF32 flag that traced convolutions carry, and the process's settings.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>
#include <vector>

#include "loading/load_model.h"
#include "posekit/runtime.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/run_batch.h"
#include "support/torch_internals.h"

using namespace posekit;
using posekit_test::tf32_flags_once_set;

namespace {

/// A network as the tracer writes it: convolutions with the flag as their last input; one of them in a branch.
const std::string traced = R"(
def forward(self, x):
    w = torch.ones([2, 3, 1, 1])
    y = torch._convolution(x, w, None, [4, 4], [0, 0], [1, 1], False, [0, 0], 1, False, False, True, True)
    if x.size(0) > 0:
        y = y + torch._convolution(x, w, None, [4, 4], [0, 0], [2, 2], False, [0, 0], 1, False, False, True, True)
    return y
)";

}  // namespace

TEST_CASE("The TF32 flag of traced convolutions is set as asked, in branches too") {
  const bool frozen = GENERATE(false, true);
  const posekit_test::TemporaryDir dir;
  posekit_test::save_script_model(dir.path() / "m.pt", traced);
  std::size_t changed = 0;
  auto flags = tf32_flags_once_set(dir.path() / "m.pt", frozen, false, changed);
  CHECK(changed == 2);
  CHECK(flags == std::vector<bool>{false, false});
  flags = tf32_flags_once_set(dir.path() / "m.pt", frozen, true, changed);
  CHECK(changed == 0);
  CHECK(flags == std::vector<bool>{true, true});
}

TEST_CASE("The convolutions of a network traced by Torch have the TF32 flag and lose it") {
  std::size_t changed = 0;
  const auto flags = tf32_flags_once_set(posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt", true, false, changed);
  CHECK(std::ranges::count(flags, true) == 0);
  CHECK(static_cast<std::size_t>(std::ranges::count(flags, false)) == changed);
  CHECK(changed > 20);
}

TEST_CASE("TF32 is off unless it is set, and on a CPU it changes nothing") {
  REQUIRE_FALSE(torch_tf32());
  const posekit_test::TemporaryDir dir;
  posekit_test::save_script_model(
      dir.path() / "m.pt", traced,
      posekit_test::pose_metadata("heatmap", 16, 16, 4, 4, R"({"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]})"));
  std::vector<float> crops(3 * 16 * 16);
  for (std::size_t i = 0; i < crops.size(); ++i) crops[i] = static_cast<float>(i % 251) / 251;
  const auto answer = [&] {
    const auto backend = load_model(dir.path() / "m.pt", {});
    const ModelOutput output = posekit_test::run_batch(*backend, crops.data(), 1);
    return std::vector<float>(output.tensors[0].data, output.tensors[0].data + 32);
  };
  const auto exact = answer();
  set_torch_tf32(true);
  CHECK(torch_tf32());
  CHECK(answer() == exact);
  set_torch_tf32(false);
  CHECK_FALSE(torch_tf32());
  CHECK(answer() == exact);
}
