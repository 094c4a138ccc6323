// moelab::gate: from logits to the rows of each expert, with autograd. See cpu/gate.h for what is computed.

#include "gateOperator.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "cpu/capability.h"
#include "cpu/gate.h"
#include "dispatchOperator.h"

namespace moelab {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<at::Tensor>;

Gated gateCpu(const at::Tensor& logits, int64_t k, const OptionalTensor& bias, c10::string_view scoring,
              bool renormalise, double scale, int64_t expertGroups, int64_t topGroups, int64_t capacity, int64_t groups,
              bool byWeight) {
  return gateOnCpu(logits, checkedGateOptions(logits, k, bias, scoring, renormalise, scale, expertGroups, topGroups,
                                              capacity, groups, byWeight));
}

Gated gateAnywhere(const at::Tensor& logits, int64_t k, const OptionalTensor& bias, c10::string_view scoring,
                   bool renormalise, double scale, int64_t expertGroups, int64_t topGroups, int64_t capacity,
                   int64_t groups, bool byWeight) {
  return gateReference(logits, checkedGateOptions(logits, k, bias, scoring, renormalise, scale, expertGroups, topGroups,
                                                  capacity, groups, byWeight));
}

using Gate = Gated(const at::Tensor&, int64_t, const OptionalTensor&, c10::string_view, bool, double, int64_t, int64_t,
                   int64_t, int64_t, bool);
using GateBackward = at::Tensor(const OptionalTensor&, const OptionalTensor&, const OptionalTensor&, const at::Tensor&,
                                const at::Tensor&, const at::Tensor&, const at::Tensor&, c10::string_view, bool, double);

template <at::Tensor (*backward)(const GateGradients&, const GateSaved&)>
at::Tensor gateBackward(const OptionalTensor& gradWeights, const OptionalTensor& gradProbabilities,
                        const OptionalTensor& gradSums, const at::Tensor& logits, const at::Tensor& experts,
                        const at::Tensor& weights, const at::Tensor& probabilities, c10::string_view scoring,
                        bool renormalise, double scale) {
  const auto like = [&](const char* name, const at::Tensor& given, at::IntArrayRef shape) {
    TORCH_CHECK_VALUE(given.sizes() == shape, name, ": expected shape ", shape, ", got ", given.sizes());
  };
  TORCH_CHECK_VALUE(logits.dim() == 2 && experts.dim() == 2 && experts.size(0) == logits.size(0),
                    "logits and experts: expected shapes [tokens, experts] and [tokens, k], got ", logits.sizes(), " and ",
                    experts.sizes());
  TORCH_CHECK_TYPE(experts.scalar_type() == at::kLong, "experts: expected int64, got ", experts.scalar_type());
  like("weights", weights, experts.sizes());
  like("probabilities", probabilities, logits.sizes());
  if (gradWeights) like("grad_weights", *gradWeights, weights.sizes());
  if (gradProbabilities) like("grad_probabilities", *gradProbabilities, logits.sizes());
  if (gradSums) like("grad_sums", *gradSums, {logits.size(1)});
  return backward({gradWeights.value_or(at::Tensor()), gradProbabilities.value_or(at::Tensor()),
                   gradSums.value_or(at::Tensor())},
                  {logits, experts, weights, probabilities, scoringNamed(scoring), renormalise, scale});
}

class GateFunction : public torch::autograd::Function<GateFunction> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& logits, int64_t k, const OptionalTensor& bias,
                               const std::string& scoring, bool renormalise, double scale, int64_t expertGroups,
                               int64_t topGroups, int64_t capacity, int64_t groups, bool byWeight) {
    static const auto gate = c10::Dispatcher::singleton().findSchemaOrThrow("moelab::gate", "").typed<Gate>();
    const at::AutoDispatchBelowADInplaceOrView below;
    const auto [experts, weights, probabilities, sums, load, first, order, taken] =
        gate.call(logits, k, bias, scoring, renormalise, scale, expertGroups, topGroups, capacity, groups, byWeight);
    context->set_materialize_grads(false);
    context->mark_non_differentiable({experts, load, first, order, taken});
    context->save_for_backward({logits, experts, weights, probabilities});
    context->saved_data["scoring"] = scoring;
    context->saved_data["renormalise"] = renormalise;
    context->saved_data["scale"] = scale;
    return {experts, weights, probabilities, sums, load, first, order, taken};
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    static const auto backward =
        c10::Dispatcher::singleton().findSchemaOrThrow("moelab::gate_backward", "").typed<GateBackward>();
    const auto saved = context->get_saved_variables();
    variable_list results(11);
    const auto given = [&](int output) { return grads[output].defined() ? OptionalTensor(grads[output]) : std::nullopt; };
    if (grads[1].defined() || grads[2].defined() || grads[3].defined()) {
      results[0] = backward.call(given(1), given(2), given(3), saved[0], saved[1], saved[2], saved[3],
                                 context->saved_data["scoring"].toStringRef(),
                                 context->saved_data["renormalise"].toBool(), context->saved_data["scale"].toDouble());
    }
    return results;
  }
};

