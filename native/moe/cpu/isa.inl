// One instruction set's version of every kernel: a source file names it in MOELAB_ISA, is compiled with its flags, and
// includes this.

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>

#include "isa.h"
#include "scratch.h"
#include "workers.h"

namespace moelab::MOELAB_ISA {

namespace {
#include "vectors.inl"
#include "products.inl"
#include "operands.inl"
#include "expertFfn.inl"
#include "expertFfnBackward.inl"

#if defined(__AMX_BF16__)
using Bf16Operand = Bf16;
#else
using Bf16Operand = float;
#endif

template <class Storage, class Operand>
void forward(const ExpertFfn& ffn, void* out, void* preactivation) {
  Forward<Storage, Operand> pass(ffn);
  pass.out = out;
  pass.preactivation = static_cast<Storage*>(preactivation);
  pass.run();
}

template <class Storage, class Operand>
void backward(const ExpertFfn& ffn, const void* gradOut, const void* preactivation, const ExpertFfnGradients& gradients) {
  Backward<Storage, Operand> pass(ffn);
  pass.gradOut = gradOut;
  pass.preactivation = static_cast<const Storage*>(preactivation);
  pass.gradients = gradients;
  pass.run();
}
}  // namespace

void expertFfnForward(const ExpertFfn& ffn, void* out, void* preactivation) {
  if (ffn.element == Element::float32) forward<float, float>(ffn, out, preactivation);
  else forward<Bf16, Bf16Operand>(ffn, out, preactivation);
}

void expertFfnBackward(const ExpertFfn& ffn, const void* gradOut, const void* preactivation,
                       const ExpertFfnGradients& gradients) {
  if (ffn.element == Element::float32) backward<float, float>(ffn, gradOut, preactivation, gradients);
  else backward<Bf16, Bf16Operand>(ffn, gradOut, preactivation, gradients);
}

}  // namespace moelab::MOELAB_ISA
