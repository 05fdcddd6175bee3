/// In which order a device's sessions use memory, on streams and threads: each use by the right stream, behind what it needs.
#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "loading/load_model.h"
#include "posekit/error.h"
#include "support/at_once.h"
#include "support/fake_cuda.h"
#include "support/model_builder.h"
#include "support/operators.h"
#include "support/paths.h"
#include "support/stream_order.h"
#include "support/torch_internals.h"

using namespace posekit;
using Catch::Matchers::ContainsSubstring;
using posekit_test::at_once;
using posekit_test::FakeCuda;
using posekit_test::open_device_session_of;
using posekit_test::OperatorCounts;
using posekit_test::operators_in;
using posekit_test::StreamOrder;

namespace {

constexpr int served_device = 1;
constexpr int side = 16;
constexpr std::size_t crop_bytes_of_model = std::size_t{side} * side * 3;

const std::string two_keypoints = R"({"name": "two", "keypoints": [{"name": "left", "swap": 1}, {"name": "right", "swap": 0}]})";

/// Where a model's outputs go, and what a session does with them.
struct Kind {
  std::string name;
  std::string codec;
  std::string body;  ///< Of the network.
  bool flip_test = false;
};

const std::vector<Kind> kinds{
    {"heatmaps", "udp_heatmap", "return x[:, 0:2] * 1.0", false},
    {"heatmaps, flip test", "udp_heatmap", "return x[:, 0:2] * 1.0", true},
    {"weak heatmaps, read a second time", "udp_heatmap", "return x[:, 0:2] * 0.004", false},
    {"weak heatmaps, flip test", "udp_heatmap", "return x[:, 0:2] * 0.004", true},
    {"a view of the input", "udp_heatmap", "return x[:, 0:2]", true},
    {"a network that writes to its input", "udp_heatmap", "return x.mul_(0.004)[:, 0:2]", true},
    {"simcc", "simcc", "return x[:, 0:2, 3, :].repeat([1, 1, 2]), x[:, 0:2, :, 5].repeat([1, 1, 2])", false},
    {"simcc, flip test", "simcc", "return x[:, 0:2, 3, :].repeat([1, 1, 2]), x[:, 0:2, :, 5].repeat([1, 1, 2])", true},
};

std::shared_ptr<ModelBackend> model(const std::filesystem::path& path, const Kind& kind) {
  const bool heatmaps = kind.codec == "udp_heatmap";
  posekit_test::save_script_model(path, "def forward(self, x):\n    " + kind.body + "\n",
                                  posekit_test::pose_metadata(kind.codec, side, side, heatmaps ? side : 0, heatmaps ? side : 0,
                                                              two_keypoints, heatmaps ? R"("blur_kernel": 5)" : ""));
  return load_model(path, {});
}

/// An image on the device, which a caller's kernel draws.
class DeviceImage {
 public:
  /// @param stream of the caller's own; null: the default stream
  DeviceImage(FakeCuda& cuda, void* stream) : cuda_(cuda), stream_(stream) {
    cuda.lend(pixels_.data(), pixels_.size(), "a caller's image");
  }
  void draw() { cuda_.stream_writes(stream_, pixels_.data(), "the caller's kernel"); }
  /// Its owner draws another one, or gives the memory back for others to draw in: the stream is in order with its own last kernel alone.
  void reuse() { cuda_.stream_writes(stream_, pixels_.data(), "the caller's next kernel"); }
  [[nodiscard]] CropTask task() const {
    ImageView image{pixels_.data(), side, side, std::ptrdiff_t{side} * 3, PixelFormat::rgb8};
    image.cuda_device = served_device;
    image.cuda_stream = stream_;
    return {image, {.transform = {.scale_x = 1, .offset_x = 0, .scale_y = 1, .offset_y = 0}, .size = {side, side}}};
  }

