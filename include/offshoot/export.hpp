/// Which names a shared liboffshoot offers: all others are hidden.
#pragma once

#define OFFSHOOT_API __attribute__((visibility("default")))
