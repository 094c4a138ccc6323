#include "gateLinear.h"

#include "isa.h"

namespace moelab {

void gateLinearForward(const GateLinear& gate, CpuCapability capability, float* logits) {
  MOELAB_ON(capability, gateLinearForward(gate, logits));
}

void gateLinearBackward(const GateLinear& gate, CpuCapability capability, const float* grad, void* gradX,
                        float* gradWeight) {
  MOELAB_ON(capability, gateLinearBackward(gate, grad, gradX, gradWeight));
}

}  // namespace moelab
