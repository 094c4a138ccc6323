#include "attributes.h"

#include <torch/csrc/autograd/node.h>
#include <torch/csrc/autograd/variable.h>

#include "errors.h"
#include "tensorTable.h"
#include "values.h"

namespace moelab {

namespace {

at::Tensor tensorAt(napi_env env, napi_value value) { return toTensor(env, value, "tensor"); }

napi_value fromIntegers(napi_env env, at::IntArrayRef integers) {
  napi_value result;
  napi_create_array_with_length(env, integers.size(), &result);
  for (size_t i = 0; i < integers.size(); ++i) {
    napi_value element;
    napi_create_int64(env, integers[i], &element);
    napi_set_element(env, result, static_cast<uint32_t>(i), element);
  }
  return result;
}

napi_value fromBoolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

/// Reads the first argument as a tensor and answers `query(tensor)`.
template <class Query>
napi_value answer(napi_env env, napi_callback_info info, Query query) {
  return atBoundary(env, [&] {
    Arguments<1> arguments(env, info);
    return query(tensorAt(env, arguments[0]));
  });
}

}  // namespace

napi_value sizes(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) { return fromIntegers(env, tensor.sizes()); });
}

napi_value strides(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) { return fromIntegers(env, tensor.strides()); });
}

napi_value dtype(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) {
    napi_value result;
    napi_create_int32(env, static_cast<int32_t>(tensor.scalar_type()), &result);
    return result;
  });
}

napi_value device(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) { return fromString(env, tensor.device().str()); });
}

napi_value storageOffset(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) {
    napi_value result;
    napi_create_int64(env, tensor.storage_offset(), &result);
    return result;
  });
}

napi_value storagePointer(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) {
    napi_value result;
    napi_create_bigint_uint64(env, reinterpret_cast<uint64_t>(tensor.storage().data()), &result);
    return result;
  });
}

napi_value requiresGradient(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) { return fromBoolean(env, tensor.requires_grad()); });
}

napi_value setRequiresGradient(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<2> arguments(env, info);
    bool value = false;
    napi_get_value_bool(env, arguments[1], &value);
    tensorAt(env, arguments[0]).set_requires_grad(value);
    return nullptr;
  });
}

napi_value isLeaf(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) { return fromBoolean(env, tensor.is_leaf()); });
}

napi_value gradient(napi_env env, napi_callback_info info) {
  return answer(env, info,
                [&](const at::Tensor& tensor) { return fromIValue(env, c10::IValue(tensor.grad())); });
}

napi_value setGradient(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<2> arguments(env, info);
    const at::Tensor tensor = tensorAt(env, arguments[0]);
    napi_valuetype type;
    napi_typeof(env, arguments[1], &type);
    if (type == napi_null || type == napi_undefined) {
      tensor.mutable_grad() = at::Tensor();
      return nullptr;
    }
    const at::Tensor value = tensorAt(env, arguments[1]);
    TORCH_CHECK_VALUE(tensor.scalar_type() == value.scalar_type() && tensor.device() == value.device(),
                      "the gradient of a ", tensor.scalar_type(), " tensor on ", tensor.device(), " must be like it, got ",
                      value.scalar_type(), " on ", value.device());
    TORCH_CHECK_VALUE(value.sizes() == tensor.sizes(), "the gradient of a ", tensor.sizes(),
                      " tensor must have its shape, got ", value.sizes());
    tensor.mutable_grad() = value;
    return nullptr;
  });
}

napi_value gradientFunction(napi_env env, napi_callback_info info) {
  return answer(env, info, [&](const at::Tensor& tensor) {
    if (const auto& node = tensor.grad_fn()) return fromString(env, node->name());
    napi_value result;
    napi_get_null(env, &result);
    return result;
  });
}

napi_value setData(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<2> arguments(env, info);
    tensorAt(env, arguments[0]).set_data(tensorAt(env, arguments[1]));
    return nullptr;
  });
}

}  // namespace moelab
