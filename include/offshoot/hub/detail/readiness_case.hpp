/// The case of a `select` that waits for a descriptor.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/select_case.hpp>

#include <cstdint>
#include <utility>

namespace offshoot::detail {

class socket;
struct watch;
enum direction : unsigned;

/// Holds what the hub knows of the descriptor, also when the socket is closed meanwhile.
class OFFSHOOT_API readiness_case : public select_case {
 public:
  ~readiness_case() override;

 protected:
  /// Throws as operations on the socket do.
  explicit readiness_case(const socket& which, bool to_send);

 private:
  bool try_now() override;
  bool begin_wait(std::uint32_t place) override;
  bool end_wait(bool given, bool ended) noexcept override;

  watch* watch_;
  direction way_;
};

template <class F>
class handled_readiness_case final : public readiness_case {
 public:
  handled_readiness_case(const socket& which, bool to_send, F&& handler)
      : readiness_case(which, to_send), handler_(std::forward<F>(handler)) {}

 private:
  void handle() override { handler_(); }

  F handler_;
};

}  // namespace offshoot::detail