 private:
  FakeCuda& cuda_;
  void* stream_;
  std::vector<std::uint8_t> pixels_ = std::vector<std::uint8_t>(crop_bytes_of_model, 200);
};

/// A model on a device without CUDA.
struct Workplace {
  explicit Workplace(const Kind& kind) : backend(model(dir.path() / "m.pt", kind)), flip_test(kind.flip_test) {
    cuda.serve(*backend, served_device);
  }
  [[nodiscard]] std::unique_ptr<BatchSession> open() const {
    DecodeRequest request = make_decode_request(backend->info());
    request.flip_test = flip_test;
    return open_device_session_of(*backend, request);
  }

  posekit_test::TemporaryDir dir;
  FakeCuda cuda;
  std::shared_ptr<ModelBackend> backend;
  bool flip_test;
};

/// A caller with a session of its own, whose every use of memory the device without CUDA is told of.
class Caller {
 public:
  explicit Caller(Workplace& place) : Caller(place.cuda, place.open()) {}
  Caller(FakeCuda& cuda, std::unique_ptr<BatchSession> session) : cuda_(cuda), session_(std::move(session)) {}

  void stage(std::size_t slot, std::size_t crops) {
    std::byte* const memory = session_->staging(slot, crops);
    cuda_.host_writes(memory, "the caller's crops");
    std::fill_n(memory, crops * crop_bytes_of_model, std::byte{100});
  }
  void crop(std::size_t slot, std::size_t position, const DeviceImage& image) { session_->crop(slot, position, image.task()); }
  void submit(std::size_t slot, std::size_t crops, const RunControl& control = {}) {
    (void)cuda_.take_written_blocks();
    session_->submit(slot, crops, control);
    answers_[slot] = cuda_.take_written_blocks();
  }
  void send(std::size_t slot, std::size_t crops) {
    stage(slot, crops);
    submit(slot, crops);
  }
  void collect(std::size_t slot) {
    const BatchResult result = session_->collect(slot);
    if (result.peaks.empty() && result.output.tensors.empty()) throw std::logic_error("a batch without an answer");
    if (answers_[slot].empty()) throw std::logic_error("a batch that wrote to no page-locked memory");
    for (const void* memory : answers_[slot]) cuda_.host_reads(memory, "the caller's look at the answers");
  }
  [[nodiscard]] bool is_over(std::size_t slot) const {
    return std::ranges::all_of(answers_[slot], [&](const void* memory) { return cuda_.is_done_with(memory); });
  }

 private:
  FakeCuda& cuda_;
  std::unique_ptr<BatchSession> session_;
  std::array<std::vector<const void*>, BatchSession::slots> answers_;  ///< Page-locked memory that the slot's batch has written to.
};

const std::vector<std::string> none;

}  // namespace

TEST_CASE("Uses of a buffer that neither a stream's own order nor an event puts in order are a fault") {
  StreamOrder order;
  const auto one = order.add_stream("stream one");
  const auto two = order.add_stream("stream two");
  int buffer = 0;
  int event = 0;
  order.add_memory(&buffer, sizeof buffer, "the buffer");
  const auto use = [&](StreamOrder::Lane lane, bool writes) { order.use(lane, &buffer, sizeof buffer, writes, writes ? "fill" : "sum"); };
  use(one, true);
  use(one, false);
  CHECK(order.faults() == none);

  SECTION("a read in another stream") {
    use(two, false);
    CHECK(order.faults() == std::vector<std::string>{"the buffer: fill (stream one, writes) and sum (stream two, reads) are in no order"});
  }
  SECTION("a write beside a read") {
    order.record(&event, one);
    use(one, false);
    order.make_stream_wait(two, &event);
    use(two, false);
    CHECK(order.faults() == none);
    use(two, true);
    CHECK(order.faults() == std::vector<std::string>{"the buffer: sum (stream one, reads) and fill (stream two, writes) are in no order"});
  }
  SECTION("an event that is recorded too early, or waited for by another stream") {
    order.record(&event, two);
    order.make_stream_wait(two, &event);
    use(two, true);
    CHECK(order.faults().size() == 2);
  }
  SECTION("a wait is for what was recorded when it was asked for") {
    order.record(&event, one);
    order.make_stream_wait(two, &event);
    use(one, true);
    order.record(&event, one);
    use(two, false);
    CHECK(order.faults().size() == 1);
  }
  SECTION("the host reads without waiting") {
    use(order.thread(), false);
    CHECK(order.faults().size() == 1);
  }
  SECTION("another thread has waited") {
    order.record(&event, one);
    order.wait(&event);
    std::jthread([&] { use(order.thread(), true); }).join();
    CHECK(order.faults().size() == 2);
  }
}

