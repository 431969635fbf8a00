/// The version of these headers.
#pragma once

#define OFFSHOOT_VERSION_MAJOR 0
#define OFFSHOOT_VERSION_MINOR 1
#define OFFSHOOT_VERSION_PATCH 0
