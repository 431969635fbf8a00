/// `run_on_threads`: the same function on several threads, each with a hub of its own.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/export.hpp>
#include <offshoot/hub/reactor.hpp>

#include <cstddef>
#include <memory>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace offshoot {

struct thread_options {
  /// Who requests a stop there requests one of each thread's token.
  std::stop_token stop = {};
  hub_options hub = {};
};

namespace detail {

/// What several threads call.
class OFFSHOOT_API threads_work {
 public:
  threads_work() noexcept = default;
  threads_work(const threads_work&) = delete;
  threads_work& operator=(const threads_work&) = delete;
  virtual ~threads_work();
  virtual void run(unsigned index, std::stop_token stop) = 0;
};

template <class F>
class function_on_threads final : public threads_work {
 public:
  template <class G>
  explicit function_on_threads(G&& function)
      : function_(make_looked_at<F>(storage_, "the function of run_on_threads captures",
                                    std::forward<G>(function))) {}
  ~function_on_threads() override { function_->~F(); }
  void run(unsigned index, std::stop_token stop) override { (*function_)(index, std::move(stop)); }

 private:
  alignas(F) std::byte storage_[sizeof(F)];
  F* function_;
};

OFFSHOOT_API void run_work_on_threads(unsigned count, std::shared_ptr<threads_work> work,
                                      const thread_options& chosen);

}  // namespace detail

/// Calls `function(index, stop)` on `count` new threads, 0: one for each CPU that this process may
/// use; `index` counts from 0, `stop` is a std::stop_token that `function` shall heed. It is one
/// object for all of them, and runs in each thread's main greenlet. When it returns, what it has
/// spawned there and left is killed. Returns when all have ended; meanwhile other greenlets run
/// here.
///
/// When one call throws, a stop is requested of the others; the exception is thrown here when all
/// have ended, those of others go to the unhandled handler. Killed or timed out meanwhile, the same
/// happens with that exception. Signals are blocked in the threads, but for those of faults: they
/// are for the caller's thread, which can wait for one and request a stop. Throws
/// std::system_error, with `function` not called at all, if there is no thread to be had,
/// std::bad_alloc, and `dangling_capture`.
template <class F>
void run_on_threads(unsigned count, F&& function, const thread_options& chosen = {}) {
  detail::run_work_on_threads(
      count,
      std::make_shared<detail::function_on_threads<std::decay_t<F>>>(std::forward<F>(function)),
      chosen);
}

}  // namespace offshoot