TEST_CASE("Uses that an event, a wait, a launch or a hand-over puts in order are none") {
  StreamOrder order;
  const auto one = order.add_stream("stream one");
  const auto two = order.add_stream("stream two");
  const auto three = order.add_stream("stream three");
  int buffer = 0;
  int event = 0;
  int other_event = 0;
  const auto write = [&](StreamOrder::Lane lane) { order.use(lane, &buffer, sizeof buffer, true, "fill"); };
  write(order.thread());
  write(one);
  order.record(&event, one);
  order.make_stream_wait(two, &event);
  write(two);
  order.record(&other_event, two);
  order.make_stream_wait(three, &other_event);  // behind stream one by way of stream two
  write(three);
  CHECK_FALSE(order.is_behind_all_uses(&buffer));
  order.wait_for(three);
  CHECK(order.is_behind_all_uses(&buffer));
  write(order.thread());
  write(one);  // launched by a thread that has waited
  order.wait_for_streams();
  order.hand_over();
  std::jthread([&] {
    order.take_over();
    write(order.thread());
    write(two);
    order.record(&event, two);
    order.wait(&event);
    order.hand_over();
  }).join();
  order.take_over();
  write(order.thread());
  CHECK(order.faults() == none);
  CHECK(order.uses() == 9);
}

TEST_CASE("Memory that is given back while another stream uses it is a fault once its own stream goes on") {
  StreamOrder order;
  const auto own = order.add_stream("own stream");
  const auto other = order.add_stream("other stream");
  int buffer = 0;
  int second_buffer = 0;
  int event = 0;
  const bool waits = GENERATE(false, true);
  order.add_pooled(&buffer, sizeof buffer, "a tensor", own);
  order.use(own, &buffer, sizeof buffer, true, "fill");
  order.record(&event, own);
  order.make_stream_wait(other, &event);
  order.use(other, &buffer, sizeof buffer, false, "sum");
  order.remove_memory(&buffer);
  order.record(&event, other);
  if (waits) order.make_stream_wait(own, &event);
  CHECK(order.faults() == none);
  order.use(own, &second_buffer, sizeof second_buffer, true, "fill");
  if (waits) {
    CHECK(order.faults() == none);
  } else {
    CHECK(order.faults() ==
          std::vector<std::string>{
              "a tensor: given back, and free for what own stream is given next, in no order with sum (other stream, reads)"});
  }
}

TEST_CASE("Page-locked memory that is freed while a stream uses it is a fault at once") {
  StreamOrder order;
  const auto stream = order.add_stream("a stream");
  int buffer = 0;
  order.add_memory(&buffer, sizeof buffer, "the buffer");
  order.use(stream, &buffer, sizeof buffer, false, "copy");
  order.remove_memory(&buffer);
  CHECK(order.faults() == std::vector<std::string>{"the buffer: freed by thread 1 in no order with copy (a stream, reads)"});
}

