#pragma once
// One step of an optimizer over many tensors in plain memory, and the norms that clipping needs.

#include <cstdint>

#include "../moe/cpu/capability.h"

namespace moelab {

enum class Storage { float32, bfloat16, float16 };

/// Elements of one tensor, one after another.
struct Elements {
  void* data = nullptr;
  Storage storage = Storage::float32;
};

/// What a step reads and writes of one tensor. The arithmetic is float32.
struct OptimizerTensor {
  int64_t count;
  Elements parameter;
  Elements gradient;
  /// The weight in full; null: the parameter is the weight.
  float* master = nullptr;
  /// Average of the gradient, or the momentum; null for an SGD without.
  Elements first;
  /// Average of the squared gradient.
  Elements second;
  /// The weight is multiplied by this first: decoupled weight decay.
  float weightFactor = 1;
  /// So much of the weight is added to the gradient: weight decay as a penalty.
  float penalty = 0;
  /// Learning rate; for Adam already divided by the first moment's bias correction.
  float rate = 0;
  /// √ of the second moment is multiplied by this.
  float secondScale = 1;
  /// Names the random bits of a step: those of rounding to bfloat16.
  uint32_t key = 0;
  /// The momentum's first step, which takes the gradient as it is.
  bool begins = false;
};

/// Kingma and Ba, "Adam", algorithm 1; with `weightFactor` Loshchilov and Hutter, "Decoupled Weight Decay
/// Regularization", algorithm 2.
struct AdamStep {
  const OptimizerTensor* tensors;
  int64_t count;
  /// 1 − β₁, β₂, 1 − β₂
  float newFirst, oldSecond, newSecond;
  float eps;
  /// Gradients are multiplied by this: clipping and loss scale.
  float gradientScale;
  int threads;
};

/// b = momentum · b + (1 − dampening) · g; w −= rate · (nesterov ? g + momentum · b : b).
struct SgdStep {
  const OptimizerTensor* tensors;
  int64_t count;
  float momentum, undamped;
  bool nesterov;
  float gradientScale;
  int threads;
};

/// Sums of squares, in float64 and in an order that does not depend on the number of threads.
struct SquaredNorms {
  const Elements* tensors;
  const int64_t* counts;
  int64_t count;
  double* sums;
  int threads;
};

void adamStep(const AdamStep& step, CpuCapability capability);
void sgdStep(const SgdStep& step, CpuCapability capability);
void squaredNorms(const SquaredNorms& norms, CpuCapability capability);

/// 32 bits out of 32, each depending on all (Wellons, "Prospecting for hash functions", lowbias32).
inline uint32_t mixedBits(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

}  // namespace moelab
