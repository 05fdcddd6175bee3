/// A device without CUDA: what its sessions ask of CUDA, and in which order they use memory.
#include "support/fake_cuda.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "support/operators.h"
#include "support/stream_order.h"
#include "torch/backend.h"
#include "torch/device.h"
#include "torch/device_session.h"
#include "torch/network.h"
#include "torch/runtime.h"

namespace posekit_test {
namespace {

thread_local int fake_current_device = 0;
/// For each device, the stream that Torch's operators go to: its lane + 1; 0: the default stream.
thread_local std::map<int, c10::StreamId> fake_current_streams;

/// Lets Torch's own guards know the streams of fakes: those of a type of device that Torch leaves to others.
class FakeGuard final : public c10::impl::DeviceGuardImplInterface {
 public:
  static constexpr c10::DeviceType device_type = c10::DeviceType::PrivateUse1;

  static int number(c10::Device device) { return static_cast<unsigned char>(device.index()); }
  static c10::Device device(int index) { return {device_type, static_cast<c10::DeviceIndex>(index)}; }
  static c10::Stream stream(int device_index, c10::StreamId id) { return c10::Stream(c10::Stream::UNSAFE, device(device_index), id); }

  c10::DeviceType type() const override { return device_type; }
  c10::Device getDevice() const override { return device(fake_current_device); }
  c10::Device exchangeDevice(c10::Device to) const override {
    const c10::Device before = getDevice();
    setDevice(to);
    return before;
  }
  void setDevice(c10::Device to) const override { uncheckedSetDevice(to); }
  void uncheckedSetDevice(c10::Device to) const noexcept override { fake_current_device = number(to); }
  c10::Stream getStream(c10::Device of) const override { return stream(number(of), fake_current_streams[number(of)]); }
  c10::Stream exchangeStream(c10::Stream to) const override {
    return stream(to.device_index(), std::exchange(fake_current_streams[to.device_index()], to.id()));
  }
  c10::DeviceIndex deviceCount() const noexcept override { return 0; }  // of those that Torch may start threads for
};

/// Torch's memory on the CPU while somebody listens.
class NotedMemory final : public c10::Allocator {
 public:
  class Listener {
   public:
    Listener() = default;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    virtual ~Listener() = default;
    virtual void made(const void* memory, std::size_t bytes) = 0;
    virtual void freed(const void* memory) = 0;
  };

  /// @param listener none: Torch's own allocator again
  static void tell(Listener* listener) {
    NotedMemory& memory = instance();
    memory.listener_ = listener;
    c10::SetCPUAllocator(listener != nullptr ? &memory : &memory.plain_, std::numeric_limits<std::uint8_t>::max());
  }

  c10::DataPtr allocate(std::size_t bytes) override {
    c10::DataPtr data = plain_.allocate(bytes);
    if (!data) return data;
    if (!data.compare_exchange_deleter(plain_.raw_deleter(), release)) throw std::logic_error("Torch's memory is not as it was");
    if (Listener* to = listener_; to != nullptr) to->made(data.get(), bytes);
    return data;
  }
  c10::DeleterFnPtr raw_deleter() const override { return release; }
  void copy_data(void* to, const void* from, std::size_t count) const override { plain_.copy_data(to, from, count); }

 private:
  explicit NotedMemory(c10::Allocator* plain) : plain_(*plain) {}
  /// Never destroyed: tensors keep the allocator that they come from.
  static NotedMemory& instance() {
    static auto& memory = *new NotedMemory(c10::GetCPUAllocator());
    return memory;
  }
  static void release(void* memory) {
    if (Listener* to = instance().listener_; to != nullptr) to->freed(memory);
    instance().plain_.raw_deleter()(memory);
  }

