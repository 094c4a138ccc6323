#pragma once

#include "decoder.h"

namespace moelab {

#define MOELAB_DECLARE_ISA(isa)                                                                             \
  namespace isa {                                                                                           \
  void rmsNormForward(const RmsNorm& norm, void* y, float* factor);                                         \
  void rmsNormBackward(const RmsNorm& norm, const void* gradY, const float* factor, void* gradX, float* partWeight); \
  void rotary(const Rotary& turn);                                                                          \
  void multiplyFewRows(const FewRows& few);                                                                 \
  void attendOne(const OneQuery& attention);                                                                \
  }

MOELAB_DECLARE_ISA(scalar)
MOELAB_DECLARE_ISA(avx2)
MOELAB_DECLARE_ISA(avx512)
#undef MOELAB_DECLARE_ISA

}  // namespace moelab
