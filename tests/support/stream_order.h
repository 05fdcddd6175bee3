/// Says which uses of memory by streams and threads are in no order, by vector clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace posekit_test {

/// What streams and threads do, told as it happens. What a thread gives a stream comes behind all that the thread did before; else only
/// events, waits and hand-overs make an order. Two uses of one buffer, one of them writing, that are in no order are a fault. Thread-safe.
class StreamOrder {
 public:
  /// A stream, or a thread of the host.
  using Lane = std::size_t;

  Lane add_stream(const std::string& name);
  /// The calling thread.
  Lane thread();

  void record(const void* event, Lane stream);
  void make_stream_wait(Lane stream, const void* event);  ///< For the event's last record, if there is one.
  void wait(const void* event);                           ///< The calling thread waits, likewise.
  void wait_for(Lane stream);                             ///< The calling thread waits for all that the stream was given.
  void wait_for_streams();
  /// What the calling thread has done so far comes before what threads do that take over later: as where a thread is started or joined.
  void hand_over();
  void take_over();

  /// A buffer: else the memory of a use that lies in none of them is one.
  void add_memory(const void* begin, std::size_t bytes, const std::string& name);
  /// A buffer from a pool of a stream's own, which is given back to it while other streams may still be using it.
  void add_pooled(const void* begin, std::size_t bytes, const std::string& name, Lane stream);
  /// The calling thread frees it or gives it back. What its pool's stream is given next may reuse it, so that the stream must be in order
  /// with all uses by others.
  void remove_memory(const void* begin);

  /// @param what for the messages: an operator, or what a caller does
  void use(Lane lane, const void* begin, std::size_t bytes, bool writes, const std::string& what);
  /// Whether the calling thread comes behind all uses of a buffer so far.
  [[nodiscard]] bool is_behind_all_uses(const void* begin);

  /// One sentence each, in the order in which they were found.
  [[nodiscard]] std::vector<std::string> faults() const;
  /// How many uses there were: none is a test that sees nothing.
  [[nodiscard]] std::size_t uses() const;

 private:
  using Clock = std::vector<std::uint64_t>;  ///< For each lane, how many of its uses come before.
  struct LaneState {
    std::string name;
    bool is_stream = false;
    Clock clock;
  };
  struct Use {
    Lane lane = 0;
    std::uint64_t number = 0;  ///< In its lane, from 1.
    bool writes = false;
    std::string what;
  };
  struct Buffer {
    std::uintptr_t end = 0;
    std::string name;
    std::optional<Lane> pool;
    std::optional<Use> last_write;
    std::vector<Use> reads;  ///< Since then, the last of each lane.
  };
  struct GivenBack {
    std::string name;
    std::vector<Use> uses;  ///< Not known to be over.
  };

  Lane thread_lane();
  static void join(Clock& clock, const Clock& other);
  static bool is_before(const Use& use, const Clock& clock);
  std::vector<Use> uses_not_before(const Buffer& buffer, const Clock& clock) const;
  Buffer& buffer_at(const void* begin, std::size_t bytes);
  void add(const void* begin, std::size_t bytes, const std::string& name, std::optional<Lane> pool);
  /// The stream's clock, once it has heard of what the calling thread did.
  Clock& launched(Lane stream);
  void check_reuse(Lane stream);
  [[nodiscard]] std::string told(const Use& use) const;
  void report(const std::string& fault);

  mutable std::mutex mutex_;
  std::vector<LaneState> lanes_;
  std::map<std::uint64_t, Lane> threads_;
  std::map<const void*, Clock> events_;
  Clock handed_over_;
  std::map<std::uintptr_t, Buffer> buffers_;
  std::map<Lane, std::vector<GivenBack>> given_back_;
  std::vector<std::string> faults_;
  std::set<std::string> reported_;
  std::size_t uses_ = 0;
};

}  // namespace posekit_test
