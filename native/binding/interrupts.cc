#include "interrupts.h"

#include <stdexcept>

#include "../moe/interruption.h"
#include "errors.h"

namespace moelab {

napi_value watchForInterrupts(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<1> arguments(env, info);
    bool is = false;
    napi_typedarray_type type{};
    size_t length = 0;
    void* data = nullptr;
    if (napi_is_typedarray(env, arguments[0], &is) == napi_ok && is) {
      napi_get_typedarray_info(env, arguments[0], &type, &length, &data, nullptr, nullptr);
    }
    if (type != napi_int32_array || length < 1) {
      throw std::invalid_argument("watchForInterrupts: expected an Int32Array of one element");
    }
    // Native threads may look at any time, so the memory is never given back.
    napi_ref kept;
    napi_create_reference(env, arguments[0], 1, &kept);
    static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t) && std::atomic<int32_t>::is_always_lock_free);
    watchForInterrupts(reinterpret_cast<const std::atomic<int32_t>*>(data));
    return nullptr;
  });
}

}  // namespace moelab
