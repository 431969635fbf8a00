/// The hub of a thread: who runs next, who waits for what time, and when to ask the system.
#pragma once

#include <offshoot/greenlet.hpp>
#include <offshoot/hub/task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "hub/counters.hpp"
#include "hub/mailbox.hpp"
#include "hub/reactor.hpp"
#include "hub/record.hpp"
#include "hub/timers.hpp"

namespace offshoot::detail {

/// The time of the thread's hub, which is the steady clock's unless it is simulated.
instant now() noexcept;

/// One a thread, made on first use; owned by the record of the main greenlet, so that it is there
/// until the core has unwound the last greenlet of the thread.
///
/// A greenlet that waits switches straight to the next ready one. The hub's own greenlet, on a
/// dedicated stack, runs only when nobody is ready or it is time to look at the reactor; to start
/// tasks, so that what cannot be started fails there and not in whoever happened to wait; and when
/// a task finishes, since it is the parent of all tasks.
class scheduler {
 public:
  // While greenlets are ready the hub looks outside when those that were ready at its last look
  // have run. A greenlet that is always ready can delay the others' descriptors and timers by
  // little more than the two upper bounds.
  static constexpr unsigned fewest_switches = 16;  ///< before a look, which costs more than they do
  static constexpr unsigned most_switches = 256;
  static constexpr instant longest_turn = 1'000'000;  ///< nanoseconds
  /// Operations in a row that did not need to wait.
  static constexpr unsigned largest_unshared = 64;
  /// So many tasks and what they have on the heap are more than a processor's caches hold.
  static constexpr std::size_t fewest_to_prefetch = 8192;

  explicit scheduler(const hub_options& chosen);
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;
  ~scheduler();

  /// The calling thread's, made if need be. Throws std::bad_alloc, std::system_error,
  /// `not_startable`.
  static scheduler& here();
  /// Makes the calling thread's, which has none.
  static scheduler& make(const hub_options& chosen);
  /// The calling thread's, or null.
  static scheduler* find() noexcept;

  /// That of the calling greenlet, made if need be. Throws std::bad_alloc, and `greenlet_error` in
  /// the hub's own greenlet, which cannot wait.
  record& current_record();

  /// Suspends the calling greenlet, whose record this is, until it is woken, or until `deadline`:
  /// returns false then. `reason` completes "waits for ..." and lives for ever. Throws, the record
  /// then being in no list: what is pending for it; `timed_out` of a time-out scope around; both
  /// only where there is no shield; std::bad_alloc; what others raise in it.
  bool park(record& self, const char* reason, instant deadline = never);
  /// To the end of the ready queue.
  void yield(record& self);
  /// For an operation that did not need to wait: after many in a row, lets others run. A peer that
  /// sends without end shall not have the thread for itself.
  void share_turn();
  /// A number that goes up: whose turn it is among equals.
  std::size_t next_turn() noexcept { return next_turn_++; }
  /// Makes a parked greenlet ready. No-op for one that is not parked.
  void wake(record& waiting) noexcept;
  void wake_all(wait_list& waiting) noexcept;

  /// Gives a task a greenlet and puts it into the ready queue.
  void adopt(const task_ref& made, const options& chosen, spawn_site site);
  void adopt_posted(const task_ref& posted) noexcept;
  /// Until the task has finished; false: not until `deadline`.
  bool wait_for(task_state& state, instant deadline);
  void kill(task_state& state);
  /// The same of a task that has begun, and is not the caller's. False: it has not, or is done.
  bool kill_if_begun(task_state& state) noexcept;
  void kill_all();
  std::size_t tasks() const noexcept { return tasks_; }
  /// Of those who wait with a limit, and of those who did, until their limit comes up or they go.
  std::size_t timers() const noexcept { return timers_.size(); }

  /// The record of a greenlet that has finished is about to go.
  void forget(timer_node& node) noexcept { timers_.remove(node); }

  /// How many greenlets wait for a descriptor.
  std::size_t descriptor_waits = 0;

  const std::shared_ptr<mailbox>& post_box() const noexcept { return mailbox_; }
  const hub_counts& counts() const noexcept { return *counts_; }
  /// For who may outlive the hub.
  const std::shared_ptr<hub_counts>& shared_counts() const noexcept { return counts_; }
  reactor& events() noexcept { return *reactor_; }

  /// In the child of a fork that this thread made: all greenlets are here, too, but what the
  /// kernel holds for the hub is the parent's and left alone.
  void after_fork() noexcept;
  /// Then, before anything is watched or waited for: kernel objects of the child's own. Throws
  /// std::system_error, std::bad_alloc.
  void renew_after_fork();

  /// No task may begin any more: those that have not are dropped, posted work is refused. Who waits
  /// in a destructor meanwhile can still be woken by other threads.
  void close() noexcept;

 private:
  struct end_of_thread;
  struct task_entry;
  // Not compiled into a task's first frame, which is part of its slice.
  [[gnu::noinline]] static void keep_exception(task_state& failed) noexcept;
  [[gnu::noinline]] static void end_task(task_state& ended) noexcept;

  record* take() noexcept;
  void begin_turn() noexcept;
  void begin_round() noexcept;
  void set_pace() noexcept;
  bool turn_is_over() noexcept;
  bool something_outside() noexcept;
  void pop(record& next) noexcept;
  [[gnu::noinline]] void prefetch_behind(list_hook& next) noexcept;
  void suspend(record& self);
  bool park_timed(record& self, instant deadline);
  void forget_wait(record& self) noexcept;
  void run();
  void turn();
  void resume(record& next);
  void start(record& next);
  void look_outside();
  void open_letters() noexcept;
  bool nothing_can_wake() noexcept;
  void drop_unstarted(record& unborn, std::exception_ptr error) noexcept;
  void drop_all_unstarted() noexcept;
  void finish(task_state& state) noexcept;

  wait_list ready_;
  timer_heap timers_;
  control_block* loop_block_ = nullptr;
  /// Who was last switched to from the ready queue and has not been heard of yet.
  record* on_the_way_ = nullptr;
  /// The last of those that were ready when the round began. Only compared: it may be gone.
  const list_hook* end_of_round_ = nullptr;
  bool round_is_over_ = true;
  bool look_next_ = true;              ///< the hub's turn, though others are ready
  unsigned switches_ = 0;              ///< in this turn
  unsigned stride_ = fewest_switches;  ///< switches between two looks at the clock
  unsigned next_clock_ = 0;
  instant turn_began_ = 0;
  unsigned unshared_ = 0;
  std::size_t next_turn_ = 0;
  bool closed_ = false;
  bool killing_ = false;
  std::size_t tasks_ = 0;
  wait_list until_tasks_end_;
  greenlet retired_;  ///< a task that is about to finish: nobody else keeps it
  std::unique_ptr<reactor> reactor_;
  std::shared_ptr<mailbox> mailbox_;
  std::shared_ptr<hub_counts> counts_;
  greenlet main_;
  greenlet loop_;
};

}  // namespace offshoot::detail
