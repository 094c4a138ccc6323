#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

#include "expertRows.h"

namespace moelab {

/// Which row of a layer's tensors belongs to which assignment, as moelab::dispatch says it.
struct RowOrder {
  const at::Tensor& order;
  const ExpertRows& rows;
  int64_t tokens, choices;
};

/// Rows of tokens [T, dim] by expert; with weights each times that of its assignment.
at::Tensor permuteReference(const at::Tensor& x, const at::Tensor& weights, const RowOrder& placed);
/// Sum over the rows of each token; with weights of weight · row.
at::Tensor unpermuteReference(const at::Tensor& rows, const at::Tensor& weights, const RowOrder& placed);
/// Both gradients of unpermute; undefined where not wanted.
std::tuple<at::Tensor, at::Tensor> unpermuteBackwardReference(const at::Tensor& grad, const at::Tensor& rows,
                                                              const at::Tensor& weights, const RowOrder& placed,
                                                              bool wantsRows, bool wantsWeights);

at::Tensor permuteOnCpu(const at::Tensor& x, const at::Tensor& weights, const RowOrder& placed);
at::Tensor unpermuteOnCpu(const at::Tensor& rows, const at::Tensor& weights, const RowOrder& placed);
std::tuple<at::Tensor, at::Tensor> unpermuteBackwardOnCpu(const at::Tensor& grad, const at::Tensor& rows,
                                                          const at::Tensor& weights, const RowOrder& placed,
                                                          bool wantsRows, bool wantsWeights);

}  // namespace moelab
