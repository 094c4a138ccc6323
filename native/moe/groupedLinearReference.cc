// moelab::grouped_linear from PyTorch's operators: on any device, in any floating point type.

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <vector>

#include "groupedLinearOperator.h"

namespace moelab {

namespace {

/// f of the rows of each expert, one below the other; zeros in the gaps.
template <class F>
at::Tensor ofEach(const ExpertRows& rows, const at::TensorOptions& options, int64_t columns, F f) {
  if (!rows.hasGaps()) {
    std::vector<at::Tensor> parts;
    for (int64_t e = 0; e < rows.experts(); ++e) parts.push_back(f(e));
    return at::cat(parts);
  }
  at::Tensor all = at::zeros({rows.stored(), columns}, options);
  for (int64_t e = 0; e < rows.experts(); ++e) {
    if (rows.lengths[e] > 0) all.narrow(0, rows.starts[e], rows.lengths[e]).copy_(f(e));
  }
  return all;
}

at::Tensor run(const at::Tensor& tensor, const ExpertRows& rows, int64_t e) {
  return tensor.narrow(0, rows.starts[e], rows.lengths[e]);
}

}  // namespace

at::Tensor groupedLinearReference(const at::Tensor& x, const at::Tensor& weight, const ExpertRows& rows) {
  return ofEach(rows, x.options(), weight.size(1),
                [&](int64_t e) { return at::matmul(run(x, rows, e), weight.select(0, e).t()); });
}

std::tuple<at::Tensor, at::Tensor> groupedLinearBackwardReference(const at::Tensor& grad, const at::Tensor& x,
                                                                  const at::Tensor& weight, const ExpertRows& rows,
                                                                  bool wantsX, bool wantsWeight) {
  at::Tensor gradX, gradWeight;
  if (wantsX) {
    gradX = ofEach(rows, x.options(), x.size(1),
                   [&](int64_t e) { return at::matmul(run(grad, rows, e), weight.select(0, e)); });
  }
  if (wantsWeight) {
    std::vector<at::Tensor> parts;
    for (int64_t e = 0; e < rows.experts(); ++e) parts.push_back(at::matmul(run(grad, rows, e).t(), run(x, rows, e)));
    gradWeight = at::stack(parts);
  }
  return {gradX, gradWeight};
}

}  // namespace moelab