Gated gateWithAutograd(const at::Tensor& logits, int64_t k, const OptionalTensor& bias, c10::string_view scoring,
                       bool renormalise, double scale, int64_t expertGroups, int64_t topGroups, int64_t capacity,
                       int64_t groups, bool byWeight) {
  const auto made = GateFunction::apply(logits, k, bias, std::string(scoring), renormalise, scale, expertGroups,
                                        topGroups, capacity, groups, byWeight);
  return {made[0], made[1], made[2], made[3], made[4], made[5], made[6], made[7]};
}

}  // namespace

Gated gateOnCpu(const at::Tensor& logits, const GateOptions& options) {
  if (logits.scalar_type() != at::kFloat) return gateReference(logits, options);
  const at::Tensor input = logits.contiguous();
  const at::Tensor bias = options.bias ? options.bias->to(at::kFloat).contiguous() : at::Tensor();
  const int64_t tokens = input.size(0), experts = input.size(1), k = options.choices;
  const auto numbers = input.options().dtype(at::kLong);
  at::Tensor chosen = at::empty({tokens, k}, numbers), weights = at::empty({tokens, k}, input.options());
  at::Tensor probabilities = at::empty_like(input), sums = at::empty({experts}, input.options());
  const GateScores gate{input.const_data_ptr<float>(),
                        bias.defined() ? bias.const_data_ptr<float>() : nullptr,
                        tokens,
                        experts,
                        k,
                        options.scoring == Scoring::softmax,
                        options.renormalise,
                        static_cast<float>(options.scale),
                        options.expertGroups,
                        options.topGroups,
                        at::get_num_threads()};
  gateForward(gate, cpuCapability(),
              {chosen.mutable_data_ptr<int64_t>(), weights.mutable_data_ptr<float>(),
               probabilities.mutable_data_ptr<float>(), sums.mutable_data_ptr<float>()});
  at::Tensor first = at::zeros({experts}, numbers);
  int64_t* const counts = first.mutable_data_ptr<int64_t>();
  const int64_t* const best = chosen.const_data_ptr<int64_t>();
  for (int64_t t = 0; t < tokens; ++t) ++counts[best[t * k]];
  DispatchOptions within{experts, options.capacity, options.groups, {}, {}};
  if (options.byWeight) within.priority = weights;
  const auto [order, load, taken] = dispatchOnCpu(chosen, within);
  return {chosen, weights, probabilities, sums, load, first, order, taken};
}

