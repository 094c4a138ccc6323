#pragma once

#include "device.cuh"

namespace moelab::cuda {

/// Sum over the lanes of a warp, the same in all of them, always in the same order.
__device__ __forceinline__ float warpSum(float value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(allLanes, value, distance);
  return value;
}

/// Sum over the lanes up to this one.
template <class T>
__device__ __forceinline__ T warpPrefix(T value) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const T before = __shfl_up_sync(allLanes, value, distance);
    if (lane >= distance) value += before;
  }
  return value;
}

/// Sum over the threads of a block up to this one. `scratch`: 32 of T in shared memory, free again at the next barrier.
template <class T>
__device__ T blockPrefix(T value, T* scratch) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const T prefix = warpPrefix(value);
  if (lane == 31) scratch[warp] = prefix;
  __syncthreads();
  if (warp == 0) {
    const T sums = warpPrefix(lane < warps ? scratch[lane] : T{0});
    __syncwarp();
    scratch[lane] = sums;
  }
  __syncthreads();
  return prefix + (warp > 0 ? scratch[warp - 1] : T{0});
}

}  // namespace moelab::cuda
