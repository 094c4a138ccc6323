#include "decoder.h"

#include "isa.h"

namespace moelab {

// Memory is what these wait for: there is nothing that tiles could do.
#if defined(MOELAB_HAS_AVX512)
#define MOELAB_TRY_AVX512(call) \
  if (capability >= CpuCapability::avx512) return avx512::call;
#else
#define MOELAB_TRY_AVX512(call)
#endif
#if defined(MOELAB_HAS_AVX2)
#define MOELAB_TRY_AVX2(call) \
  if (capability >= CpuCapability::avx2) return avx2::call;
#else
#define MOELAB_TRY_AVX2(call)
#endif
#define MOELAB_CHOOSE(call) \
  MOELAB_TRY_AVX512(call)   \
  MOELAB_TRY_AVX2(call)     \
  scalar::call

void rmsNormForward(const RmsNorm& norm, CpuCapability capability, void* y, float* factor) {
  MOELAB_CHOOSE(rmsNormForward(norm, y, factor));
}

void rmsNormBackward(const RmsNorm& norm, CpuCapability capability, const void* gradY, const float* factor, void* gradX,
                     float* partWeight) {
  MOELAB_CHOOSE(rmsNormBackward(norm, gradY, factor, gradX, partWeight));
}

void rotary(const Rotary& turn, CpuCapability capability) { MOELAB_CHOOSE(rotary(turn)); }

void multiplyFewRows(const FewRows& few, CpuCapability capability) { MOELAB_CHOOSE(multiplyFewRows(few)); }

void attendOne(const OneQuery& attention, CpuCapability capability) { MOELAB_CHOOSE(attendOne(attention)); }

}  // namespace moelab
