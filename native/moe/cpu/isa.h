#pragma once

#include "expertFfn.h"
#include "gate.h"
#include "gateLinear.h"
#include "groupedLinear.h"
#include "rows.h"

namespace moelab {

/// The passes compiled for each instruction set; those that this processor's family lacks are not there.
#define MOELAB_DECLARE_ISA(isa)                                                                                    \
  namespace isa {                                                                                                  \
  void expertFfnForward(const ExpertFfn& ffn, void* out, void* preactivation);                                     \
  void expertFfnBackward(const ExpertFfn& ffn, const void* gradOut, const void* preactivation,                     \
                         const ExpertFfnGradients& gradients);                                                     \
  void gateForward(const GateScores& gate, const GateChoice& choice);                                              \
  void gateBackward(const GateScores& gate, const GateChoice& choice, const GateChoiceGradients& gradients,        \
                    float* gradLogits);                                                                            \
  void gateLinearForward(const GateLinear& gate, float* logits);                                                   \
  void gateLinearBackward(const GateLinear& gate, const float* grad, void* gradX, float* gradWeight);              \
  void scatterRows(const RowMoves& moves, const void* from, void* to);                                             \
  void gatherRows(const RowMoves& moves, const void* from, void* to);                                              \
  void multiplyRows(const RowMoves& moves, const void* grad, const void* rows, float* to);                         \
  void groupedLinearForward(const GroupedLinear& product, void* out);                                              \
  void groupedLinearBackward(const GroupedLinear& product, const void* grad, void* gradX, void* gradWeight);       \
  }

MOELAB_DECLARE_ISA(scalar)
MOELAB_DECLARE_ISA(avx2)
MOELAB_DECLARE_ISA(avx512)
MOELAB_DECLARE_ISA(amx)
#undef MOELAB_DECLARE_ISA

#if defined(MOELAB_HAS_AMX)
#define MOELAB_CASE_AMX(call) case CpuCapability::amx: return amx::call;
#else
#define MOELAB_CASE_AMX(call)
#endif
#if defined(MOELAB_HAS_AVX512)
#define MOELAB_CASE_AVX512(call) case CpuCapability::avx512: return avx512::call;
#else
#define MOELAB_CASE_AVX512(call)
#endif
#if defined(MOELAB_HAS_AVX2)
#define MOELAB_CASE_AVX2(call) case CpuCapability::avx2: return avx2::call;
#else
#define MOELAB_CASE_AVX2(call)
#endif

/// Returns what a pass of the best set that is compiled returns.
#define MOELAB_ON(capability, call)    \
  switch (capability) {                \
    MOELAB_CASE_AMX(call)              \
    MOELAB_CASE_AVX512(call)           \
    MOELAB_CASE_AVX2(call)             \
    default: return scalar::call;      \
  }

}  // namespace moelab
