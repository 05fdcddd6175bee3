/// The TorchScript backend with small models that the test builds: loading, checking, converting, failing.
#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "loading/load_model.h"
#include "model/sha256.h"
#include "posekit/error.h"
#include "posekit/model_report.h"
#include "posekit/runtime.h"
#include "support/at_once.h"
#include "support/message_form.h"
#include "support/model_builder.h"
#include "support/paths.h"
#include "support/run_batch.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::at_once;
using posekit_test::check_message_form;
using posekit_test::pose_metadata;
using posekit_test::run_batch;
using posekit_test::save_script_model;
namespace fs = std::filesystem;

namespace {

const std::string two_keypoints = R"({"name": "two", "keypoints": [{"name": "left_eye", "swap": 1}, {"name": "right_eye", "swap": 0}]})";
const std::string good_forward = "def forward(self, x):\n    return x[:, 0:2, 0:4, 0:4] * 2.0 + 1.0\n";

std::string heatmap_metadata() { return pose_metadata("heatmap", 16, 16, 4, 4, two_keypoints); }

/// The message of loading, or "ok".
std::string verdict(const fs::path& path, ErrorCode code, const ModelOptions& options = {}) {
  try {
    (void)load_model(path, options);
  } catch (const Error& error) {
    CHECK(error.code() == code);
    return error.what();
  }
  return "ok";
}

std::vector<float> ramp(std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i % 251) / 251);
  return values;
}

std::ptrdiff_t threads_of_process() { return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()); }

std::uint32_t crc32(const std::string& bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (0xedb88320 & (0 - (crc & 1)));
  }
  return ~crc;
}

std::string little_endian(std::uint32_t value) {
  std::string text;
  for (int i = 0; i < 4; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

/// Puts another text of the same length into a stored zip entry, with its checksum wherever it is.
void replace_in_archive(const fs::path& path, const std::string& from, const std::string& to) {
  REQUIRE(from.size() == to.size());
  std::string bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  const std::size_t at = bytes.find(from);
  REQUIRE(at != std::string::npos);
  const std::size_t local = bytes.rfind("PK\3\4", at);
  const auto number = [&](std::size_t where, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = count; i > 0; --i) value = value << 8 | static_cast<std::uint8_t>(bytes[where + i - 1]);
    return value;
  };
  const std::size_t data = local + 30 + number(local + 26, 2) + number(local + 28, 2);
  const std::size_t end = bytes.find("PK\7\b", data);  // the data descriptor behind the entry
  REQUIRE(end != std::string::npos);
  const std::string old_sum = little_endian(crc32(bytes.substr(data, end - data)));
  bytes.replace(at, from.size(), to);
  const std::string new_sum = little_endian(crc32(bytes.substr(data, end - data)));
  for (std::size_t found = bytes.find(old_sum); found != std::string::npos; found = bytes.find(old_sum, found + 4))
    bytes.replace(found, 4, new_sum);
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("A model runs on a batch and gives what its network computes") {
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", good_forward, heatmap_metadata());
  const auto backend = load_model(dir.path() / "m.pt", {});
  CHECK(to_string(backend->devices()) == "cpu");
  REQUIRE(backend->crop_format() == CropFormat::float_chw);
  const auto crops = ramp(3 * 3 * 16 * 16);
  const ModelOutput output = run_batch(*backend, crops.data(), 3);
  REQUIRE(output.tensors.size() == 1);
  CHECK(output.tensors[0].shape == std::array<std::size_t, 4>{3, 2, 4, 4});
  for (std::size_t b = 0; b < 3; ++b) {
    for (std::size_t k = 0; k < 2; ++k) {
      for (std::size_t i = 0; i < 16; ++i) {
        const float in = crops[((b * 3 + k) * 16 + i / 4) * 16 + i % 4];
        CHECK(output.tensors[0].data[(b * 2 + k) * 16 + i] == in * 2.0F + 1.0F);
      }
    }
  }
}

TEST_CASE("Half and bfloat16 outputs are converted to float") {
  const std::string type = GENERATE("5", "15");  // torch's numbers of half and bfloat16
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", "def forward(self, x):\n    return (x[:, 0:2, 0:4, 0:4] * 0.0 + 0.5).to(" + type + ")\n",
                    heatmap_metadata());
  const auto backend = load_model(dir.path() / "m.pt", {});
  const auto crops = ramp(3 * 16 * 16);
  const ModelOutput output = run_batch(*backend, crops.data(), 1);
  CHECK(std::all_of(output.tensors[0].data, output.tensors[0].data + 32, [](float value) { return value == 0.5F; }));
}

TEST_CASE("Precision fp16 and bf16 run a model in that type") {
  const Precision precision = GENERATE(Precision::fp16, Precision::bf16);
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", good_forward, heatmap_metadata());
  ModelOptions options;
  options.precision = precision;
  const auto backend = load_model(dir.path() / "m.pt", options);
  const auto crops = ramp(3 * 16 * 16);
  const ModelOutput output = run_batch(*backend, crops.data(), 1);
  for (std::size_t i = 0; i < 16; ++i) {
    const float exact = crops[i / 4 * 16 + i % 4] * 2 + 1;
    CHECK(std::abs(output.tensors[0].data[i] - exact) <= exact / (precision == Precision::fp16 ? 1000 : 120));
  }
}

TEST_CASE("A network that writes to its input leaves the caller's crops alone") {
  const std::string statement =
      GENERATE("x.mul_(2.0)", "x[:, 1].add_(3.0)", "x.view([-1])[0:9].zero_()", "torch.relu_(x - 1.0)\n    x.neg_()");
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", "def forward(self, x):\n    " + statement + "\n    return x[:, 0:2, 0:4, 0:4] * 1.0\n",
                    heatmap_metadata());
  const auto backend = load_model(dir.path() / "m.pt", {});
  const auto untouched = ramp(3 * 16 * 16);
  const auto crops = untouched;
  const ModelOutput first = run_batch(*backend, crops.data(), 1);
  CHECK(crops == untouched);
  const ModelOutput second = run_batch(*backend, crops.data(), 1);
  CHECK(std::equal(first.tensors[0].data, first.tensors[0].data + 32, second.tensors[0].data));
}

