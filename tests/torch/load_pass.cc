/// What loading makes of a network's code and weights: types, devices, training, fixed batches.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "loading/load_model.h"
#include "posekit/error.h"
#include "posekit/estimator.h"
#include "posekit/model_report.h"
#include "support/message_form.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/run_batch.h"
#include "support/torch_internals.h"
#include "support/warnings_of.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::pose_metadata;
using posekit_test::run_batch;
using posekit_test::Weight;
namespace fs = std::filesystem;

namespace {

const std::string two = R"({"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]})";
std::string metadata() { return pose_metadata("heatmap", 16, 16, 4, 4, two); }

std::vector<float> some_crops(std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count * 3 * 16 * 16; ++i) values.push_back(static_cast<float>((i * 7 + i / 768 * 31) % 251) / 251);
  return values;
}

std::vector<float> outputs_of(ModelBackend& backend, std::size_t count) {
  const auto crops = some_crops(count);
  const ModelOutput output = run_batch(backend, crops.data(), count);
  return {output.tensors[0].data, output.tensors[0].data + count * 32};
}

struct Verdict {
  ErrorCode code = ErrorCode::ok;
  std::string message;
};

template <class Call>
Verdict verdict_of(Call call) {
  try {
    call();
    return {};
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
}

ModelOptions in(Precision precision) {
  ModelOptions options;
  options.precision = precision;
  return options;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(static_cast<double>(a[i]) - b[i]));
  return most;
}

/// A network that only runs if its whole numbers stay whole numbers and its mask a mask. Traced code has no other form of these.
const std::string indexed = R"(
def forward(self, x):
    bias = self.table[self.index.view(-1)].view(4, 4)
    y = x[:, 0:2, 0:4, 0:4].masked_fill(self.mask, 0.25)
    return y * self.scale + bias
)";
const std::vector<Weight> indexed_weights{
    {"table", {300}, "float", true}, {"scale", {1}, "float", true}, {"index", {16}, "long", false}, {"mask", {4, 4}, "bool", false}};

}  // namespace

TEST_CASE("Whole numbers and masks among the buffers stay what they are in every precision") {
  const bool frozen = GENERATE(true, false);
  const posekit_test::TemporaryDir dir;
  // What is written to can't be frozen, so its attributes stay attributes.
  posekit_test::save_script_model_with_weights(dir.path() / "m.pt", frozen ? indexed : R"(
def forward(self, x):
    self.index.add_(1)
    self.index.sub_(1)
    self.mask.logical_not_()
    self.mask.logical_not_()
    bias = self.table[self.index.view(-1)].view(4, 4)
    y = x[:, 0:2, 0:4, 0:4].masked_fill(self.mask, 0.25)
    return y * self.scale + bias
)",
                                               indexed_weights, metadata());
  // Weight i of n is i / n, whole number i is 17 i mod 300, and each second mask is set: model_builder.h.
  const auto crops = some_crops(2);
  std::vector<double> expected;
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t k = 0; k < 2; ++k) {
      for (std::size_t i = 0; i < 16; ++i) {
        const double pixel = i % 2 == 1 ? 0.25 : static_cast<double>(crops[((b * 3 + k) * 16 + i / 4) * 16 + i % 4]);
        expected.push_back(pixel * 0.0 + static_cast<double>(17 * i % 300) / 300);
      }
    }
  }
  for (const auto& [precision, tolerance] :
       {std::pair{Precision::fp32, 1e-6}, std::pair{Precision::fp16, 1e-3}, std::pair{Precision::bf16, 8e-3}}) {
    const auto backend = load_model(dir.path() / "m.pt", in(precision));
    const auto found = outputs_of(*backend, 2);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(found[i] - expected[i]) <= tolerance);
  }
}

