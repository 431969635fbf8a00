#include "model/trial.hpp"

#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/control_block.hpp"
#include "core/slice.hpp"
#include "model/minimise.hpp"
#include "model/program.hpp"
#include "model/world.hpp"

namespace model {
namespace {

/// A report that the child writes and the parent reads.
class shared_report {
 public:
  shared_report() {
    void* memory =
        mmap(nullptr, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory to share");
    report_ = ::new (memory) report;
  }
  shared_report(const shared_report&) = delete;
  shared_report& operator=(const shared_report&) = delete;
  ~shared_report() { munmap(report_, sizeof(report)); }

  report* operator->() const noexcept { return report_; }
  report& operator*() const noexcept { return *report_; }

 private:
  report* report_;
};

void run_thread(const script& told, unsigned thread, gate& meeting, const record& written,
                report& seen) {
  offshoot::set_lane_count(told.lanes);
  // On the heap: any stack may be copied away.
  const auto tried = std::make_unique<world>(told, thread, meeting, written, seen);
  tried->run();
  const auto& here = offshoot::detail::thread_state::get();
  if (here.pool.taken() != 0 || here.lanes.in_use()) seen.fail("a stack is still taken");
}

void run_all(const script& told, const record& written, report& seen) {
  const std::size_t blocks = offshoot::detail::control_blocks_alive();
  const std::size_t slices = offshoot::detail::slices_on_heap();
  offshoot::set_unraisable_handler(&world::on_unraisable);
  gate meeting(told.threads);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < told.threads; ++i) {
    threads.emplace_back([&, i] { run_thread(told, i, meeting, written, seen); });
  }
  for (std::thread& each : threads) each.join();
  offshoot::set_unraisable_handler(nullptr);
  if (offshoot::detail::control_blocks_alive() != blocks) seen.fail("a greenlet is left over");
  if (offshoot::detail::slices_on_heap() != slices) seen.fail("a slice is left over");
  if (parcel::alive.load() != 0) seen.fail("S5: a payload is left over");
  seen.finished = true;
}

}  // namespace

verdict try_script(const script& told, unsigned seconds, int descriptor) {
  const shared_report seen;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    alarm(seconds);
    run_all(told, record(descriptor), *seen);
    std::exit(0);  // not _exit: a leak checker may have its say
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw std::runtime_error("cannot wait");
  }
  verdict given;
  for (const std::size_t each : seen->steps) given.steps += each;
  for (const auto& each : seen->geometries) given.geometries.add(each);
  given.how = seen->how.data();
  given.failed = seen->failed || !seen->finished || status != 0;
  if (given.failed && given.how.empty()) {
    given.how = WIFSIGNALED(status) ? std::string("ended by ") + strsignal(WTERMSIG(status))
                                    : "ended with status " + std::to_string(WEXITSTATUS(status));
  }
  return given;
}

script shorten(const script& failing, unsigned seconds) {
  using clock = std::chrono::steady_clock;
  const auto deadline = clock::now() + std::chrono::seconds(seconds);
  constexpr unsigned patience = 10;
  script shorter = failing;
  shorter.decisions = minimise(
      failing.decisions,
      [&](const std::vector<decision>& fewer) {
        script tried = failing;
        tried.decisions = fewer;
        return try_script(tried, patience).failed;
      },
      [&] { return clock::now() >= deadline; });
  return shorter;
}

std::string program_of(const script& failing, const std::string& how) {
  constexpr unsigned patience = 10;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> written(std::tmpfile(), &std::fclose);
  if (!written) throw std::runtime_error("no temporary file");
  try_script(failing, patience, fileno(written.get()));
  std::rewind(written.get());
  std::vector<std::string> lines;
  std::array<char, 1024> line;
  while (std::fgets(line.data(), line.size(), written.get()) != nullptr) {
    lines.emplace_back(line.data());
    if (!lines.back().empty() && lines.back().back() == '\n') lines.back().pop_back();
  }
  return to_program(lines, failing, how);
}

}  // namespace model
