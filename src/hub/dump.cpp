/// May run in a signal handler: memory comes from the kernel, greenlets are named by their control
/// blocks, since a handle might turn out to be the last one, and the ready queue is left alone.
#include "hub/dump.hpp"

#include <offshoot/detail/raw_trace.hpp>
#include <offshoot/hub/dump.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <sys/mman.h>

#include "hub/scheduler.hpp"
#include "hub/waits.hpp"

namespace offshoot::detail {
namespace {

struct member {
  control_block* self;
  member* parent;
  member* first_child;
  member* next_sibling;
  bool reached;  ///< from the root

  void add_child(member& child) noexcept {
    child.parent = this;
    child.next_sibling = first_child;
    first_child = &child;
  }
  void remove_child(member& child) noexcept {
    member** link = &first_child;
    while (*link != &child) link = &(*link)->next_sibling;
    *link = std::exchange(child.next_sibling, nullptr);
    child.parent = nullptr;
  }
};

/// The one after `each` in a walk from parents to children. Keeps `depth` up to date.
member* next_of(const member* each, unsigned& depth) noexcept {
  if (each->first_child != nullptr) {
    ++depth;
    return each->first_child;
  }
  for (; each->parent != nullptr; each = each->parent, --depth) {
    if (each->next_sibling != nullptr) return each->next_sibling;
  }
  return nullptr;
}

/// The thread's active greenlets, linked as a tree. Empty if there is no memory for it.
class family {
 public:
  family() noexcept {
    for (auto* each = next_active(nullptr); each != nullptr; each = next_active(each)) ++count_;
    if (count_ == 0) return;
    void* const memory = mmap(nullptr, count_ * sizeof(member), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    members_ = static_cast<member*>(memory);
    member* next = members_;
    for (auto* each = next_active(nullptr); each != nullptr; each = next_active(each)) {
      new (next++) member{each, nullptr, nullptr, nullptr, false};
    }
    std::sort(members_, members_ + count_, [](const member& left, const member& right) {
      return as_number(left.self) < as_number(right.self);
    });
    link();
    open_circles();
  }
  ~family() {
    if (members_ != nullptr) munmap(members_, count_ * sizeof(member));
  }
  family(const family&) = delete;
  family& operator=(const family&) = delete;

  /// The main greenlet, from which all descend; null if empty.
  member* root() const noexcept {
    return members_ != nullptr ? find(next_active(nullptr)) : nullptr;
  }

 private:
  static std::uintptr_t as_number(const control_block* block) noexcept {
    return reinterpret_cast<std::uintptr_t>(block);
  }
  member* find(const control_block* wanted) const noexcept {
    member* const end = members_ + count_;
    member* const found =
        std::lower_bound(members_, end, wanted, [](const member& each, const control_block* key) {
          return as_number(each.self) < as_number(key);
        });
    return found != end && found->self == wanted ? found : nullptr;
  }
  /// Those that started first come first among the children of one.
  void link() const noexcept {
    control_block* const main = next_active(nullptr);
    for (auto* each = next_active(main); each != nullptr; each = next_active(each)) {
      control_block* above = each;
      member* parent = nullptr;
      while (parent == nullptr) {  // the nearest that is active
        above = head_of(above).parent_now();
        parent = find(above != nullptr ? above : main);
      }
      parent->add_child(*find(each));
    }
  }
  /// Whoever waits for the body of a generator is its parent, and that body may have made it: then
  /// neither descends from the main greenlet, and one of them is put below that.
  void open_circles() const noexcept {
    mark_descendants(*root());
    for (member* each = members_; each != members_ + count_; ++each) {
      if (each->reached) continue;
      member* in_circle = each;  // soon: none of its ancestors had been reached
      for (; !in_circle->reached; in_circle = in_circle->parent) in_circle->reached = true;
      in_circle->parent->remove_child(*in_circle);
      mark_descendants(*in_circle);
      root()->add_child(*in_circle);
    }
  }
  static void mark_descendants(member& top) noexcept {
    unsigned depth = 0;
    for (member* each = &top; each != nullptr; each = next_of(each, depth)) each->reached = true;
  }

  std::size_t count_ = 0;
  member* members_ = nullptr;
};

const record* record_of(control_block* block) noexcept {
  return static_cast<const record*>(extension_of(block));
}

void append_state(raw_text& out, control_block* which, holder_search& holders) noexcept {
  const record* const known = record_of(which);
  if (which == this_thread->current) {
    out.append("runs");
  } else if (known == nullptr || known->now == record::phase::running) {
    out.append("suspended");
  } else if (known->now == record::phase::parked) {
    append_wait(out, *known, holders);
  } else {
    out.append("ready to run");
  }
}

void append_greenlet(raw_text& out, control_block* which, const void* interrupted,
                     const void* returns_to, unsigned indent, holder_search& holders) noexcept {
  for (unsigned spaces = indent; spaces != 0; --spaces) out.append(" ");
  write_origin(out, *which);
  out.append(", ");
  append_state(out, which, holders);
  out.append("\n");
  write_frames(out, *which, interrupted, returns_to, indent + 4);
}

}  // namespace

void write_tree(int fd, const void* interrupted, const void* returns_to) noexcept {
  raw_text out(fd);
  const family all;
  holder_search holders;
  if (all.root() == nullptr) out.append("no greenlets, or no memory to list them\n");
  unsigned depth = 0;
  std::size_t begun = 0;
  for (const member* each = all.root(); each != nullptr; each = next_of(each, depth)) {
    append_greenlet(out, each->self, interrupted, returns_to, 2 * depth, holders);
    const record* const known = record_of(each->self);
    if (known != nullptr && known->task != nullptr) ++begun;
  }
  const scheduler* const hub = scheduler::find();
  if (hub != nullptr && hub->tasks() > begun) {
    append_number(out, hub->tasks() - begun);
    out.append(" more have not begun\n");
  }
}

void write_current(int fd, const void* interrupted) noexcept {
  raw_text out(fd);
  holder_search holders;
  append_greenlet(out, this_thread->current, interrupted, nullptr, 0, holders);
}

}  // namespace offshoot::detail

namespace offshoot {

[[gnu::noinline]] void dump(int fd) noexcept {
  detail::write_tree(fd, nullptr, __builtin_return_address(0));
}

}  // namespace offshoot