TEST_CASE("An output that is the network's input stays when the crops are overwritten") {
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", "def forward(self, x):\n    return x.view([1, 384, 2])[:, 0:2, :]\n",
                    pose_metadata("regression", 16, 16, 0, 0, two_keypoints));
  const auto backend = load_model(dir.path() / "m.pt", {});
  auto crops = ramp(3 * 16 * 16);
  const std::vector<float> expected(crops.begin(), crops.begin() + 4);
  const ModelOutput output = run_batch(*backend, crops.data(), 1);
  std::fill(crops.begin(), crops.end(), -1.0F);
  CHECK(std::vector<float>(output.tensors[0].data, output.tensors[0].data + 4) == expected);
}

TEST_CASE("A forward that runs out of memory reports out_of_memory") {
#if defined(__SANITIZE_ADDRESS__)
  SKIP("AddressSanitizer ends the program at an allocation that is too large, rather than letting it fail");
#endif
  const posekit_test::TemporaryDir dir;
  // 2^52 floats: no machine gives so much address space, so nothing is ever touched.
  save_script_model(dir.path() / "m.pt", "def forward(self, x):\n    return torch.zeros([67108864, 67108864])\n", heatmap_metadata());
  CHECK_THAT(verdict(dir.path() / "m.pt", ErrorCode::out_of_memory), ContainsSubstring("host memory ran out"));
}

TEST_CASE("A network that can't run in a precision is reported with the remedy") {
  const auto [precision, name] = GENERATE(table<Precision, std::string>({{Precision::fp16, "fp16"}, {Precision::bf16, "bf16"}}));
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt",
                    "def forward(self, x):\n    return torch.conv2d(x, torch.ones([2, 3, x.size(1) - 2, 1]), None, [4, 4])\n",
                    heatmap_metadata());
  ModelOptions options;
  CHECK(verdict(dir.path() / "m.pt", ErrorCode::ok, options) == "ok");
  options.precision = precision;
  CHECK_THAT(verdict(dir.path() / "m.pt", ErrorCode::invalid_model, options), ContainsSubstring("in " + name) && ContainsSubstring("fp32"));
}

