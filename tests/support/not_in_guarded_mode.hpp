/// The test cases that say nothing, or nothing true, in guarded mode, and why. Whatever is not
/// listed must hold in it: `./dev guard` runs all the rest.
#pragma once

#include <array>

namespace test {

struct exception_to_guarded_mode {
  const char* test_case;  ///< with ? for commas, at which doctest would split it
  const char* why;
};

inline constexpr auto copies = "it is about bytes in slices: in guarded mode none ever move";
inline constexpr auto shares = "it is about greenlets that share a lane or the stack of another";
inline constexpr auto lends = "it reads a suspended stack on purpose";
inline constexpr auto layout =
    "it is about how stacks are laid out and kept when there is no guard";

inline constexpr std::array not_in_guarded_mode{
    exception_to_guarded_mode{"S34: the slice's size while out?*", copies},
    exception_to_guarded_mode{"S34: what has to leave a stack is counted", copies},
    exception_to_guarded_mode{"what leaves a lane for another task's sake is counted", copies},
    exception_to_guarded_mode{"S34: a nested one's owner is saved in part", copies},
    exception_to_guarded_mode{"S35: small slices lie in the greenlet's own allocation", copies},
    exception_to_guarded_mode{"S35: one whose stack is like no other's does not enlarge*", copies},
    exception_to_guarded_mode{"S35: whose allocation has no room at all pays*", copies},
    exception_to_guarded_mode{"S35: rooms follow what those that have finished had at stake*",
                              copies},
    exception_to_guarded_mode{"S35: a buffer is kept between switches and shrinks after*", copies},
    exception_to_guarded_mode{"S29: start", copies},
    exception_to_guarded_mode{"S29: start from deep within a lane greenlet", copies},
    exception_to_guarded_mode{"S29: main? deeper than where a nested greenlet starts?*", copies},
    exception_to_guarded_mode{"S29: a switch whose slice must grow", copies},
    exception_to_guarded_mode{"S35: one on a stack of its own finds room when*", copies},
    exception_to_guarded_mode{"S5 S29: what a failed switch carried is destroyed with it", copies},
    exception_to_guarded_mode{"S29: a switch that copies", copies},
    exception_to_guarded_mode{"S29: throw_in to*", copies},
    exception_to_guarded_mode{"S20 S29: a drop that finds no memory takes effect later", copies},
    exception_to_guarded_mode{"S20 S29: one that has let go of itself and finds no memory*",
                              copies},
    exception_to_guarded_mode{"S29: a lane that cannot be mapped is done without", shares},
    exception_to_guarded_mode{"S34: a lane with nobody bound? then the one with the fewest",
                              shares},
    exception_to_guarded_mode{"S36: on_lane tells addresses in this thread's lanes from others",
                              shares},
    exception_to_guarded_mode{
        "S36: the number of lanes is set before the first is used? within bounds", shares},
    exception_to_guarded_mode{"S34: never the starter's lane while another will do", shares},
    exception_to_guarded_mode{"S14: a hundred thousand finish into unstarted parents", shares},
    exception_to_guarded_mode{"S36: a type can be exempted? and so can a closure", lends},
    exception_to_guarded_mode{"a million sleepers wake*", "a million regions do not fit"},
    exception_to_guarded_mode{"S30: stops are spread over the sets of the caches", layout},
    exception_to_guarded_mode{"S30: a stack that idles in a long list gives its memory back",
                              layout},
};

}  // namespace test
