/// What a device does, part by part: copies, launches, forwards, the stages of a batch.
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <cstdio>
#include <map>
#include <optional>
#include <thread>

#include "device_bench.h"
#include "posekit/error.h"
#include "posekit/runtime.h"
#include "torch/peaks.h"

#ifdef POSEKIT_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <cuda_runtime_api.h>
#endif

namespace posekit_bench {
namespace {

using posekit::DeviceEvent;
using posekit::PeakReduction;
using posekit::Replica;
using posekit::StreamGuard;
using posekit::StreamRole;

constexpr std::size_t buffers = 3;  // used in turn, so that no cache holds them

at::Tensor noise(at::IntArrayRef sizes) { return at::randint(256, sizes, at::TensorOptions().dtype(at::kByte)); }

/// Noise crops [count,H,W,3] on the device, normalised: what the network gets.
at::Tensor network_input(const Replica& replica, std::size_t count) {
  const posekit::InputInfo& size = replica.network.info().input;
  return replica.network.normalized(noise({static_cast<std::int64_t>(count), size.height, size.width, 3}).to(replica.network.device()));
}

double milliseconds(Clock::time_point from, Clock::time_point to) { return 1e3 * std::chrono::duration<double>(to - from).count(); }

/// One forward from an idle device on.
struct Forward {
  double launched_ms = 0;  ///< Until the host had launched it.
  double done_ms = 0;
  at::Tensor output;
};

Forward time_forward(const Replica& replica, const at::Tensor& input) {
  const c10::InferenceMode inference;
  const StreamGuard guard(replica.streams, StreamRole::compute);
  replica.streams.synchronize();
  const auto start = Clock::now();
  Forward result;
  result.output = replica.network.forward(input).front();
  const auto launched = Clock::now();
  replica.streams.synchronize();
  result.launched_ms = milliseconds(start, launched);
  result.done_ms = milliseconds(start, Clock::now());
  return result;
}

/// Forwards of changing sizes: each one's time, and whether it gives what the first one of its size gave.
void time_forwards(const Options& options, const Replica& replica, std::map<std::size_t, at::Tensor>& inputs,
                   std::map<std::size_t, at::Tensor>& outputs, const std::string& model, const std::string& thread,
                   const std::string& optimiser) {
  const torch::jit::GraphOptimizerEnabledGuard guard(optimiser == "on");
  int run = 0;
  for (const std::size_t size : options.batches) {
    if (!inputs.contains(size)) inputs[size] = network_input(replica, size);
    const Forward forward = time_forward(replica, inputs[size]);
    const auto first = outputs.try_emplace(size, forward.output).first;
    Figure(options, "forward")
        .add("model", model)
        .add("optimiser", optimiser)
        .add("thread", thread)
        .add("run", ++run)
        .add("batch", static_cast<double>(size))
        .add("launched_ms", forward.launched_ms)
        .add("ms", forward.done_ms)
        .add("as_the_first", first->second.equal(forward.output) ? 1 : 0);
  }
}

#ifdef POSEKIT_CUDA
/// A forward as a CUDA graph that is launched at once.
std::optional<Times> time_of_graph(const Replica& replica, double seconds, const at::Tensor& input) {
  if (!replica.network.device().is_cuda()) return std::nullopt;
  const c10::InferenceMode inference;
  const torch::jit::GraphOptimizerEnabledGuard no_optimiser(false);
  const StreamGuard guard(replica.streams, StreamRole::compute);
  for (int i = 0; i < 3; ++i) (void)replica.network.forward(input);
  replica.streams.synchronize();
  at::cuda::CUDAGraph graph;
  graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  const auto output = replica.network.forward(input);
  graph.capture_end();
  return time_of_queued(replica, seconds, [&](std::size_t) { graph.replay(); });
}
#else
std::optional<Times> time_of_graph(const Replica& /*replica*/, double /*seconds*/, const at::Tensor& /*input*/) { return std::nullopt; }
#endif

}  // namespace

void show_machine(const Options& options) {
  const Loaded model = load(options, options.models.at(0), "fp32");
  const Replica& replica = *model.replica;
  const c10::Device device = replica.network.device();
  Figure(options, "versions").add("device", posekit::to_string(model.own->devices())).add("torch", posekit::torch_versions().running);
#ifdef POSEKIT_CUDA
  if (device.is_cuda()) {
    cudaDeviceProp properties{};
    int runtime = 0;
    int driver = 0;
    if (cudaGetDeviceProperties(&properties, device.index()) == cudaSuccess && cudaRuntimeGetVersion(&runtime) == cudaSuccess &&
        cudaDriverGetVersion(&driver) == cudaSuccess)
      Figure(options, "card")
          .add("name", properties.name)
          .add("memory_bytes", static_cast<double>(posekit::total_memory(device)))
          .add("runtime", runtime)
          .add("driver", driver)
          .add("cudnn", static_cast<double>(at::detail::getCUDAHooks().versionCuDNN()));
  }
#endif

  const std::int64_t bytes = std::int64_t{1} << 28;
  const at::Tensor pageable = at::empty({bytes}, at::kByte).fill_(1);
  const at::Tensor pinned = replica.streams.host_tensor({bytes}, at::kByte);
  pinned.fill_(1);
  const at::Tensor there = at::empty({2, bytes}, at::TensorOptions().dtype(at::kByte).device(device)).fill_(1);
  const auto copy = [&](const std::string& from, const std::string& to, const at::Tensor& source, const at::Tensor& target, double passes) {
    const Times times = time_of_queued(replica, options.seconds / 4, [&](std::size_t) { target.copy_(source, /*non_blocking=*/true); });
    Figure(options, "copy").add("from", from).add("to", to).add("gb_per_s", passes * static_cast<double>(bytes) / times.device_ms / 1e6);
  };
  copy("pinned", "device", pinned, there[0], 1);
  copy("device", "pinned", there[0], pinned, 1);
  copy("pageable", "device", pageable, there[0], 1);
  copy("device", "pageable", there[0], pageable, 1);
  copy("device", "device", there[0], there[1], 2);  // read and written

  const at::Tensor tiny = at::zeros({8}, at::TensorOptions().device(device));
  const Times fills = time_of_queued(replica, options.seconds / 4, [&](std::size_t) {
    for (int i = 0; i < 20; ++i) tiny.fill_(i);
  });
  Figure(options, "launch").add("host_us", 1e3 * fills.host_ms / 20).add("device_us", 1e3 * fills.device_ms / 20);
}

void measure_first_runs(const Options& options) {
  for (const std::string& path : options.models) {
    for (const char* optimiser : {"off", "on"}) {
      const auto start = Clock::now();
      const Loaded model = load(options, path, options.precisions.at(0));
      Figure(options, "load").add("model", name_of(path)).add("s", seconds_since(start));
      const c10::InferenceMode inference;
      std::map<std::size_t, at::Tensor> inputs;
      std::map<std::size_t, at::Tensor> outputs;
      time_forwards(options, *model.replica, inputs, outputs, name_of(path), "first", optimiser);
      std::jthread([&] {
        const c10::InferenceMode own;
        time_forwards(options, *model.replica, inputs, outputs, name_of(path), "fresh", optimiser);
      }).join();
      time_forwards(options, *model.replica, inputs, outputs, name_of(path), "first, again", optimiser);
    }
  }
}

void measure_forward(const Options& options) {
  for (const std::string& path : options.models) {
    for (const std::string& precision : options.precisions) {
      const Loaded model = load(options, path, precision);
      const c10::InferenceMode inference;
      const Replica& replica = *model.replica;
      for (const std::size_t batch : options.batches) {
        std::vector<at::Tensor> inputs;
        for (std::size_t i = 0; i < buffers; ++i) inputs.push_back(network_input(replica, batch));
        const auto report = [&](const std::string& how, const Times& times) {
          Figure(options, "forward")
              .add("model", name_of(path))
              .add("precision", precision)
              .add("batch", static_cast<double>(batch))
              .add("how", how)
              .add("ms", times.device_ms)
              .add("host_ms", times.host_ms)
              .add("repeats", times.repeats);
        };
        const auto forward = [&](std::size_t run) { (void)replica.network.forward(inputs[run % buffers]); };
        report("launched", time_of_queued(replica, options.seconds, forward));
        for (at::Tensor& input : inputs) input = input.contiguous(at::MemoryFormat::ChannelsLast);
        report("input in channels-last", time_of_queued(replica, options.seconds, forward));
        try {
          if (const auto times = time_of_graph(replica, options.seconds, inputs[0])) report("graph", *times);
        } catch (const std::exception& error) {  // what can't be captured
          std::fprintf(stderr, "graph of %s: %s\n", name_of(path).c_str(), error.what());
        }
      }
    }
  }
  posekit::set_torch_tf32(false);
}

namespace {

/// The stages of one batch, each alone.
class Stages {
 public:
  Stages(const Options& options, const Replica& replica, const std::string& precision, std::size_t batch)
      : options_(options),
        replica_(replica),
        precision_(precision),
        batch_(batch),
        reduction_(replica.network.info(), posekit::make_decode_request(replica.network.info()), replica.network.device()) {
    const posekit::InputInfo& size = replica.network.info().input;
    for (std::size_t i = 0; i < buffers; ++i) {
      const at::Tensor crops = noise({static_cast<std::int64_t>(batch), size.height, size.width, 3});
      host_.push_back(replica.streams.host_tensor(crops.sizes(), at::kByte));
      host_.back().copy_(crops);
      device_.push_back(crops.to(replica.network.device(), at::kByte, /*non_blocking=*/false, /*copy=*/true));
      normalized_.push_back(replica.network.normalized(device_.back()));
      heatmaps_.push_back(reduction_.wanted(replica.network.forward(normalized_.back()).front()).clone());
    }
  }

