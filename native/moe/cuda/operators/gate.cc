// moelab::gate on the GPU; its autograd is that of all devices (gateOperator.cc).

#include "../gate.h"

#include <ATen/Functions.h>
#include <torch/library.h>

#include "../../gateOperator.h"
#include "call.h"
#include "dispatch.h"

namespace moelab::cuda {

namespace {

using OptionalTensor = std::optional<at::Tensor>;

Gate gateOf(const at::Tensor& logits, int64_t choices, moelab::Scoring scoring, bool renormalise, double scale) {
  Gate gate{};
  gate.logits = logits.const_data_ptr<float>();
  gate.tokens = logits.size(0);
  gate.experts = logits.size(1);
  gate.choices = choices;
  gate.scoring = scoring == moelab::Scoring::softmax ? Scoring::softmax : Scoring::sigmoid;
  gate.renormalise = renormalise;
  gate.scale = static_cast<float>(scale);
  gate.expertGroups = gate.topGroups = 1;
  return gate;
}

bool hasGateKernel(const at::Tensor& logits) {
  return logits.scalar_type() == at::kFloat && logits.dim() == 2 && logits.size(1) <= mostGatedExperts;
}

Gated gateOperator(const at::Tensor& logits, int64_t k, const OptionalTensor& bias, c10::string_view scoring,
                   bool renormalise, double scale, int64_t expertGroups, int64_t topGroups, int64_t capacity,
                   int64_t groups, bool byWeight) {
  const GateOptions options = checkedGateOptions(logits, k, bias, scoring, renormalise, scale, expertGroups, topGroups,
                                                 capacity, groups, byWeight);
  if (!hasGateKernel(logits)) return gateReference(logits, options);
  const at::Tensor input = logits.contiguous();
  const Call call("gate", input);
  checkRows("logits", input.size(0) * k);
  Gate given = gateOf(input, k, options.scoring, renormalise, scale);
  at::Tensor offset;
  if (options.bias) {
    offset = options.bias->to(at::kFloat).contiguous();
    given.bias = offset.const_data_ptr<float>();
  }
  given.expertGroups = expertGroups;
  given.topGroups = topGroups;
  const at::Tensor weights = at::empty({given.tokens, k}, input.options()), probabilities = at::empty_like(input);
  const at::Tensor sums = at::empty({given.experts}, input.options());
  const at::Tensor experts = at::empty({given.tokens, k}, input.options().dtype(at::kLong));
  const at::Tensor first = at::empty({given.experts}, experts.options());
  const at::Tensor scratch = call.scratch(gateBytes(given));
  call.check(gate(given, scratch.mutable_data_ptr(),
                  {experts.mutable_data_ptr<int64_t>(), weights.mutable_data_ptr<float>(),
                   probabilities.mutable_data_ptr<float>(), sums.mutable_data_ptr<float>(),
                   first.mutable_data_ptr<int64_t>()},
                  call.stream()));
  DispatchOptions within{given.experts, capacity, groups, {}, {}};
  if (byWeight) within.priority = weights;
  const auto [order, load, taken] = dispatchOnGpu(experts, within);
  return {experts, weights, probabilities, sums, load, first, order, taken};
}

at::Tensor gateBackwardOperator(const OptionalTensor& gradWeights, const OptionalTensor& gradProbabilities,
                                const OptionalTensor& gradSums, const at::Tensor& logits, const at::Tensor& experts,
                                const at::Tensor& weights, const at::Tensor& probabilities, c10::string_view scoring,
                                bool renormalise, double scale) {
  const at::Tensor undefined;
  const moelab::GateGradients grads{gradWeights.value_or(undefined), gradProbabilities.value_or(undefined),
                                    gradSums.value_or(undefined)};
  const auto fits = [](const at::Tensor& tensor, at::IntArrayRef shape) {
    TORCH_CHECK_VALUE(tensor.sizes() == shape, "gate_backward: expected shape ", shape, ", got ", tensor.sizes());
    return tensor.scalar_type() == at::kFloat;
  };
  TORCH_CHECK_VALUE(logits.dim() == 2 && experts.dim() == 2 && experts.size(0) == logits.size(0),
                    "logits and experts: expected shapes [tokens, experts] and [tokens, k], got ", logits.sizes(), " and ",
                    experts.sizes());
  TORCH_CHECK_TYPE(experts.scalar_type() == at::kLong, "experts: expected int64, got ", experts.scalar_type());
  bool kernel = hasGateKernel(logits) & fits(weights, experts.sizes()) & fits(probabilities, logits.sizes());
  if (gradWeights) kernel &= fits(*gradWeights, experts.sizes());
  if (gradProbabilities) kernel &= fits(*gradProbabilities, logits.sizes());
  if (gradSums) kernel &= fits(*gradSums, {logits.size(1)});
  const moelab::Scoring scored = scoringNamed(scoring);
  if (!kernel) return gateBackwardReference(grads, {logits, experts, weights, probabilities, scored, renormalise, scale});
  const at::Tensor input = logits.contiguous(), chosen = experts.contiguous(), weighed = weights.contiguous(),
                   shares = probabilities.contiguous();
  const Call call("gate_backward", input);
  const auto contiguous = [](const at::Tensor& t) { return t.defined() ? t.contiguous() : t; };
  const auto place = [](const at::Tensor& t) { return t.defined() ? t.const_data_ptr<float>() : nullptr; };
  const at::Tensor byWeights = contiguous(grads.weights), byShares = contiguous(grads.probabilities),
                   bySums = contiguous(grads.sums);
  const at::Tensor result = at::empty_like(input);
  call.check(gateBackward(gateOf(input, chosen.size(1), scored, renormalise, scale), chosen.const_data_ptr<int64_t>(),
                          weighed.const_data_ptr<float>(), shares.const_data_ptr<float>(),
                          {place(byWeights), place(byShares), place(bySums)}, result.mutable_data_ptr<float>(),
                          call.failure(), call.stream()));
  call.finish();
  return result;
}

}  // namespace

TORCH_LIBRARY_IMPL(moelab, MOELAB_GPU, library) {
  library.impl("gate", gateOperator);
  library.impl("gate_backward", gateBackwardOperator);
}

}  // namespace moelab::cuda
