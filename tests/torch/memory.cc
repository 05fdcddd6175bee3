/// Model::measure_memory against networks whose need is known from their own text.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>
#include <vector>

#include "loading/load_model.h"
#include "posekit/error.h"
#include "posekit/model.h"
#include "posekit/model_report.h"
#include "support/message_form.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/test_device.h"

using namespace posekit;
using posekit_test::check_message_form;
using posekit_test::pose_metadata;

namespace {

const std::string two_keypoints = R"({"name": "two", "keypoints": [{"name": "head"}, {"name": "tail"}]})";
constexpr std::uint64_t mebibyte = 1 << 20;

ModelOptions on_test_device() { return {.metadata = {}, .sha256 = {}, .device = posekit_test::test_device()}; }

std::string two_heatmaps() { return pose_metadata("heatmap", 16, 16, 4, 4, two_keypoints); }

/// Whether a figure is a number of mebibytes and at most a few small tensors more.
bool about(std::uint64_t bytes, std::uint64_t mebibytes) {
  return bytes >= mebibytes * mebibyte && bytes < mebibytes * mebibyte + mebibyte / 2;
}

}  // namespace

TEST_CASE("Memory: weights, a batch and each person are measured") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  // 8 MiB of weights; 32 MiB that serve any batch; 16 MiB for each person, of which no two lie side by side.
  posekit_test::save_script_model_with_weight(
      dir.path() / "m.pt",
      "def forward(self, x):\n"
      "    shared = torch.zeros([8, 1024, 1024], device=x.device)\n"
      "    y = torch.zeros([x.size(0), 4, 1024, 1024], device=x.device)\n"
      "    return x[:, 0:2, 0:4, 0:4] + y[:, 0:2, 0:4, 0:4] + shared[0, 0, 0] + self.weight[0, 0]\n",
      "weight", {2048, 1024}, two_heatmaps());
  const MemoryReport report = Model(dir.path() / "m.pt", on_test_device()).measure_memory();
  CAPTURE(report.weights, report.batch, report.person, report.available.value_or(0));
  CHECK(to_string(report.device).starts_with(posekit_test::test_device()));
  CHECK(about(report.weights, 8));
  CHECK(about(report.person, 16));
  CHECK(about(report.batch, 32));
  REQUIRE(report.available);
  REQUIRE(report.largest_batch);
  CHECK(report.batch + *report.largest_batch * report.person <= *report.available);
  CHECK(report.batch + (*report.largest_batch + 1) * report.person > *report.available);
}

TEST_CASE("Memory: a crop in posekit's own memory counts with its person") {
  const posekit_test::TemporaryDir dir;
  // A person's crop is 3 MiB of floats, its output 256 bytes.
  posekit_test::save_script_model(dir.path() / "m.pt", "def forward(self, x):\n    return x[:, 0:2, 0:4, 0:4].clone()\n",
                                  pose_metadata("heatmap", 512, 512, 4, 4, two_keypoints));
  const MemoryReport report = Model(dir.path() / "m.pt", {.metadata = {}, .sha256 = {}, .device = "cpu"}).measure_memory();
  CAPTURE(report.batch, report.person);
  CHECK(about(report.person, 3));
  CHECK(about(report.batch, 0));
}

TEST_CASE("Memory: half precision halves the weights") {
  POSEKIT_NEEDS_TEST_DEVICE();
  const posekit_test::TemporaryDir dir;
  posekit_test::save_script_model_with_weight(dir.path() / "m.pt",
                                              "def forward(self, x):\n    return x[:, 0:2, 0:4, 0:4] + self.weight[x.size(0), 0]\n",
                                              "weight", {2048, 1024}, two_heatmaps());
  ModelOptions options = on_test_device();
  options.precision = Precision::bf16;
  CHECK(about(Model(dir.path() / "m.pt", options).measure_memory().weights, 4));
}

TEST_CASE("Memory: weights are cast one by one as a model is loaded, so that never all of them are there twice") {
  const posekit_test::TemporaryDir dir;
  std::vector<posekit_test::Weight> weights;
  std::string sum = "x[:, 0:2, 0:4, 0:4]";
  for (int i = 0; i < 16; ++i) {
    const std::string name = "w" + std::to_string(i);
    weights.push_back({.name = name, .shape = {1024 + i, 1024}, .values = "float", .parameter = true});  // equal ones would become one
    sum += " + self." + name + "[x.size(0), 0]";
  }
  posekit_test::save_script_model_with_weights(dir.path() / "m.pt", "def forward(self, x):\n    return " + sum + "\n", weights,
                                               two_heatmaps());
  const auto other = posekit::load_model(posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt", {});
  const auto meter = other->memory();  // counts what this thread takes, whoever's it is
  ModelOptions options{.metadata = {}, .sha256 = {}, .device = "cpu"};
  options.precision = Precision::bf16;
  std::shared_ptr<ModelBackend> model;
  const std::uint64_t peak = meter->peak_of([&] { model = posekit::load_model(dir.path() / "m.pt", options); });
  CAPTURE(peak);
  CHECK(about(model->memory()->weights(), 32));
  CHECK(peak >= 64 * mebibyte);
  CHECK(peak < 64 * mebibyte + 12 * mebibyte);
}

TEST_CASE("Memory: the shipped models are measured, a detector among them") {
  POSEKIT_NEEDS_TEST_DEVICE();
  for (const char* name : {"pose_landmark_lite.pt", "person_detector.pt"}) {
    CAPTURE(name);
    const auto path = posekit_test::source_dir() / "examples/models" / name;
    const MemoryReport report = Model(path, on_test_device()).measure_memory();
    const ModelReport model = inspect_model(path);
    CHECK(report.weights >= model.parameter_bytes / 2);  // folding and merging save some
    CHECK(report.weights <= model.parameter_bytes * 2);
    const auto crop = static_cast<std::uint64_t>(model.info.input.width) * static_cast<std::uint64_t>(model.info.input.height) * 12;
    CHECK(report.batch + report.person > 2 * crop);  // a convolution's output is larger than its input here
    CHECK(report.largest_batch > 0U);
  }
}

TEST_CASE("Memory is measured on one device, and a broken model is reported as everywhere") {
  const posekit_test::TemporaryDir dir;
  const auto message = [](const std::filesystem::path& path, const std::string& device, ErrorCode code) -> std::string {
    try {
      (void)Model(path, {.metadata = {}, .sha256 = {}, .device = device}).measure_memory();
    } catch (const Error& error) {
      CHECK(error.code() == code);
      return error.what();
    }
    return "no error";
  };
  check_message_form(message(dir.path() / "none.pt", "cpu", ErrorCode::not_found), "", "none.pt");
  posekit_test::save_script_model(dir.path() / "one.pt",
                                  "def forward(self, x):\n    assert x.size(0) == 1, 'one only'\n    return x[:, 0:2, 0:4, 0:4]\n",
                                  two_heatmaps());
  check_message_form(message(dir.path() / "one.pt", "cpu", ErrorCode::invalid_model), "", "one only");
  check_message_form(message(dir.path() / "one.pt", "cpu,cpu", ErrorCode::invalid_argument), "", "\"cpu,cpu\"");
}