TEST_CASE("Each stream uses a slot's memory behind what it needs, while two batches are in flight and memory grows") {
  const Kind kind = GENERATE(from_range(kinds));
  INFO(kind.name);
  Workplace place(kind);
  {
    Caller caller(place);
    caller.send(0, 1);
    caller.send(1, 3);
    caller.collect(0);
    caller.send(0, 2);
    caller.collect(1);
    caller.collect(0);
    for (const std::size_t crops : {std::size_t{4}, std::size_t{1}}) {
      caller.send(1, crops);
      caller.send(0, crops + 1);
      caller.collect(1);
      caller.collect(0);
    }
    caller.send(0, 2);
    caller.send(1, 1);
  }  // in flight
  Caller next(place);
  next.send(0, 4);
  next.collect(0);
  CHECK(place.cuda.disorder() == none);
  const FakeCuda::Notes notes = place.cuda.notes();
  CHECK(notes.uses > 100);
  CHECK(notes.operators.at("2") == 10);  // one upload a batch, on the second stream that a device gets
  CHECK(notes.operators.at("1") > 50);
}

TEST_CASE("A second look does not run behind the next batch, but on a stream of high priority") {
  Workplace weak(kinds[2]);
  Caller caller(weak);
  caller.send(0, 2);
  caller.send(1, 2);
  const auto before = weak.cuda.notes().operators;
  caller.collect(0);
  auto after = weak.cuda.notes().operators;
  CHECK(after["3 (high priority)"] > before.at("3 (high priority)") + 5);  // those before are of the session's opening
  CHECK(after["1"] == before.at("1"));
  CHECK_FALSE(caller.is_over(1));
}

TEST_CASE("A detector's batches go first, on a stream of high priority, and a pose model's do not") {
  const posekit_test::TemporaryDir dir;
  posekit_test::save_script_model(dir.path() / "d.pt", "def forward(self, x):\n    return x[:, 0, 0:2, 0:4], x[:, 1, 0, 0:2]\n",
                                  R"({"format": "posekit-model/1", "task": "detect", "input": {"width": 16, "height": 16}})");
  FakeCuda cuda;
  const auto detector = load_model(dir.path() / "d.pt", {});
  cuda.serve(*detector, 0);
  const auto session = open_device_session_of(*detector, {});
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {  // two at once, as of pose models
    std::fill_n(session->staging(slot, 2), 2 * crop_bytes_of_model, std::byte{100});
    session->submit(slot, 2, {});
  }
  CHECK(session->collect(0).output.tensors.size() == 2);
  CHECK(session->collect(1).output.tensors.size() == 2);
  CHECK(cuda.notes().operators.at("1 (high priority)") > 5);
  CHECK_FALSE(cuda.notes().operators.contains("1"));
  Workplace pose(kinds[0]);
  Caller(pose).send(0, 1);
  CHECK(pose.cuda.notes().operators.contains("1"));
  CHECK_FALSE(pose.cuda.notes().operators.contains("1 (high priority)"));
}

TEST_CASE("Crops of images on the device wait for the caller's stream, and an image may be freed after collect") {
  const Kind kind = GENERATE(from_range(kinds));
  INFO(kind.name);
  Workplace place(kind);
  DeviceImage on_default_stream(place.cuda, nullptr);
  DeviceImage on_own_stream(place.cuda, place.cuda.new_stream(served_device));
  Caller caller(place);
  for (const std::size_t crops : {std::size_t{3}, std::size_t{2}, std::size_t{4}}) {
    for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
      caller.stage(slot, crops);
      DeviceImage& image = slot == 0 ? on_default_stream : on_own_stream;
      image.draw();
      caller.crop(slot, 1, image);
      caller.submit(slot, crops);
    }
    caller.collect(0);
    on_default_stream.reuse();
    caller.collect(1);
    on_own_stream.reuse();
  }
  caller.stage(0, 2);
  on_own_stream.draw();
  on_default_stream.draw();
  caller.crop(0, 0, on_own_stream);
  caller.crop(0, 1, on_default_stream);
  caller.submit(0, 2);
  caller.collect(0);
  on_default_stream.reuse();
  on_own_stream.reuse();
  CHECK(place.cuda.disorder() == none);
}

