#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

#include "expertRows.h"

namespace moelab {

/// x [rows, in], weight [E, out, in] -> [rows, out], of each expert x · weightᵀ; rows in gaps are ignored and become 0.
at::Tensor groupedLinearReference(const at::Tensor& x, const at::Tensor& weight, const ExpertRows& rows);
/// Gradients of x and of weight; undefined where not wanted.
std::tuple<at::Tensor, at::Tensor> groupedLinearBackwardReference(const at::Tensor& grad, const at::Tensor& x,
                                                                  const at::Tensor& weight, const ExpertRows& rows,
                                                                  bool wantsX, bool wantsWeight);

at::Tensor groupedLinearOnCpu(const at::Tensor& x, const at::Tensor& weight, const ExpertRows& rows);
std::tuple<at::Tensor, at::Tensor> groupedLinearBackwardOnCpu(const at::Tensor& grad, const at::Tensor& x,
                                                              const at::Tensor& weight, const ExpertRows& rows,
                                                              bool wantsX, bool wantsWeight);

}  // namespace moelab