  c10::Allocator& plain_;
  std::atomic<Listener*> listener_ = nullptr;
};

/// As a network that was loaded: its weight was written on the default stream.
class WeakHeatmaps final : public posekit::Program {
 public:
  std::vector<at::Tensor> run(const at::Tensor& input, const posekit::ModelInfo& info) const override {
    return {input.narrow(1, 0, static_cast<std::int64_t>(info.pose().keypoints.size())) * weight_};
  }
  bool writes_to_its_input() const override { return false; }
  std::size_t weight_bytes() const override { return weight_.nbytes(); }
  bool is_fused() const noexcept override { return false; }
  std::optional<posekit::Dtype> cast_from() const override { return std::nullopt; }

 private:
  at::Tensor weight_ = at::full({1}, 0.002, at::kFloat);
};

/// A session with the replica that it uses.
class OnItsOwn final : public posekit::BatchSession {
 public:
  OnItsOwn(std::unique_ptr<posekit::Replica> replica, const posekit::DecodeRequest& request)
      : replica_(std::move(replica)), session_(posekit::open_device_session(*replica_, request)) {}
  std::byte* staging(std::size_t slot, std::size_t crops) override { return session_->staging(slot, crops); }
  void crop(std::size_t slot, std::size_t position, const posekit::CropTask& task) override { session_->crop(slot, position, task); }
  void submit(std::size_t slot, std::size_t crops, const posekit::RunControl& control) override { session_->submit(slot, crops, control); }
  posekit::BatchResult collect(std::size_t slot) override { return session_->collect(slot); }

 private:
  std::unique_ptr<posekit::Replica> replica_;
  std::unique_ptr<posekit::BatchSession> session_;
};

/// What a handle points to. The device's number is first: see call().
struct FakeStream {
  int device;
  StreamOrder::Lane lane;
};

}  // namespace

class FakeCuda::Calls final : public posekit::CudaCalls {
 public:
  int exchange_device(int device, int& before) override {
    before = fake_current_device;
    if (const int error = call()) return error;
    fake_current_device = device;
    return 0;
  }
  void restore_device(int device) noexcept override { fake_current_device = device; }
  Stream stream_from_pool(bool high_priority, int device) override {
    const std::lock_guard lock(mutex_);
    FakeStream& stream = add_stream(device, high_priority);
    if (high_priority) high_priority_.insert(stream.lane);
    return {.handle = &stream, .torch = FakeGuard::stream(device, static_cast<c10::StreamId>(stream.lane) + 1)};
  }
  int event_create(void*& event) override {
    if (const int error = call()) return error;
    const std::lock_guard lock(mutex_);
    ++notes_.events;
    events_.push_back(std::make_unique<int>(fake_current_device));
    event = events_.back().get();
    return 0;
  }
  int event_destroy(void* event) override {
    const int error = call(event);
    const std::lock_guard lock(mutex_);
    --notes_.events;
    return error;
  }
  int event_record(void* event, void* stream) override {
    if (const int error = call_for(event, stream)) return error;
    order_.record(event, lane_of(stream));
    return 0;
  }
  int event_synchronize(void* event) override {
    if (const int error = call(event)) return error;
    order_.wait(event);
    return 0;
  }
  int stream_wait_event(void* stream, void* event) override {
    if (const int error = call_for(event, stream)) return error;
    order_.make_stream_wait(lane_of(stream), event);
    return 0;
  }
  int stream_query(void* stream) override { return call(stream); }
  int device_synchronize() override {
    if (const int error = call()) return error;
    order_.wait_for_streams();
    const std::lock_guard lock(mutex_);
    if (std::ranges::none_of(streams_, [](const auto& stream) { return stream->device == fake_current_device; }))
      ++notes_.on_another_device;
    return 0;
  }
  int host_alloc(void*& memory, std::size_t bytes) override {
    if (const int error = call()) return error;
    const std::lock_guard lock(mutex_);
    auto block = std::make_unique<std::byte[]>(bytes);
    memory = block.get();
    blocks_[memory] = {std::move(block), bytes, fake_current_device};
    ++notes_.pinned_allocations;
    notes_.pinned_bytes += bytes;
    order_.add_memory(memory, bytes, "page-locked memory of " + std::to_string(bytes) + " bytes");
    return 0;
  }
  int free_host(void* memory) override {
    const int error = call(&blocks_.at(memory).device);
    if (error != 0) return error;
    order_.remove_memory(memory);
    const std::lock_guard lock(mutex_);
    notes_.pinned_bytes -= blocks_.at(memory).bytes;
    blocks_.erase(memory);
    return 0;
  }
  std::string error_text(int error) const override { return "an illegal memory access was encountered (" + std::to_string(error) + ")"; }

