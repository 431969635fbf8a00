/// May run in a signal handler: memory comes from the kernel, greenlets are named by their control
/// blocks, since a handle might turn out to be the last one, and the ready queue is left alone.
#include "hub/dump.hpp"

#include <offshoot/detail/raw_trace.hpp>
#include <offshoot/hub/dump.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

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
};

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
      new (next++) member{each, nullptr, nullptr, nullptr};
    }
    std::sort(members_, members_ + count_, [](const member& left, const member& right) {
      return as_number(left.self) < as_number(right.self);
    });
    link();
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
      member& child = *find(each);
      child.parent = parent;
      child.next_sibling = parent->first_child;
      parent->first_child = &child;
    }
  }

  std::size_t count_ = 0;
  member* members_ = nullptr;
};

const record* record_of(control_block* block) noexcept {
  return static_cast<const record*>(extension_of(block));
}

void append_state(raw_text& out, control_block* which) noexcept {
  const record* const known = record_of(which);
  if (which == this_thread->current) {
    out.append("runs");
  } else if (known == nullptr || known->now == record::phase::running) {
    out.append("suspended");
  } else if (known->now == record::phase::parked) {
    append_wait(out, *known);
  } else {
    out.append("ready to run");
  }
}

void append_greenlet(raw_text& out, control_block* which, const void* interrupted,
                     const void* returns_to, unsigned indent) noexcept {
  for (unsigned spaces = indent; spaces != 0; --spaces) out.append(" ");
  write_origin(out, *which);
  out.append(", ");
  append_state(out, which);
  out.append("\n");
  write_frames(out, *which, interrupted, returns_to, indent + 4);
}

/// The one after `each` in a walk from parents to children. Keeps `depth` up to date.
const member* next_of(const member* each, unsigned& depth) noexcept {
  if (each->first_child != nullptr) {
    ++depth;
    return each->first_child;
  }
  for (; each->parent != nullptr; each = each->parent, --depth) {
    if (each->next_sibling != nullptr) return each->next_sibling;
  }
  return nullptr;
}

}  // namespace

void write_tree(int fd, const void* interrupted, const void* returns_to) noexcept {
  raw_text out(fd);
  const family all;
  if (all.root() == nullptr) out.append("no greenlets, or no memory to list them\n");
  unsigned depth = 0;
  std::size_t begun = 0;
  for (const member* each = all.root(); each != nullptr; each = next_of(each, depth)) {
    append_greenlet(out, each->self, interrupted, returns_to, 2 * depth);
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
  append_greenlet(out, this_thread->current, interrupted, nullptr, 0);
}

}  // namespace offshoot::detail

namespace offshoot {

[[gnu::noinline]] void dump(int fd) noexcept {
  detail::write_tree(fd, nullptr, __builtin_return_address(0));
}

}  // namespace offshoot