  void measure() {
    const auto bytes_of = [](const at::Tensor& tensor) { return static_cast<double>(tensor.nbytes()); };
    report("upload", bytes_of(host_[0]), [&](std::size_t i) { device_[i].copy_(host_[i], /*non_blocking=*/true); });
    report("normalise", bytes_of(device_[0]) + bytes_of(normalized_[0]),
           [&](std::size_t i) { (void)replica_.network.normalized(device_[i]); });
    report("forward", 0, [&](std::size_t i) { (void)replica_.network.forward(normalized_[i]); });
    const double map_bytes = bytes_of(heatmaps_[0]);
    report("reduce", map_bytes, [&](std::size_t i) { (void)reduction_.peaks(heatmaps_[i]); });
    const PeakReduction::Peaks peaks = reduction_.peaks(heatmaps_[0]);
    const at::Tensor back = replica_.streams.host_tensor(peaks.patches.sizes(), peaks.patches.scalar_type());
    report("download", bytes_of(peaks.patches), [&](std::size_t) { back.copy_(peaks.patches, /*non_blocking=*/true); });
    measure_weak_channels({.places = peaks.places.cpu(), .patches = peaks.patches.cpu()});
    measure_both_at_once();
    for (at::Tensor& maps : heatmaps_) maps = maps.contiguous(at::MemoryFormat::ChannelsLast);
    report("reduce, channels-last", map_bytes, [&](std::size_t i) { (void)reduction_.peaks(heatmaps_[i]); });
  }

