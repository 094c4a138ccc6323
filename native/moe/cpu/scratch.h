#pragma once

#include <cstddef>
#include <cstdint>

namespace moelab {

/// Working memory for one call: one block, cut into aligned pieces. Blocks are kept for the next call, since fresh pages
/// cost more than what is computed in them.
class Scratch {
 public:
  /// @param bytes sum of the pieces, each rounded up by {@link sizeOf}
  explicit Scratch(std::size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// 64-byte aligned, not initialised.
  void* take(std::size_t bytes);

  static std::size_t sizeOf(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

 private:
  char* block;
  std::size_t size;
  std::size_t used = 0;
};

/// Working memory of the calling thread, 64-byte aligned, until it asks again.
void* threadBuffer(std::size_t bytes);

/// Gives the kept blocks back to the system.
void releaseScratch();

}  // namespace moelab