TEST_CASE("Whole numbers above what half precision holds index as before") {
  const Precision precision = GENERATE(Precision::fp16, Precision::bf16);
  const posekit_test::TemporaryDir dir;
  // 2049 and 257 are the first whole numbers that float16 and bfloat16 round.
  posekit_test::save_script_model_with_weights(dir.path() / "m.pt", R"(
def forward(self, x):
    picked = (self.index // 2) % 2
    return x[:, 0:2, 0:4, 0:4] * 0.0 + picked.view(4, 4)
)",
                                               {{"index", {16}, "odd long", false}}, metadata());
  const auto backend = load_model(dir.path() / "m.pt", in(precision));
  const auto found = outputs_of(*backend, 1);
  for (std::size_t i = 0; i < 16; ++i) CHECK(found[i] == static_cast<float>((4097 + 6 * i) / 2 % 2));
}

TEST_CASE("A device in the code becomes the model's") {
  const std::string body = GENERATE(as<std::string>{}, "    return x[:, 0:2, 0:4, 0:4] + torch.zeros([1], device='cuda:0')\n",
                                    "    y = x.to(torch.device('cuda:1'))\n    return y[:, 0:2, 0:4, 0:4]\n",
                                    "    return x[:, 0:2, 0:4, 0:4] + torch.arange(x.size(0), device='cuda').sum() * 0\n",
                                    "    return x.cuda()[:, 0:2, 0:4, 0:4]\n",
                                    "    if x.size(0) > 0:\n        x = x.to('cuda:3')\n    return x[:, 0:2, 0:4, 0:4]\n");
  CAPTURE(body);
  const posekit_test::TemporaryDir dir;
  posekit_test::save_script_model(dir.path() / "m.pt", "def forward(self, x):\n" + body, metadata());
  const auto found = outputs_of(*load_model(dir.path() / "m.pt", {}), 2);
  const auto crops = some_crops(2);
  for (std::size_t i = 0; i < 16; ++i) CHECK(found[i] == crops[i / 4 * 16 + i % 4]);
}

TEST_CASE("A model that was exported in training mode is refused, at load and by inspect_model, with the remedy") {
  const auto [statement, found] = GENERATE(table<std::string, std::string>({
      {"y = torch.dropout(y, 0.9, True)", "aten::dropout"},
      {"y = torch.feature_dropout(y, 0.5, True)", "aten::feature_dropout"},
      {"y = torch.alpha_dropout(y, 0.5, True)", "aten::alpha_dropout"},
      {"torch.dropout_(y, 0.5, True)", "aten::dropout_"},
      {"y = torch.rrelu(y, 0.1, 0.3, True)", "aten::rrelu"},
      {"y = y * torch.zeros([1]).bernoulli_(0.5)", "aten::bernoulli_"},
      {"y = y * torch.floor(0.9 + torch.rand([x.size(0), 1, 1, 1]))", "aten::rand"},
      {"y = torch.batch_norm(y, None, None, torch.zeros([2]), torch.ones([2]), True, 0.1, 1e-5, False)", "aten::batch_norm"},
      {"y = torch.scaled_dot_product_attention(y, y, y, None, 0.1)", "aten::scaled_dot_product_attention"},
  }));
  CAPTURE(statement);
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  posekit_test::save_script_model(path, "def forward(self, x):\n    y = x[:, 0:2, 0:4, 0:4] * 1.0\n    " + statement + "\n    return y\n",
                                  metadata());
  const Verdict loaded = verdict_of([&] { (void)load_model(path, {}); });
  const Verdict inspected = verdict_of([&] { (void)inspect_model(path); });
  CHECK(loaded.code == ErrorCode::invalid_model);
  CHECK_THAT(loaded.message, ContainsSubstring("m.pt") && ContainsSubstring("(" + found + ")") && ContainsSubstring("model.eval()"));
  posekit_test::check_message_form(loaded.message, path.string(), found);
  CHECK(inspected.code == loaded.code);
  CHECK(inspected.message == loaded.message);
}

