#include "autocast.h"

#include <ATen/autocast_mode.h>

#include "errors.h"
#include "values.h"

namespace moelab {

napi_value setAutocast(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    Arguments<2> arguments(env, info);
    const auto type = c10::Device(toString(env, arguments[0])).type();
    napi_value previous;
    if (at::autocast::is_autocast_enabled(type)) {
      napi_create_int32(env, static_cast<int32_t>(at::autocast::get_autocast_dtype(type)), &previous);
    } else {
      napi_get_null(env, &previous);
    }
    int32_t dtype;
    if (napi_get_value_int32(env, arguments[1], &dtype) == napi_ok) {
      at::autocast::set_autocast_dtype(type, static_cast<at::ScalarType>(dtype));
      at::autocast::set_autocast_enabled(type, true);
    } else {
      at::autocast::set_autocast_enabled(type, false);
      at::autocast::clear_cache();
    }
    return previous;
  });
}

}  // namespace moelab
