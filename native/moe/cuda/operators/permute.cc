// moelab::permute and moelab::unpermute on the GPU; their autograd is that of all devices (permuteOperator.cc).

#include "../combine.h"

#include <ATen/Functions.h>
#include <torch/library.h>

#include "../../permuteOperator.h"
#include "../scratch.h"
#include "call.h"

namespace moelab::cuda {

namespace {

using Pair = std::tuple<at::Tensor, at::Tensor>;

void checkMatrix(const char* name, const at::Tensor& given) {
  TORCH_CHECK_VALUE(given.dim() == 2, name, ": expected two dimensions, got shape ", given.sizes());
}

void checkWeights(const at::Tensor& weights, const at::Tensor& rows) {
  TORCH_CHECK_VALUE(weights.dim() == 2, "weights: expected shape [tokens, choices], got ", weights.sizes());
  const auto expected = rows.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  TORCH_CHECK_TYPE(weights.scalar_type() == expected, "weights: expected ", expected, " beside rows of ",
                   rows.scalar_type(), ", got ", weights.scalar_type());
}

/// Where rows lie, made on the GPU.
struct Placed {
  at::Tensor order, taken, weights, memory;
  Routing routing;
  RowPlan plan{};

  Placed(const Call& call, const at::Tensor& order_, const at::Tensor& taken_, const at::Tensor& weights_, int64_t tokens,
         int64_t choices, int64_t padded)
      : order(order_.contiguous()), taken(taken_.contiguous()),
        weights(weights_.defined() ? weights_.contiguous() : weights_) {
    TORCH_CHECK_TYPE(order.scalar_type() == at::kLong && taken.scalar_type() == at::kLong,
                     "order and taken: expected int64, got ", order.scalar_type(), " and ", taken.scalar_type());
    TORCH_CHECK_VALUE(order.dim() == 1, "order: expected one dimension, got shape ", order.sizes());
    TORCH_CHECK_VALUE(taken.dim() == 1 && taken.size(0) > 0, "taken: expected shape [experts], got ", taken.sizes());
    TORCH_CHECK_VALUE(tokens >= 0 && choices > 0, "expected tokens and at least one choice, got ", tokens, " and ", choices);
    TORCH_CHECK_VALUE(padded >= 0, "padded: expected the rows kept for each expert, or 0, got ", padded);
    checkRows("tokens times choices", tokens * choices);
    checkRows("padded", padded);
    checkRows("experts times padded", taken.size(0) * padded);
    routing = {tokens,
               choices,
               taken.size(0),
               order.numel(),
               padded,
               order.const_data_ptr<int64_t>(),
               taken.const_data_ptr<int64_t>(),
               weights.defined() ? weights.const_data_ptr<float>() : nullptr};
    Scratch sizes(nullptr);
    lay(sizes);
    memory = call.scratch(sizes.used());
    Scratch pieces(memory.mutable_data_ptr());
    lay(pieces);
    call.check(planRows(routing, 64, plan, call.failure(), call.stream()));
  }

  void check(const char* name, const at::Tensor& rows) const {
    TORCH_CHECK_VALUE(rows.size(0) == routing.stored(), name, ": expected shape [", routing.stored(), ", columns], got ",
                      rows.sizes());
  }