  void fail_from(std::size_t call) {
    const std::lock_guard lock(mutex_);
    first_failure_ = call;
  }
  void fail_once(std::size_t calls_before) {
    const std::lock_guard lock(mutex_);
    only_failure_ = notes_.calls + calls_before;
  }
  Notes notes() const {
    const std::lock_guard lock(mutex_);
    Notes notes = notes_;
    notes.uses = order_.uses();
    return notes;
  }

  StreamOrder& order() { return order_; }
  void* new_stream(int device) {
    const std::lock_guard lock(mutex_);
    return &add_stream(device, false);
  }
  StreamOrder::Lane lane_of(void* stream) const { return stream == nullptr ? default_stream_ : static_cast<FakeStream*>(stream)->lane; }
  /// The one that Torch's operators of this thread go to.
  StreamOrder::Lane current_lane() const {
    const c10::StreamId id = fake_current_streams[fake_current_device];
    return id == 0 ? default_stream_ : static_cast<StreamOrder::Lane>(id - 1);
  }

  void ran(const OperatorRun& run) {
    const StreamOrder::Lane lane = current_lane();
    std::set<const void*> pinned;
    for (const MemoryUse& use : run.uses) {
      order_.use(lane, use.storage, use.storage_bytes, use.bytes_written > 0, run.name);
      if (use.bytes_written > 0) pinned.insert(use.storage);
    }
    // On the CPU no operator copies between host and device, so it can't be seen that one waits. In the stream for second looks each
    // blocking `to` does; in the others they only name the device that the tensor is on.
    const std::lock_guard lock(mutex_);
    if (run.waits_for_other_side && high_priority_.contains(lane)) order_.wait_for(lane);
    if (!run.uses.empty()) ++notes_.operators[names_.at(lane)];
    for (const void* memory : pinned) {
      if (blocks_.contains(const_cast<void*>(memory))) written_[order_.thread()].insert(memory);
    }
  }

  std::vector<const void*> take_written_blocks() {
    const std::lock_guard lock(mutex_);
    const std::set<const void*> blocks = std::exchange(written_[order_.thread()], {});
    return {blocks.begin(), blocks.end()};
  }

 private:
  static constexpr int illegal_address = 700;

  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::size_t bytes = 0;
    int device = 0;
  };

  FakeStream& add_stream(int device, bool high_priority) {
    const std::string name = std::to_string(streams_.size() + 1) + (high_priority ? " (high priority)" : "");
    const StreamOrder::Lane lane = order_.add_stream("stream " + name);
    names_[lane] = name;
    streams_.push_back(std::make_unique<FakeStream>(FakeStream{device, lane}));
    return *streams_.back();
  }

  /// @param of a stream or an event, which begins with its device's number
  int call(const void* of = nullptr) {
    const std::lock_guard lock(mutex_);
    if (of != nullptr && *static_cast<const int*>(of) != fake_current_device) ++notes_.on_another_device;
    const std::size_t number = notes_.calls++;
    return number < first_failure_ && number != only_failure_ ? 0 : illegal_address;
  }
  int call_for(const void* event, const void* stream) {
    const int error = call(event);
    return error != 0 ? error : call(stream);
  }

  mutable std::mutex mutex_;
  StreamOrder order_;
  Notes notes_;
  std::size_t first_failure_ = std::numeric_limits<std::size_t>::max();
  std::size_t only_failure_ = std::numeric_limits<std::size_t>::max();
  std::vector<std::unique_ptr<FakeStream>> streams_;
  const StreamOrder::Lane default_stream_ = order_.add_stream("the default stream");
  std::map<StreamOrder::Lane, std::string> names_{{default_stream_, "default"}};
  std::set<StreamOrder::Lane> high_priority_;
  std::vector<std::unique_ptr<int>> events_;  ///< Those of a lost device are never destroyed; none has the place of another.
  std::map<void*, Block> blocks_;
  std::map<StreamOrder::Lane, std::set<const void*>> written_;  ///< Page-locked memory, by thread.
};

