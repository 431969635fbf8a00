/// TCP, UDP, Unix sockets and pipes in memory, with everything that can happen to them drawn from a
/// seed. It is one machine's: listeners differ by their ports alone. Unix sockets are in no file
/// system: a name is free again when its socket has gone; nor are FIFOs. Signals come here, too.
#pragma once

#include <offshoot/hub/simulation.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hub/timers.hpp"
#include "hub/transport.hpp"

namespace offshoot::detail {

class simulated_network final : public network {
 public:
  explicit simulated_network(const simulation& chosen) noexcept;
  ~simulated_network();
  simulated_network(const simulated_network&) = delete;
  simulated_network& operator=(const simulated_network&) = delete;

  /// Whether `fd` is one of a simulated network's. The system has no such numbers.
  static bool has(int fd) noexcept { return fd >= first_number; }

  ssize_t receive(int fd, std::span<std::byte> into) override;
  ssize_t send(int fd, std::span<const iovec> parts) override;
  ssize_t send_file(int fd, int file, off_t offset, std::size_t count) override;
  int end(int fd) override;
  int set_option(int fd, int level, int option, int value) override;
  int get_option(int fd, int level, int option, int& value) override;
  void close(int fd) noexcept override;
  bool is_ready(int fd, short events) override;
  /// Hubs do not see each other's networks: there is nobody to share with.
  int listen(const socket_address& own, int backlog, bool shared) override;
  int connect(const socket_address& peer, int& error) override;
  int outcome(int fd) override;
  int accept(int listener) override;
  int local_address(int fd, socket_address& found) override;
  int make_pair(std::array<int, 2>& ends) override;
  ssize_t send_descriptor(int fd, int given) override;
  ssize_t receive_descriptor(int fd, passed_descriptor& into) override;
  int make_pipe(std::array<int, 2>& ends) override;
  int open_fifo(const std::string& path, bool to_send) override;
  int open_signals(sigset_t& signals) override;
  int take_signal(int fd) override;
  transport& files() noexcept override { return *this; }
  int open_datagrams(int family, const socket_address* own) override;
  int set_peer(int fd, const socket_address& peer) override;
  ssize_t send_to(int fd, std::span<const std::byte> bytes, const socket_address* to) override;
  ssize_t receive_from(int fd, std::span<std::byte> into, socket_address& from, bool& cut) override;

  struct told {
    std::uint64_t key;
    bool readable;
    bool writable;
    bool ended;
  };
  /// From here on what happens to `fd` is told under `key`, as is what has happened already.
  void watch(int fd, std::uint64_t key);
  void forget(int fd) noexcept;

  /// Whether there is one that watches for it.
  bool raise(int signal);

  /// When the next thing happens, or `never`.
  instant next() const noexcept;
  /// All that happens until `time`, in an order that is drawn.
  std::vector<told> advance(instant time);

 private:
  static constexpr int first_number = 1 << 30;

  enum class kind { tcp, unix_stream, pipe_in, pipe_out, udp, unix_datagram, signals };
  struct endpoint;
  struct datagram;
  struct happening;
  /// Of an endpoint, also when it has gone and its number has a new owner.
  struct name {
    std::size_t place = 0;
    std::uint64_t serial = 0;  ///< 0: nobody's

    bool operator==(const name&) const = default;
  };
  enum class event {
    connect,
    connected,
    refused,
    piece,
    end,
    reset,
    room,
    datagram,
    unreachable,
    nothing
  };

  std::uint64_t draw() noexcept;
  std::uint64_t draw_up_to(std::uint64_t largest) noexcept;
  bool chance(double of) noexcept;
  std::size_t cut(std::size_t bytes) noexcept;
  instant arrival() noexcept;
  std::uint16_t free_port();
  name make(kind what, const socket_address& own = {});
  static std::string place_of(kind what, const socket_address& address);
  int bind(kind what, socket_address own, name& made);
  endpoint* find_bound(const std::string& where) noexcept;
  int why_not_there(const std::string& where) const noexcept;
  std::array<int, 2> join(name one, name other);
  bool is_broken(const endpoint& own) noexcept;
  void close_fifo(const endpoint& leaving) noexcept;
  bool is_watched(int signal) const noexcept;
  void remove(name gone) noexcept;
  endpoint* find(name of) noexcept;
  endpoint& opened_as(int fd) noexcept;
  endpoint& get(int fd) noexcept;
  int number_of(name of) const noexcept { return first_number + static_cast<int>(of.place); }
  void schedule(happening what);
  void send_after_all(endpoint& from, event what, std::vector<std::byte> bytes = {},
                      descriptor given = descriptor());
  void send_copy(endpoint& own, const std::string& where, std::vector<std::byte> bytes,
                 const socket_address& source, name receiver);
  void tell(endpoint& to, bool readable, bool writable);
  void happen(happening& what);
  void arrive_at_listener(const happening& request);
  void arrive_at_datagrams(happening& what);
  void hang_up(endpoint& leaving);

  const simulation chosen_;
  std::uint64_t random_;
  std::uint64_t serials_ = 0;
  std::uint64_t happenings_ = 0;
  std::uint16_t last_port_ = 49151;
  instant time_ = 0;
  std::vector<std::unique_ptr<endpoint>> endpoints_;
  std::vector<std::size_t> vacant_;    ///< a heap: the lowest number is taken, as by the system
  std::map<std::string, name> bound_;  ///< by place_of(); paths stay, with nobody's name
  std::map<std::string, name> fifos_;  ///< the ends to send to, by path
  std::map<int, unsigned> signals_;    ///< how many of each have come that nobody has taken
  std::vector<happening> future_;      ///< a heap
  std::vector<told> told_;
};

}  // namespace offshoot::detail
