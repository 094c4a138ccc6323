// moelab::gate from PyTorch's operators: what its kernels are checked against, and what runs where there is none.

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "dispatchOperator.h"
#include "gateOperator.h"

namespace moelab {

namespace {

/// Indices from the largest value down, NaN before all, equal ones by index.
at::Tensor ranking(const at::Tensor& values) {
  return std::get<1>(at::sort(values, /*stable=*/true, /*dim=*/-1, /*descending=*/true));
}

/// Experts of the best groups first, each part in its order. `ranked` and the result: [T, E].
at::Tensor insideFirst(const at::Tensor& ranked, const at::Tensor& scores, const GateOptions& options) {
  const int64_t tokens = scores.size(0), size = scores.size(1) / options.expertGroups;
  const at::Tensor best = std::get<0>(scores.view({tokens, options.expertGroups, size})
                                          .sort(/*stable=*/true, /*dim=*/-1, /*descending=*/true))
                              .narrow(2, 0, std::min<int64_t>(2, size))
                              .sum(2);
  const at::Tensor groups = ranking(best).narrow(1, 0, options.topGroups);
  const at::Tensor inside = at::zeros_like(best, at::kByte).scatter(1, groups, 1).repeat_interleave(size, 1);
  return ranked.gather(1, ranking(inside.gather(1, ranked)));
}

at::Tensor normalised(const at::Tensor& values) { return values / values.sum(-1, /*keepdim=*/true); }

}  // namespace

Gated gateReference(const at::Tensor& logits, const GateOptions& options) {
  const int64_t experts = logits.size(1), k = options.choices;
  const bool softmax = options.scoring == Scoring::softmax;
  const at::Tensor scores = softmax ? logits.softmax(-1) : logits.sigmoid();
  const at::Tensor rank = options.choosesByLogits() ? logits
                          : options.bias           ? scores + options.bias->to(scores.scalar_type())
                                                   : scores;
  at::Tensor ranked = ranking(rank);
  if (options.topGroups < options.expertGroups) ranked = insideFirst(ranked, rank, options);
  const at::Tensor chosen = ranked.narrow(1, 0, k).contiguous();
  at::Tensor weights;
  if (!options.renormalise) weights = scores.gather(1, chosen);
  else if (softmax) weights = logits.gather(1, chosen).softmax(-1);
  else weights = normalised(scores.gather(1, chosen));
  weights = weights * options.scale;
  const at::Tensor probabilities = softmax ? scores : normalised(scores);
  DispatchOptions within{experts, options.capacity, options.groups, {}, {}};
  if (options.byWeight) within.priority = weights;
  const auto [order, load, taken] = dispatchReference(chosen, within);
  const at::Tensor first = at::bincount(chosen.select(1, 0), {}, experts);
  return {chosen, weights, probabilities, probabilities.sum(0), load, first, order, taken};
}

at::Tensor gateBackwardReference(const GateGradients& gradients, const GateSaved& saved) {
  const auto& [logits, experts, weights, probabilities, scoring, renormalise, scale] = saved;
  const at::Tensor& gradWeights = gradients.weights;
  at::Tensor gradShares = at::zeros_like(probabilities);
  if (gradients.probabilities.defined()) gradShares = gradShares + gradients.probabilities;
  if (gradients.sums.defined()) gradShares = gradShares + gradients.sums;
  const auto inner = [](const at::Tensor& a, const at::Tensor& b) { return (a * b).sum(-1, /*keepdim=*/true); };
  if (scoring == Scoring::softmax) {
    if (gradWeights.defined() && !renormalise) gradShares = gradShares.scatter_add(1, experts, gradWeights * scale);
    const at::Tensor grad = probabilities * (gradShares - inner(probabilities, gradShares));
    if (!gradWeights.defined() || !renormalise) return grad;
    return grad.scatter_add(1, experts, weights * (gradWeights - inner(weights, gradWeights) / scale));
  }
  const at::Tensor scores = logits.sigmoid();
  at::Tensor gradScores = (gradShares - inner(probabilities, gradShares)) / scores.sum(-1, /*keepdim=*/true);
  if (gradWeights.defined()) {
    const at::Tensor part = renormalise ? (gradWeights * scale - inner(weights, gradWeights)) /
                                              scores.gather(1, experts).sum(-1, /*keepdim=*/true)
                                        : gradWeights * scale;
    gradScores = gradScores.scatter_add(1, experts, part);
  }
  return gradScores * scores * (1 - scores);
}

}  // namespace moelab
