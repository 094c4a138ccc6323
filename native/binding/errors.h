#pragma once
// Native errors → JavaScript errors. Nothing thrown in C++ may cross into Node, and nothing may abort the process.

#include <node_api.h>

#include <exception>
#include <functional>
#include <string>

namespace moelab {

/// A JavaScript exception is already pending in the environment; unwinds the C++ frames up to the next boundary.
/// An std::exception, because the autograd engine tidies up after those only.
struct PendingException : std::exception {};

/// `errorClass` is called as `new errorClass(message, code, operator)`.
void setErrorClass(napi_env env, napi_value errorClass);

/// To be called inside a catch block: raises the exception being handled in JavaScript. `context`, when not empty,
/// is called for text to append to the message; `operatorName` goes into the error's `operator` property.
void raiseCurrentException(napi_env env, const std::string& operatorName = "",
                           const std::function<std::string()>& context = {});

/// Runs `body` at a boundary between JavaScript and C++.
template <class Body>
napi_value atBoundary(napi_env env, Body body) {
  try {
    return body();
  } catch (...) {
    raiseCurrentException(env);
    return nullptr;
  }
}

/// The arguments of a JavaScript call, up to `N` of them.
template <size_t N>
struct Arguments {
  size_t count = N;
  napi_value values[N];

  Arguments(napi_env env, napi_callback_info info) { napi_get_cb_info(env, info, &count, values, nullptr, nullptr); }
  napi_value operator[](size_t index) const { return values[index]; }
};

}  // namespace moelab
