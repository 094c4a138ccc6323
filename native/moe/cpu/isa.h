#pragma once

#include "expertFfn.h"

namespace moelab {

/// The passes compiled for each instruction set; those that this processor's family lacks are not there.
#define MOELAB_DECLARE_ISA(isa)                                                              \
  namespace isa {                                                                            \
  void expertFfnForward(const ExpertFfn& ffn, void* out, void* preactivation);               \
  void expertFfnBackward(const ExpertFfn& ffn, const void* gradOut, const void* preactivation, \
                         const ExpertFfnGradients& gradients);                               \
  }

MOELAB_DECLARE_ISA(scalar)
MOELAB_DECLARE_ISA(avx2)
MOELAB_DECLARE_ISA(avx512)
MOELAB_DECLARE_ISA(amx)
#undef MOELAB_DECLARE_ISA

}  // namespace moelab
