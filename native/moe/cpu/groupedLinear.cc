#include "groupedLinear.h"

#include "isa.h"

namespace moelab {

void groupedLinearForward(const GroupedLinear& product, CpuCapability capability, void* out) {
  MOELAB_ON(capability, groupedLinearForward(product, out));
}

void groupedLinearBackward(const GroupedLinear& product, CpuCapability capability, const void* grad, void* gradX,
                           void* gradWeight) {
  MOELAB_ON(capability, groupedLinearBackward(product, grad, gradX, gradWeight));
}

}  // namespace moelab
