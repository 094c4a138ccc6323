#pragma once
// Calling any operator of the PyTorch dispatcher by its schema.

#include <node_api.h>

namespace moelab {

/// describe(name) → its overloads: [{ overload, schema, parameters: [{ name, kind, optional, keywordOnly, written,
/// fixedLength, hasDefault, defaultText }], returns: [{ kind, written }] }], empty for an unknown name.
napi_value describeOperator(napi_env env, napi_callback_info info);

/// lookUp(name, overload) → index for call().
napi_value lookUpOperator(napi_env env, napi_callback_info info);

/// call(index, ...arguments in schema order) → the result, an array when there are several. Missing arguments take
/// their defaults.
napi_value callOperator(napi_env env, napi_callback_info info);

/// callTracked(object, index, ...) → as call(), for operators that return one tensor: its handle comes into the care of
/// the garbage collector as `object`'s.
napi_value callOperatorTracked(napi_env env, napi_callback_info info);

/// As call(), but drops the result: for in-place operators, whose result is their first argument.
napi_value callOperatorInPlace(napi_env env, napi_callback_info info);

/// Names of all registered operators, "namespace::name" without overloads, sorted.
napi_value listOperators(napi_env env, napi_callback_info info);

}  // namespace moelab