 private:
  void lay(Scratch& scratch) {
    plan.offset = scratch.take<int32_t>(routing.experts + 1);
    plan.firstTile = scratch.take<int32_t>(routing.experts + 1);
    plan.token = scratch.take<int32_t>(routing.stored());
    plan.position = scratch.take<int32_t>(routing.tokens * routing.choices);
    plan.rowWeight = routing.weight ? scratch.take<float>(routing.stored()) : nullptr;
  }
};

/// The way of PyTorch's operators, for float64.
template <class Body>
auto byReference(const at::Tensor& order, const at::Tensor& taken, int64_t tokens, int64_t choices, int64_t padded,
                 Body body) {
  const moelab::ExpertRows rows(taken, padded);
  rows.checkOrder(order);
  return body(RowOrder{order, rows, tokens, choices}, rows);
}

at::Tensor permute(const at::Tensor& x, const at::Tensor& order, const at::Tensor& taken, int64_t choices, int64_t padded) {
  checkMatrix("x", x);
  if (!hasElement(x)) {
    return byReference(order, taken, x.size(0), choices, padded, [&](const RowOrder& placed, const auto&) {
      return permuteReference(x, at::Tensor(), placed);
    });
  }
  const at::Tensor input = x.contiguous();
  const Call call("permute", input);
  const Placed placed(call, order, taken, at::Tensor(), x.size(0), choices, padded);
  const at::Tensor out = at::empty({placed.routing.stored(), x.size(1)}, x.options());
  call.check(gatherRows(elementOf("x", x), input.const_data_ptr(), placed.plan.token, nullptr, out.size(0), out.size(1),
                        out.mutable_data_ptr(), call.stream()));
  call.finish();
  return out;
}

at::Tensor sumOfRows(const char* name, const at::Tensor& given, const at::Tensor& weights, const at::Tensor& order,
                     const at::Tensor& taken, int64_t tokens, int64_t choices, int64_t padded) {
  checkMatrix("rows", given);
  if (!hasElement(given)) {
    return byReference(order, taken, tokens, choices, padded, [&](const RowOrder& placed, const moelab::ExpertRows& rows) {
      rows.check("rows", given);
      return unpermuteReference(given, weights, placed);
    });
  }
  const at::Tensor input = given.contiguous();
  const Call call(name, input);
  const Placed placed(call, order, taken, weights, tokens, choices, padded);
  placed.check("rows", input);
  const at::Tensor out = at::empty({tokens, input.size(1)}, input.options());
  call.check(combineRows(elementOf("rows", input), input.const_data_ptr(), placed.plan.position, placed.routing.weight,
                         tokens, choices, input.size(1), out.mutable_data_ptr(), call.stream()));
  call.finish();
  return out;
}

at::Tensor permuteBackward(const at::Tensor& grad, const at::Tensor& order, const at::Tensor& taken, int64_t tokens,
                           int64_t choices, int64_t padded) {
  return sumOfRows("permute_backward", grad, at::Tensor(), order, taken, tokens, choices, padded);
}

at::Tensor unpermute(const at::Tensor& rows, const at::Tensor& weights, const at::Tensor& order, const at::Tensor& taken,
                     int64_t padded) {
  checkWeights(weights, rows);
  return sumOfRows("unpermute", rows, weights, order, taken, weights.size(0), weights.size(1), padded);
}

Pair unpermuteBackward(const at::Tensor& grad, const at::Tensor& given, const at::Tensor& weights, const at::Tensor& order,
                       const at::Tensor& taken, int64_t padded, std::array<bool, 2> mask) {
  checkMatrix("rows", given);
  checkWeights(weights, given);
  const int64_t tokens = weights.size(0), choices = weights.size(1);
  TORCH_CHECK_VALUE(grad.dim() == 2 && grad.size(0) == tokens && grad.size(1) == given.size(1), "grad: expected shape [",
                    tokens, ", ", given.size(1), "], got ", grad.sizes());
  TORCH_CHECK_TYPE(grad.scalar_type() == given.scalar_type(), "grad: expected the type of rows, ", given.scalar_type(),
                   ", got ", grad.scalar_type());
  if (!hasElement(given)) {
    return byReference(order, taken, tokens, choices, padded, [&](const RowOrder& placed, const moelab::ExpertRows& rows) {
      rows.check("rows", given);
      return unpermuteBackwardReference(grad, given, weights, placed, mask[0], mask[1]);
    });
  }
  const at::Tensor rows = given.contiguous(), gradient = grad.contiguous();
  const Call call("unpermute_backward", rows);
  const Placed placed(call, order, taken, weights, tokens, choices, padded);
  placed.check("rows", rows);
  const Element element = elementOf("rows", rows);
  at::Tensor gradRows, gradWeights;
  if (mask[0]) {
    gradRows = at::empty_like(rows);
    call.check(gatherRows(element, gradient.const_data_ptr(), placed.plan.token, placed.plan.rowWeight, rows.size(0),
                          rows.size(1), gradRows.mutable_data_ptr(), call.stream()));
  }
  if (mask[1]) {
    gradWeights = at::empty_like(placed.weights);
    call.check(combineWeightGradient(element, rows.const_data_ptr(), gradient.const_data_ptr(), placed.plan.position,
                                     tokens, choices, rows.size(1), gradWeights.mutable_data_ptr<float>(), call.stream()));
  }
  call.finish();
  return {gradRows, gradWeights};
}

}  // namespace

TORCH_LIBRARY_IMPL(moelab, MOELAB_GPU, library) {
  library.impl("permute", permute);
  library.impl("permute_backward", permuteBackward);
  library.impl("unpermute", unpermute);
  library.impl("unpermute_backward", unpermuteBackward);
}

}  // namespace moelab::cuda
