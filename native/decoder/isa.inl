// One instruction set's version of every kernel, as in moe/cpu/isa.inl.

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>

#include "../moe/cpu/scratch.h"
#include "../moe/cpu/workers.h"
#include "isa.h"

namespace moelab::MOELAB_ISA {

namespace {
#include "../moe/cpu/vectors.inl"

/// Calls `task(first, last)` for stretches of `together` rows that threads claim.
template <class Task>
void forRows(int64_t rows, int64_t together, int threads, const Task& task) {
  struct Stretches {
    const Task* task;
    int64_t rows, together;
  } const stretches{&task, rows, together};
  const Phase phase{(rows + together - 1) / together, [](const void* context, int64_t item) {
                      const auto& all = *static_cast<const Stretches*>(context);
                      const int64_t first = item * all.together, last = first + all.together;
                      (*all.task)(first, last < all.rows ? last : all.rows);
                    }};
  if (phase.items == 0) return;
  if (phase.items == 1) return phase.task(&stretches, 0);
  runPhases(&phase, 1, &stretches, threads);
}

/// The sum of the lanes, in halves.
inline float total(Floats v) {
  float part[lanes];
  __builtin_memcpy(part, &v, sizeof part);
  for (int width = lanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) part[i] += part[i + width];
  }
  return part[0];
}

#include "attendOne.inl"
#include "fewRows.inl"
#include "rmsNorm.inl"
#include "rotary.inl"
}  // namespace

void rmsNormForward(const RmsNorm& norm, void* y, float* factor) {
  if (norm.element == RowElement::float32) normalise<float>(norm, y, factor);
  else normalise<Bf16>(norm, y, factor);
}

void rmsNormBackward(const RmsNorm& norm, const void* gradY, const float* factor, void* gradX, float* partWeight) {
  if (norm.element == RowElement::float32) normaliseBackward<float>(norm, gradY, factor, gradX, partWeight);
  else normaliseBackward<Bf16>(norm, gradY, factor, gradX, partWeight);
}

void rotary(const Rotary& turn) {
  if (turn.element == RowElement::float32) turnRows<float>(turn);
  else turnRows<Bf16>(turn);
}

void multiplyFewRows(const FewRows& few) {
  if (few.element == RowElement::float32) multiplyFew<float>(few);
  else multiplyFew<Bf16>(few);
}

void attendOne(const OneQuery& attention) {
  if (attention.element == RowElement::float32) attendAll<float>(attention);
  else attendAll<Bf16>(attention);
}

}  // namespace moelab::MOELAB_ISA