TEST_CASE("After a cancelled batch the slot, its memory and the images are free") {
  Workplace place(kinds[0]);
  DeviceImage image(place.cuda, place.cuda.new_stream(served_device));
  Caller caller(place);
  std::stop_source stop;
  stop.request_stop();
  for (int round = 0; round < 2; ++round) {
    caller.send(1, 2);
    caller.stage(0, 2);
    image.draw();
    caller.crop(0, 1, image);
    CHECK_THROWS_AS(caller.submit(0, 2, {.stop = stop.get_token(), .deadline = {}}), Error);
    image.reuse();
    caller.send(0, 2);
    caller.collect(1);
    caller.collect(0);
  }
  CHECK(place.cuda.disorder() == none);
}

TEST_CASE("After a batch in which any one call of CUDA fails, the slot, its memory and the images are free") {
  // The way of two batches up to their submits. The calls that fail are counted from the second one's staging.
  std::size_t failed = 0;
  for (std::size_t failing = 0;; ++failing) {
    CAPTURE(failing);
    Workplace place(kinds[0]);
    DeviceImage image(place.cuda, place.cuda.new_stream(served_device));
    Caller caller(place);
    caller.send(0, 2);
    caller.send(1, 1);
    caller.collect(1);
    place.cuda.fail_once(failing);
    const std::size_t calls = place.cuda.notes().calls;
    bool ended = false;
    try {
      caller.stage(1, 3);
      image.draw();
      caller.crop(1, 0, image);
      caller.crop(1, 2, image);
      caller.submit(1, 3);
    } catch (const Error&) {
      ended = true;
      ++failed;
    }
    const bool was_reached = place.cuda.notes().calls - calls > failing;
    if (!was_reached) break;
    if (!ended) caller.collect(1);
    image.reuse();
    caller.send(1, 3);
    caller.collect(0);
    caller.collect(1);
    CHECK(place.cuda.disorder() == none);
  }
  CHECK(failed > 10);
}

TEST_CASE("After a network that throws, the slot and its memory are free") {
  const bool flip_test = GENERATE(false, true);
  Workplace place({"throws", "udp_heatmap", "y = x[:, 0:2] * 1.0\n    assert x.size(0) != 3, 'three'\n    return y", flip_test});
  Caller caller(place);
  for (int round = 0; round < 2; ++round) {
    caller.send(0, 2);
    caller.stage(1, 3);
    CHECK_THROWS_WITH(caller.submit(1, 3), ContainsSubstring("three"));
    caller.send(1, 2);
    caller.collect(0);
    caller.collect(1);
  }
  CHECK(place.cuda.disorder() == none);
}

TEST_CASE("Sessions of two threads on one model keep the order") {
  const Kind kind = GENERATE(from_range(kinds));
  INFO(kind.name);
  Workplace place(kind);
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < 2; ++i) callers.push_back(std::make_unique<Caller>(place));
  place.cuda.hand_over();
  at_once(callers.size(), [&](std::size_t i) {
    place.cuda.take_over();
    DeviceImage image(place.cuda, place.cuda.new_stream(served_device));
    Caller& caller = *callers[i];
    for (std::size_t round = 0; round < 4; ++round) {
      caller.send(0, 1 + round % 3);
      caller.stage(1, 2);
      image.draw();
      caller.crop(1, 0, image);
      caller.submit(1, 2);
      caller.collect(0);
      caller.collect(1);
      image.reuse();
    }
    caller.send(0, 1);
    callers[i].reset();
    place.cuda.hand_over();
  });
  CHECK(place.cuda.disorder() == none);
}

TEST_CASE("A device has two batches in flight, whoever sent them, and a third one waits for the oldest") {
  Workplace place(kinds[0]);
  Caller one(place);
  Caller other(place);
  one.send(0, 2);
  one.send(1, 2);
  CHECK_FALSE(one.is_over(0));
  other.send(0, 1);
  CHECK(one.is_over(0));
  CHECK_FALSE(one.is_over(1));
  one.collect(0);
  one.collect(1);
  other.collect(0);
  for (int round = 0; round < 3; ++round) {  // batches that were collected take no room
    one.send(0, 2);
    one.send(1, 2);
    CHECK_FALSE(one.is_over(0));
    one.collect(0);
    CHECK_FALSE(one.is_over(1));
    one.collect(1);
  }
  one.send(1, 2);  // in the other order
  one.send(0, 2);
  CHECK_FALSE(one.is_over(1));
  one.collect(1);
  one.collect(0);
  CHECK(place.cuda.disorder() == none);
}