TEST_CASE("Outputs may be tuples, lists or tensors, a detector's with or without a leading batch") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  save_script_model(path, "def forward(self, x):\n    return x[:, 0:2, 0, :].repeat([1, 1, 2]), x[:, 0:2, :, 0].repeat([1, 1, 2])\n",
                    pose_metadata("simcc", 16, 16, 0, 0, two_keypoints));
  CHECK(verdict(path, ErrorCode::ok) == "ok");
  save_script_model(path, "def forward(self, x):\n    return x[:, 0:2, 0, 0:3]\n",
                    pose_metadata("regression", 16, 16, 0, 0, two_keypoints));
  CHECK(verdict(path, ErrorCode::ok) == "ok");
  save_script_model(path, "def forward(self, x):\n    return [x[:, 0:2, 0, 0:2]]\n",
                    pose_metadata("regression", 16, 16, 0, 0, two_keypoints));
  CHECK(verdict(path, ErrorCode::ok) == "ok");
  const std::string detect = R"({"format": "posekit-model/1", "task": "detect", "input": {"width": 16, "height": 16}})";
  save_script_model(path, "def forward(self, x):\n    return x[:, 0, :, 0:4], x[:, 0, :, 0], torch.zeros_like(x[:, 0, :, 0]).long()\n",
                    detect);
  CHECK(verdict(path, ErrorCode::ok) == "ok");
  save_script_model(path, "def forward(self, x):\n    return x[0, 0, :, 0:4], x[0, 0, :, 0]\n", detect);
  CHECK(verdict(path, ErrorCode::ok) == "ok");
}

TEST_CASE("A model that contradicts its metadata or fails is reported at load, without a backtrace") {
  const auto [forward, expected] = GENERATE(table<std::string, std::string>({
      {"return x[:, 0:3, 0:4, 0:4]", "K = 3"},
      {"return x[:, 0:2, 0:5, 0:4]", "[1, 2, 5, 4]"},
      {"return x[0, 0:2, 0:4, 0:4]", "[2, 4, 4]"},
      {"return x[:, 0:2, 0:4, 0:4], x", "2 tensors"},
      {"return (x[:, 0:2, 0:4, 0:4] * 10.0).long()", "Long"},
      {"return None", "nothing (None)"},
      {"return 'text'", "a String"},
      {"return (x, 3)", "a tuple that holds a Int"},
      {"assert x.size(0) > 6, 'the model objects'", "the model objects"},
      {"return torch.conv2d(x, torch.ones([2, 4, 3, 3]))", "channels"},
      {"assert x.size(0) > 5, 'too few persons'\n    return x", "too few persons"},
      {"return x.view([7, 7])", "shape"},
      {"return torch.zeros([1, 2, 4, 4], device='meta')", "meta tensor"},
  }));
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", "def forward(self, x):\n    " + forward + "\n", heatmap_metadata());
  const std::string message = verdict(dir.path() / "m.pt", ErrorCode::invalid_model);
  check_message_form(message, "model \"test\"", expected);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find("frame #") == std::string::npos);
  CHECK(message.find("Traceback") == std::string::npos);
}

TEST_CASE("The first batch without warm-up reports what is wrong with a model") {
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", "def forward(self, x):\n    return x\n", heatmap_metadata());
  ModelOptions options;
  options.warm_up = WarmUp::none;
  const auto backend = load_model(dir.path() / "m.pt", options);
  const auto crops = ramp(3 * 16 * 16);
  CHECK_THROWS_WITH(run_batch(*backend, crops.data(), 1), ContainsSubstring("K = 3"));
}

