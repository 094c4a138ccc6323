#pragma once
// The flag by which JavaScript interrupts native code.

#include <node_api.h>

namespace moelab {

/// watchForInterrupts(Int32Array of one element in shared memory)
napi_value watchForInterrupts(napi_env env, napi_callback_info info);

}  // namespace moelab
