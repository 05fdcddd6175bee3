/// Networks of convolutions whose weights are fused for the CPU: the same numbers, the same bits, and no trace in the host's Torch.
#include <algorithm>
#include <array>
#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loading/load_model.h"
#include "posekit/runtime.h"
#include "support/at_once.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/run_batch.h"
#include "support/torch_internals.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::run_batch;

namespace {

constexpr const char* pair_of_keypoints = R"({"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]})";

std::string conv_metadata(const std::string& extra = "") {
  return posekit_test::pose_metadata("heatmap", 16, 16, 4, 4, pair_of_keypoints, "", extra);
}

std::vector<float> noise_crops(std::size_t count, unsigned seed = 1) {
  std::minstd_rand random(seed);
  std::vector<float> values(count * 3 * 16 * 16);
  std::ranges::generate(values, [&] { return static_cast<float>(random() % 2001) / 1000 - 1; });
  return values;
}

std::vector<float> values_of(const ModelOutput& output, std::size_t tensor = 0) {
  const OutputTensor& found = output.tensors.at(tensor);
  std::size_t count = 1;
  for (std::size_t d = 0; d < found.rank; ++d) count *= found.shape[d];
  return {found.data, found.data + count};
}

std::vector<float> answer(ModelBackend& backend, const std::vector<float>& crops, std::size_t count) {
  return values_of(run_batch(backend, crops.data(), count));
}

/// A network of one weight "w" [out,in,kernel,kernel] and the rest of the code.
struct Code {
  std::vector<std::int64_t> weight;
  std::string body;  ///< Of `forward(self, x)`, one statement a line.
};

std::filesystem::path saved(const posekit_test::TemporaryDir& dir, const Code& code, const std::string& extra = "") {
  std::string body = code.body;
  for (std::size_t at = 0; (at = body.find('\n', at)) != std::string::npos; at += 5) body.replace(at, 1, "\n    ");
  posekit_test::save_script_model_with_weights(dir.path() / "m.pt", "def forward(self, x):\n    " + body + "\n",
                                               {{.name = "w", .shape = code.weight, .values = "float", .parameter = true}},
                                               conv_metadata(extra));
  return dir.path() / "m.pt";
}

bool is_fused(const std::filesystem::path& path, const ModelOptions& options = {}) { return load_model(path, options)->is_fused(); }

ModelOptions plain() {
  ModelOptions options;
  options.fuse = false;
  return options;
}

/// The largest difference from the network as it is, as a share of its largest value.
double difference(const std::filesystem::path& path, std::size_t count) {
  const auto fused = load_model(path, {});
  const auto as_it_is = load_model(path, plain());
  REQUIRE(fused->is_fused());
  REQUIRE_FALSE(as_it_is->is_fused());
  const auto crops = noise_crops(count);
  const auto expected = answer(*as_it_is, crops, count);
  const auto found = answer(*fused, crops, count);
  REQUIRE(found.size() == expected.size());
  double scale = 0;
  double most = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
    most = std::max(most, std::abs(static_cast<double>(expected[i]) - static_cast<double>(found[i])));
  }
  REQUIRE(scale > 0);
  return most / scale;
}

/// The notes that reach the log while a model is loaded.
std::string notes_of(const std::filesystem::path& path) {
  std::string notes;
  set_log_callback([&](LogLevel, std::string_view text) { notes += std::string(text) + "\n"; });
  (void)load_model(path, {});
  set_log_callback({});
  return notes;
}

std::filesystem::path shipped(const std::string& name) { return posekit_test::source_dir() / "examples/models" / name; }

}  // namespace

