#pragma once

#include "optimizerStep.h"

namespace moelab {

#define MOELAB_DECLARE_ISA(isa)                     \
  namespace isa {                                   \
  void adamStep(const AdamStep& step);              \
  void sgdStep(const SgdStep& step);                \
  void squaredNorms(const SquaredNorms& norms);     \
  }

MOELAB_DECLARE_ISA(scalar)
MOELAB_DECLARE_ISA(avx2)
MOELAB_DECLARE_ISA(avx512)
#undef MOELAB_DECLARE_ISA

}  // namespace moelab