TEST_CASE("A model that throws on one call works on the next") {
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", "def forward(self, x):\n    assert x.size(0) != 3, 'three'\n    return x[:, 0:2, 0:4, 0:4]\n",
                    heatmap_metadata());
  const auto backend = load_model(dir.path() / "m.pt", {});
  const auto crops = ramp(3 * 3 * 16 * 16);
  CHECK_NOTHROW(run_batch(*backend, crops.data(), 1));
  CHECK_THROWS_WITH(run_batch(*backend, crops.data(), 3), ContainsSubstring("three"));
  CHECK_NOTHROW(run_batch(*backend, crops.data(), 2));
}

TEST_CASE("A model that throws on its third call only works before and after") {
  const posekit_test::TemporaryDir dir;
  posekit_test::save_script_model_with_weight(
      dir.path() / "m.pt",
      "def forward(self, x):\n    self.calls.add_(1.0)\n    assert float(self.calls[0]) != 4.0, 'third'\n    return x[:, 0:2, 0:4, 0:4]\n",
      "calls", {1}, heatmap_metadata());
  ModelOptions options;
  options.warm_up = WarmUp::none;
  const auto backend = load_model(dir.path() / "m.pt", options);
  const auto crops = ramp(3 * 16 * 16);
  CHECK_NOTHROW(run_batch(*backend, crops.data(), 1));
  CHECK_NOTHROW(run_batch(*backend, crops.data(), 1));
  CHECK_THROWS_WITH(run_batch(*backend, crops.data(), 1), ContainsSubstring("third") && ContainsSubstring("\"test\""));
  CHECK_NOTHROW(run_batch(*backend, crops.data(), 1));
}

TEST_CASE("Notes of a load reach the log callback while there is one") {
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", good_forward, pose_metadata("heatmap", 16, 16, 4, 4, two_keypoints, "", R"("box_paddding": 2)"));
  std::vector<std::string> notes;
  set_log_callback(
      [&](LogLevel level, std::string_view note) { notes.push_back((level == LogLevel::warning ? "! " : "") + std::string(note)); });
  (void)load_model(dir.path() / "m.pt", {});
  set_log_callback({});
  (void)load_model(dir.path() / "m.pt", {});
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0], ContainsSubstring("! model \"test\"") && ContainsSubstring("box_paddding"));
}

TEST_CASE("The log callback may be set and called from several threads at once") {
  const posekit_test::TemporaryDir dir;
  save_script_model(dir.path() / "m.pt", good_forward, pose_metadata("heatmap", 16, 16, 4, 4, two_keypoints, "", R"("box_paddding": 2)"));
  std::atomic<int> notes = 0;
  set_log_callback([&](LogLevel, std::string_view) { ++notes; });
  at_once(5, [&](std::size_t i) {
    if (i == 0) {
      for (int round = 0; round < 100; ++round) set_log_callback([&](LogLevel, std::string_view) { ++notes; });
    } else {
      for (int round = 0; round < 5; ++round) (void)load_model(dir.path() / "m.pt", {});
    }
  });
  set_log_callback({});
  CHECK(notes == 20);
}

TEST_CASE("A missing operator is named") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  save_script_model(path, "def forward(self, x):\n    return torch.relu(x)\n", heatmap_metadata());
  replace_in_archive(path, "torch.relu(", "ops.tv.nms(");
  CHECK_THAT(verdict(path, ErrorCode::unsupported_model), ContainsSubstring("tv") && ContainsSubstring("nms"));
}

TEST_CASE("A truncated archive is refused") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  fs::copy(posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt", path);
  fs::resize_file(path, fs::file_size(path) / 2);
  CHECK_THAT(verdict(path, ErrorCode::invalid_model), ContainsSubstring("cut-off"));
}

TEST_CASE("A model without metadata is refused with a remedy, and the presets that fit its weights") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "sapiens.pt2";
  posekit_test::save_script_model_with_weight(path, good_forward, "head", {308, 4, 1, 1});
  CHECK_THAT(verdict(path, ErrorCode::invalid_model),
             ContainsSubstring("308 keypoints") && ContainsSubstring("sapiens-goliath308") && !ContainsSubstring("sapiens-coco17"));
  posekit_test::save_script_model_with_weight(path, good_forward, "head", {5, 4, 1, 1});
  CHECK_THAT(verdict(path, ErrorCode::invalid_model), ContainsSubstring("posekit.json") && ContainsSubstring("sapiens-coco17, "));
}

