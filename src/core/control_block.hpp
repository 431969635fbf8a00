/// What there is of a greenlet apart from its stack's bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include OFFSHOOT_ARCH_HEADER
#include <offshoot/detail/extension.hpp>
#include <offshoot/detail/run.hpp>
#include <offshoot/greenlet.hpp>
#include <offshoot/placement.hpp>

#include "core/single_threaded.hpp"
#include "core/stack.hpp"

namespace offshoot::detail {

struct thread_state;

enum class life : std::uint8_t {
  unstarted = 0,
  active = 1,    ///< running or suspended
  finished = 2,  ///< forgotten by its thread
};

/// What is odd about a greenlet: bits of control_block::marks. Whoever has any of the first three
/// leaves by the slow path.
enum mark : std::uint8_t {
  orphan = 1,  ///< runs with no handle left: killed when it suspends
  dying = 2,   ///< its last handle is gone: greenlet_exit is on its way
  own_fp = 4,  ///< has a floating-point environment of its own
  forced = 8,  ///< dying because its thread ends: no handle can save it
  /// Its parent is not owned: it will outlive this by other means.
  borrows_parent = control_head::borrows_parent,
  main_greenlet = 32,
  lends_link = 64,  ///< dying, and had borrowed its parent: see control_block::lender_before
};
inline constexpr unsigned slow_marks = orphan | dying | own_fp;

/// Memory: [control_block][name, if it has one][room of its slice][run function], one allocation.
/// Aligned as the heap's blocks are, so that the room loses little: see slice::room_for.
class alignas(std::max_align_t) control_block : public stack {
 public:
  /// A new one, unstarted, with one reference, without a parent. Throws std::bad_alloc.
  /// With the usual options if `chosen` is null.
  static control_block* make(thread_state& here, const run_operations* operations,
                             const options* chosen, std::size_t room);
  /// The same in `memory`, with room for all that lies behind.
  [[gnu::always_inline]] static control_block* build(thread_state& here, void* memory,
                                                     std::uint8_t origin, std::size_t name_bytes,
                                                     std::size_t room,
                                                     const run_operations* run) noexcept;
  control_block(const control_block&) = delete;
  control_block& operator=(const control_block&) = delete;
  /// Destroys it, run function included, without a look at its parent.
  void destroy() noexcept;

  bool has(mark which) const noexcept { return (marks & which) != 0; }
  void set(mark which) noexcept { marks = static_cast<std::uint8_t>(marks | which); }
  void clear(mark which) noexcept { marks = static_cast<std::uint8_t>(marks & ~which); }

  /// Behind the room of its slice and what sanitizers keep there. Of one that has a run function.
  void* callable() noexcept {
    const std::uintptr_t end = saved.room_end() + sanitizers::shadow_of(saved.room_capacity());
    const std::uintptr_t mask = operations->alignment - 1;
    return reinterpret_cast<void*>((end + mask) & ~mask);
  }
  /// Ends the run function's life, captures included. No-op the second time.
  void destroy_callable() noexcept;

  life state() const noexcept { return state_of(word_.load(std::memory_order_acquire)); }
  bool active() const noexcept { return state() == life::active; }

  void add_reference() noexcept { add_to_word(one_reference); }
  std::uint32_t references() const noexcept {
    return word_.load(std::memory_order_relaxed) / one_reference;
  }
  /// The thread that starts a greenlet, `key`, holds a reference until it has buried it, so that
  /// the two ends of an active one, its last handle and its finish, cannot meet on different
  /// threads.
  void start(std::uintptr_t key) noexcept {
    owner_key.store(key, std::memory_order_relaxed);
    add_to_word(one_reference + 1);
  }
  void undo_start() noexcept {
    owner_key.store(nobody, std::memory_order_relaxed);
    add_to_word(0U - one_reference - 1);
  }
  void finish() noexcept {
    owner_key.store(nobody, std::memory_order_release);
    add_to_word(state() == life::unstarted ? 2 : 1);
  }
  /// Both at once for one that was active: it is finished, and its thread's reference is gone.
  /// Whether that was the last.
  bool finish_and_drop() noexcept {
    owner_key.store(nobody, std::memory_order_release);
    return add_to_word(1 - one_reference) / one_reference == 1;
  }

