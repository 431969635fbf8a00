/// FIFOs of the simulated network: a pipe under a name, whose ends any number can have open. What
/// is in it stays while one end is open; where nobody is left, it has gone.
#include <cerrno>
#include <utility>

#include "hub/simulated_endpoint.hpp"

namespace offshoot::detail {

int simulated_network::open_fifo(const std::string& path, bool to_send) {
  if (path.empty()) return -ENOENT;
  auto found = fifos_.find(path);
  if (to_send && (found == fifos_.end() || is_broken(*find(found->second)))) return -ENXIO;
  if (found == fifos_.end()) {
    const name in = make(kind::pipe_in);
    const name out = make(kind::pipe_out);
    join(in, out);
    for (const name each : {in, out}) find(each)->path = path;
    found = fifos_.emplace(path, out).first;
  }
  const name in = find(found->second)->peer;
  const name shared = to_send ? found->second : in;
  const name opened = make(to_send ? kind::pipe_out : kind::pipe_in);
  find(opened)->shared = shared;
  find(shared)->opened.push_back(opened);
  if (to_send) find(in)->peer_ended = false;
  return number_of(opened);
}

void simulated_network::close_fifo(const endpoint& leaving) noexcept {
  endpoint& shared = *find(leaving.shared);
  std::erase(shared.opened, leaving.self);
  remove(leaving.self);
  if (!shared.opened.empty()) return;
  endpoint& other = *find(shared.peer);
  if (other.opened.empty()) {
    fifos_.erase(shared.path);
    remove(other.self);
    remove(shared.self);
  } else if (shared.what == kind::pipe_out) {
    send_after_all(shared, event::end);
  } else {
    tell(other, true, true);
  }
}

}  // namespace offshoot::detail
