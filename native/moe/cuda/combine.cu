#include "combine.h"

#include "elements.cuh"
#include "warp.cuh"

namespace moelab::cuda {

namespace {

constexpr int rowThreads = 128;

/// Columns of a row that one block takes: eight for each thread. Rows longer than that are shared by several blocks.
constexpr int64_t rowShare = rowThreads * chunk;

template <class T>
__global__ void __launch_bounds__(rowThreads) gather(const T* x, const int32_t* token, const float* weight, int64_t columns,
                                                     bool aligned, T* out) {
  const int64_t shares = parts(columns, rowShare), row = blockIdx.x / shares;
  const int64_t column = blockIdx.x % shares * rowShare + threadIdx.x * chunk, left = columns - column;
  if (left <= 0) return;
  float values[chunk] = {};
  const int64_t from = token[row];
  if (from >= 0) loadChunk(x + from * columns + column, left, aligned, values);
  if (weight) {
    const float factor = weight[row];
#pragma unroll
    for (int i = 0; i < chunk; ++i) values[i] *= factor;
  }
  storeChunk(out + row * columns + column, left, aligned, values);
}

template <class T>
__global__ void __launch_bounds__(rowThreads) combine(const T* rows, const int32_t* position, const float* weight,
                                                      int64_t tokens, int64_t choices, int64_t columns, bool aligned,
                                                      T* out) {
  const int64_t shares = parts(columns, rowShare), token = blockIdx.x / shares;
  const int64_t column = blockIdx.x % shares * rowShare + threadIdx.x * chunk, left = columns - column;
  if (left <= 0) return;
  float sum[chunk] = {};
  for (int64_t c = 0; c < choices; ++c) {
    const int64_t row = position[c * tokens + token];
    if (row < 0) continue;
    const float factor = weight ? weight[token * choices + c] : 1.0f;
    float values[chunk];
    loadChunk(rows + row * columns + column, left, aligned, values);
#pragma unroll
    for (int i = 0; i < chunk; ++i) sum[i] += factor * values[i];
  }
  storeChunk(out + token * columns + column, left, aligned, sum);
}

/// A warp for each assignment.
template <class T>
__global__ void __launch_bounds__(rowThreads) weightGradient(const T* rows, const T* gradOut, const int32_t* position,
                                                             int64_t tokens, int64_t choices, int64_t columns, bool aligned,
                                                             float* gradWeight) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * (rowThreads / 32) + threadIdx.x / 32;
  if (index >= tokens * choices) return;
  const int64_t token = index / choices, row = position[index % choices * tokens + token];
  float sum = 0;
  for (int64_t column = threadIdx.x % 32 * chunk; row >= 0 && column < columns; column += 32 * chunk) {
    float one[chunk], two[chunk];
    loadChunk(rows + row * columns + column, columns - column, aligned, one);
    loadChunk(gradOut + token * columns + column, columns - column, aligned, two);
#pragma unroll
    for (int i = 0; i < chunk; ++i) sum += one[i] * two[i];
  }
  sum = warpSum(sum);
  if (threadIdx.x % 32 == 0) gradWeight[index] = sum;
}

__global__ void __launch_bounds__(rowThreads) sumParts(const float* weightParts, int64_t count, int64_t rows,
                                                       const int32_t* position, int64_t tokens, int64_t choices,
                                                       float* gradWeight) {
  const int64_t index = static_cast<int64_t>(blockIdx.x) * rowThreads + threadIdx.x;
  if (index >= tokens * choices) return;
  const int64_t row = position[index % choices * tokens + index / choices];
  float sum = 0;
  for (int64_t part = 0; row >= 0 && part < count; ++part) sum += weightParts[part * rows + row];
  gradWeight[index] = sum;
}

}  // namespace

Status gatherRows(Element element, const void* x, const int32_t* token, const float* weight, int64_t rows, int64_t columns,
                  void* out, Stream stream) {
  const bool aligned = rowsAligned(x, columns) && rowsAligned(out, columns);
  return withElement(element, [&](auto of) {
    using T = decltype(of);
    return launch(gather<T>, rows * parts(columns, rowShare), rowThreads, 0, stream, static_cast<const T*>(x), token,
                  weight, columns, aligned, static_cast<T*>(out));
  });
}

Status combineRows(Element element, const void* rows, const int32_t* position, const float* weight, int64_t tokens,
                   int64_t choices, int64_t columns, void* out, Stream stream) {
  const bool aligned = rowsAligned(rows, columns) && rowsAligned(out, columns);
  return withElement(element, [&](auto of) {
    using T = decltype(of);
    return launch(combine<T>, tokens * parts(columns, rowShare), rowThreads, 0, stream, static_cast<const T*>(rows),
                  position, weight, tokens, choices, columns, aligned, static_cast<T*>(out));
  });
}

Status combineWeightGradient(Element element, const void* rows, const void* gradOut, const int32_t* position,
                             int64_t tokens, int64_t choices, int64_t columns, float* gradWeight, Stream stream) {
  const bool aligned = rowsAligned(rows, columns) && rowsAligned(gradOut, columns);
  return withElement(element, [&](auto of) {
    using T = decltype(of);
    return launch(weightGradient<T>, parts(tokens * choices, rowThreads / 32), rowThreads, 0, stream,
                  static_cast<const T*>(rows), static_cast<const T*>(gradOut), position, tokens, choices, columns, aligned,
                  gradWeight);
  });
}

Status sumWeightParts(const float* weightParts, int64_t count, int64_t rows, const int32_t* position, int64_t tokens,
                      int64_t choices, float* gradWeight, Stream stream) {
  return launch(sumParts, parts(tokens * choices, rowThreads), rowThreads, 0, stream, weightParts, count, rows, position,
                tokens, choices, gradWeight);
}

}  // namespace moelab::cuda
