// moelab::grouped_linear on the GPU; its autograd is that of all devices (groupedLinearOperator.cc).

#include "../../groupedLinearOperator.h"

#include <ATen/Functions.h>
#include <torch/library.h>

#include "../expertRows.h"
#include "../scratch.h"
#include "call.h"

namespace moelab::cuda {

namespace {

using Pair = std::tuple<at::Tensor, at::Tensor>;

void checkProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& taken, int64_t padded) {
  TORCH_CHECK_TYPE(at::isFloatingType(x.scalar_type()) && weight.scalar_type() == x.scalar_type(),
                   "x and weight: expected one floating point type, got ", x.scalar_type(), " and ", weight.scalar_type());
  TORCH_CHECK_TYPE(taken.scalar_type() == at::kLong, "taken: expected int64, got ", taken.scalar_type());
  TORCH_CHECK_VALUE(taken.dim() == 1 && taken.size(0) > 0, "taken: expected shape [experts], got ", taken.sizes());
  TORCH_CHECK_VALUE(weight.dim() == 3 && weight.size(0) == taken.size(0), "weight: expected shape [", taken.size(0),
                    ", out, in], got ", weight.sizes());
  TORCH_CHECK_VALUE(x.dim() == 2 && x.size(1) == weight.size(2), "x: expected ", weight.size(2),
                    " columns as weight has, got shape ", x.sizes());
  TORCH_CHECK_VALUE(x.device() == weight.device(), "x and weight: expected one device, got ", x.device(), " and ",
                    weight.device());
  TORCH_CHECK_VALUE(padded >= 0 && (padded == 0 || x.size(0) == taken.size(0) * padded), "x: expected ",
                    taken.size(0) * padded, " rows (experts times padded), got shape ", x.sizes());
  checkRows("x", x.size(0));
}

struct Planned {
  at::Tensor memory;
  ExpertRows rows;

  Planned(const Call& call, Element element, const at::Tensor& taken, int64_t stored, int64_t padded, bool aligned) {
    const int64_t experts = taken.size(0);
    const int tileRows = tileRowsFor(element, stored, experts, aligned);
    RowPlan plan{};
    const auto lay = [&](Scratch scratch) {
      plan.offset = scratch.take<int32_t>(experts + 1);
      plan.firstTile = scratch.take<int32_t>(experts + 1);
      plan.tiles = scratch.take<RowTile>(rowTileBound(stored, experts, tileRows));
      return scratch.used();
    };
    memory = call.scratch(lay(Scratch(nullptr)));
    lay(Scratch(memory.mutable_data_ptr()));
    call.check(planTiles(taken.const_data_ptr<int64_t>(), padded > 0 ? -1 : stored, experts, padded, tileRows, plan,
                         call.failure(), call.stream()));
    rows = {element, stored, experts, padded, plan.offset, plan.tiles, tileRows};
  }
};

/// Rows that no kernel writes are zeros.
at::Tensor rowsLike(const at::Tensor& x, int64_t columns, int64_t padded) {
  return padded > 0 ? at::zeros({x.size(0), columns}, x.options()) : at::empty({x.size(0), columns}, x.options());
}

at::Tensor groupedLinear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& taken, int64_t padded) {
  checkProduct(x, weight, taken, padded);
  if (!hasElement(x)) {
    const moelab::ExpertRows rows(taken, padded);
    rows.check("x", x);
    return groupedLinearReference(x, weight, rows);
  }
  const at::Tensor input = x.contiguous(), weights = weight.contiguous(), lengths = taken.contiguous();
  const Call call("grouped_linear", input);
  const int64_t out = weight.size(1), in = weight.size(2);
  const bool aligned = rowsAligned(input.const_data_ptr(), in) && rowsAligned(weights.const_data_ptr(), in) && out % 8 == 0;
  const Planned planned(call, elementOf("x", x), lengths, x.size(0), padded, aligned);
  const at::Tensor result = rowsLike(input, out, padded);
  call.check(productWithWeights(planned.rows, {input.const_data_ptr(), nullptr}, weights.const_data_ptr(), out, in,
                                result.mutable_data_ptr(), call.stream()));
  call.finish();
  return result;
}

Pair groupedLinearBackward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& taken,
                           int64_t padded, std::array<bool, 2> mask) {
  checkProduct(x, weight, taken, padded);
  const int64_t out = weight.size(1), in = weight.size(2);
  TORCH_CHECK_VALUE(grad.dim() == 2 && grad.size(0) == x.size(0) && grad.size(1) == out, "grad: expected shape [",
                    x.size(0), ", ", out, "], got ", grad.sizes());
  TORCH_CHECK_TYPE(grad.scalar_type() == x.scalar_type(), "grad: expected the type of x, ", x.scalar_type(), ", got ",
                   grad.scalar_type());
  if (!hasElement(x)) {
    const moelab::ExpertRows rows(taken, padded);
    rows.check("x", x);
    return groupedLinearBackwardReference(grad, x, weight, rows, mask[0], mask[1]);
  }
  const at::Tensor input = x.contiguous(), weights = weight.contiguous(), gradient = grad.contiguous(),
                   lengths = taken.contiguous();
  const Call call("grouped_linear_backward", input);
  const bool aligned = rowsAligned(gradient.const_data_ptr(), out) && rowsAligned(weights.const_data_ptr(), in);
  const Planned planned(call, elementOf("x", x), lengths, x.size(0), padded, aligned);
  at::Tensor gradX, gradWeight;
  if (mask[0]) {
    gradX = rowsLike(input, in, padded);
    call.check(productWithTransposed(planned.rows, {gradient.const_data_ptr(), nullptr}, weights.const_data_ptr(), in, out,
                                     gradX.mutable_data_ptr(), call.stream()));
  }
  if (mask[1]) {
    gradWeight = at::empty_like(weights);
    call.check(outerProducts(planned.rows, {gradient.const_data_ptr(), nullptr}, out, {input.const_data_ptr(), nullptr}, in,
                             gradWeight.mutable_data_ptr(), call.stream()));
  }
  call.finish();
  return {gradX, gradWeight};
}

}  // namespace

TORCH_LIBRARY_IMPL(moelab, MOELAB_GPU, library) {
  library.impl("grouped_linear", groupedLinear);
  library.impl("grouped_linear_backward", groupedLinearBackward);
}

}  // namespace moelab::cuda