  /// Whether the caller's reference is the only one to a greenlet that is not active: then there is
  /// nobody else who could change that.
  bool is_last_of_inactive() const noexcept {
    const std::uint32_t word = word_.load(std::memory_order_acquire);
    return word / one_reference == 1 && state_of(word) != life::active;
  }
  /// Gives up one reference if it can be neither the last nor the last handle, whatever the state,
  /// and nobody else is there who could change that.
  bool drop_one_of_many() noexcept {
    const std::uint32_t word = word_.load(std::memory_order_relaxed);
    if (word < 3 * one_reference || !single_threaded()) return false;
    word_.store(word - one_reference, std::memory_order_relaxed);
    return true;
  }
  /// Gives up one reference unless `keep(life, references)` says otherwise of the state at that
  /// same instant; returns both as they were before.
  struct census {
    life state;
    std::uint32_t references;
  };
  template <class Keep>
  census drop_reference_unless(Keep keep) noexcept {
    std::uint32_t word = word_.load(std::memory_order_acquire);
    for (;;) {
      const census now{state_of(word), word / one_reference};
      if (keep(now)) return now;
      if (word_.compare_exchange_weak(word, word - one_reference, std::memory_order_acq_rel)) {
        return now;
      }
    }
  }

  /// As much of what was given as is kept.
  std::string_view name() const noexcept {
    if (!named_) return {};
    const auto* kept = reinterpret_cast<const stored_name*>(this + 1);
    return {reinterpret_cast<const char*>(kept + 1), kept->length};
  }
  /// Name and id, as messages call it.
  std::string label() const;

  /// Of a dedicated one: as asked for, up to the next power of two; 0: the usual one.
  std::size_t stack_size() const noexcept {
    return stack_bits_ == 0 ? 0 : std::size_t{1} << stack_bits_;
  }

  /// While dying: the parent that it will have if it is saved.
  control_block* parent_after() const noexcept {
    return has(lends_link) ? lender_before->now() : link;
  }

  spawn_site spawned_at() const noexcept { return {spawn_file, spawn_line}; }

 private:
  // The first three bytes: there is room for them at the end of `stack`. All but the count are set
  // once, so that any thread may look at them.
  /// Of its memory: a block_pool::origin, or beyond those by how many bits it is aligned.
  std::uint8_t origin_;
  std::uint8_t stack_bits_ : 6 = 0;

 public:
  placement chosen_placement : 2 = placement::lane;

 private:
  bool named_ : 1 = false;

 public:
  std::uint8_t exits_swallowed : 7 = 0;
  std::uint32_t spawn_line = 0;

 private:
  /// References in units of four, and its life in the two bits below: one word, since whether a
  /// drop is the last one depends on both.
  static constexpr std::uint32_t one_reference = 4;
  static life state_of(std::uint32_t word) noexcept {
    return static_cast<life>(word % one_reference);
  }
  /// Returns what it was. A locked instruction takes as long as all of a switch: there is none
  /// where nobody else could interfere.
  std::uint32_t add_to_word(std::uint32_t more) noexcept {
    if (!single_threaded()) return word_.fetch_add(more, std::memory_order_acq_rel);
    const std::uint32_t before = word_.load(std::memory_order_relaxed);
    word_.store(before + more, std::memory_order_relaxed);
    return before;
  }
  std::atomic<std::uint32_t> word_{one_reference};

 public:
  control_block* next_live = nullptr;  ///< the thread's list of active greenlets
  control_block* previous_live = nullptr;
  union {
    /// While dying: the parent it had before. While discarded: the next of those.
    control_block* link = nullptr;
    const lent_parent* lender_before;  ///< if marked `lends_link`
  };
  /// In the queue of what other threads have dropped: guarded by the registry's lock.
  control_block* next_dropped = nullptr;
  const run_operations* operations = nullptr;  ///< null: no run function (any more)
  std::uint64_t id = 0;
  const char* spawn_file = "";
  std::unique_ptr<extension> record;  ///< of the runtime above the core, if there is one

 private:
  void destroy_with_care() noexcept;
  explicit control_block(std::uint8_t origin) noexcept : origin_(origin) {}
  struct stored_name {
    std::size_t length;  ///< the characters follow
  };
  static std::string_view kept_of(std::string_view name) noexcept;
  static std::size_t bytes_for(std::string_view name) noexcept;
  void choose(const options& chosen) noexcept;
  ~control_block();
};

/// How many control blocks exist now, on all threads: for leak checks.
std::size_t control_blocks_alive() noexcept;

}  // namespace offshoot::detail
