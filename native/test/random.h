#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <random>

namespace moelab {

inline std::mt19937 generator(7);

inline int64_t pick(std::initializer_list<int64_t> values) { return values.begin()[generator() % values.size()]; }

/// Memory of exactly so many elements, so that a sanitizer sees what lies outside.
struct Elements {
  std::unique_ptr<unsigned char[]> bytes;

  Elements(int64_t count, size_t size) : bytes(new unsigned char[count * size]) {
    for (int64_t i = 0; i < count; ++i) {
      const float value = (static_cast<int>(generator() % 200) - 100) / 100.0f;
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      const uint16_t upper = bits >> 16;
      std::memcpy(bytes.get() + i * size, size == 4 ? static_cast<const void*>(&bits) : &upper, size);
    }
  }
  void* get() const { return bytes.get(); }
};

}  // namespace moelab
