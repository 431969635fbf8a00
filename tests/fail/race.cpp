/// ThreadSanitizer sees a race between greenlets of two threads which have both been away.
// ends: 66
// says: WARNING: ThreadSanitizer: data race
// says: (Read|Write) of size 4 .* by thread T\d(.*\n)+?.* races_here(.*\n)+?.* offshoot_enter
// says: Previous write of size 4 .* by thread T\d(.*\n)+?.* races_here(.*\n)+?.* offshoot_enter
#include <atomic>
#include <thread>

#include "fail/resume.hpp"

namespace {

int shared_by_both = 0;

/// Waits until both threads have called it, in a way that orders nothing else: the library's own
/// locks, at a thread's begin and end, would.
class meeting {
 public:
  void join() noexcept {
    here_.fetch_add(1, std::memory_order_relaxed);
    while (here_.load(std::memory_order_relaxed) < 2) std::this_thread::yield();
  }

 private:
  std::atomic<int> here_{0};
};
meeting before;
meeting after;

[[gnu::noinline]] void races_here() {
  test::to_parent();
  ++shared_by_both;
  after.join();
}

void thread_main() {
  test::resume_from_slice(&races_here, [] { before.join(); });
}

}  // namespace

int main() {
  std::thread one(&thread_main);
  std::thread two(&thread_main);
  one.join();
  two.join();
}
