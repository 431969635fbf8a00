/// The whole hub at once: tasks, waiting, synchronisation, channels, streams, sockets, signals and
/// work from other threads.
#pragma once

#include <offshoot/hub/barrier.hpp>
#include <offshoot/hub/buffer.hpp>
#include <offshoot/hub/channel.hpp>
#include <offshoot/hub/condition.hpp>
#include <offshoot/hub/descriptor.hpp>
#include <offshoot/hub/errors.hpp>
#include <offshoot/hub/event.hpp>
#include <offshoot/hub/future.hpp>
#include <offshoot/hub/greenlet_local.hpp>
#include <offshoot/hub/group.hpp>
#include <offshoot/hub/hub.hpp>
#include <offshoot/hub/mutex.hpp>
#include <offshoot/hub/pipe.hpp>
#include <offshoot/hub/pool.hpp>
#include <offshoot/hub/reactor.hpp>
#include <offshoot/hub/reader.hpp>
#include <offshoot/hub/select.hpp>
#include <offshoot/hub/semaphore.hpp>
#include <offshoot/hub/serve.hpp>
#include <offshoot/hub/shared_channel.hpp>
#include <offshoot/hub/shared_mutex.hpp>
#include <offshoot/hub/signals.hpp>
#include <offshoot/hub/simulation.hpp>
#include <offshoot/hub/sleep.hpp>
#include <offshoot/hub/socket.hpp>
#include <offshoot/hub/stop.hpp>
#include <offshoot/hub/stream.hpp>
#include <offshoot/hub/task.hpp>
#include <offshoot/hub/tcp.hpp>
#include <offshoot/hub/thread_pool.hpp>
#include <offshoot/hub/threads.hpp>
#include <offshoot/hub/timeout.hpp>
#include <offshoot/hub/udp.hpp>
#include <offshoot/hub/unix.hpp>
