#include "hub/block_report.hpp"

#include <offshoot/detail/raw_trace.hpp>

#include <algorithm>

#include <sys/mman.h>
#include <unistd.h>

#include "hub/descriptor.hpp"
#include "hub/dump.hpp"

namespace offshoot::detail {

void write_report(int fd, instant held, const void* context) noexcept {
  constexpr instant millisecond = 1'000'000;
  {
    raw_text out(fd);
    out.append("offshoot: a greenlet has held its thread for ");
    append_number(out, static_cast<std::uint64_t>(held / millisecond));
    out.append(" ms:\n");
  }
  write_current(fd, context);
}

captured_report::captured_report()
    : file_(check_call(memfd_create("offshoot-report", MFD_CLOEXEC), "memfd_create")) {}

void captured_report::put(instant held, const void* context) noexcept {
  const identity who = identity_of(*this_thread->current);
  id_ = who.id;
  name_length_ = who.name.size();
  site_ = who.site;
  held_ = held;
  raw_text(file_.get()).append(who.name);
  write_report(file_.get(), held, context);
  full_.store(true, std::memory_order_release);
}

std::optional<blocking_report> captured_report::take() {
  if (!full_.load(std::memory_order_acquire)) return std::nullopt;
  const off_t length = lseek(file_.get(), 0, SEEK_END);
  std::string all(static_cast<std::size_t>(std::max<off_t>(length, 0)), '\0');
  const ssize_t got = pread(file_.get(), all.data(), all.size(), 0);
  all.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  const std::size_t name_end = std::min(name_length_, all.size());
  blocking_report found{.id = id_,
                        .name = all.substr(0, name_end),
                        .site = site_,
                        .held = std::chrono::nanoseconds(held_),
                        .text = all.substr(name_end)};
  static_cast<void>(ftruncate(file_.get(), 0));
  lseek(file_.get(), 0, SEEK_SET);
  full_.store(false, std::memory_order_release);
  return found;
}

}  // namespace offshoot::detail
