// moelab::permute and moelab::unpermute: tokens to the rows of their experts and back, with autograd.

#include "permuteOperator.h"

#include <ATen/Functions.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace moelab {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void checkMatrix(const char* name, const at::Tensor& given) {
  TORCH_CHECK_VALUE(given.dim() == 2, name, ": expected two dimensions, got shape ", given.sizes());
  TORCH_CHECK_TYPE(at::isFloatingType(given.scalar_type()), name, ": expected a floating point type, got ",
                   given.scalar_type());
}

void checkWeights(const at::Tensor& weights, const at::Tensor& rows) {
  TORCH_CHECK_VALUE(weights.dim() == 2, "weights: expected shape [tokens, choices], got ", weights.sizes());
  const auto expected = rows.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  TORCH_CHECK_TYPE(weights.scalar_type() == expected, "weights: expected ", expected, " beside rows of ",
                   rows.scalar_type(), ", got ", weights.scalar_type());
}

RowOrder placed(const at::Tensor& order, const ExpertRows& rows, int64_t tokens, int64_t choices) {
  TORCH_CHECK_VALUE(tokens >= 0 && choices > 0, "expected tokens and at least one choice, got ", tokens, " and ", choices);
  rows.checkOrder(order);
  return {order, rows, tokens, choices};
}

template <at::Tensor (*permuted)(const at::Tensor&, const at::Tensor&, const RowOrder&)>
at::Tensor permute(const at::Tensor& x, const at::Tensor& order, const at::Tensor& taken, int64_t choices,
                   int64_t padded) {
  checkMatrix("x", x);
  const ExpertRows rows(taken, padded);
  return permuted(x, at::Tensor(), placed(order, rows, x.size(0), choices));
}

template <at::Tensor (*unpermuted)(const at::Tensor&, const at::Tensor&, const RowOrder&)>
at::Tensor permuteBackward(const at::Tensor& grad, const at::Tensor& order, const at::Tensor& taken, int64_t tokens,
                           int64_t choices, int64_t padded) {
  checkMatrix("grad", grad);
  const ExpertRows rows(taken, padded);
  rows.check("grad", grad);
  return unpermuted(grad, at::Tensor(), placed(order, rows, tokens, choices));
}

template <at::Tensor (*unpermuted)(const at::Tensor&, const at::Tensor&, const RowOrder&)>
at::Tensor unpermute(const at::Tensor& given, const at::Tensor& weights, const at::Tensor& order,
                     const at::Tensor& taken, int64_t padded) {
  checkMatrix("rows", given);
  checkWeights(weights, given);
  const ExpertRows rows(taken, padded);
  rows.check("rows", given);
  return unpermuted(given, weights, placed(order, rows, weights.size(0), weights.size(1)));
}

using Pair = std::tuple<at::Tensor, at::Tensor>;

template <Pair (*both)(const at::Tensor&, const at::Tensor&, const at::Tensor&, const RowOrder&, bool, bool)>
Pair unpermuteBackward(const at::Tensor& grad, const at::Tensor& given, const at::Tensor& weights,
                       const at::Tensor& order, const at::Tensor& taken, int64_t padded, std::array<bool, 2> mask) {
  checkMatrix("rows", given);
  checkWeights(weights, given);
  const ExpertRows rows(taken, padded);
  rows.check("rows", given);
  TORCH_CHECK_VALUE(grad.dim() == 2 && grad.size(0) == weights.size(0) && grad.size(1) == given.size(1),
                    "grad: expected shape [", weights.size(0), ", ", given.size(1), "], got ", grad.sizes());
  TORCH_CHECK_TYPE(grad.scalar_type() == given.scalar_type(), "grad: expected the type of rows, ", given.scalar_type(),
                   ", got ", grad.scalar_type());
  return both(grad, given, weights, placed(order, rows, weights.size(0), weights.size(1)), mask[0], mask[1]);
}

template <class Signature>
auto operatorNamed(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

using Permute = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t, int64_t);
using PermuteBackward = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t, int64_t, int64_t);
using Unpermute = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, int64_t);
using UnpermuteBackward = Pair(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                               const at::Tensor&, int64_t, std::array<bool, 2>);

