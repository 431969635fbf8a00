/// Signals during copying switches (S35): a timer fires at a thread, whose handler overwrites all
/// that lies below the stack pointer it finds. What is odd: it goes on until enough signals have
/// arrived, and enough of them amidst the copying; how long that takes is the machine's affair.
#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <thread>

#include <doctest/doctest.h>
#include <unistd.h>

#include "core/thread_state.hpp"
#include "model/command_line.hpp"
#include "model/dice.hpp"
#include "model/frame.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::placement;

namespace {

std::atomic<std::size_t> signals_arrived{0};
std::atomic<std::size_t> signals_while_copying{0};
std::atomic<std::uintptr_t> transfer_stack_low{0};
std::atomic<std::uintptr_t> transfer_stack_high{0};

/// The kernel puts its frame right below the red zone of whatever stack the thread is on; this goes
/// on from there.
void trample(int) {
  std::array<volatile unsigned char, 6000> bytes;
  for (volatile unsigned char& each : bytes) each = 0xa5;
  const auto here = reinterpret_cast<std::uintptr_t>(&bytes);
  if (here >= transfer_stack_low.load(std::memory_order_relaxed) &&
      here < transfer_stack_high.load(std::memory_order_relaxed)) {
    signals_while_copying.fetch_add(1, std::memory_order_relaxed);
  }
  signals_arrived.fetch_add(1, std::memory_order_relaxed);
}

/// SIGUSR1 for the calling thread, as often as its timer can.
class storm {
 public:
  storm() {
    struct sigevent event {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGUSR1;
    event._sigev_un._tid = gettid();  // sigev_notify_thread_id, which glibc 2.36 does not name
    REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0);
    const itimerspec often{{0, 100'000}, {0, 100'000}};  // nanoseconds
    REQUIRE(timer_settime(timer_, 0, &often, nullptr) == 0);
  }
  storm(const storm&) = delete;
  storm& operator=(const storm&) = delete;
  ~storm() { timer_delete(timer_); }

 private:
  timer_t timer_{};
};

/// A ring of greenlets, each of which goes to the next from a random depth, main closing it.
class ring {
 public:
  explicit ring(std::uint64_t seed) : dice_(seed) {}

  /// On the main greenlet. Two share the only lane; the nested ones begin below main's frames, each
  /// deeper than the one before, and so straddle each other.
  void begin() {
    offshoot::set_lane_count(1);
    add(placement::lane);
    add(placement::lane);
    begin_below(3);
    add(placement::dedicated);
  }
  void once_around() { visit(nullptr, main_index, dice_.below(4)); }
  void end() {
    for (greenlet& each : members_) each.reset();
  }

  std::size_t damaged() const noexcept { return damaged_; }
  std::size_t switches() const noexcept { return switches_; }

 private:
  static constexpr std::size_t main_index = 6;

  [[gnu::noinline]] void begin_below(std::size_t frames) {
    std::array<volatile char, 512> bytes;
    bytes[0] = static_cast<char>(frames);
    if (frames > 1) begin_below(frames - 1);
    add(placement::nested);
    bytes[1] = bytes[0];
  }

  void add(placement where) {
    const std::size_t index = count_++;
    members_.at(index) = greenlet(
        [this, index] {
          greenlet::main().switch_to();
          for (;;) visit(nullptr, index, dice_.below(4));
        },
        {.where = where});
    members_[index].switch_to();
  }

  /// Some frames deeper, goes to the next in the ring; then looks at all of them on the way back.
  [[gnu::noinline]] void visit(model::frame* outer, std::size_t index, std::size_t deeper) {
    std::array<std::uint64_t, 150> words;
    model::frame mine(outer, words.data(), words.size(), dice_.next());
    if (deeper > 0) {
      visit(&mine, index, deeper - 1);
    } else {
      ++switches_;
      const std::size_t next = index == main_index ? 0 : index + 1;
      if (next == main_index) {
        greenlet::main().switch_to();
      } else {
        members_[next].switch_to();
      }
      for (model::frame* each = &mine; each != nullptr; each = each->outer()) {
        if (!each->intact(each)) ++damaged_;
      }
    }
    if (!mine.intact(&mine)) ++damaged_;
  }

  model::dice dice_;
  std::array<greenlet, main_index> members_;
  std::size_t count_ = 0;
  std::size_t damaged_ = 0;
  std::size_t switches_ = 0;
};

}  // namespace

TEST_CASE("S35: signals that arrive amidst copying switches damage no frame") {
  const auto wanted = static_cast<std::size_t>(model::number_given("signals", 20'000));
  struct sigaction before {};
  struct sigaction during {};
  during.sa_handler = &trample;
  during.sa_flags = SA_RESTART;
  REQUIRE(sigaction(SIGUSR1, &during, &before) == 0);

  std::size_t damaged = 0;
  std::size_t switches = 0;
  std::thread([&] {
    const test::nothing_leaks guard;
    const auto running = std::make_unique<ring>(1);
    running->begin();
    const auto& memory = offshoot::detail::thread_state::get().transfer_stack;
    transfer_stack_low = memory.low();
    transfer_stack_high = memory.high();
    const storm blowing;
    while (signals_arrived < wanted || signals_while_copying < wanted / 100) {
      running->once_around();
    }
    running->end();
    damaged = running->damaged();
    switches = running->switches();
  }).join();
  sigaction(SIGUSR1, &before, nullptr);

  CHECK(damaged == 0);
  CHECK(signals_arrived >= wanted);
  CHECK(signals_while_copying >= wanted / 100);
  MESSAGE(signals_arrived.load() << " signals, " << signals_while_copying.load()
                                 << " while copying, " << switches << " switches");
}
