#pragma once

#include <cstdint>

#include "../moe/cpu/capability.h"

// What surrounds the experts in a decoder. Elements are float32 or bfloat16 (Element), sums float32; each sum has a fixed
// order, whatever the number of threads.

namespace moelab {

enum class RowElement { float32, bfloat16 };

/// y = weight · x · r with r = 1 / √(mean(x²) + eps), row by row (arXiv 1910.07467).
struct RmsNorm {
  RowElement element;   // of x, y and their gradients
  int64_t rows, dim;
  const void* x;        // [rows, dim]
  const float* weight;  // [dim], or null for ones
  float eps;
  int threads;

  /// Rows whose gradients of the weight are added up before those of others.
  static constexpr int64_t rowsTogether = 32;
  int64_t parts() const { return (rows + rowsTogether - 1) / rowsTogether; }
};

/// @param y       [rows, dim]
/// @param factor  r of each row, [rows]; null when there will be no backward pass
void rmsNormForward(const RmsNorm& norm, CpuCapability capability, void* y, float* factor);

/// With g = weight · gradY: gradX = r · (g - x · r² · mean(g · x)), gradWeight = Σ gradY · x · r.
/// @param gradX       [rows, dim]; null if not wanted
/// @param partWeight  [parts, dim]: sums to the weight's gradient; null if not wanted
void rmsNormBackward(const RmsNorm& norm, CpuCapability capability, const void* gradY, const float* factor, void* gradX,
                     float* partWeight);

/// Rows of pairs (j, j + headDim / 2), each turned by the angle of its position (arXiv 2104.09864).
struct Rotary {
  RowElement element;
  /// Sizes of x [batch, heads, length, headDim] and, in elements, strides of its first three dimensions.
  int64_t batch, heads, length, headDim;
  const void* x;
  int64_t stride[3];
  void* y;
  int64_t strideY[3];
  /// Of each position, [length, headDim], of which the first half is read.
  const float *cos, *sin;
  /// The other way round: the gradient.
  bool inverse;
  int threads;
};

void rotary(const Rotary& turn, CpuCapability capability);

/// y = x · weightᵀ for so few rows of x that it takes as long as reading the weights; several weights at once.
struct FewRows {
  static constexpr int64_t mostRows = 8;
  struct Product {
    const void* weight;  // [outputs, inputs]
    int64_t outputs;
    void* y;             // [rows, outputs]
  };
  RowElement element;
  int64_t rows, inputs;
  const void* x;  // [rows, inputs]
  const Product* products;
  int64_t count;
  int threads;
};

void multiplyFewRows(const FewRows& few, CpuCapability capability);

/// softmax(query · keysᵀ / √headDim) · values for one query a sequence, the newest, which sees all positions.
struct OneQuery {
  RowElement element;
  int64_t batch, heads, kvHeads, length, headDim;
  /// In elements, of the first three dimensions: [batch, heads, 1, headDim] and [batch, kvHeads, length, headDim].
  int64_t queryStride[3], keyStride[3], valueStride[3];
  const void *query, *keys, *values;
  void* out;  // [batch, heads, headDim]
  int threads;
};

void attendOne(const OneQuery& attention, CpuCapability capability);

}  // namespace moelab