at::Tensor gateBackwardOnCpu(const GateGradients& gradients, const GateSaved& saved) {
  const auto isFloat = [](const at::Tensor& t) { return !t.defined() || t.scalar_type() == at::kFloat; };
  if (!isFloat(saved.logits) || !isFloat(saved.weights) || !isFloat(saved.probabilities) ||
      !isFloat(gradients.weights) || !isFloat(gradients.probabilities) || !isFloat(gradients.sums))
    return gateBackwardReference(gradients, saved);
  const at::Tensor logits = saved.logits.contiguous(), experts = saved.experts.contiguous();
  const at::Tensor weights = saved.weights.contiguous(), probabilities = saved.probabilities.contiguous();
  const at::Tensor none, gradWeights = gradients.weights.defined() ? gradients.weights.contiguous() : none,
                         gradProbabilities =
                             gradients.probabilities.defined() ? gradients.probabilities.contiguous() : none,
                         gradSums = gradients.sums.defined() ? gradients.sums.contiguous() : none;
  const auto place = [](const at::Tensor& t) { return t.defined() ? t.const_data_ptr<float>() : nullptr; };
  int64_t* const chosen = const_cast<int64_t*>(experts.const_data_ptr<int64_t>());
  for (int64_t i = 0; i < experts.numel(); ++i) {
    TORCH_CHECK_INDEX(chosen[i] >= 0 && chosen[i] < logits.size(1), "experts: expected values from 0 to ",
                      logits.size(1) - 1, ", got ", chosen[i]);
  }
  const GateScores gate{place(logits),
                        nullptr,
                        logits.size(0),
                        logits.size(1),
                        experts.size(1),
                        saved.scoring == Scoring::softmax,
                        saved.renormalise,
                        static_cast<float>(saved.scale),
                        1,
                        1,
                        at::get_num_threads()};
  at::Tensor gradLogits = at::empty_like(logits);
  gateBackward(gate, cpuCapability(),
               {chosen, const_cast<float*>(place(weights)), const_cast<float*>(place(probabilities)), nullptr},
               {place(gradWeights), place(gradProbabilities), place(gradSums)}, gradLogits.mutable_data_ptr<float>());
  return gradLogits;
}

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  // logits: [T, E]. Scores are their softmax over the experts or their sigmoid. The k experts with the largest score plus
  // bias ([E], for the choice only) are chosen, of equal ones those that come first, NaN before all; with expert_groups
  // only from the top_groups groups of consecutive experts whose two best sum highest (DeepSeek-V3, arXiv 2412.19437).
  //
  // experts: int64 [T, k], best first. weights: scale · score, [T, k]; renormalised they are divided by their sum over the
  // chosen, which for softmax is the softmax over the chosen logits. probabilities: scores divided by their sum over all,
  // [T, E]; probability_sums: over the tokens, [E]. load, first_load: how many choose each expert, and as their first,
  // int64 [E]. order, taken: as of moelab::dispatch under capacity and groups; by_weight gives priority to larger weights.
  //
  // The choice has no gradient, nor has the bias. NaN and infinite logits give what softmax and sigmoid give, NaN in the
  // rows concerned, and experts in range.
  const char* const parameters =
      "(Tensor logits, int k, *, Tensor? bias=None, str scoring=\"softmax\", bool renormalise=False, float scale=1.0, "
      "int expert_groups=1, int top_groups=1, int capacity=-1, int groups=1, bool by_weight=False) -> "
      "(Tensor experts, Tensor weights, Tensor probabilities, Tensor probability_sums, Tensor load, Tensor first_load, "
      "Tensor order, Tensor taken)";
  library.def((std::string("gate") + parameters).c_str());
  library.def((std::string("gate_reference") + parameters).c_str());
  // The gradient of the logits from those of weights, probabilities and probability_sums that there are.
  const char* const backwardParameters =
      "(Tensor? grad_weights, Tensor? grad_probabilities, Tensor? grad_sums, Tensor logits, Tensor experts, "
      "Tensor weights, Tensor probabilities, str scoring, bool renormalise, float scale) -> Tensor";
  library.def((std::string("gate_backward") + backwardParameters).c_str());
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) {
  library.impl("gate", gateCpu);
  library.impl("gate_backward", gateBackward<gateBackwardOnCpu>);
}

TORCH_LIBRARY_IMPL(moelab, CompositeExplicitAutograd, library) {
  library.impl("gate", gateAnywhere);
  library.impl("gate_backward", gateBackward<gateBackwardReference>);
}

// PyTorch's operators have their own gradients: those that the kernels' are compared with.
TORCH_LIBRARY_IMPL(moelab, CompositeImplicitAutograd, library) { library.impl("gate_reference", gateAnywhere); }

TORCH_LIBRARY_IMPL(moelab, Autograd, library) { library.impl("gate", gateWithAutograd); }

}  // namespace moelab
