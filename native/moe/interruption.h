#pragma once
// How native code that takes long learns that its caller is to stop. Whoever loads the library lends it a flag in memory
// of its own; without one, nothing is ever interrupted.

#include <atomic>
#include <cstdint>
#include <exception>

namespace moelab {

/// What an operator throws that stops before it has a result.
struct __attribute__((visibility("default"))) Interrupted : std::exception {
  const char* what() const noexcept override;
};

/// Whether the code that runs is to stop. Costs one load: to be asked before each piece of work of some milliseconds, on
/// any thread. What has begun to stop must not go on when the flag is taken back: hold on to the first answer.
bool interrupted();

/// For loops of one thread.
inline void throwIfInterrupted() {
  if (interrupted()) throw Interrupted();
}

/// From now on not 0 in `flag` means interrupted; it has to stay where it is for ever.
__attribute__((visibility("default"))) void watchForInterrupts(const std::atomic<int32_t>* flag);

}  // namespace moelab