class PermuteFunction : public torch::autograd::Function<PermuteFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& order,
                            const at::Tensor& taken, int64_t choices, int64_t padded) {
    static const auto permute = operatorNamed<Permute>("moelab::permute");
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({order, taken});
    context->saved_data["tokens"] = x.size(0);
    context->saved_data["choices"] = choices;
    context->saved_data["padded"] = padded;
    return permute.call(x, order, taken, choices, padded);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    static const auto backward = operatorNamed<PermuteBackward>("moelab::permute_backward");
    const auto saved = context->get_saved_variables();
    auto& data = context->saved_data;
    return {backward.call(grads[0], saved[0], saved[1], data["tokens"].toInt(), data["choices"].toInt(),
                          data["padded"].toInt()),
            at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

class UnpermuteFunction : public torch::autograd::Function<UnpermuteFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows, const at::Tensor& weights,
                            const at::Tensor& order, const at::Tensor& taken, int64_t padded) {
    static const auto unpermute = operatorNamed<Unpermute>("moelab::unpermute");
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({rows, weights, order, taken});
    context->saved_data["padded"] = padded;
    return unpermute.call(rows, weights, order, taken, padded);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    static const auto backward = operatorNamed<UnpermuteBackward>("moelab::unpermute_backward");
    const auto saved = context->get_saved_variables();
    const auto [rows, weights] =
        backward.call(grads[0], saved[0], saved[1], saved[2], saved[3], context->saved_data["padded"].toInt(),
                      {context->needs_input_grad(0), context->needs_input_grad(1)});
    return {rows, weights, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor permuteWithAutograd(const at::Tensor& x, const at::Tensor& order, const at::Tensor& taken, int64_t choices,
                               int64_t padded) {
  return PermuteFunction::apply(x, order, taken, choices, padded);
}

at::Tensor unpermuteWithAutograd(const at::Tensor& rows, const at::Tensor& weights, const at::Tensor& order,
                                 const at::Tensor& taken, int64_t padded) {
  return UnpermuteFunction::apply(rows, weights, order, taken, padded);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  // order, taken: as of moelab::dispatch for tokens with so many choices. Rows come in runs, the first of expert 0; padded
  // (rows kept for each expert, at least its taken; 0 for none) leaves zeros behind each run: [experts · padded, dim].
  //
  // x: [T, dim] -> [rows, dim], the token of each row.
  library.def("permute(Tensor x, Tensor order, Tensor taken, int choices, int padded=0) -> Tensor");
  library.def(
      "permute_backward(Tensor grad, Tensor order, Tensor taken, int tokens, int choices, int padded) -> Tensor");
  // rows: [rows, dim], weights: [T, choices] -> [T, dim], of each token the sum of weight · row, made in float32 at least
  // and in the order of its choices. Weights are float32, beside rows of float64 that too.
  library.def("unpermute(Tensor rows, Tensor weights, Tensor order, Tensor taken, int padded=0) -> Tensor");
  library.def(
      "unpermute_backward(Tensor grad, Tensor rows, Tensor weights, Tensor order, Tensor taken, int padded, "
      "bool[2] output_mask) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) {
  library.impl("permute", permute<permuteOnCpu>);
  library.impl("permute_backward", permuteBackward<unpermuteOnCpu>);
  library.impl("unpermute", unpermute<unpermuteOnCpu>);
  library.impl("unpermute_backward", unpermuteBackward<unpermuteBackwardOnCpu>);
}

TORCH_LIBRARY_IMPL(moelab, CompositeExplicitAutograd, library) {
  library.impl("permute", permute<permuteReference>);
  library.impl("permute_backward", permuteBackward<unpermuteReference>);
  library.impl("unpermute", unpermute<unpermuteReference>);
  library.impl("unpermute_backward", unpermuteBackward<unpermuteBackwardReference>);
}

TORCH_LIBRARY_IMPL(moelab, Autograd, library) {
  library.impl("permute", permuteWithAutograd);
  library.impl("unpermute", unpermuteWithAutograd);
}

}  // namespace moelab
