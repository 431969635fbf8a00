#include <offshoot/hub/group.hpp>
#include <offshoot/hub/serve.hpp>
#include <offshoot/hub/sleep.hpp>
#include <offshoot/hub/stop.hpp>
#include <offshoot/hub/timeout.hpp>

#include "hub/waiting.hpp"

namespace offshoot::detail {
namespace {

/// A listener's, unless it asks for another.
constexpr int largest_backlog = 4096;

constexpr std::chrono::milliseconds pause_without_memory(20);

}  // namespace

connection::~connection() = default;

/// Called again when the state goes.
void connection::destroy_function() noexcept {
  if (!linked()) return;
  hang_up();
  service_->left(*this);
}

service::~service() = default;

std::size_t service::run(const serve_options& chosen, spawn_site site) {
  try {
    accept_until_stopped(chosen, site);
    const instant deadline = instant_after(chosen.grace);
    accept_backlog(chosen.connections, site, deadline);
    close_listener();
    wait_for_all(deadline);
  } catch (...) {
    close_listener();
    end_all();
    throw;
  }
  return end_all();
}

void service::accept_until_stopped(const serve_options& chosen, spawn_site site) {
  if (chosen.stop.stop_requested()) return;
  group both;
  const auto accepting = both.spawn(
      [own = shared_from_this(), how = chosen.connections, site] {
        for (;;) own->accept_one(how, site);
      },
      {.name = "accept"}, site);
  if (chosen.stop.stop_possible()) {
    both.spawn(
        [stop = chosen.stop, accepting] {
          wait_for_stop(stop);
          accepting.kill();
        },
        {.name = "stop"}, site);
  }
  both.join();
}

/// Peers in the backlog are connected, as far as they know; closing the listener would reset them.
/// Only as many as may have been there at the stop: others may come without end.
void service::accept_backlog(const options& chosen, spawn_site site, instant deadline) {
  const auto accept_if_there = [&] {
    return with_timeout(std::chrono::nanoseconds(0), [&] { accept_one(chosen, site); });
  };
  int left = largest_backlog;
  // Once in a while the first lets others run, which is a wait: then it is out of time.
  while (left-- > 0 && now() < deadline && (accept_if_there() || accept_if_there())) continue;
}

void service::accept_one(const options& chosen, spawn_site site) {
  try {
    accept_now(chosen, site);
    return;
  } catch (const std::bad_alloc&) {  // if there was a peer, it is closed
  }
  sleep_for(pause_without_memory);
}

void service::accept_now(const options& chosen, spawn_site site) {
  const task_ref made = accept();
  auto& fresh = static_cast<connection&>(*made.get());
  connections_.push_back(fresh);
  try {
    start_task(made, chosen, site);
  } catch (...) {
    fresh.destroy_function();
    throw;
  }
}

void service::left(connection& gone) noexcept {
  gone.unlink();
  if (!connections_.empty() || !killed_.empty()) return;
  while (line_.give_to_first() != nullptr) {
  }
}

bool service::wait_for_all(instant deadline) {
  line_.enter();
  while (!connections_.empty() || !killed_.empty()) {
    if (!wait_in_line(line_, "connections to finish", deadline, [](bool) {})) return false;
  }
  return true;
}

/// Kills what there is, and returns when it has ended; how many that were.
std::size_t service::end_all() {
  std::size_t killed = 0;
  while (list_hook* const first = connections_.first()) {
    auto& each = static_cast<connection&>(*first);
    each.unlink();
    killed_.push_back(each);
    each.acquire();
    const task_ref kept(&each);
    each.kill();  // one that has not begun leaves at once, which may let others run
    ++killed;
  }
  const shield shielded(scheduler::here().current_record());
  wait_for_all(never);
  return killed;
}

}  // namespace offshoot::detail
