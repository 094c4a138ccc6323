#pragma once

// What becomes of a block's result, which lies in shared memory as float32: stored, or taken through the activation on its
// way. Each thread takes eight neighbouring columns at a time.

#include "activation.cuh"
#include "productOperands.cuh"

namespace moelab::cuda {

enum class Result { stored, activated, activatedBackward };

constexpr int chunksOfTile = tileColumns / chunk;

__device__ __forceinline__ void readResult(int row, int at, float (&to)[chunk]) {
  const float* from = reinterpret_cast<const float*>(sharedMemory()) + row * resultStride + at * chunk;
  const float4 first = *reinterpret_cast<const float4*>(from), second = *reinterpret_cast<const float4*>(from + 4);
  to[0] = first.x, to[1] = first.y, to[2] = first.z, to[3] = first.w;
  to[4] = second.x, to[5] = second.y, to[6] = second.z, to[7] = second.w;
}

template <class T, Form form, int tileRows, bool aligned>
__device__ void storeResult(const Operands<T, form>& tile) {
  const Problem& p = tile.problem;
  T* const out = static_cast<T*>(p.out) + (form == Form::outer ? static_cast<int64_t>(tile.expert) * p.m * p.n : 0);
  for (int i = threadIdx.x; i < tileRows * chunksOfTile; i += productThreads) {
    const int row = i / chunksOfTile;
    const int64_t column = static_cast<int64_t>(tile.column) * tileColumns + i % chunksOfTile * chunk;
    if (row >= tile.rows || column >= p.n) continue;
    float values[chunk];
    readResult(row, i % chunksOfTile, values);
    storeChunk(out + (int64_t{tile.firstRow} + row) * p.n + column, p.n - column, aligned, values);
  }
}

/// z = up · x is kept as the backward pass reads it, and h = activation(z) is what the next product multiplies.
template <class T, int tileRows, bool aligned>
__device__ void activateResult(const Operands<T, Form::weights>& tile) {
  const Problem& p = tile.problem;
  const int64_t width = p.n;
  const int perRow = p.gated ? chunksOfTile / 2 : chunksOfTile;
  for (int i = threadIdx.x; i < tileRows * perRow; i += productThreads) {
    const int row = i / perRow, at = i % perRow;
    const int64_t unit = (static_cast<int64_t>(tile.column) * perRow + at) * chunk, left = p.hidden - unit;
    if (row >= tile.rows || left <= 0) continue;
    float z[chunk], value[chunk], h[chunk];
    readResult(row, p.gated ? 2 * at : at, z);
    if (p.gated) readResult(row, 2 * at + 1, value);
    if (p.out) {
      T* const kept = static_cast<T*>(p.out) + (int64_t{tile.firstRow} + row) * width + unit;
      storeChunk(kept, left, aligned, z);
      if (p.gated) storeChunk(kept + p.hidden, left, aligned, value);
    }
    if (!p.activated) continue;
#pragma unroll
    for (int k = 0; k < chunk; ++k) h[k] = p.gated ? silu(z[k]) * value[k] : gelu(z[k]);
    storeChunk(static_cast<T*>(p.activated) + (int64_t{tile.firstRow} + row) * p.hidden + unit, left, aligned, h);
  }
}

/// From dh to dz, w · h and this tile's part of dw = dh · h.
template <class T, int tileRows, bool aligned>
__device__ void activateResultBackward(const Operands<T, Form::transposed>& tile) {
  const Problem& p = tile.problem;
  const bool gated = p.activation == FfnActivation::swiglu;
  const int64_t width = gated ? 2 * p.hidden : p.hidden;
  for (int i = threadIdx.x; i < tileRows * chunksOfTile; i += productThreads) {
    const int row = i / chunksOfTile, at = i % chunksOfTile;
    const int64_t unit = (static_cast<int64_t>(tile.column) * chunksOfTile + at) * chunk, left = p.hidden - unit, line = tile.firstRow + row;
    float part = 0;
    if (row < tile.rows && left > 0) {
      float dh[chunk], z[chunk], value[chunk], dz[chunk], dvalue[chunk], h[chunk];
      readResult(row, at, dh);
      const T* const kept = static_cast<const T*>(p.preactivation) + line * width + unit;
      loadChunk(kept, left, aligned, z);
      if (gated) loadChunk(kept + p.hidden, left, aligned, value);
      const float weight = p.rowWeight[line];
#pragma unroll
      for (int k = 0; k < chunk; ++k) {
        const float weighted = weight * dh[k];
        if (gated) {
          const SiluWithSlope gate = siluWithSlope(z[k]);
          h[k] = gate.value * value[k];
          dz[k] = weighted * value[k] * gate.slope;
          dvalue[k] = weighted * gate.value;
        } else {
          h[k] = gelu(z[k]);
          dz[k] = weighted * geluSlope(z[k]);
        }
        part += dh[k] * h[k];
        h[k] *= weight;
      }
      T* const grad = static_cast<T*>(p.out) + line * width + unit;
      storeChunk(grad, left, aligned, dz);
      if (gated) storeChunk(grad + p.hidden, left, aligned, dvalue);
      storeChunk(static_cast<T*>(p.activated) + line * p.hidden + unit, left, aligned, h);
    }
    // The sixteen threads of a row are neighbours in a warp.
#pragma unroll
    for (int distance = chunksOfTile / 2; distance > 0; distance /= 2) part += __shfl_xor_sync(allLanes, part, distance);
    if (at == 0 && row < tile.rows) p.weightParts[int64_t{tile.column} * p.rows + line] = part;
  }
}

}  // namespace moelab::cuda