TEST_CASE("The first batch after a model was loaded finds its constants on the device") {
  Workplace place(kinds[0]);
  {
    Caller caller(place.cuda, place.cuda.open_on_new_replica(place.backend->info(), served_device));
    caller.send(0, 2);
    caller.collect(0);
  }
  CHECK(place.cuda.disorder() == none);
}

TEST_CASE("Operators of a piece of work are counted without views, with the bytes that they read and write") {
  constexpr std::size_t crops = 3;
  const auto counts_of = [](const std::string& body) {
    Workplace place({"", "udp_heatmap", body, false});
    Caller caller(place);
    for (int round = 0; round < 3; ++round) {  // Torch changes the network in the first ones
      caller.send(0, crops);
      caller.collect(0);
    }
    return operators_in([&] { caller.send(0, crops); });
  };
  const OperatorCounts plain = counts_of("return x[:, 0:2] * 0.5");
  const OperatorCounts sum = counts_of("y = x[:, 0:2] * 0.5\n    return y + 0.25");
  const OperatorCounts views = counts_of("return (x[:, 0:2] * 0.5).transpose(2, 3)[:, :, :, 0:].transpose(2, 3)");
  const OperatorCounts gathered = counts_of("return torch.index_select(x, 1, torch.tensor([0, 1])) * 0.5");
  constexpr std::size_t bytes = crops * 2 * side * side * sizeof(float);
  CHECK(sum.operators == plain.operators + 1);
  CHECK(sum.bytes_read == plain.bytes_read + bytes);
  CHECK(sum.bytes_written == plain.bytes_written + bytes);
  CHECK(views.operators == plain.operators);
  CHECK(views.bytes_read == plain.bytes_read);
  CHECK(views.bytes_written == plain.bytes_written);
  CHECK(gathered.operators > plain.operators);
  CHECK(gathered.bytes_read == plain.bytes_read + bytes + 2 * sizeof(std::int64_t));  // of three channels two
}

TEST_CASE("A batch is launched as a whole: that of another session waits until then") {
  const posekit_test::TemporaryDir dir;
  const auto backend = model(dir.path() / "m.pt", kinds[0]);
  const DecodeRequest request = make_decode_request(backend->info());
  const auto one = open_device_session_of(*backend, request);
  const auto other = open_device_session_of(*backend, request);
  for (BatchSession* session : {one.get(), other.get()}) std::fill_n(session->staging(0, 1), crop_bytes_of_model, std::byte{100});
  bool asked = false;
  bool waited = false;
  {
    const posekit_test::OperatorWatch watch([&](const posekit_test::OperatorRun&) {
      if (std::exchange(asked, true)) return;
      std::jthread([&] {
        try {
          other->submit(0, 1, {.stop = {}, .deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20)});
        } catch (const Error& error) {
          waited = error.code() == ErrorCode::deadline_exceeded;
        }
      }).join();
    });
    one->submit(0, 1, {});
  }
  CHECK(waited);
  (void)one->collect(0);
}

TEST_CASE("The tables of a batch's crops are in page-locked memory, made once") {
  Workplace place(kinds[0]);
  DeviceImage image(place.cuda, nullptr);
  Caller caller(place);
  caller.stage(0, 2);
  const auto before = place.cuda.notes().pinned_allocations;
  image.draw();
  caller.crop(0, 0, image);
  caller.crop(0, 1, image);
  CHECK(place.cuda.notes().pinned_allocations == before + 1);
  caller.submit(0, 2);
  caller.collect(0);
}
