/// What a user of the installed hub may write: tasks, an exception that a join brings, and an echo
/// over a real socket.
#include <offshoot/hub.hpp>

#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

int main() {
  const auto answer = offshoot::spawn([] {
    offshoot::yield();
    return 42;
  });
  std::cout << answer.join() << '\n';

  const auto failing = offshoot::spawn([] { throw std::runtime_error("thrown in a task"); });
  try {
    failing.join();
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << '\n';
  }

  offshoot::tcp_listener listener(0);
  const auto port = listener.local_port();
  const auto server = offshoot::spawn([listener = std::move(listener)]() mutable {
    offshoot::tcp_stream peer = listener.accept();
    for (auto bytes = peer.receive(); !bytes.empty(); bytes = peer.receive()) {
      peer.send_all(bytes.bytes());
    }
  });
  auto client = offshoot::tcp_stream::connect("127.0.0.1", port);
  client.send_all(std::as_bytes(std::span("echo", 4)));
  client.shutdown_send();
  std::string echoed;
  for (auto bytes = client.receive(); !bytes.empty(); bytes = client.receive()) {
    echoed += bytes.text();
  }
  server.join();
  std::cout << echoed << '\n';
}
