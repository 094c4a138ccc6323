// moelab::permute and moelab::unpermute from PyTorch's operators: on any device, in any floating point type.

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "permuteOperator.h"

namespace moelab {

namespace {

at::Tensor tokensOf(const RowOrder& placed) {
  return placed.order.numel() == 0 ? placed.order : at::remainder(placed.order, placed.tokens);
}

/// Of [T, choices] what belongs to each row, [rows, 1].
at::Tensor ofRows(const at::Tensor& perChoice, const RowOrder& placed) {
  return perChoice.t().reshape({-1}).index_select(0, placed.order).unsqueeze(1);
}

at::Tensor withoutGaps(const at::Tensor& rows, const RowOrder& placed) {
  return placed.rows.hasGaps() ? rows.index_select(0, placed.rows.places(rows)) : rows;
}

at::Tensor withGaps(const at::Tensor& rows, const RowOrder& placed) {
  if (!placed.rows.hasGaps()) return rows;
  return at::zeros({placed.rows.stored(), rows.size(1)}, rows.options()).index_copy(0, placed.rows.places(rows), rows);
}

/// Sums are made in float32 where the type has less.
at::ScalarType summedIn(const at::Tensor& rows) { return rows.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }

/// ⟨grad of the token, row⟩ of each assignment, 0 for those that have no row: [T, choices].
at::Tensor weightGradient(const at::Tensor& grad, const at::Tensor& rows, const RowOrder& placed) {
  const auto type = summedIn(rows);
  const at::Tensor products =
      (grad.index_select(0, tokensOf(placed)).to(type) * withoutGaps(rows, placed).to(type)).sum(1);
  const at::Tensor all = at::zeros({placed.choices * placed.tokens}, products.options());
  return all.index_copy(0, placed.order, products).view({placed.choices, placed.tokens}).t().contiguous();
}

}  // namespace

at::Tensor permuteReference(const at::Tensor& x, const at::Tensor& weights, const RowOrder& placed) {
  at::Tensor rows = x.index_select(0, tokensOf(placed));
  if (weights.defined()) rows = (rows.to(summedIn(x)) * ofRows(weights, placed)).to(x.scalar_type());
  return withGaps(rows, placed);
}

at::Tensor unpermuteReference(const at::Tensor& rows, const at::Tensor& weights, const RowOrder& placed) {
  at::Tensor terms = withoutGaps(rows, placed).to(summedIn(rows));
  if (weights.defined()) terms = terms * ofRows(weights, placed);
  const at::Tensor sums = at::zeros({placed.tokens, rows.size(1)}, terms.options());
  return sums.index_add(0, tokensOf(placed), terms).to(rows.scalar_type());
}

std::tuple<at::Tensor, at::Tensor> unpermuteBackwardReference(const at::Tensor& grad, const at::Tensor& rows,
                                                              const at::Tensor& weights, const RowOrder& placed,
                                                              bool wantsRows, bool wantsWeights) {
  return {wantsRows ? permuteReference(grad, weights, placed) : at::Tensor(),
          wantsWeights ? weightGradient(grad, rows, placed) : at::Tensor()};
}

}  // namespace moelab
