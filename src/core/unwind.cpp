/// The unwinder is the C++ runtime's. It takes memory as it finds it, so the bytes of a greenlet
/// that is out are put together elsewhere, and it goes there a frame at a time: after each,
/// whatever in the registers is an address in the greenlet's stack is turned into one in the copy.
#include "core/unwind.hpp"

#include <offshoot/detail/stack_walk.hpp>

#include <cstring>

#include <sys/mman.h>

#include "core/describe.hpp"
#include "core/guard.hpp"
#include "core/switch.hpp"
#include "core/thread_state.hpp"

#include OFFSHOOT_ARCH_HEADER

namespace offshoot::detail {
namespace {

/// Where the bytes [low, high) of a stack are to be read, if not there.
struct image {
  std::uintptr_t low = 1;  // none
  std::uintptr_t high = 0;
  std::uintptr_t copy = 0;

  bool covers(std::uintptr_t address) const noexcept { return address >= low && address <= high; }
  bool empty() const noexcept { return low > high; }
  bool holds(std::uintptr_t in_copy, std::size_t size) const noexcept {
    return in_copy >= copy && in_copy - copy + size <= high - low;
  }
  std::uintptr_t find(std::uintptr_t address) const noexcept {
    return covers(address) ? address - low + copy : address;
  }
};

struct step {
  int seen = 0;
  bool more = false;
  context next;
};

/// Sees offshoot_unwind's frame, then the one that is known, then its caller.
_Unwind_Reason_Code take_third(_Unwind_Context* frame, void* into) {
  step& taken = *static_cast<step*>(into);
  if (++taken.seen < 3) return _URC_NO_REASON;
  taken.more = _Unwind_GetIP(frame) != 0;  // without: a last call that tells of the end
  if (taken.more) taken.next = registers_of(frame);
  return _URC_END_OF_STACK;
}

/// Turns addresses in the stack into addresses in its copy.
void redirect(context& frame, const image& bytes) noexcept {
  if (bytes.empty()) return;  // and then nobody need know what is in the registers
  frame.sp = bytes.find(frame.sp);
  for (std::uintptr_t& each : frame.kept) each = bytes.find(each);
}

/// What a frame pointer leads to, of a function that is not a leaf (AAPCS64 6.4.6).
struct frame_record {
  std::uintptr_t caller;  ///< its caller's
  std::uintptr_t return_address;
};

/// The chain of frame records from `pointer` on, in the copy if there is one.
class record_chain {
 public:
  record_chain(std::uintptr_t pointer, const image& bytes) noexcept : bytes_(bytes) {
    go_to(pointer);
  }
  /// 0: the chain has ended.
  std::uintptr_t return_address() const noexcept { return record_.return_address; }
  void go_up() noexcept {
    const std::uintptr_t above = bytes_.find(record_.caller);
    go_to(above > pointer_ ? above : 0);
  }

 private:
  void go_to(std::uintptr_t pointer) noexcept {
    pointer_ = pointer;
    record_ = {};
    if (pointer == 0 || pointer % sizeof pointer != 0) return;
    if (!bytes_.empty() && !bytes_.holds(pointer, sizeof record_)) return;
    std::memcpy(&record_, reinterpret_cast<const void*>(pointer), sizeof record_);
  }

