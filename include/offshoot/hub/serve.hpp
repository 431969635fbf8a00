/// `serve`: accepts connections until it is told to stop, and lets them finish.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/export.hpp>
#include <offshoot/hub/detail/wait_list.hpp>
#include <offshoot/hub/detail/waiting_line.hpp>
#include <offshoot/hub/task.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace offshoot {

struct serve_options {
  /// A stop requested there, on any thread, ends the accepting. Without it only a kill does.
  std::stop_token stop = {};
  /// How long connections may then go on; after that they are killed. Zero: not at all.
  std::chrono::nanoseconds grace = std::chrono::seconds(1);
  /// How their tasks are made.
  options connections = {};
};

namespace detail {

class service;

/// The task of a connection and, in one piece of memory with it, its place among the others.
class OFFSHOOT_API connection : public task_state, public list_hook {
 protected:
  explicit connection(std::shared_ptr<service> of) noexcept : service_(std::move(of)) {}
  ~connection() override;

 private:
  friend class service;
  void destroy_function() noexcept final;
  /// Closes what `run` has not taken.
  virtual void hang_up() noexcept = 0;

  const std::shared_ptr<service> service_;
};

/// A listener and what is done with its connections. Shared by these and by who serves.
class OFFSHOOT_API service : public std::enable_shared_from_this<service> {
 public:
  service() noexcept = default;
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  virtual ~service();

  /// How many connections were killed.
  std::size_t run(const serve_options& chosen, spawn_site site);

 private:
  friend connection;
  /// Waits for a connection, and makes its task.
  virtual task_ref accept() = 0;
  virtual void close_listener() = 0;

  void accept_one(const options& chosen, spawn_site site);
  void accept_now(const options& chosen, spawn_site site);
  void accept_backlog(const options& chosen, spawn_site site, instant deadline);
  void accept_until_stopped(const serve_options& chosen, spawn_site site);
  void left(connection& gone) noexcept;
  bool wait_for_all(instant deadline);
  std::size_t end_all();

  wait_list connections_;
  wait_list killed_;
  waiting_line line_;
};

template <class Listener, class F>
class service_of final : public service {
  using stream = decltype(std::declval<Listener&>().accept());

 public:
  template <class G>
  service_of(Listener&& listener, G&& function)
      : listener_(std::move(listener)),
        function_(make_looked_at<F>(storage_, "the function of serve captures",
                                    std::forward<G>(function))) {}
  ~service_of() override { function_->~F(); }

 private:
  class served final : public connection {
   public:
    served(stream&& peer, std::shared_ptr<service> of, F& function) noexcept
        : connection(std::move(of)), function_(function), peer_(std::move(peer)) {}

   private:
    void run() override { function_(std::move(peer_)); }
    void hang_up() noexcept override { const stream gone(std::move(peer_)); }

    F& function_;
    stream peer_;
  };

  task_ref accept() override {
    stream peer = listener_.accept();
    return task_ref(new served(std::move(peer), shared_from_this(), *function_));
  }
  void close_listener() override { listener_.close(); }

  Listener listener_;
  alignas(F) std::byte storage_[sizeof(F)];
  F* function_;
};

}  // namespace detail

/// Accepts connections and calls `function` with each, as in `function(tcp_stream)`, in a task of
/// its own; one object for all of them, which may take the stream by value. What a call throws goes
/// to the unhandled handler. If there is no memory for one it is closed, and the next are accepted
/// after a pause. Waits, until a stop is requested: then takes what waits in the backlog
/// already, closes the listener, and gives the connections `chosen.grace` to finish. Returns how
/// many have not and were killed, when all of them have ended; one that swallows `greenlet_exit`
/// keeps it waiting.
///
/// When the caller is killed or timed out, or accepting fails, connections are killed at once, and
/// it throws when they have ended. Throws std::bad_alloc, what `accept` of the listener throws, and
/// `dangling_capture`. Has the listener closed in any case. All on the calling thread; the caller
/// may be any greenlet.
template <class Listener, class F>
std::size_t serve(Listener listener, F&& function, const serve_options& chosen = {},
                  spawn_site site = spawn_site::current()) {
  return std::make_shared<detail::service_of<Listener, std::decay_t<F>>>(std::move(listener),
                                                                         std::forward<F>(function))
      ->run(chosen, site);
}

}  // namespace offshoot
