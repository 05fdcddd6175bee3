/// What a device's batch is made of: few operators around the forward, and in it nothing that Torch compiles in the first runs or that is
/// forked.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <memory>
#include <string>
#include <vector>

#include "loading/load_model.h"
#include "posekit/error.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/run_batch.h"
#include "support/torch_internals.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::compiled_nodes_of;
using posekit_test::forks_left;

namespace {

/// Elementwise work, which Torch's fuser takes.
std::shared_ptr<ModelBackend> fusible_model(const posekit_test::TemporaryDir& dir) {
  const auto path = dir.path() / "m.pt";
  posekit_test::save_script_model(
      path, "def forward(self, x):\n    y = torch.sigmoid(x) * x\n    return torch.tanh(y + 1.0)[:, 0:2]\n",
      posekit_test::pose_metadata("heatmap", 16, 16, 16, 16, R"({"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]})"));
  ModelOptions options;
  options.fuse = false;
  return load_model(path, options);
}

}  // namespace

TEST_CASE("Torch compiles nothing in a device's first forwards, which it would do on the CPU's way") {
  const posekit_test::TemporaryDir dir;
  const auto plain = fusible_model(dir);
  const auto on_cpu = [&] {
    const std::vector<float> crop(std::size_t{3} * 16 * 16, 0.5F);
    for (int i = 0; i < 3; ++i) (void)posekit_test::run_batch(*plain, crop.data(), 1);
  };
  CHECK(compiled_nodes_of(on_cpu).contains("prim::TensorExprGroup"));
  const auto of_device = fusible_model(dir);
  CHECK(compiled_nodes_of([&] {
          const auto session = posekit_test::open_device_session_of(*of_device, {});
          for (const std::size_t crops : {std::size_t{1}, std::size_t{4}, std::size_t{4}, std::size_t{2}, std::size_t{1}}) {
            std::fill_n(session->staging(0, crops), crops * 16 * 16 * 3, std::byte{70});
            session->submit(0, crops, {});
            (void)session->collect(0);
          }
        }).empty());
}

TEST_CASE("What a network forks runs in it") {
  float answer = 0;
  CHECK(forks_left(/*in_a_list=*/false, GENERATE("cpu", "cuda"), answer) == 0);
  CHECK(answer == 3.0F);  // half of 2, and 2
}

TEST_CASE("A network that keeps what it forks in a list stays as it is on a CPU, and is refused on a device") {
  float answer = 0;
  CHECK(forks_left(/*in_a_list=*/true, "cpu", answer) == 1);
  CHECK(answer == 3.0F);
  CHECK_THROWS_WITH(forks_left(/*in_a_list=*/true, "cuda", answer),
                    ContainsSubstring("torch.jit.fork") && ContainsSubstring("torch.jit.wait"));
}

TEST_CASE("Around a forward a device is asked for few operators, which use little memory") {
  const auto counts = posekit_test::operators_by_step();
  for (const auto& [step, count] : counts) {
    UNSCOPED_INFO(step << ": " << count.operators << " operators, " << count.bytes_read / 1000000 << " MB read, "
                       << count.bytes_written / 1000000 << " MB written");
  }
  CHECK(counts.at("normalise").operators <= 5);
  CHECK(counts.at("peaks").operators <= 14);
  CHECK(counts.at("peaks").bytes_read + counts.at("peaks").bytes_written < 50'000'000);  // the heatmaps have 30
  CHECK(counts.at("weak").operators <= 30);
  CHECK(counts.at("weak").bytes_read + counts.at("weak").bytes_written < 300'000'000);
  CHECK(counts.at("crop").operators <= 24);
}