/// The calls, and what listens to Torch for them.
class FakeCuda::State final : private NotedMemory::Listener {
 public:
  State() {
    static const c10::impl::DeviceGuardImplRegistrar registrar(FakeGuard::device_type, new FakeGuard);
    (void)registrar;
    NotedMemory::tell(this);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() override { NotedMemory::tell(nullptr); }

  Calls calls;

 private:
  void made(const void* memory, std::size_t bytes) override {
    calls.order().add_pooled(memory, bytes, "a tensor of " + std::to_string(bytes) + " bytes", calls.current_lane());
  }
  void freed(const void* memory) override { calls.order().remove_memory(memory); }

  OperatorWatch watch_{[this](const OperatorRun& run) { calls.ran(run); }};
};

FakeCuda::FakeCuda() : state_(std::make_unique<State>()) {}
FakeCuda::~FakeCuda() = default;

void FakeCuda::serve(posekit::ModelBackend& backend, int device) {
  state_->calls.order().wait_for_streams();
  dynamic_cast<posekit::TorchBackend&>(backend.on_callers_threads()).replica().streams =
      posekit::DeviceStreams(state_->calls, device, backend.info().task());
}
std::unique_ptr<posekit::BatchSession> FakeCuda::open_on_new_replica(const posekit::ModelInfo& info, int device) {
  const auto request = posekit::make_decode_request(info);
  return posekit::in_torch("a replica of the tests' own", posekit::ErrorCode::internal, [&] {
    auto replica = std::make_unique<posekit::Replica>(std::make_shared<WeakHeatmaps>(), info, c10::kCPU, c10::ScalarType::Float,
                                                      posekit::DeviceStreams(state_->calls, device, info.task()));
    return std::make_unique<OnItsOwn>(std::move(replica), request);
  });
}

void FakeCuda::fail_from(std::size_t call) { state_->calls.fail_from(call); }
void FakeCuda::fail_once(std::size_t calls_before) { state_->calls.fail_once(calls_before); }
FakeCuda::Notes FakeCuda::notes() const { return state_->calls.notes(); }
int FakeCuda::current_device() { return fake_current_device; }

std::vector<std::string> FakeCuda::disorder() const {
  std::vector<std::string> found = state_->calls.order().faults();
  if (const std::size_t count = notes().on_another_device; count > 0)
    found.push_back(std::to_string(count) + " calls for an event, a stream or memory of another device than the current one");
  return found;
}
void* FakeCuda::new_stream(int device) { return state_->calls.new_stream(device); }
void FakeCuda::lend(const void* memory, std::size_t bytes, const std::string& name) {
  state_->calls.order().add_memory(memory, bytes, name);
}
void FakeCuda::host_reads(const void* memory, const std::string& what) {
  StreamOrder& order = state_->calls.order();
  order.use(order.thread(), memory, 1, false, what);
}
void FakeCuda::host_writes(const void* memory, const std::string& what) {
  StreamOrder& order = state_->calls.order();
  order.use(order.thread(), memory, 1, true, what);
}
void FakeCuda::stream_writes(void* stream, const void* memory, const std::string& what) {
  state_->calls.order().use(state_->calls.lane_of(stream), memory, 1, true, what);
}
std::vector<const void*> FakeCuda::take_written_blocks() { return state_->calls.take_written_blocks(); }
bool FakeCuda::is_done_with(const void* memory) { return state_->calls.order().is_behind_all_uses(memory); }
void FakeCuda::hand_over() { state_->calls.order().hand_over(); }
void FakeCuda::take_over() { state_->calls.order().take_over(); }

}  // namespace posekit_test
