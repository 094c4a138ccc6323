#pragma once

#include <cstdint>

#include "capability.h"

namespace moelab {

/// How T tokens choose among E experts. All matrices are row-major without gaps.
///
///   score = softmax(logits) over the experts, or sigmoid(logits);   the k largest of score + bias are chosen
///   weight = scale · score, renormalised divided by the sum over the chosen
///   probability = score divided by the sum over all experts
///
/// Without a bias and groups the logits themselves are compared, which tell scores apart that are rounded to one. Of equal
/// values that of the lower index is larger, NaN larger than any number.
struct GateScores {
  const float* logits;  // [T, E]
  const float* bias;    // [E], null for none
  int64_t tokens, experts, choices;
  bool softmax, renormalise;
  float scale;
  int64_t expertGroups, topGroups;  // a token's experts come from so many of the groups of E / expertGroups consecutive ones
  int threads;
};

struct GateChoice {
  int64_t* experts;      // [T, k], best first
  float* weights;        // [T, k]
  float* probabilities;  // [T, E]
  float* sums;           // [E] of the probabilities, the same for any number of threads
};

void gateForward(const GateScores& gate, CpuCapability capability, const GateChoice& choice);

/// What the backward pass is given, null for what is not there.
struct GateChoiceGradients {
  const float* weights;        // [T, k]
  const float* probabilities;  // [T, E]
  const float* sums;           // [E]
};

/// @param choice      as the forward pass made it, experts all in range; its sums are not looked at
/// @param gradLogits  [T, E], written whole
void gateBackward(const GateScores& gate, CpuCapability capability, const GateChoice& choice,
                  const GateChoiceGradients& gradients, float* gradLogits);

}  // namespace moelab