TEST_CASE("A fused network gives the numbers of the network as it is, whatever its convolutions are") {
  const auto [code, name] = GENERATE(table<Code, std::string>({
      {{{2, 3, 4, 4}, "return torch.conv2d(x, self.w, None, [4, 4])"}, "without a bias"},
      {{{2, 3, 4, 4}, "return torch.conv2d(x, self.w, self.w[:, 0, 0, 0] - 0.5, [4, 4])"}, "with a bias"},
      {{{2, 3, 3, 3}, "return torch.conv2d(x, self.w, None, [4, 4], [1, 1])"}, "with padding"},
      {{{2, 3, 2, 2}, "return torch.conv2d(x, self.w, None, [4, 4], [0, 0], [3, 3])"}, "with dilation"},
      {{{3, 1, 3, 3}, "return torch.conv2d(x, self.w, None, [4, 4], [1, 1], [1, 1], 3)[:, 0:2]"}, "of each channel alone"},
      {{{2, 3, 4, 4}, "return torch.conv2d(x, self.w, None, 4)"}, "with a number as stride"},
      {{{2, 3, 4, 4}, "return torch._convolution(x, self.w, None, [4, 4], [0, 0], [1, 1], False, [0, 0], 1, False, False, True, True)"},
       "traced"},
      {{{2, 3, 4, 4}, "return torch.relu(torch.conv2d(x, self.w, None, [4, 4]) - 1.0)"}, "with something before the activation"},
      {{{2, 3, 4, 4}, "return torch.relu(torch.conv2d(x, self.w, None, [4, 4]))"}, "relu"},
      {{{2, 3, 4, 4}, "return torch.relu_(torch.conv2d(x, self.w, None, [4, 4]))"}, "relu in place"},
      {{{2, 3, 4, 4}, "return torch.relu6(torch.conv2d(x, self.w, None, [4, 4]))"}, "relu6"},
      {{{2, 3, 4, 4}, "return torch.hardtanh(torch.conv2d(x, self.w, None, [4, 4]), -0.4, 0.9)"}, "hardtanh"},
      {{{2, 3, 4, 4}, "return torch.clamp(torch.conv2d(x, self.w, None, [4, 4]), -1, 2)"}, "clamp"},
      {{{2, 3, 4, 4}, "return torch.clamp(torch.conv2d(x, self.w, None, [4, 4]), min=-0.5)"}, "clamp to one side"},
      {{{2, 3, 4, 4}, "return torch.silu(torch.conv2d(x, self.w, None, [4, 4]))"}, "silu"},
      {{{2, 3, 4, 4}, "return torch.hardswish(torch.conv2d(x, self.w, None, [4, 4]))"}, "hardswish"},
      {{{2, 3, 4, 4}, "return torch.sigmoid(torch.conv2d(x, self.w, None, [4, 4]))"}, "sigmoid"},
      {{{2, 3, 4, 4}, "return torch.leaky_relu(torch.conv2d(x, self.w, None, [4, 4]), 0.3)"}, "leaky relu"},
      {{{2, 3, 4, 4}, "y = torch.conv2d(x, self.w, None, [4, 4])\nreturn torch.relu(y) + y"}, "used behind the activation too"},
      {{{2, 3, 4, 4}, "y = torch.conv2d(x, self.w, None, [4, 4])\nz = y * 2.0\ntorch.relu_(y)\nreturn y + z"},
       "written to behind another use"},
      {{{2, 3, 4, 4}, "y = torch.conv2d(x, self.w, None, [4, 4])\nreturn y.view([x.size(0), -1]).view([x.size(0), 2, 4, 4])"}, "viewed"},
      {{{2, 3, 4, 4}, "y = torch.conv2d(x, self.w, None, [4, 4])\nz = y.view([x.size(0), 2, 4, 4])\nz.add_(1.0)\nreturn y"},
       "written to through a view"},
      {{{2, 3, 4, 4}, "x.mul_(0.5)\nreturn torch.conv2d(x, self.w, None, [4, 4])"}, "of an input that is written to"},
  }));
  CAPTURE(name);
  const posekit_test::TemporaryDir dir;
  const auto path = saved(dir, code);
  for (const std::size_t count : {1U, 3U}) CHECK(difference(path, count) < 2e-6);
}

TEST_CASE("Residual branches, which Torch's own fuser gets wrong, are right") {
  const posekit_test::TemporaryDir dir;
  posekit_test::save_residual_model(dir.path() / "m.pt", 6, posekit_test::pose_metadata("heatmap", 16, 16, 16, 16, pair_of_keypoints));
  CHECK(difference(dir.path() / "m.pt", 2) < 1e-5);
}

