#pragma once
// What a tensor is (shape, dtype, device, …) and its gradient, for tensors named by handle.

#include <node_api.h>

namespace moelab {

napi_value sizes(napi_env env, napi_callback_info info);         // → integers
napi_value strides(napi_env env, napi_callback_info info);       // → integers, in elements
napi_value dtype(napi_env env, napi_callback_info info);         // → c10::ScalarType as a number
napi_value device(napi_env env, napi_callback_info info);        // → "cpu", "cuda:0"
napi_value storageOffset(napi_env env, napi_callback_info info); // → elements
napi_value storagePointer(napi_env env, napi_callback_info info); // → bigint; equal for tensors that share memory
napi_value requiresGradient(napi_env env, napi_callback_info info);
napi_value setRequiresGradient(napi_env env, napi_callback_info info);
napi_value isLeaf(napi_env env, napi_callback_info info);
napi_value gradient(napi_env env, napi_callback_info info);      // → handle or null
napi_value setGradient(napi_env env, napi_callback_info info);   // (handle, handle | null)
napi_value gradientFunction(napi_env env, napi_callback_info info); // → name of the node, or null
napi_value setData(napi_env env, napi_callback_info info);       // (handle, handle): x.data = y

}  // namespace moelab
