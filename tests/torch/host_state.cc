/// What a host program has switched on in Torch does not reach posekit, and is still on afterwards.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loading/load_model.h"
#include "posekit/error.h"
#include "posekit/model.h"
#include "posekit/model_report.h"
#include "support/by_sessions.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/run_batch.h"
#include "support/torch_internals.h"

using namespace posekit;
using posekit_test::HostSwitch;
using posekit_test::torch_state;

namespace {

/// A network with what each switch would change: convolutions and products, values made without a type, views, memory that is written to.
const std::string sensitive = R"(
def forward(self, x):
    n = x.size(0)
    w = torch.ones([2, 3, 4, 4]) * self.scale[0] / 48.0
    y = torch.conv2d(x, w, None, [4, 4])
    y = torch.matmul(y, torch.eye(4) + torch.full([n, 1, 1, 4], 0.3) + torch.linspace(0, 1, 4))
    y[:, 0].add_(torch.arange(0.0, 0.4 * n / n, 0.1))
    return y + torch.tensor([0.1 * n / n, 0.2, 0.3, 0.7]) + torch.zeros([n, 1, 1, 1])
)";

std::vector<float> crops_of(std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count * 3 * 16 * 16; ++i) values.push_back(static_cast<float>(i % 251) / 251);
  return values;
}

std::filesystem::path sensitive_model(const posekit_test::TemporaryDir& dir) {
  posekit_test::save_script_model_with_weight(
      dir.path() / "m.pt", sensitive, "scale", {1},
      posekit_test::pose_metadata("heatmap", 16, 16, 4, 4, R"({"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]})"));
  return dir.path() / "m.pt";
}

std::vector<float> answer_of(ModelBackend& backend) {
  const auto crops = crops_of(2);
  const ModelOutput output = posekit_test::run_batch(backend, crops.data(), 2);
  return {output.tensors[0].data, output.tensors[0].data + std::ptrdiff_t{2} * 2 * 16};
}

/// Peaks as a device gives them.
std::vector<float> device_answer_of(const std::shared_ptr<ModelBackend>& backend) {
  posekit_test::BySessions device(backend);
  DecodeRequest request = make_decode_request(backend->info());
  const auto session = device.open_session(request);
  std::byte* staging = session->staging(0, 2);
  for (std::size_t i = 0; i < 2 * crop_bytes(CropFormat::uint8_hwc, backend->info().input.size()); ++i)
    staging[i] = static_cast<std::byte>(i * 7 % 251);
  session->submit(0, 2, {});
  std::vector<float> scores;
  for (const PeakRecord& peak : session->collect(0).peaks) scores.push_back(peak.score + static_cast<float>(peak.x + 100 * peak.y));
  return scores;
}

}  // namespace

TEST_CASE("What the host has switched on changes neither load nor forward, and stays on") {
  const std::string name = GENERATE(from_range(HostSwitch::names()));
  CAPTURE(name);
  const posekit_test::TemporaryDir dir;
  const auto path = sensitive_model(dir);
  const auto quiet = load_model(path, {});
  const std::vector<float> expected = answer_of(*quiet);
  const std::vector<float> on_device = device_answer_of(quiet);
  const std::size_t parameters = inspect_model(path).parameters;
  std::shared_ptr<ModelBackend> loaded_inside;
  {
    const HostSwitch host(name);
    const std::string state = torch_state();
    CHECK(answer_of(*quiet) == expected);
    CHECK(device_answer_of(quiet) == on_device);
    CHECK(torch_state() == state);
    loaded_inside = load_model(path, {});
    CHECK(torch_state() == state);
    CHECK(answer_of(*loaded_inside) == expected);
    CHECK(inspect_model(path).parameters == parameters);
    CHECK(Model(path).measure_memory().weights > 0);
    CHECK(torch_state() == state);
  }
  CHECK(answer_of(*loaded_inside) == expected);
  CHECK(device_answer_of(loaded_inside) == on_device);
}

TEST_CASE("An error inside posekit leaves the host's switches on") {
  const std::string name = GENERATE(from_range(HostSwitch::names()));
  CAPTURE(name);
  const posekit_test::TemporaryDir dir;
  const auto path = sensitive_model(dir);
  posekit_test::save_script_model(
      dir.path() / "bad.pt", "def forward(self, x):\n    return x.view([7, 7])\n",
      posekit_test::pose_metadata("heatmap", 16, 16, 4, 4, R"({"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]})"));
  const HostSwitch host(name);
  const std::string state = torch_state();
  CHECK_THROWS_AS(load_model(dir.path() / "bad.pt", {}), Error);
  CHECK(torch_state() == state);
}