TEST_CASE("What would gain nothing, or was asked for as it is, is not fused") {
  const posekit_test::TemporaryDir dir;
  const Code network{{2, 3, 4, 4}, "return torch.conv2d(x, self.w, None, [4, 4])"};
  const auto path = saved(dir, network);
  CHECK(is_fused(path));
  CHECK_FALSE(is_fused(path, plain()));
  for (const Precision precision : {Precision::as_exported, Precision::fp16, Precision::bf16}) {
    ModelOptions options;
    options.precision = precision;
    CHECK_FALSE(is_fused(path, options));
  }
  const std::string body = GENERATE(
      // as many products as convolutions
      "y = torch.conv2d(x, self.w, None, [4, 4])\nreturn torch.matmul(y, torch.eye(4))",
      // weights that depend on the input
      "return torch.conv2d(x, self.w * x.mean(), None, [4, 4])",
      // computed in another type
      "return torch.conv2d(x.double(), self.w.double(), None, [4, 4]).float()",
      // a state
      "self.w.add_(0.01)\nreturn torch.conv2d(x, self.w, None, [4, 4])",
      // a loop
      "y = x\nfor i in range(x.size(0) * 0 + 3):\n    y = torch.relu(torch.conv2d(y, self.w, None, [1, 1], [2, 2]))[:, :, 1:, 1:]\n"
      "    y = torch.cat([y, y[:, 0:1]], 1)\nreturn y[:, 0:2, ::4, ::4]",
      // no convolution
      "return x[:, 0:2, 0:4, 0:4] * self.w[0, 0, 0, 0]");
  CAPTURE(body);
  const auto other = saved(dir, {{2, 3, 4, 4}, body});
  CHECK_FALSE(is_fused(other));
  CHECK(notes_of(other).empty());
}

TEST_CASE("A network that fusing would change runs as it is, with a note") {
  const posekit_test::TemporaryDir dir;
  const auto chaotic = saved(dir, {{2, 3, 4, 4}, "return torch.sin(torch.sigmoid(torch.conv2d(x, self.w, None, [4, 4]) * 0.01) * 1e9)"});
  CHECK_FALSE(is_fused(chaotic));
  CHECK_THAT(notes_of(chaotic), ContainsSubstring("model \"test\"") && ContainsSubstring("other numbers"));
  const auto strided =
      saved(dir, {{2, 3, 4, 4}, "y = torch.conv2d(x, self.w, None, [4, 4])\nassert y.is_contiguous(), 'rows first'\nreturn y"});
  CHECK_FALSE(is_fused(strided));
  CHECK_THAT(notes_of(strided), ContainsSubstring("model \"test\"") && ContainsSubstring("rows first"));
  const auto crops = noise_crops(1);
  CHECK(answer(*load_model(strided, {}), crops, 1) == answer(*load_model(strided, plain()), crops, 1));
}

TEST_CASE("With another number of Torch threads than at load, a network runs as it is, with one note") {
  const posekit_test::TemporaryDir dir;
  const auto path = saved(dir, {{2, 3, 4, 4}, "return torch.conv2d(x, self.w, None, [4, 4]) + float(x.size(0))"});
  const int threads = torch_threads();
  const auto backend = load_model(path, {});
  const auto as_it_is = load_model(path, plain());
  REQUIRE(backend->is_fused());
  const auto crops = noise_crops(2);
  const auto fused = answer(*backend, crops, 2);
  std::size_t notes = 0;
  set_log_callback([&](LogLevel, std::string_view text) { notes += text.find("Torch threads") != std::string_view::npos ? 1 : 0; });
  set_torch_threads(threads + 1);
  CHECK(answer(*backend, crops, 2) == answer(*as_it_is, crops, 2));  // the crops at once: the output counts them
  CHECK(answer(*backend, crops, 2) != fused);
  set_torch_threads(threads);
  set_log_callback({});
  CHECK(answer(*backend, crops, 2) == fused);
  CHECK(notes == 1);
}

TEST_CASE("A network that fails is reported as without fusing") {
  const posekit_test::TemporaryDir dir;
  const auto path = saved(dir, {{2, 3, 4, 4}, "assert x.size(0) > 1, 'two at least'\nreturn torch.conv2d(x, self.w, None, [4, 4])"});
  ModelOptions options;
  options.warm_up = WarmUp::none;
  const auto backend = load_model(path, options);
  CHECK_FALSE(backend->is_fused());
  const auto crops = noise_crops(2);
  CHECK_THROWS_WITH(answer(*backend, crops, 1), ContainsSubstring("two at least"));
  CHECK_NOTHROW(answer(*backend, crops, 2));
}

TEST_CASE("To a fused network each crop is a batch of its own") {
  const posekit_test::TemporaryDir dir;
  const auto path = saved(dir, {{2, 3, 4, 4}, "return torch.conv2d(x, self.w, None, [4, 4]) + float(x.size(0))"});
  const auto backend = load_model(path, {});
  REQUIRE(backend->is_fused());
  const auto crops = noise_crops(2);
  const auto both = answer(*backend, crops, 2);
  const auto first = answer(*backend, crops, 1);
  CHECK(std::equal(first.begin(), first.end(), both.begin()));
}

