#pragma once

// Numbers of half precision as bits, and eight elements at a time: 16 bytes of half precision, two times 16 of float32.

#include <cstring>

#include "device.cuh"
#include "element.h"

namespace moelab::cuda {

struct BFloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

__device__ __forceinline__ float toFloat(float x) { return x; }

__device__ __forceinline__ float toFloat(BFloat16 x) {
  const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

#if defined(MOELAB_EMULATE_CUDA)

inline float toFloat(Float16 x) { return float16ToFloat(x.bits); }
template <class T>
T fromFloat(float x) {
  if constexpr (std::is_same_v<T, float>) return x;
  else if constexpr (std::is_same_v<T, BFloat16>) return {floatToBFloat16(x)};
  else return {floatToFloat16(x)};
}

#else

__device__ __forceinline__ float toFloat(Float16 x) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x.bits));
  return value;
}

template <class T>
__device__ __forceinline__ T fromFloat(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    T value;
    if constexpr (std::is_same_v<T, BFloat16>) asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(value.bits) : "f"(x));
    else asm("cvt.rn.f16.f32 %0, %1;" : "=h"(value.bits) : "f"(x));
    return value;
  }
}

#endif

constexpr int chunk = 8;

template <class T>
struct alignas(16) Chunk {
  T at[chunk];
};

/// Up to eight elements as floats, zeros behind the last. `aligned`: all eight are there, at a multiple of 16 bytes.
template <class T>
__device__ __forceinline__ void loadChunk(const T* from, int64_t count, bool aligned, float (&to)[chunk]) {
  if (aligned && count >= chunk) {
    const Chunk<T> all = *reinterpret_cast<const Chunk<T>*>(from);
#pragma unroll
    for (int i = 0; i < chunk; ++i) to[i] = toFloat(all.at[i]);
  } else {
#pragma unroll
    for (int i = 0; i < chunk; ++i) to[i] = i < count ? toFloat(from[i]) : 0.0f;
  }
}

template <class T>
__device__ __forceinline__ void storeChunk(T* to, int64_t count, bool aligned, const float (&from)[chunk]) {
  if (aligned && count >= chunk) {
    Chunk<T> all;
#pragma unroll
    for (int i = 0; i < chunk; ++i) all.at[i] = fromFloat<T>(from[i]);
    *reinterpret_cast<Chunk<T>*>(to) = all;
  } else {
#pragma unroll
    for (int i = 0; i < chunk; ++i) {
      if (i < count) to[i] = fromFloat<T>(from[i]);
    }
  }
}

/// Calls body with a value of the type an Element stands for.
template <class Body>
Status withElement(Element element, Body body) {
  switch (element) {
    case Element::float32: return body(float{});
    case Element::bfloat16: return body(BFloat16{});
    case Element::float16: return body(Float16{});
  }
  return "an element type that no kernel knows";
}

}  // namespace moelab::cuda
