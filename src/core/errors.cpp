#include <offshoot/errors.hpp>

// One home for each class's vtable and type information, so that an exception thrown by a shared
// library is the one that a program catches.
namespace offshoot {

greenlet_error::~greenlet_error() = default;
wrong_thread::~wrong_thread() = default;
parent_cycle::~parent_cycle() = default;
not_startable::~not_startable() = default;
dangling_capture::~dangling_capture() = default;
bad_value::~bad_value() = default;
out_of_stacks::~out_of_stacks() = default;

}  // namespace offshoot
