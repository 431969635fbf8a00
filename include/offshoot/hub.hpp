/// The whole hub at once: tasks, waiting, synchronisation, channels, sockets, signals and work from
/// other threads.
#pragma once

#include <offshoot/hub/barrier.hpp>
#include <offshoot/hub/buffer.hpp>
#include <offshoot/hub/channel.hpp>
#include <offshoot/hub/condition.hpp>
#include <offshoot/hub/errors.hpp>
#include <offshoot/hub/event.hpp>
#include <offshoot/hub/future.hpp>
#include <offshoot/hub/greenlet_local.hpp>
#include <offshoot/hub/group.hpp>
#include <offshoot/hub/hub.hpp>
#include <offshoot/hub/mutex.hpp>
#include <offshoot/hub/pool.hpp>
#include <offshoot/hub/select.hpp>
#include <offshoot/hub/semaphore.hpp>
#include <offshoot/hub/shared_channel.hpp>
#include <offshoot/hub/shared_mutex.hpp>
#include <offshoot/hub/signals.hpp>
#include <offshoot/hub/sleep.hpp>
#include <offshoot/hub/task.hpp>
#include <offshoot/hub/tcp.hpp>
#include <offshoot/hub/timeout.hpp>
