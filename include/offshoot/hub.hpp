/// The whole hub at once: tasks, waiting, sockets, signals and work from other threads.
#pragma once

#include <offshoot/hub/buffer.hpp>
#include <offshoot/hub/errors.hpp>
#include <offshoot/hub/hub.hpp>
#include <offshoot/hub/reactor.hpp>
#include <offshoot/hub/signals.hpp>
#include <offshoot/hub/simulation.hpp>
#include <offshoot/hub/sleep.hpp>
#include <offshoot/hub/task.hpp>
#include <offshoot/hub/tcp.hpp>
