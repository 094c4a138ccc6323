#pragma once

#include <cstddef>
#include <cstdint>

#include "element.h"

namespace moelab::cuda {

/// Pieces of one block of memory, each aligned to 256 bytes; with a null block only their sum is of interest.
class Scratch {
 public:
  explicit Scratch(void* memory) : memory_(static_cast<unsigned char*>(memory)) {}

  template <class T>
  T* take(int64_t count) {
    unsigned char* const piece = memory_ ? memory_ + used_ : nullptr;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + 255) / 256 * 256;
    return reinterpret_cast<T*>(piece);
  }
  void* take(Element element, int64_t count) { return take<unsigned char>(count * bytesOf(element)); }
  std::size_t used() const { return used_; }

 private:
  unsigned char* memory_;
  std::size_t used_ = 0;
};

}  // namespace moelab::cuda
