#pragma once

#include <cstdint>

#include "capability.h"

namespace moelab {

/// Logits of a gate in float32 from tokens in bfloat16, which are not converted beforehand: logits = x · weightᵀ. Where
/// there are tile registers, float32 operands are split into bfloat16 summands (three have all bits of a float32), whose
/// products are exact: the result is as good as that of float32 arithmetic. All matrices are row-major without gaps.
struct GateLinear {
  const void* x;        // bfloat16 [T, dim]
  const float* weight;  // [E, dim]
  int64_t tokens, dim, experts;
  int threads;
};

/// @param logits [T, E]
void gateLinearForward(const GateLinear& gate, CpuCapability capability, float* logits);

/// @param grad        [T, E]
/// @param gradX       bfloat16 [T, dim], written whole; null if not wanted
/// @param gradWeight  [E, dim], written whole; null if not wanted
void gateLinearBackward(const GateLinear& gate, CpuCapability capability, const float* grad, void* gradX,
                        float* gradWeight);

}  // namespace moelab
