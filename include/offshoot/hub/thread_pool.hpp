/// `thread_pool`: threads for what blocks and cannot be waited for otherwise, such as files.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/detail/slot.hpp>
#include <offshoot/export.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace offshoot {

namespace detail {

/// A function on its way through a thread_pool, shared by thread and greenlet.
class OFFSHOOT_API pool_work {
 public:
  pool_work() noexcept = default;
  pool_work(const pool_work&) = delete;
  pool_work& operator=(const pool_work&) = delete;
  virtual ~pool_work();
  virtual void run() = 0;
};

template <class F>
class function_work final : public pool_work {
 public:
  using result_type = std::invoke_result_t<F&>;

  template <class G>
  explicit function_work(G&& function) {
    function_ = make_looked_at<F>(storage_, "the work of a thread pool captures",
                                  std::forward<G>(function));
  }
  ~function_work() override {
    if (function_ != nullptr) function_->~F();
  }
  void run() override {
    if constexpr (std::is_void_v<result_type>) {
      (*function_)();
    } else {
      result.put((*function_)());
    }
  }

  struct nothing {};
  [[no_unique_address]] std::conditional_t<std::is_void_v<result_type>, nothing, slot<result_type>>
      result;

 private:
  F* function_ = nullptr;
  alignas(F) std::byte storage_[sizeof(F)];
};

}  // namespace detail

/// Any hub may use it, also several at once.
class OFFSHOOT_API thread_pool {
 public:
  /// At most so many threads, 0 counts as one, started when they are needed. Signals are blocked in
  /// them, but for those of faults.
  explicit thread_pool(unsigned threads = 4);
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;
  /// Blocks the calling thread until all that was given to it is done.
  ~thread_pool();

  /// Runs `work` on one of the threads while other greenlets run here; returns its result or throws
  /// what it threw; `work` has been destroyed here by then. Who is killed or timed out meanwhile
  /// leaves at once; it is then done all the same, for nobody, and is destroyed on either thread.
  /// It must not use the hub. Throws std::bad_alloc, std::system_error if there is no thread to be
  /// had, `greenlet_error` in the child of a fork, where the threads are not, and
  /// `dangling_capture`; then `work` has not been run.
  template <class F>
  auto run(F&& work) -> std::invoke_result_t<std::decay_t<F>&> {
    const auto state =
        std::make_shared<detail::function_work<std::decay_t<F>>>(std::forward<F>(work));
    run_and_wait(state);
    if constexpr (!std::is_void_v<std::invoke_result_t<std::decay_t<F>&>>) {
      return state->result.take();
    }
  }

 private:
  struct errand;
  struct queue;
  void run_and_wait(std::shared_ptr<detail::pool_work> work);

  std::unique_ptr<queue> queue_;
};

}  // namespace offshoot
