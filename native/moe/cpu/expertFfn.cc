#include "expertFfn.h"

#include "isa.h"

namespace moelab {

void expertFfnForward(const ExpertFfn& ffn, CpuCapability capability, void* out, void* preactivation) {
  MOELAB_ON(capability, expertFfnForward(ffn, out, preactivation));
}

void expertFfnBackward(const ExpertFfn& ffn, CpuCapability capability, const void* gradOut, const void* preactivation,
                       const ExpertFfnGradients& gradients) {
  MOELAB_ON(capability, expertFfnBackward(ffn, gradOut, preactivation, gradients));
}

}  // namespace moelab
