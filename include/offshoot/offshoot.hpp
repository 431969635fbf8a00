/// Everything in the core library.
#pragma once

#include <offshoot/coroutine.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/generator.hpp>
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>
#include <offshoot/on_lane.hpp>
#include <offshoot/placement.hpp>
#include <offshoot/spawn_site.hpp>
#include <offshoot/trace.hpp>
#include <offshoot/value.hpp>
#include <offshoot/version.hpp>
