#include "expertFfn.h"

#include "isa.h"

namespace moelab {

void expertFfnForward(const ExpertFfn& ffn, CpuCapability capability, void* out, void* preactivation) {
  switch (capability) {
#if defined(MOELAB_HAS_AMX)
    case CpuCapability::amx: return amx::expertFfnForward(ffn, out, preactivation);
#endif
#if defined(MOELAB_HAS_AVX512)
    case CpuCapability::avx512: return avx512::expertFfnForward(ffn, out, preactivation);
#endif
#if defined(MOELAB_HAS_AVX2)
    case CpuCapability::avx2: return avx2::expertFfnForward(ffn, out, preactivation);
#endif
    default: return scalar::expertFfnForward(ffn, out, preactivation);
  }
}

void expertFfnBackward(const ExpertFfn& ffn, CpuCapability capability, const void* gradOut, const void* preactivation,
                       const ExpertFfnGradients& gradients) {
  switch (capability) {
#if defined(MOELAB_HAS_AMX)
    case CpuCapability::amx: return amx::expertFfnBackward(ffn, gradOut, preactivation, gradients);
#endif
#if defined(MOELAB_HAS_AVX512)
    case CpuCapability::avx512: return avx512::expertFfnBackward(ffn, gradOut, preactivation, gradients);
#endif
#if defined(MOELAB_HAS_AVX2)
    case CpuCapability::avx2: return avx2::expertFfnBackward(ffn, gradOut, preactivation, gradients);
#endif
    default: return scalar::expertFfnBackward(ffn, gradOut, preactivation, gradients);
  }
}

}  // namespace moelab
