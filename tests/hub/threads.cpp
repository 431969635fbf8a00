/// `run_on_threads`, and listeners that share a port. The system's pthread_create is replaced here
/// by one that fails when told to.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::run_on_threads;
using offshoot::shared_port;
using offshoot::spawn;
using offshoot::tcp_stream;
using offshoot::wait_for_stop;
using offshoot::yield;
using test::hub_leaves_nothing;
using test::run_in_time;

namespace {

std::atomic<int> threads_left{-1};  ///< that may be created; negative: any number

std::atomic<int> unhandled{0};

/// Counts exceptions that nobody received.
struct counting_unhandled {
  counting_unhandled() {
    unhandled = 0;
    offshoot::set_unhandled_handler(
        [](std::exception_ptr, std::string_view) noexcept { ++unhandled; });
  }
  ~counting_unhandled() { offshoot::set_unhandled_handler(nullptr); }
};

}  // namespace

extern "C" int pthread_create(pthread_t* made, const pthread_attr_t* how, void* (*run)(void*),
                              void* with) noexcept {
  using real = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto next = reinterpret_cast<real>(dlsym(RTLD_NEXT, "pthread_create"));
  if (threads_left == 0) return EAGAIN;
  if (threads_left > 0) --threads_left;
  return next(made, how, run, with);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "each index has a thread and a hub of its own") {
  run_in_time([] {
    std::mutex lock;
    std::set<std::thread::id> threads;
    std::multiset<unsigned> indices;
    bool ran_here = false;
    const auto neighbour = spawn(
        [&] {
          yield();
          ran_here = true;
        },
        {.where = offshoot::placement::dedicated});
    run_on_threads(4, [&](unsigned index, const std::stop_token&) {
      const int answer = spawn([] {
                           offshoot::sleep_for(std::chrono::milliseconds(1));
                           return 42;
                         }).join();
      const std::lock_guard hold(lock);
      if (answer == 42) indices.insert(index);
      threads.insert(std::this_thread::get_id());
    });
    CHECK(indices == std::multiset<unsigned>{0, 1, 2, 3});
    CHECK(threads.size() == 4);
    CHECK_FALSE(threads.contains(std::this_thread::get_id()));
    CHECK(ran_here);
    neighbour.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "zero is a thread for each CPU that the process may use") {
  cpu_set_t all;
  REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
  std::atomic<int> calls{0};
  const auto count = [&calls](unsigned, const std::stop_token&) { ++calls; };
  run_on_threads(0, count);
  CHECK(calls == CPU_COUNT(&all));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int each = 0; CPU_COUNT(&one) == 0; ++each) {
    if (CPU_ISSET(each, &all)) CPU_SET(each, &one);
  }
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  calls = 0;
  run_on_threads(0, count);
  CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
  CHECK(calls == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "one that fails stops the others, and its exception comes here") {
  const counting_unhandled counted;
  run_in_time([] {
    std::atomic<int> stopped{0};
    CHECK_THROWS_WITH_AS(run_on_threads(4,
                                        [&stopped](unsigned index, const std::stop_token& stop) {
                                          if (index == 2) throw std::runtime_error("first");
                                          wait_for_stop(stop);
                                          ++stopped;
                                          if (index == 3) throw std::runtime_error("later");
                                        }),
                         "first", std::runtime_error);
    CHECK(stopped == 3);
  });
  CHECK(unhandled == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a stop reaches all threads, once or twice, early or late") {
  run_in_time([] {
    for (const bool early : {false, true}) {
      std::stop_source source;
      std::atomic<int> stopped{0};
      const auto stopper = spawn([source, early]() mutable {
        if (!early) offshoot::sleep_for(std::chrono::milliseconds(1));
        source.request_stop();
        source.request_stop();
      });
      if (early) stopper.join();
      run_on_threads(3,
                     [&stopped](unsigned, const std::stop_token& stop) {
                       wait_for_stop(stop);
                       ++stopped;
                     },
                     {.stop = source.get_token()});
      CHECK(stopped == 3);
    }
  });
}

TEST_CASE_FIXTURE(
    hub_leaves_nothing,
    "who is killed or timed out while it waits stops the threads, and waits for them") {
  run_in_time([] {
    const auto begun = std::make_shared<std::atomic<int>>(0);
    const auto ended = std::make_shared<std::atomic<int>>(0);
    const auto work = [begun, ended](unsigned, const std::stop_token& stop) {
      ++*begun;
      wait_for_stop(stop);
      ++*ended;
    };
    const auto victim = spawn([work] { run_on_threads(2, work); });
    while (*begun < 2) yield();
    victim.kill();
    victim.join();
    CHECK(*ended == 2);
    CHECK_FALSE(
        offshoot::with_timeout(std::chrono::milliseconds(1), [&] { run_on_threads(2, work); }));
    CHECK(*ended == 4);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "if a thread cannot be created the function is not called") {
  for (const int possible : {0, 2}) {
    std::atomic<int> calls{0};
    threads_left = possible;
    CHECK_THROWS_AS(run_on_threads(3, [&calls](unsigned, const std::stop_token&) { ++calls; }),
                    std::system_error);
    threads_left = -1;
    CHECK(calls == 0);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "if a thread cannot have its hub the function is not called") {
  const counting_unhandled counted;
  std::atomic<int> calls{0};
  CHECK_THROWS_AS(run_on_threads(2, [&calls](unsigned, const std::stop_token&) { ++calls; },
                                 {.hub = {.reactor = "none such"}}),
                  offshoot::greenlet_error);
  CHECK(calls == 0);
  CHECK(unhandled == 1);  // the other's
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "tasks that are left over are killed, and can still wait") {
  std::atomic<int> unwound{0};
  run_on_threads(2, [&unwound](unsigned, const std::stop_token&) {
    struct witness {
      std::atomic<int>& count;
      ~witness() {
        yield();
        ++count;
      }
    };
    spawn([&unwound] {
      const witness seen{unwound};
      offshoot::sleep_for(std::chrono::hours(1));
    });
    yield();
  });
  CHECK(unwound == 2);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "signals are not for the threads, but faults are") {
  std::atomic<bool> as_told{false};
  run_on_threads(1, [&as_told](unsigned, const std::stop_token&) {
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, nullptr, &now);
    as_told = sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGSEGV) == 0;
  });
  CHECK(as_told);
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  CHECK(sigismember(&now, SIGTERM) == 0);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a capture in the giver's lane is refused") {
  CHECK(test::refuses_a_local([](int& local) {
    run_on_threads(1, [&local](unsigned, const std::stop_token&) { ++local; });
  }));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "listeners of several threads share a port") {
  run_in_time([] {
    constexpr int peers = 200;
    const shared_port port;
    std::atomic<int> ready{0};
    std::atomic<int> served[2] = {0, 0};
    std::stop_source source;
    const auto clients = spawn(
        [&] {
          while (ready < 2) yield();
          int good = 0;
          for (int each = 0; each < peers; ++each) {
            auto peer = tcp_stream::connect("127.0.0.1", port.number());
            peer.send_all(test::bytes_of("x"));
            good += peer.receive().text() == "x" ? 1 : 0;
          }
          source.request_stop();
          return good;
        },
        {.where = offshoot::placement::dedicated});
    run_on_threads(2,
                   [&](unsigned index, const std::stop_token& stop) {
                     auto listener = port.listen();
                     ++ready;
                     offshoot::serve(std::move(listener),
                                     [&served, index](tcp_stream peer) {
                                       ++served[index];
                                       while (const auto got = peer.receive())
                                         peer.send_all(got.bytes());
                                     },
                                     {.stop = stop, .grace = std::chrono::seconds(30)});
                   },
                   {.stop = source.get_token()});
    CHECK(clients.join() == peers);
    CHECK(served[0] + served[1] == peers);
    // All by one: one in 2^199.
    CHECK(served[0] > 0);
    CHECK(served[1] > 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a port that a listener has for itself cannot be shared") {
  run_in_time([] {
    const offshoot::tcp_listener alone(0);
    CHECK(test::error_of([&] { const shared_port port(alone.local_port()); }).value() ==
          EADDRINUSE);
    const shared_port port;
    const auto sharing = port.listen();
    CHECK(sharing.local_port() == port.number());
    CHECK(test::error_of([&] { const offshoot::tcp_listener second(port.number()); }).value() ==
          EADDRINUSE);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a shared port accepts nothing by itself") {
  run_in_time([] {
    const shared_port port;
    CHECK(test::error_of([&] { tcp_stream::connect("127.0.0.1", port.number()); }).value() ==
          ECONNREFUSED);
  });
}
