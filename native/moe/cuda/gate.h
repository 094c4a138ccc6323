#pragma once

#include <cstddef>
#include <cstdint>

#include "stream.h"

namespace moelab::cuda {

enum class Scoring { softmax, sigmoid };

/// From logits to the chosen experts, as the schema of moelab::gate says, in float32 on memory of the GPU.
struct Gate {
  const float* logits;  // [T, E]
  int64_t tokens, experts, choices;
  const float* bias;  // [E] or null
  Scoring scoring;
  bool renormalise;
  float scale;
  int64_t expertGroups, topGroups;
};

/// Most experts that there is a kernel for.
constexpr int64_t mostGatedExperts = 1024;

struct GateResults {
  int64_t* chosen;       // [T, choices]
  float* weights;        // [T, choices]
  float* probabilities;  // [T, E]
  float* sums;           // [E]
  int64_t* first;        // [E] tokens whose first choice it is
};

std::size_t gateBytes(const Gate&);

/// @param scratch  gateBytes, aligned to 256
Status gate(const Gate&, void* scratch, const GateResults&, Stream);

/// What the backward pass gets; null for gradients that are not there.
struct GateGradients {
  const float *weights, *probabilities, *sums;
};

/// @param gradLogits  [T, E]
/// @param failure     see failure.h; choices of experts that there are not count for nothing
Status gateBackward(const Gate&, const int64_t* chosen, const float* weights, const float* probabilities,
                    const GateGradients&, float* gradLogits, int32_t* failure, Stream);

}  // namespace moelab::cuda
