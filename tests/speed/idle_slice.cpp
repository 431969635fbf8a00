/// What a task keeps of its stack while it waits for its peer: the frames from its start down to
/// the switch. `idle-slice MOST` fails if that is more than so many bytes: then a frame on the way
/// has come in between or has grown.
#include <offshoot/hub.hpp>
#include <offshoot/offshoot.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: idle-slice MOST\n");
    return 1;
  }
  offshoot::set_lane_count(1);  // so that the second takes the place of the first
  std::vector<offshoot::pipe> senders;
  for (int each = 0; each < 2; ++each) {
    auto [from, to] = offshoot::pipe::make();
    senders.push_back(std::move(to));
    offshoot::spawn([peer = std::move(from)]() mutable {
      while (peer.receive()) {
      }
    });
  }
  offshoot::yield();
  std::size_t bytes = 0;
  offshoot::for_each_greenlet([&bytes](const offshoot::greenlet& each) {
    bytes = std::max(bytes, each.stack_saved_bytes());
  });
  offshoot::kill_tasks();
  std::printf("a task that waits in receive keeps %zu bytes of its stack\n", bytes);
  return bytes == 0 || bytes > std::strtoul(arguments[1], nullptr, 10) ? 1 : 0;
}
