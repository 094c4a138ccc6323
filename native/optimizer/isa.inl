// One instruction set's version of every kernel, as in moe/cpu/isa.inl.

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>

#include "../moe/cpu/workers.h"
#include "isa.h"

namespace moelab::MOELAB_ISA {

namespace {
#include "../moe/cpu/vectors.inl"
#include "storage.inl"
#include "pieces.inl"
#include "steps.inl"
#include "norms.inl"
}  // namespace

void adamStep(const AdamStep& step) {
  forPieces<AdamStep, adamPiece>(step, [&](int64_t at) { return step.tensors[at].count; });
}

void sgdStep(const SgdStep& step) {
  forPieces<SgdStep, sgdPiece>(step, [&](int64_t at) { return step.tensors[at].count; });
}

void squaredNorms(const SquaredNorms& norms) { sumSquares(norms); }

}  // namespace moelab::MOELAB_ISA
