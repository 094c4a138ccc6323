#pragma once

// The main loop of a grouped product in half precision: four warps, two by two, each with a quarter of the result in
// registers; operands come through shared memory in three stages of asynchronous copies. Lines of a stage are 128 or 256
// bytes; their 16-byte pieces are exchanged (piece ^ line % 8), so that eight lines of ldmatrix meet different banks.

#include "productOperands.cuh"
#include "tensorCore.cuh"

namespace moelab::cuda {

constexpr int halfDepth = 64;  // of the sum, per stage
constexpr int stages = 3;

template <class T, Form form, int tileRows, bool aligned>
struct HalfProduct {
  static constexpr int fragments = tileRows / 32;  // of 16 rows, for each warp
  static constexpr bool aByDepth = form == Form::outer, bByDepth = form != Form::weights;
  static constexpr int aLines = aByDepth ? halfDepth : tileRows, aPieces = (aByDepth ? tileRows : halfDepth) / chunk;
  static constexpr int bLines = bByDepth ? halfDepth : tileColumns, bPieces = (bByDepth ? tileColumns : halfDepth) / chunk;
  static constexpr int aBytes = aLines * aPieces * 16, bBytes = bLines * bPieces * 16;
  static constexpr int resultBytes = tileRows * resultStride * 4;
  static constexpr int sharedBytes = stages * (aBytes + bBytes) > resultBytes ? stages * (aBytes + bBytes) : resultBytes;
  static constexpr int aCopies = aLines * aPieces / productThreads, bCopies = bLines * bPieces / productThreads;

  static __device__ __forceinline__ unsigned char* piece(unsigned char* tile, int pieces, int line, int at) {
    return tile + (line * pieces + (at ^ line % 8)) * 16;
  }

  static __device__ __forceinline__ void copy(unsigned char* to, const T* data, int32_t line, int32_t column,
                                              int32_t columns) {
    const bool inside = line >= 0 && column < columns;
    const T* from = inside ? data + static_cast<int64_t>(line) * columns + column : data;
    if constexpr (aligned) {
      copyAsync(to, from, inside);
    } else {
      Chunk<T> all;
#pragma unroll
      for (int i = 0; i < chunk; ++i) all.at[i] = inside && column + i < columns ? from[i] : T{0};
      *reinterpret_cast<Chunk<T>*>(to) = all;
    }
  }

  /// Leaves the result in shared memory, [tileRows, resultStride].
  static __device__ __forceinline__ void run(const Operands<T, form>& operands) {
    unsigned char* const memory = sharedMemory();
    const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
    const int warpRow = warp / 2 * (tileRows / 2), warpColumn = warp % 2 * (tileColumns / 2);

    int32_t linesOfA[aByDepth ? 1 : aCopies];
    if constexpr (!aByDepth) {
#pragma unroll
      for (int i = 0; i < aCopies; ++i) {
        linesOfA[i] = operands.lineOfA((thread + i * productThreads) / aPieces, 0);
      }
    }
    const auto copyStage = [&](int32_t step) {
      const int32_t at = operands.begin + step * halfDepth;
      unsigned char* const a = memory + step % stages * (aBytes + bBytes);
      unsigned char* const b = a + aBytes;
      if (at < operands.end) {
#pragma unroll
        for (int i = 0; i < aCopies; ++i) {
          const int index = thread + i * productThreads, line = index / aPieces, position = index % aPieces;
          const int32_t from = aByDepth ? operands.lineOfA(line, at) : linesOfA[aByDepth ? 0 : i];
          copy(piece(a, aPieces, line, position), operands.a, from, operands.columnOfA(position * chunk, at),
               operands.columnsOfA());
        }
#pragma unroll
        for (int i = 0; i < bCopies; ++i) {
          const int index = thread + i * productThreads, line = index / bPieces, position = index % bPieces;
          copy(piece(b, bPieces, line, position), operands.b, operands.lineOfB(line, at),
               operands.columnOfB(position * chunk, at), operands.columnsOfB());
        }
      }
      closeCopies();
    };

    float sum[fragments][8][4];
#pragma unroll
    for (int i = 0; i < fragments; ++i) {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
#pragma unroll
        for (int k = 0; k < 4; ++k) sum[i][j][k] = 0;
      }
    }

    const int32_t steps = (operands.end - operands.begin + halfDepth - 1) / halfDepth;
    for (int step = 0; step < stages - 1; ++step) copyStage(step);
    for (int32_t step = 0; step < steps; ++step) {
      waitForCopies<stages - 2>();
      __syncthreads();
      copyStage(step + stages - 1);
      unsigned char* const a = memory + step % stages * (aBytes + bBytes);
      unsigned char* const b = a + aBytes;
#pragma unroll
      for (int depth = 0; depth < halfDepth; depth += 16) {
        uint32_t left[fragments][4];
        const int matrix = lane / 8, line = lane % 8;
#pragma unroll
        for (int i = 0; i < fragments; ++i) {
          const int row = warpRow + i * 16;
          if constexpr (aByDepth) {
            loadTransposed(left[i], piece(a, aPieces, depth + line + matrix / 2 * 8, row / 8 + matrix % 2));
          } else {
            loadMatrices(left[i], piece(a, aPieces, row + line + matrix % 2 * 8, depth / 8 + matrix / 2));
          }
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const int column = warpColumn + j * 16;
          uint32_t right[4];
          if constexpr (bByDepth) {
            loadTransposed(right, piece(b, bPieces, depth + line + matrix % 2 * 8, column / 8 + matrix / 2));
          } else {
            loadMatrices(right, piece(b, bPieces, column + line + matrix / 2 * 8, depth / 8 + matrix % 2));
          }
#pragma unroll
          for (int i = 0; i < fragments; ++i) {
            multiplyAdd<T>(sum[i][2 * j], left[i], right[0], right[1]);
            multiplyAdd<T>(sum[i][2 * j + 1], left[i], right[2], right[3]);
          }
        }
      }
    }
    waitForCopies<0>();
    __syncthreads();

    float* const result = reinterpret_cast<float*>(memory);
#pragma unroll
    for (int i = 0; i < fragments; ++i) {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        float* const place = result + (warpRow + i * 16 + lane / 4) * resultStride + warpColumn + j * 8 + lane % 4 * 2;
        *reinterpret_cast<float2*>(place) = {sum[i][j][0], sum[i][j][1]};
        *reinterpret_cast<float2*>(place + 8 * resultStride) = {sum[i][j][2], sum[i][j][3]};
      }
    }
    __syncthreads();
  }
};

}  // namespace moelab::cuda