TEST_CASE("Code of training that does not run is no reason to refuse a model") {
  const std::string statement =
      GENERATE("y = torch.dropout(y, 0.9, False)", "y = torch.dropout(y, 0.0, True)", "y = torch.rrelu(y, 0.1, 0.3, False)",
               "y = torch.dropout(y, 0.5, self.training)", "if self.training:\n        y = y * torch.rand([1])",
               "if x.size(0) > 1000:\n        y = torch.dropout(y, 0.5, True)",
               "y = torch.batch_norm(y, None, None, torch.zeros([2]), torch.ones([2]), self.training, 0.1, 1e-5, False)",
               "y = torch.scaled_dot_product_attention(y, y, y, None, 0.0)");
  CAPTURE(statement);
  const posekit_test::TemporaryDir dir;
  posekit_test::save_script_model(
      dir.path() / "m.pt", "def forward(self, x):\n    y = x[:, 0:2, 0:4, 0:4] * 1.0\n    " + statement + "\n    return y\n", metadata());
  const auto backend = load_model(dir.path() / "m.pt", {});
  CHECK(outputs_of(*backend, 1) == outputs_of(*backend, 1));
  CHECK(backend->info().notes.empty());
  CHECK(backend->max_batch() > 1);
}

TEST_CASE("A model whose code fixes the batch to one runs in batches of one, and its results are right") {
  const auto [statement, where] = GENERATE(table<std::string, std::string>({
      {"y = y.view(1, 2, 4, 4)", "aten::view to [1, 2, 4, 4]"},
      {"y = y.reshape([1, 2, -1])[:, :, 0:16].view(-1, 2, 4, 4)", "aten::reshape to [1, 2, *]"},
      {"y = torch.cat([torch.zeros([1, 2, 4, 1]), y], 3)[:, :, :, 1:5]", "aten::cat with a constant of shape [1, 2, 4, 1]"},
      {"y = y[0:x.size(0)].unflatten(0, [1, 1]).view(-1, 2, 4, 4)", "aten::unflatten to [1, 1]"},
  }));
  const WarmUp warm_up = GENERATE(WarmUp::check, WarmUp::none);
  const std::string device = GENERATE("cpu", "cpu,cpu");
  CAPTURE(statement, device);
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  posekit_test::save_script_model(path, "def forward(self, x):\n    y = x[:, 0:2, 0:4, 0:4] * 1.0\n    " + statement + "\n    return y\n",
                                  metadata());
  ModelOptions options;
  options.warm_up = warm_up;
  options.device = device;
  std::optional<Model> loaded;
  const std::vector<std::string> log = posekit_test::warnings_of([&] { loaded.emplace(path, options); });
  const Model& model = *loaded;
  REQUIRE(log.size() == 1);
  CHECK_THAT(log[0], ContainsSubstring(where) && ContainsSubstring("batches of one") && ContainsSubstring("x.shape[0]"));
  posekit_test::check_message_form(log[0], "\"test\"", where);
  CHECK_THAT(inspect_model(path).info.notes.at(0), ContainsSubstring(where));
  if (device == "cpu") CHECK(model.measure_memory().person > 0);

  EstimatorOptions together;
  together.max_batch = 4;
  Image image{std::vector<std::uint8_t>(std::size_t{40} * 30 * 3), 40, 30, PixelFormat::bgr8};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 7 % 251);
  const std::vector<Box> boxes{{0, 0, 10, 12}, {5, 5, 30, 25}, {2, 8, 20, 29}, {11, 3, 39, 17}};
  const PoseEstimator estimator(model, together);
  const ImageResult result = estimator.estimate(image.view(), boxes);
  REQUIRE(result.poses.size() == 4);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const ImageResult alone = estimator.estimate(image.view(), std::span(&boxes[i], 1));
    CHECK(result.poses[i].keypoints == alone.poses[0].keypoints);
  }
  CHECK(result.poses[0].keypoints != result.poses[1].keypoints);
}

TEST_CASE("A reshape that only looks as if it fixed the batch is tried and forgotten") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  posekit_test::save_script_model(
      path, "def forward(self, x):\n    return x[:, 0:2, 0:4, 0:4].reshape([2, -1]).view([-1, 2, 4, 4]) * 2.0\n", metadata());
  ModelOptions options;
  const auto tried = load_model(path, options);
  CHECK(tried->max_batch() > 1000);
  CHECK(tried->info().notes.empty());
  options.warm_up = WarmUp::none;
  const auto untried = load_model(path, options);
  CHECK(untried->max_batch() == 1);
  CHECK(untried->info().notes.size() == 1);
  CHECK(outputs_of(*tried, 3).size() == 96);
}