TEST_CASE("A fused detector that leaves the size of a batch of one away takes larger ones whole") {
  const posekit_test::TemporaryDir dir;
  posekit_test::save_script_model_with_weights(
      dir.path() / "m.pt",
      "def forward(self, x):\n    y = torch.conv2d(x, self.w, None, [4, 4]).flatten(1)\n    boxes = y.reshape([x.size(0), 8, 4])\n"
      "    if x.size(0) == 1:\n        boxes = boxes[0]\n    return boxes, boxes.mean(-1)\n",
      {{.name = "w", .shape = {2, 3, 4, 4}, .values = "float", .parameter = true}},
      R"({"format": "posekit-model/1", "task": "detect", "name": "test", "input": {"width": 16, "height": 16}})");
  const auto backend = load_model(dir.path() / "m.pt", {});
  REQUIRE(backend->is_fused());
  const auto crops = noise_crops(2);
  const auto both = answer(*backend, crops, 2);
  const auto first = answer(*backend, crops, 1);
  REQUIRE(both.size() == 2 * first.size());
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(std::abs(both[i] - first[i]) < 1e-5F);
}

TEST_CASE("A crop's bits depend on nothing but the crop: not on its batch, its place there, the order of calls or the thread") {
  const auto [name, calls] =
      GENERATE(table<std::string, std::size_t>({{"small", 250}, {"pose_landmark_lite.pt", 12}, {"person_detector.pt", 6}}));
  CAPTURE(name);
  constexpr std::size_t threads = 4;
  constexpr std::size_t most = 8;
  const posekit_test::TemporaryDir dir;
  const Code small{{3, 3, 3, 3},
                   "y = torch.relu(torch.conv2d(x, self.w, None, [1, 1], [1, 1])) + x\n"
                   "return torch.conv2d(y, self.w, None, [4, 4])[:, 0:2]"};
  const auto path = name == "small" ? saved(dir, small) : shipped(name);
  const int threads_before = torch_threads();
  set_torch_threads(1);  // four teams on few CPUs wait for each other actively
  const auto backend = load_model(path, {});
  REQUIRE(backend->is_fused());
  const std::size_t crop = crop_bytes(backend->crop_format(), backend->info().input.size()) / sizeof(float);
  std::vector<float> crops(most * crop);
  std::minstd_rand random(7);
  std::ranges::generate(crops, [&] { return static_cast<float>(random() % 2001) / 1000 - 1; });

  // By position; set by whichever call is the first.
  std::array<std::vector<std::vector<float>>, most> bits;
  std::mutex mutex;
  std::size_t different = 0;
  posekit_test::at_once(threads, [&, calls = calls](std::size_t thread) {
    std::minstd_rand batches(static_cast<unsigned>(thread) + 1);
    for (std::size_t call = 0; call < calls; ++call) {
      const std::size_t count = batches() % most + 1;
      const ModelOutput output = run_batch(*backend, crops.data(), count);
      for (std::size_t i = 0; i < count; ++i) {
        std::vector<std::vector<float>> mine;
        for (std::size_t t = 0; t < output.tensors.size(); ++t) {
          if (output.tensors[t].data == nullptr) continue;
          const std::vector<float> all = values_of(output, t);
          const auto part = static_cast<std::ptrdiff_t>(all.size() / count);
          const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i) * part;
          mine.emplace_back(begin, begin + part);
        }
        const std::lock_guard lock(mutex);
        if (bits[i].empty()) bits[i] = mine;
        if (bits[i] != mine) ++different;
      }
    }
  });
  CHECK(different == 0);
  // A model that is loaded anew, and asked for one crop alone, agrees.
  const auto again = load_model(path, {});
  for (std::size_t i = 0; i < most; ++i) {
    const ModelOutput output = run_batch(*again, crops.data() + i * crop, 1);
    for (std::size_t t = 0; t < bits[i].size(); ++t) CHECK(values_of(output, t) == bits[i][t]);
  }
  set_torch_threads(threads_before);
}

TEST_CASE("The host's own graphs are optimised as without posekit") {
  const std::string before = posekit_test::optimised_host_graph();
  const auto backend = load_model(shipped("pose_landmark_lite.pt"), {});
  REQUIRE(backend->is_fused());
  const auto crops = std::vector<float>(crop_bytes(backend->crop_format(), backend->info().input.size()) / sizeof(float));
  (void)run_batch(*backend, crops.data(), 1);
  CHECK(posekit_test::optimised_host_graph() == before);
  CHECK_THAT(before, ContainsSubstring("aten::conv2d") && ContainsSubstring("aten::relu"));
}
