#pragma once
// Automatic mixed precision.

#include <node_api.h>

namespace moelab {

/// setAutocast(device, dtype | null) → the dtype before, null when it was off. Switching it off forgets the cast copies
/// of weights, which would otherwise outlive the next update of the weights.
napi_value setAutocast(napi_env env, napi_callback_info info);

}  // namespace moelab
