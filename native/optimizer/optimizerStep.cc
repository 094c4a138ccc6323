#include "optimizerStep.h"

#include "isa.h"

namespace moelab {

namespace {

// Memory is what a step waits for: there is nothing that tiles could do.
template <class Scalar, class Avx2, class Avx512, class Step>
void run(Scalar scalar, Avx2 avx2, Avx512 avx512, const Step& step, CpuCapability capability) {
#if defined(MOELAB_HAS_AVX512)
  if (capability >= CpuCapability::avx512) return avx512(step);
#endif
#if defined(MOELAB_HAS_AVX2)
  if (capability >= CpuCapability::avx2) return avx2(step);
#endif
  scalar(step);
}

}  // namespace

#if defined(MOELAB_HAS_AVX512)
#define MOELAB_AVX512(function) avx512::function
#else
#define MOELAB_AVX512(function) nullptr
#endif
#if defined(MOELAB_HAS_AVX2)
#define MOELAB_AVX2(function) avx2::function
#else
#define MOELAB_AVX2(function) nullptr
#endif

void adamStep(const AdamStep& step, CpuCapability capability) {
  run(scalar::adamStep, MOELAB_AVX2(adamStep), MOELAB_AVX512(adamStep), step, capability);
}

void sgdStep(const SgdStep& step, CpuCapability capability) {
  run(scalar::sgdStep, MOELAB_AVX2(sgdStep), MOELAB_AVX512(sgdStep), step, capability);
}

void squaredNorms(const SquaredNorms& norms, CpuCapability capability) {
  run(scalar::squaredNorms, MOELAB_AVX2(squaredNorms), MOELAB_AVX512(squaredNorms), norms, capability);
}

}  // namespace moelab