  const image& bytes_;
  std::uintptr_t pointer_;
  frame_record record_;
};

/// Whether the unwinder would fail: it checks a signed return address against where the frame lies,
/// which a copy does not; and of one that is still in `link` it knows nothing. One in 128
/// signatures cannot be told from none, so all are looked at.
bool fails_check(const context& at, std::uintptr_t link, const image& bytes) noexcept {
  if (!addresses_may_be_signed) return false;
  if (is_signed(link)) return true;
  if (bytes.empty()) return false;
  for (record_chain chain(at.kept[0], bytes); chain.return_address() != 0; chain.go_up()) {
    if (is_signed(chain.return_address())) return true;
  }
  return false;
}

/// In place of the unwinder: by frame records.
std::size_t follow_records(const context& at, std::uintptr_t link, const image& bytes,
                           std::uintptr_t* addresses, std::size_t room) noexcept {
  std::size_t count = 0;
  const auto found = [&](std::uintptr_t ip) {
    if (count < room) addresses[count++] = ip - 1;
  };
  record_chain chain(at.kept[0], bytes);
  found(at.ip);
  if (is_signed(link) && link != chain.return_address()) found(without_signature(link));
  for (; chain.return_address() != 0 && count < room; chain.go_up()) {
    found(without_signature(chain.return_address()));
  }
  return count;
}

std::size_t unwind(context at, std::uintptr_t link, const image& bytes, std::uintptr_t* addresses,
                   std::size_t room) noexcept {
  std::size_t count = 0;
  redirect(at, bytes);
  while (count < room && at.ip != 0) {
    if (fails_check(at, link, bytes)) {
      return count + follow_records(at, link, bytes, addresses + count, room - count);
    }
    addresses[count++] = at.ip - 1;
    step taken;
    offshoot_unwind(&at, &take_third, &taken);
    if (!taken.more) break;
    // A function that has stored its return address nowhere: a leaf, or what has just begun.
    if (link != 0 && without_signature(taken.next.ip) == at.ip) taken.next.ip = link;
    link = 0;
    if (taken.next.ip == at.ip && taken.next.sp == at.sp) break;
    if (return_slot != 0 && bytes.covers(taken.next.sp)) {
      // A frame that aligned its stack keeps its caller's stack pointer in memory: this is that
      // word, and the return address was looked for where it leads.
      const std::uintptr_t slot =
          bytes.find(taken.next.sp) + static_cast<std::uintptr_t>(return_slot);
      std::memcpy(&taken.next.ip, reinterpret_cast<const void*>(slot), sizeof taken.next.ip);
    }
    at = taken.next;
    redirect(at, bytes);
  }
  return count;
}

/// Word by word, and looked at by no sanitizer: there are red zones in a stack.
__attribute__((no_sanitize("address"))) void copy_stack(void* to, std::uintptr_t low,
                                                        std::uintptr_t high) noexcept {
  auto* into = static_cast<volatile std::uintptr_t*>(to);
  for (; low < high; low += sizeof *into) *into++ = *reinterpret_cast<std::uintptr_t*>(low);
}

/// The whole of a stack some of whose bytes are out. From the kernel: a signal handler may ask.
std::size_t unwind_copy(control_block& suspended, const context& from, std::uintptr_t* addresses,
                        std::size_t room) noexcept {
  const std::size_t size = suspended.stop - from.sp;
  void* copy = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) return 0;
  const std::size_t out = suspended.saved.size();
  std::memcpy(copy, suspended.saved_bytes(), out);
  copy_stack(static_cast<std::byte*>(copy) + out, suspended.lowest_in_place(), suspended.stop);
  const image bytes{from.sp, suspended.stop, reinterpret_cast<std::uintptr_t>(copy)};
  const std::size_t count = unwind(from, 0, bytes, addresses, room);
  munmap(copy, size);
  return count;
}

}  // namespace

std::size_t unwind(const context& from, std::uintptr_t* addresses, std::size_t room) noexcept {
  return unwind(from, 0, image{}, addresses, room);
}

std::size_t unwind(const interruption& from, std::uintptr_t* addresses, std::size_t room) noexcept {
  return unwind(from.at, from.link, image{}, addresses, room);
}

std::size_t unwind_suspended(control_block& suspended, std::uintptr_t* addresses,
                             std::size_t room) noexcept {
  if (suspended.unentered() || suspended.leaving) return 0;
  context from = suspended.registers;
  from.sp = suspended.sp();
  from.ip = suspended.ip();
  if (suspended.saved.size() != 0) return unwind_copy(suspended, from, addresses, room);
  region& where = *suspended.where;
  const bool was_closed = where.closed;
  if (was_closed) open_region(where);
  const std::size_t count = unwind(from, addresses, room);
  if (was_closed) close_region(where);
  return count;
}

context frame_of_caller(const void* returns_to) noexcept {
  struct search {
    std::uintptr_t ip;
    context found;
  } all{reinterpret_cast<std::uintptr_t>(returns_to), {}};
  _Unwind_Backtrace(
      [](_Unwind_Context* frame, void* into) {
        search& wanted = *static_cast<search*>(into);
        const context seen = registers_of(frame);
        if (wanted.ip - seen.ip > 1) return _URC_NO_REASON;  // 1: the bit of Thumb, left out
        wanted.found = seen;
        return _URC_END_OF_STACK;
      },
      &all);
  return all.found;
}

std::vector<std::uintptr_t> walk_stack(const greenlet& which, const void* returns_to) {
  control_block& block = dereference(access::block(which));
  std::vector<std::uintptr_t> found;
  if (!block.active()) return found;
  thread_state& here = thread_state::get();
  if (thread_of(block) != &here) throw_wrong_thread(&block, "traced");
  context caller;
  if (&block == here.current) caller = frame_of_caller(returns_to);
  std::size_t count = 0;
  do {  // once more if they have not all had room
    found.resize(found.size() * 2 + 32);
    count = &block == here.current ? unwind(caller, found.data(), found.size())
                                   : unwind_suspended(block, found.data(), found.size());
  } while (count == found.size());
  found.resize(count);
  return found;
}

std::string describe(const greenlet& which) {
  std::string text;
  append_origin(text, dereference(access::block(which)));
  return text;
}

}  // namespace offshoot::detail