 private:
  template <class Work>
  void report(const std::string& stage, double bytes, const Work& work) {
    const Times times = time_of_queued(replica_, options_.seconds, [&](std::size_t run) { work(run % buffers); });
    Figure figure(options_, "stage");
    figure.add("stage", stage)
        .add("precision", precision_)
        .add("batch", static_cast<double>(batch_))
        .add("ms", times.device_ms)
        .add("host_ms", times.host_ms)
        .add("repeats", times.repeats);
    if (bytes > 0 && times.device_ms > 0) figure.add("gb_per_s", bytes / times.device_ms / 1e6);
  }

  /// How many channels are weak, what their records take on the host, and what so many of them take on the device, the wait included.
  /// @param peaks on the host
  void measure_weak_channels(const PeakReduction::Peaks& peaks) {
    const std::int64_t channels = peaks.places.numel();
    std::vector<posekit::PeakRecord> records(static_cast<std::size_t>(channels));
    posekit::DecodeScratch scratch;
    const std::vector<std::int64_t> weak = reduction_.read(peaks, records, scratch);
    report("records on the host", 0, [&](std::size_t) { (void)reduction_.read(peaks, records, scratch); });
    Figure(options_, "weak channels")
        .add("precision", precision_)
        .add("batch", static_cast<double>(batch_))
        .add("share", static_cast<double>(weak.size()) / static_cast<double>(channels));
    for (const std::int64_t count : {std::int64_t{64}, std::int64_t{512}}) {
      if (count > channels) continue;
      std::vector<std::int64_t> chosen;
      for (std::int64_t i = 0; i < count; ++i) chosen.push_back(i * channels / count);
      report("weak, " + std::to_string(count), 0, [&](std::size_t i) { reduction_.complete(heatmaps_[i], chosen, records, scratch); });
    }
  }

  /// A reduction on the stream of high priority beside the next forward, and in front of it.
  void measure_both_at_once() {
    report("reduce, then forward", 0, [&](std::size_t i) {
      (void)reduction_.peaks(heatmaps_[i]);
      (void)replica_.network.forward(normalized_[i]);
    });
    std::vector<PeakReduction::Peaks> kept;  // what is made on one stream is not made anew on another before the device is behind it
    std::vector<std::unique_ptr<DeviceEvent>> ends;
    report("reduce beside forward", 0, [&](std::size_t i) {
      {
        const StreamGuard guard(replica_.streams, StreamRole::full_map);
        kept.push_back(reduction_.peaks(heatmaps_[i]));
        ends.push_back(std::make_unique<DeviceEvent>());
        ends.back()->record(replica_.streams, StreamRole::full_map);
      }
      (void)replica_.network.forward(normalized_[i]);
      ends.back()->make_stream_wait(replica_.streams, StreamRole::compute);
    });
    replica_.streams.synchronize();
  }

  const Options& options_;
  const Replica& replica_;
  std::string precision_;
  std::size_t batch_;
  PeakReduction reduction_;
  std::vector<at::Tensor> host_;
  std::vector<at::Tensor> device_;
  std::vector<at::Tensor> normalized_;
  std::vector<at::Tensor> heatmaps_;
};

}  // namespace

void measure_stages(const Options& options) {
  for (const std::string& precision : options.precisions) {
    const Loaded model = load(options, options.models.at(0), precision);
    for (const std::size_t batch : options.batches) {
      const c10::InferenceMode inference;
      const StreamGuard guard(model.replica->streams, StreamRole::compute);
      Stages(options, *model.replica, precision, batch).measure();
      model.replica->streams.synchronize();
    }
  }
}

}  // namespace posekit_bench
