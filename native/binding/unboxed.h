#pragma once
// Calling an operator through its C++ signature. A boxed call goes through a stack of tagged values, which for a small
// tensor costs as much as the arithmetic; the signatures that most operators share are called directly.

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <node_api.h>

#include <memory>
#include <vector>

#include "values.h"

namespace moelab {

class UnboxedOperator {
 public:
  virtual ~UnboxedOperator() = default;
  /// `values` are the first `given` arguments; the others take their defaults.
  virtual at::Tensor call(napi_env env, const napi_value* values, size_t given) const = 0;
};

/// Null when the operator has none of the known signatures: it is then called boxed.
std::unique_ptr<UnboxedOperator> unboxedOperator(const c10::OperatorHandle& handle,
                                                 const std::vector<Parameter>& parameters);

}  // namespace moelab
