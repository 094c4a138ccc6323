#pragma once
// JavaScript values ↔ the dispatcher's values, by the type an operator's schema gives for each position.

#include <ATen/core/Tensor.h>
#include <ATen/core/function_schema.h>
#include <node_api.h>

#include <string>
#include <vector>

namespace moelab {

/// What the schema asks for, with optionality split off.
enum class Kind {
  tensor, tensorList, optionalTensorList, scalar, scalarList, integer, integerList, real, realList, boolean,
  booleanList, string, device, dtype, layout, memoryFormat, generator, unsupported,
};

struct Parameter {
  std::string name;
  Kind kind;
  bool optional;       // `T?`
  bool keywordOnly;
  bool written;        // `Tensor(a!)`
  int64_t fixedLength; // `int[2]`: a single number stands for both; 0 when any length goes
  c10::TypePtr elementType;
  std::optional<c10::IValue> defaultValue;
};

Parameter describeParameter(const c10::Argument& argument);
const char* kindName(Kind kind);

/// Throws std::invalid_argument naming the parameter when the value does not fit.
c10::IValue toIValue(napi_env env, napi_value value, const Parameter& parameter);

// One value; each throws std::invalid_argument naming the parameter.
at::Tensor toTensor(napi_env env, napi_value value, const std::string& name);
c10::Scalar toScalar(napi_env env, napi_value value, const std::string& name);
int64_t toInteger(napi_env env, napi_value value, const std::string& name);
bool toBoolean(napi_env env, napi_value value, const std::string& name);
at::ScalarType toScalarType(napi_env env, napi_value value, const std::string& name);

/// Null for undefined and null, which stand for an argument that is not given.
napi_value presentOrNull(napi_env env, napi_value value);
bool isNullish(napi_env env, napi_value value);

/// Throws PendingException when reading it runs a getter that throws.
napi_value elementOf(napi_env env, napi_value array, uint32_t index);

/// Tensors become handles (undefined ones null), lists arrays, integers beyond 2^53 bigints.
napi_value fromIValue(napi_env env, c10::IValue&& value);

napi_value fromString(napi_env env, const std::string& text);
std::string toString(napi_env env, napi_value value);
std::vector<int64_t> toIntegers(napi_env env, napi_value array);

}  // namespace moelab
