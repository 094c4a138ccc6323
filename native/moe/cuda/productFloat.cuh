#pragma once

// The main loop of a grouped product in float32: each thread has 8 × 8 of the result in registers; both operands lie in
// shared memory by depth, in two buffers, of which one is filled while the other is read.

#include "productOperands.cuh"

namespace moelab::cuda {

template <Form form, int tileRows, bool aligned>
struct FloatProduct {
  static_assert(tileRows * tileColumns == 64 * productThreads);
  static constexpr int depth = 16;
  static constexpr bool aByDepth = form == Form::outer, bByDepth = form != Form::weights;
  static constexpr int aStride = tileRows + 4, bStride = tileColumns + 4, bufferSize = depth * (aStride + bStride);
  static constexpr int aLoads = tileRows * depth / 4 / productThreads, bLoads = tileColumns * depth / 4 / productThreads;
  static constexpr int resultBytes = tileRows * resultStride * 4;
  static constexpr int sharedBytes = 2 * bufferSize * 4 > resultBytes ? 2 * bufferSize * 4 : resultBytes;

  static __device__ __forceinline__ float4 load(const float* data, int32_t line, int32_t column, int32_t columns) {
    if (line < 0) return {0, 0, 0, 0};
    const float* from = data + static_cast<int64_t>(line) * columns + column;
    if constexpr (aligned) {
      return column < columns ? *reinterpret_cast<const float4*>(from) : float4{0, 0, 0, 0};
    } else {
      return {column < columns ? from[0] : 0, column + 1 < columns ? from[1] : 0, column + 2 < columns ? from[2] : 0,
              column + 3 < columns ? from[3] : 0};
    }
  }

  /// Four elements along a line of memory, at their places by depth.
  template <bool byDepth, int stride>
  static __device__ __forceinline__ void put(float* tile, int line, int position, float4 four) {
    if constexpr (byDepth) {
      *reinterpret_cast<float4*>(tile + line * stride + position) = four;
    } else {
      tile[position * stride + line] = four.x;
      tile[(position + 1) * stride + line] = four.y;
      tile[(position + 2) * stride + line] = four.z;
      tile[(position + 3) * stride + line] = four.w;
    }
  }

  /// Leaves the result in shared memory, [tileRows, resultStride].
  static __device__ __forceinline__ void run(const Operands<float, form>& operands) {
    float* const memory = reinterpret_cast<float*>(sharedMemory());
    const int thread = threadIdx.x;
    constexpr int aFours = (aByDepth ? tileRows : depth) / 4, bFours = (bByDepth ? tileColumns : depth) / 4;
    float4 nextA[aLoads], nextB[bLoads];
    const auto fetch = [&](int32_t at) {
#pragma unroll
      for (int i = 0; i < aLoads; ++i) {
        const int index = thread + i * productThreads;
        nextA[i] = load(operands.a, operands.lineOfA(index / aFours, at), operands.columnOfA(index % aFours * 4, at),
                        operands.columnsOfA());
      }
#pragma unroll
      for (int i = 0; i < bLoads; ++i) {
        const int index = thread + i * productThreads;
        nextB[i] = load(operands.b, operands.lineOfB(index / bFours, at), operands.columnOfB(index % bFours * 4, at),
                        operands.columnsOfB());
      }
    };
    const auto keep = [&](float* buffer) {
#pragma unroll
      for (int i = 0; i < aLoads; ++i) {
        const int index = thread + i * productThreads;
        put<aByDepth, aStride>(buffer, index / aFours, index % aFours * 4, nextA[i]);
      }
#pragma unroll
      for (int i = 0; i < bLoads; ++i) {
        const int index = thread + i * productThreads;
        put<bByDepth, bStride>(buffer + depth * aStride, index / bFours, index % bFours * 4, nextB[i]);
      }
    };

    // Two times four rows and columns, half a tile apart: neighbours read neighbouring places.
    const int row = thread / 16 * 4, column = thread % 16 * 4;
    float sum[8][8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
#pragma unroll
      for (int j = 0; j < 8; ++j) sum[i][j] = 0;
    }
    int buffer = 0;
    if (operands.begin < operands.end) {
      fetch(operands.begin);
      keep(memory);
      __syncthreads();
    }
    for (int32_t at = operands.begin; at < operands.end; at += depth) {
      const bool more = at + depth < operands.end;
      if (more) fetch(at + depth);
      const float* a = memory + buffer * bufferSize + row;
      const float* b = memory + buffer * bufferSize + depth * aStride + column;
#pragma unroll
      for (int k = 0; k < depth; ++k) {
        const float4 a0 = *reinterpret_cast<const float4*>(a + k * aStride);
        const float4 a1 = *reinterpret_cast<const float4*>(a + k * aStride + tileRows / 2);
        const float4 b0 = *reinterpret_cast<const float4*>(b + k * bStride);
        const float4 b1 = *reinterpret_cast<const float4*>(b + k * bStride + tileColumns / 2);
        const float left[8] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
        const float right[8] = {b0.x, b0.y, b0.z, b0.w, b1.x, b1.y, b1.z, b1.w};
#pragma unroll
        for (int i = 0; i < 8; ++i) {
#pragma unroll
          for (int j = 0; j < 8; ++j) sum[i][j] += left[i] * right[j];
        }
      }
      buffer ^= 1;
      if (more) keep(memory + buffer * bufferSize);
      __syncthreads();
    }

#pragma unroll
    for (int i = 0; i < 8; ++i) {
      float* const line = memory + (row + i % 4 + i / 4 * (tileRows / 2)) * resultStride + column;
      *reinterpret_cast<float4*>(line) = {sum[i][0], sum[i][1], sum[i][2], sum[i][3]};
      *reinterpret_cast<float4*>(line + tileColumns / 2) = {sum[i][4], sum[i][5], sum[i][6], sum[i][7]};
    }
    __syncthreads();
  }
};

}  // namespace moelab::cuda
