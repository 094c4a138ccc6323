#pragma once

#include "device.cuh"

namespace moelab::cuda {

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ __forceinline__ float silu(float x) { return x * sigmoid(x); }

struct SiluWithSlope {
  float value, slope;
};
__device__ __forceinline__ SiluWithSlope siluWithSlope(float x) {
  const float s = sigmoid(x), value = x * s;
  return {value, s + value * (1.0f - s)};
}

/// The exact GELU, x Φ(x) (arXiv 1606.08415).
__device__ __forceinline__ float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678f)); }
__device__ __forceinline__ float geluSlope(float x) {
  return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
}

}  // namespace moelab::cuda
