#pragma once
// Memory shared between JavaScript's array buffers and tensors.

#include <node_api.h>

namespace moelab {

/// fromBuffer(ArrayBuffer | typed array | DataView, byteOffset, shape, dtype) → handle of a tensor over that memory,
/// which keeps the buffer alive.
napi_value fromBuffer(napi_env env, napi_callback_info info);

/// toBuffer(handle) → ArrayBuffer over the elements of a contiguous CPU tensor, which keeps the storage alive.
napi_value toBuffer(napi_env env, napi_callback_info info);

/// copyTo(handle, typed array): writes the elements of a CPU tensor, in row-major order, into JavaScript's memory.
napi_value copyTo(napi_env env, napi_callback_info info);

/// alignmentOf(ArrayBuffer) → the largest power of two up to 4096 that divides its address.
napi_value alignmentOf(napi_env env, napi_callback_info info);

}  // namespace moelab
