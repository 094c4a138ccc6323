#pragma once
// The same steps from PyTorch's operators: what the kernels are checked against, and what runs on devices and types
// without one.

#include <ATen/core/Tensor.h>

namespace moelab {

/// One tensor of a step; undefined where there is none.
struct ReferenceTensor {
  at::Tensor parameter, gradient, master, first, second;
  double weightFactor, penalty, rate, secondScale;
  uint32_t key;
  bool begins;
};

void adamReference(const ReferenceTensor& tensor, double beta1, double beta2, double eps, double gradientScale);
void sgdReference(const ReferenceTensor& tensor, double momentum, double dampening, bool nesterov,
                  double gradientScale);

}  // namespace moelab
