#include "expertFfn.h"

#include "isa.h"

namespace moelab {

void expertFfnForward(const ExpertFfn& ffn, CpuCapability capability, void* out, void* preactivation) {
  switch (capability) {
#if defined(__x86_64__)
    case CpuCapability::amx: return amx::expertFfnForward(ffn, out, preactivation);
    case CpuCapability::avx512: return avx512::expertFfnForward(ffn, out, preactivation);
    case CpuCapability::avx2: return avx2::expertFfnForward(ffn, out, preactivation);
#endif
    default: return scalar::expertFfnForward(ffn, out, preactivation);
  }
}

void expertFfnBackward(const ExpertFfn& ffn, CpuCapability capability, const void* gradOut, const void* preactivation,
                       const ExpertFfnGradients& gradients) {
  switch (capability) {
#if defined(__x86_64__)
    case CpuCapability::amx: return amx::expertFfnBackward(ffn, gradOut, preactivation, gradients);
    case CpuCapability::avx512: return avx512::expertFfnBackward(ffn, gradOut, preactivation, gradients);
    case CpuCapability::avx2: return avx2::expertFfnBackward(ffn, gradOut, preactivation, gradients);
#endif
    default: return scalar::expertFfnBackward(ffn, gradOut, preactivation, gradients);
  }
}

}  // namespace moelab
