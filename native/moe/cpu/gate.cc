#include "gate.h"

#include "isa.h"

namespace moelab {

void gateForward(const GateScores& gate, CpuCapability capability, const GateChoice& choice) {
  MOELAB_ON(capability, gateForward(gate, choice));
}

void gateBackward(const GateScores& gate, CpuCapability capability, const GateChoice& choice,
                  const GateChoiceGradients& gradients, float* gradLogits) {
  MOELAB_ON(capability, gateBackward(gate, choice, gradients, gradLogits));
}

}  // namespace moelab
