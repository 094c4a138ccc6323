#pragma once
// Backward passes, gradient mode, and autograd functions written in JavaScript.

#include <node_api.h>

namespace moelab {

/// backward(outputs, gradients | null, retainGraph, createGraph, inputs | null)
napi_value backward(napi_env env, napi_callback_info info);

/// gradients(outputs, inputs, gradients | null, retainGraph, createGraph, allowUnused) → handles, null where unused
napi_value gradients(napi_env env, napi_callback_info info);

/// setGradientEnabled(boolean) → the previous mode
napi_value setGradientEnabled(napi_env env, napi_callback_info info);
napi_value isGradientEnabled(napi_env env, napi_callback_info info);

/// attachFunction(name, inputs, outputs, backward) → new handles of the outputs, now with history: in a backward
/// pass `backward` is called with the gradients' handles (null for none) and returns one handle or null per input.
napi_value attachFunction(napi_env env, napi_callback_info info);

/// attachRecomputation(name, inputs, parameters, outputs, rebuild) → new handles of the outputs, now with history. Of
/// the tensors only the inputs are kept. In a backward pass `rebuild` is called with their handles (to be freed) and calls
/// offerRecomputed(outputs, inputs and parameters), with whose history the gradients are computed.
napi_value attachRecomputation(napi_env env, napi_callback_info info);
napi_value offerRecomputed(napi_env env, napi_callback_info info);

}  // namespace moelab