TEST_CASE("A batch that is fixed to more than one is an error that says so") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  posekit_test::save_script_model(path, "def forward(self, x):\n    return x[:, 0:2, 0:4, 0:4].reshape([3, 2, 4, 4])\n", metadata());
  const Verdict found = verdict_of([&] { (void)load_model(path, {}); });
  CHECK(found.code == ErrorCode::invalid_model);
  posekit_test::check_message_form(found.message, "\"test\"", "batches of 3 only (aten::reshape to [3, 2, 4, 4])");
  CHECK_THAT(found.message, ContainsSubstring("x.shape[0]"));
}

TEST_CASE("A model whose results depend on the others in the batch runs in batches of one") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  posekit_test::save_script_model(path, R"(
def forward(self, x):
    return torch.batch_norm(x[:, 0:2, 0:4, 0:4], None, None, None, None, True, 0.1, 1e-5, False)
)",
                                  metadata());
  const auto backend = load_model(path, {});
  CHECK(backend->max_batch() == 1);
  REQUIRE(backend->info().notes.size() == 1);
  CHECK_THAT(backend->info().notes[0], ContainsSubstring("track_running_stats=True"));
  CHECK(inspect_model(path).info.notes == backend->info().notes);
}

TEST_CASE("Half precision errs less than where batch norms are folded after the cast") {
  const auto [precision, type] = GENERATE(table<Precision, posekit_test::HeatmapType>(
      {{Precision::bf16, posekit_test::HeatmapType::bfloat16}, {Precision::fp16, posekit_test::HeatmapType::float16}}));
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  posekit_test::save_residual_model(path, 12, pose_metadata("heatmap", 16, 16, 16, 16, two));
  const auto crops = some_crops(4);
  const std::size_t values = std::size_t{4} * 2 * 16 * 16;
  const auto run = [&](const ModelOptions& options) {
    const auto backend = load_model(path, options);
    const ModelOutput output = run_batch(*backend, crops.data(), 4);
    return std::vector<float>(output.tensors[0].data, output.tensors[0].data + values);
  };
  const auto exact = run({});
  const auto rms = [&](const std::vector<float>& found) {
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < values; ++i) {
      error += (found[i] - exact[i]) * (found[i] - exact[i]);
      size += exact[i] * exact[i];
    }
    return std::sqrt(error / size);
  };
  const double ours = rms(run(in(precision)));
  const double cast_first = rms(posekit_test::cast_before_freezing(path, type, crops, 4));
  CAPTURE(ours, cast_first, ours / cast_first);
  CHECK(ours > 0);
  CHECK(ours <= 0.75 * cast_first);
}

TEST_CASE("Statistics of batch norms that can't be folded stay float32 in half precision") {
  const auto [precision, tolerance] = GENERATE(table<Precision, double>({{Precision::fp16, 2e-3}, {Precision::bf16, 2e-2}}));
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  // A variance beyond float16, and a transposed convolution, which Torch does not fold.
  posekit_test::save_script_model_with_weights(path, R"(
def forward(self, x):
    y = torch.conv_transpose2d(x[:, 0:2, 0:2, 0:2], self.weight, None, [2, 2])
    return torch.batch_norm(y, self.weight_of_norm, self.mean, self.mean, self.variance * 1e6 + 1.0, False, 0.1, 1e-5, False)
)",
                                               {{"weight", {2, 2, 2, 2}, "float", true},
                                                {"weight_of_norm", {2}, "float", true},
                                                {"mean", {2}, "float", false},
                                                {"variance", {2}, "float", false}},
                                               metadata());
  const auto exact = outputs_of(*load_model(path, {}), 2);
  const auto found = outputs_of(*load_model(path, in(precision)), 2);
  CHECK(largest_difference(found, exact) <= tolerance);
  CHECK(std::ranges::all_of(found, [](float value) { return std::isfinite(value); }));
  CHECK(posekit_test::types_of_batch_norm_constants(path, precision) == std::vector<std::string>(4, "Float"));
}