TEST_CASE("A model without a name gets its file's, as UTF-8") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "a\xff\xc3\xa9.pt";
  save_script_model(path, good_forward);
  std::string nameless = heatmap_metadata();
  const std::string name = R"("name": "test", )";
  nameless.erase(nameless.find(name), name.size());
  ModelOptions options;
  options.metadata = MetadataDocument{nameless};
  CHECK(load_model(path, options)->info().name == "a\xef\xbf\xbd\xc3\xa9.pt");
}

TEST_CASE("A sidecar comes before the archive's metadata, and its checksum is checked") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  save_script_model(path, good_forward, heatmap_metadata());
  const auto sidecar = [&](const std::string& extra) {
    std::ofstream(dir.path() / "m.pt.posekit.json") << pose_metadata("heatmap", 16, 16, 4, 4, two_keypoints, "", extra);
  };
  sidecar(R"("box_padding": 2.5)");
  CHECK(load_model(path, {})->info().pose().box_padding == 2.5);
  sidecar(R"("sha256": ")" + sha256_of(path) + "\"");
  CHECK(verdict(path, ErrorCode::ok) == "ok");
  sidecar(R"("sha256": ")" + std::string(64, 'a') + "\"");
  CHECK_THAT(verdict(path, ErrorCode::invalid_model), ContainsSubstring("sha256"));
}

TEST_CASE("A pose model is refused as a detector, and an unknown or absent device is reported") {
  const posekit_test::TemporaryDir dir;
  const auto path = dir.path() / "m.pt";
  save_script_model(path, good_forward, heatmap_metadata());
  CHECK_THROWS_WITH(Model(path).backend_for(Task::detect),
                    ContainsSubstring("\"pose\"") && ContainsSubstring("\"detect\"") && ContainsSubstring("as the pose model"));
  ModelOptions options;
  for (const char* device : {"gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", ""}) {
    options.device = device;
    CHECK_THAT(verdict(path, ErrorCode::invalid_argument, options), ContainsSubstring("\"cuda:N\""));
  }
  options.device = "cuda";
  if (!built_with_cuda()) CHECK_THAT(verdict(path, ErrorCode::device_unavailable, options), ContainsSubstring("built without"));
}

TEST_CASE("Several threads at once get bit-equal results from one backend") {
  const auto backend = load_model(posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt", {});
  const auto crops = ramp(3 * 256 * 256);
  const ModelOutput expected = run_batch(*backend, crops.data(), 1);
  std::vector<int> equal(4, 0);
  at_once(equal.size(), [&](std::size_t i) {
    for (int round = 0; round < 3; ++round) {
      const ModelOutput output = run_batch(*backend, crops.data(), 1);
      equal[i] += std::equal(output.tensors[0].data, output.tensors[0].data + 33 * 64 * 64, expected.tensors[0].data) ? 1 : 0;
    }
  });
  CHECK(equal == std::vector<int>(4, 3));
}

TEST_CASE("Loading and running with one Torch thread starts no thread") {
  set_torch_threads(1);
  CHECK(torch_threads() == 1);
  const std::ptrdiff_t before = threads_of_process();
  const auto backend = load_model(posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt", {});
  const auto crops = ramp(2 * 3 * 256 * 256);
  (void)run_batch(*backend, crops.data(), 2);
  CHECK(threads_of_process() == before);
  CHECK_THROWS_AS(set_torch_threads(0), Error);
}

TEST_CASE("Torch runs in the version it was built for, and inspect_model runs no model") {
  CHECK(torch_versions().built_for == torch_versions().running);
  const ModelReport report = inspect_model(posekit_test::source_dir() / "examples/models/pose_landmark_lite.pt");
  CHECK(report.info.name == "blazepose-lite");
  CHECK(report.parameters == 731401);  // examples/models/PROVENANCE.md
  CHECK(report.file_bytes == 3008559);
}
