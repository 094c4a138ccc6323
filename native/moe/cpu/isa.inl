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
#include "operands.inl"
#include "products.inl"
#include "multiply.inl"
#include "fewRows.inl"
#include "expertFfn.inl"
#include "expertFfnBackward.inl"
#include "gate.inl"
#include "gateLinear.inl"
#include "groupedLinear.inl"
#include "rows.inl"

#if defined(__AMX_BF16__)
using FloatOperand = Bf16Parts;
using Bf16Operand = Bf16;
#else
using FloatOperand = float;
using Bf16Operand = float;
#endif

template <class Storage>
struct OperandFor {
  using Type = Bf16Operand;
};
template <>
struct OperandFor<float> {
  using Type = FloatOperand;
};
/// In what products of a storage type are computed.
template <class Storage>
using OperandOf = typename OperandFor<Storage>::Type;

/// Calls `body` with a value of the storage type.
template <class Body>
void onElement(Element element, Body body) {
  if (element == Element::float32) body(float{});
  else body(Bf16{});
}

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
  if (ffn.element == Element::float32) forward<float, FloatOperand>(ffn, out, preactivation);
  else forward<Bf16, Bf16Operand>(ffn, out, preactivation);
}

void expertFfnBackward(const ExpertFfn& ffn, const void* gradOut, const void* preactivation,
                       const ExpertFfnGradients& gradients) {
  if (ffn.element == Element::float32) backward<float, FloatOperand>(ffn, gradOut, preactivation, gradients);
  else backward<Bf16, Bf16Operand>(ffn, gradOut, preactivation, gradients);
}

void gateForward(const GateScores& gate, const GateChoice& choice) { GateForward{gate, choice, nullptr}.run(); }

void gateBackward(const GateScores& gate, const GateChoice& choice, const GateChoiceGradients& gradients,
                  float* gradLogits) {
  GateBackward{gate, choice, gradients, gradLogits}.run();
}

void gateLinearForward(const GateLinear& gate, float* logits) {
  GateLinearPass<Bf16Operand> pass(gate);
  pass.logits = logits;
  pass.runForward();
}

void gateLinearBackward(const GateLinear& gate, const float* grad, void* gradX, float* gradWeight) {
  GateLinearPass<Bf16Operand> pass(gate);
  pass.grad = grad;
  pass.gradX = static_cast<Bf16*>(gradX);
  pass.gradWeight = gradWeight;
  pass.runBackward();
}

void scatterRows(const RowMoves& moves, const void* from, void* to) {
  onElement(moves.element, [&](auto storage) {
    using Pass = RowPass<decltype(storage)>;
    Pass{moves, static_cast<const decltype(storage)*>(from), nullptr, to}.run(Pass::scatter, moves.stored);
  });
}

void gatherRows(const RowMoves& moves, const void* from, void* to) {
  onElement(moves.element, [&](auto storage) {
    using Pass = RowPass<decltype(storage)>;
    Pass{moves, static_cast<const decltype(storage)*>(from), nullptr, to}.run(Pass::gather, moves.tokens);
  });
}

void multiplyRows(const RowMoves& moves, const void* grad, const void* rows, float* to) {
  onElement(moves.element, [&](auto storage) {
    using Storage = decltype(storage);
    using Pass = RowPass<Storage>;
    Pass{moves, static_cast<const Storage*>(grad), static_cast<const Storage*>(rows), to}.run(Pass::multiply, moves.tokens);
  });
}

void groupedLinearForward(const GroupedLinear& product, void* out) {
  onElement(product.element, [&](auto storage) {
    GroupedForward<decltype(storage), OperandOf<decltype(storage)>> pass(product);
    pass.to = out;
    pass.run();
  });
}

void groupedLinearBackward(const GroupedLinear& product, const void* grad, void* gradX, void* gradWeight) {
  onElement(product.element, [&](auto storage) {
    using Storage = decltype(storage);
    GroupedBackward<Storage, OperandOf<Storage>> pass(product);
    pass.grad = grad;
    pass.gradX = static_cast<Storage*>(gradX);
    pass.gradWeight = static_cast<Storage*>(gradWeight);
    pass.run();
  });
}

}  // namespace moelab::MOELAB_ISA
