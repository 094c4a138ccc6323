#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

namespace moelab {

/// moelab::dispatch, see its schema.
struct DispatchOptions {
  int64_t count;
  int64_t capacity = -1;
  int64_t groups = 1;
  std::optional<at::Tensor> priority, kept;
};

using Dispatched = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

/// order, load, taken.
Dispatched dispatchOnCpu(const at::Tensor& experts, const DispatchOptions& options);

/// The same from PyTorch's operators, on any device.
Dispatched dispatchReference(const at::Tensor& experts, const DispatchOptions& options);

}  // namespace moelab
