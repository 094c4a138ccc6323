#pragma once

#include "../../dispatchOperator.h"

namespace moelab::cuda {

/// moelab::dispatch with kernels; order, load, taken. Waits for the GPU only where it may drop assignments.
Dispatched dispatchOnGpu(const at::Tensor& experts, const DispatchOptions& options);

}  // namespace moelab::cuda
