#pragma once

#include <cstdint>

namespace moelab {

/// A step of a parallel region: independent calls of `task` for items first, first + 1, …, first + items - 1.
struct Phase {
  int64_t items;
  void (*task)(const void* context, int64_t item);
  int64_t first = 0;
};

/// Runs phases one after another on up to `threads` threads, the calling one included. A phase begins when every item of
/// the one before is done. Threads claim items as they get to run: one that the system has taken off its core delays
/// nothing but the item it holds. One pool for the process; a region that finds it busy runs on its caller alone.
/// @param interruptible items that have not begun are left out when the user interrupts: for work whose results are thrown
///   away with the call, not for what changes its inputs in place
/// @throws Interrupted when items were left out
void runPhases(const Phase* phases, int count, const void* context, int threads, bool interruptible = false);

}  // namespace moelab
