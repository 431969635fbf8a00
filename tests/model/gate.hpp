/// Where the threads of a model test meet, to drop each other's handles. What is odd: between two
/// meetings they run in parallel, and still each drop has its place in each thread's order, so that
/// the model can predict it.
#pragma once

#include <offshoot/greenlet.hpp>

#include <barrier>
#include <cstddef>
#include <string>
#include <vector>

namespace model {

struct node;

/// A handle that its owner gives away.
struct gift {
  offshoot::greenlet handle;
  node* of = nullptr;
  std::string name;  ///< of the variable that holds it in a printed program
};

class gate {
 public:
  explicit gate(unsigned threads) : meeting_(threads), given_(threads) {}

  /// Waits until all have come, each with its gifts; calls `between` with those of the thread
  /// before, which it is to take, while the others do the same; and waits until all have done so.
  template <class Between>
  void meet(unsigned thread, Between between) {
    meeting_.arrive_and_wait();
    between(given_[(thread + given_.size() - 1) % given_.size()]);
    meeting_.arrive_and_wait();
  }
  /// What this thread has given and nobody has taken.
  std::vector<gift>& given_by(unsigned thread) noexcept { return given_[thread]; }
  /// The others do not wait for this thread any more.
  void leave() { meeting_.arrive_and_drop(); }

 private:
  std::barrier<> meeting_;
  std::vector<std::vector<gift>> given_;
};

}  // namespace model
