#include "values.h"

#include <ATen/core/List.h>
#include <ATen/core/ivalue.h>

#include <cmath>
#include <stdexcept>

#include "errors.h"
#include "tensorTable.h"

namespace moelab {

namespace {

constexpr double kMaxSafeInteger = 9007199254740992.0;

napi_valuetype typeOf(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type;
}

const char* typeName(napi_env env, napi_value value) {
  if (!value) return "nothing";
  bool isArray = false;
  napi_is_array(env, value, &isArray);
  if (isArray) return "an array";
  switch (typeOf(env, value)) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_number: return "a number";
    case napi_string: return "a string";
    case napi_bigint: return "a bigint";
    case napi_function: return "a function";
    default: return "an object";
  }
}

[[noreturn]] void mismatch(napi_env env, napi_value value, const std::string& name, const char* expected) {
  throw std::invalid_argument("argument '" + name + "': expected " + expected + ", got " + typeName(env, value));
}

uint32_t lengthOf(napi_env env, napi_value array) {
  uint32_t length = 0;
  napi_get_array_length(env, array, &length);
  return length;
}

double toReal(napi_env env, napi_value value, const std::string& name) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) mismatch(env, value, name, "a number");
  return number;
}

}  // namespace

bool isNullish(napi_env env, napi_value value) {
  const auto type = typeOf(env, value);
  return type == napi_undefined || type == napi_null;
}

napi_value elementOf(napi_env env, napi_value array, uint32_t index) {
  napi_value element;
  if (napi_get_element(env, array, index, &element) != napi_ok) throw PendingException{};
  return element;
}

int64_t toInteger(napi_env env, napi_value value, const std::string& name) {
  if (!value) throw std::invalid_argument("argument '" + name + "' is missing");
  const auto type = typeOf(env, value);
  if (type == napi_number) {
    double number;
    napi_get_value_double(env, value, &number);
    // Beyond 2^63 (and for NaN) the conversion is undefined.
    if (number != std::trunc(number) || !(std::fabs(number) < 9223372036854775808.0)) {
      throw std::invalid_argument("argument '" + name + "': expected an integer of 64 bits, got " +
                                  std::to_string(number));
    }
    return static_cast<int64_t>(number);
  }
  if (type == napi_bigint) {
    int64_t integer;
    bool lossless;
    napi_get_value_bigint_int64(env, value, &integer, &lossless);
    if (!lossless) throw std::invalid_argument("argument '" + name + "': bigint does not fit into 64 bits");
    return integer;
  }
  mismatch(env, value, name, "an integer");
}

bool toBoolean(napi_env env, napi_value value, const std::string& name) {
  bool boolean;
  if (!value || napi_get_value_bool(env, value, &boolean) != napi_ok) mismatch(env, value, name, "a boolean");
  return boolean;
}

at::Tensor toTensor(napi_env env, napi_value value, const std::string& name) {
  double number;
  if (!value || napi_get_value_double(env, value, &number) != napi_ok) mismatch(env, value, name, "a Tensor");
  // NaN, fractions and whatever else is no handle.
  const bool isHandle = number >= 0 && number <= UINT32_MAX && number == std::trunc(number);
  return tensors().get(isHandle ? static_cast<int64_t>(number) : -1);
}

c10::Scalar toScalar(napi_env env, napi_value value, const std::string& name) {
  if (!value) mismatch(env, value, name, "a number, boolean or bigint");
  switch (typeOf(env, value)) {
    case napi_number: {
      double number;
      napi_get_value_double(env, value, &number);
      // JavaScript has one number type: a whole number is an integer scalar, so that integer tensors stay integer
      // (a float tensor stays float either way).
      if (number == std::trunc(number) && std::fabs(number) <= kMaxSafeInteger && !(number == 0 && std::signbit(number))) {
        return static_cast<int64_t>(number);
      }
      return number;
    }
    case napi_boolean: return toBoolean(env, value, name);
    case napi_bigint: return toInteger(env, value, name);
    default: mismatch(env, value, name, "a number, boolean or bigint");
  }
}

at::ScalarType toScalarType(napi_env env, napi_value value, const std::string& name) {
  const int64_t code = toInteger(env, value, name);
  if (code < 0 || code >= static_cast<int64_t>(at::ScalarType::NumOptions) ||
      code == static_cast<int64_t>(at::ScalarType::Undefined)) {
    throw std::invalid_argument("argument '" + name + "': " + std::to_string(code) + " is not the code of a dtype");
  }
  return static_cast<at::ScalarType>(code);
}

napi_value presentOrNull(napi_env env, napi_value value) { return isNullish(env, value) ? nullptr : value; }

namespace {

template <class T, class Convert>
c10::List<T> toList(napi_env env, napi_value value, const Parameter& parameter, const char* expected, Convert convert) {
  c10::List<T> list;
  bool isArray = false;
  napi_is_array(env, value, &isArray);
  if (!isArray) {
    if constexpr (std::is_same_v<T, int64_t>) {
      const T element = convert(env, value, parameter.name);
      for (int64_t i = 0; i < std::max<int64_t>(1, parameter.fixedLength); ++i) list.push_back(element);
      return list;
    }
    mismatch(env, value, parameter.name, expected);
  }
  const uint32_t length = lengthOf(env, value);
  list.reserve(length);
  for (uint32_t i = 0; i < length; ++i) list.push_back(convert(env, elementOf(env, value, i), parameter.name));
  return list;
}

Kind kindOf(const c10::TypePtr& type) {
  using T = c10::TypeKind;
  switch (type->kind()) {
    case T::TensorType: return Kind::tensor;
    case T::NumberType: return Kind::scalar;
    case T::IntType:
    case T::SymIntType: return Kind::integer;
    case T::FloatType:
    case T::SymFloatType: return Kind::real;
    case T::BoolType:
    case T::SymBoolType: return Kind::boolean;
    case T::StringType: return Kind::string;
    case T::DeviceObjType: return Kind::device;
    case T::ScalarTypeType: return Kind::dtype;
    case T::LayoutType: return Kind::layout;
    case T::MemoryFormatType: return Kind::memoryFormat;
    case T::GeneratorType: return Kind::generator;
    case T::ListType: {
      const auto element = type->castRaw<c10::ListType>()->getElementType();
      if (element->kind() == T::OptionalType) {
        return kindOf(element->castRaw<c10::OptionalType>()->getElementType()) == Kind::tensor
                   ? Kind::optionalTensorList
                   : Kind::unsupported;
      }
      switch (kindOf(element)) {
        case Kind::tensor: return Kind::tensorList;
        case Kind::scalar: return Kind::scalarList;
        case Kind::integer: return Kind::integerList;
        case Kind::real: return Kind::realList;
        case Kind::boolean: return Kind::booleanList;
        default: return Kind::unsupported;
      }
    }
    default: return Kind::unsupported;
  }
}

}  // namespace

Parameter describeParameter(const c10::Argument& argument) {
  Parameter parameter;
  parameter.name = argument.name();
  c10::TypePtr type = argument.real_type();
  parameter.optional = type->kind() == c10::TypeKind::OptionalType;
  if (parameter.optional) type = type->castRaw<c10::OptionalType>()->getElementType();
  parameter.kind = kindOf(type);
  parameter.keywordOnly = argument.kwarg_only();
  parameter.written = argument.alias_info() && argument.alias_info()->isWrite();
  parameter.fixedLength = argument.N().value_or(0);
  if (argument.default_value()) parameter.defaultValue = *argument.default_value();
  return parameter;
}

const char* kindName(Kind kind) {
  switch (kind) {
    case Kind::tensor: return "tensor";
    case Kind::tensorList: return "tensorList";
    case Kind::optionalTensorList: return "optionalTensorList";
    case Kind::scalar: return "scalar";
    case Kind::scalarList: return "scalarList";
    case Kind::integer: return "integer";
    case Kind::integerList: return "integerList";
    case Kind::real: return "real";
    case Kind::realList: return "realList";
    case Kind::boolean: return "boolean";
    case Kind::booleanList: return "booleanList";
    case Kind::string: return "string";
    case Kind::device: return "device";
    case Kind::dtype: return "dtype";
    case Kind::layout: return "layout";
    case Kind::memoryFormat: return "memoryFormat";
    case Kind::generator: return "generator";
    case Kind::unsupported: return "unsupported";
  }
  return "unsupported";
}

c10::IValue toIValue(napi_env env, napi_value value, const Parameter& parameter) {
  const std::string& name = parameter.name;
  if (isNullish(env, value)) {
    if (parameter.defaultValue) return *parameter.defaultValue;
    if (parameter.optional) return {};
    throw std::invalid_argument("argument '" + name + "' is missing");
  }
  switch (parameter.kind) {
    case Kind::tensor: return toTensor(env, value, name);
    case Kind::scalar: return toScalar(env, value, name);
    case Kind::dtype: return toScalarType(env, value, name);
    case Kind::integer: return toInteger(env, value, name);
    case Kind::layout:
    case Kind::memoryFormat: {
      // Codes go into an 8-bit enum unchecked; the largest of both enums is far below this.
      const int64_t code = toInteger(env, value, name);
      if (code < 0 || code > 3) throw std::invalid_argument("argument '" + name + "': unknown code " + std::to_string(code));
      return code;
    }
    case Kind::real: return toReal(env, value, name);
    case Kind::boolean: return toBoolean(env, value, name);
    case Kind::string: return toString(env, value);
    case Kind::device: return c10::Device(toString(env, value));
    case Kind::tensorList: return toList<at::Tensor>(env, value, parameter, "an array of Tensors", toTensor);
    case Kind::integerList: return toList<int64_t>(env, value, parameter, "an array of integers", toInteger);
    case Kind::realList: return toList<double>(env, value, parameter, "an array of numbers", toReal);
    case Kind::booleanList: return toList<bool>(env, value, parameter, "an array of booleans", toBoolean);
    case Kind::scalarList: {
      c10::List<c10::IValue> list(c10::NumberType::get());
      bool isArray = false;
      napi_is_array(env, value, &isArray);
      if (!isArray) mismatch(env, value, name, "an array of numbers");
      const uint32_t length = lengthOf(env, value);
      for (uint32_t i = 0; i < length; ++i) list.push_back(toScalar(env, elementOf(env, value, i), name));
      return list;
    }
    case Kind::optionalTensorList: {
      c10::List<std::optional<at::Tensor>> list;
      bool isArray = false;
      napi_is_array(env, value, &isArray);
      if (!isArray) mismatch(env, value, name, "an array of Tensors or nulls");
      const uint32_t length = lengthOf(env, value);
      for (uint32_t i = 0; i < length; ++i) {
        napi_value element = elementOf(env, value, i);
        if (isNullish(env, element)) {
          list.push_back(std::nullopt);
        } else {
          list.push_back(toTensor(env, element, name));
        }
      }
      return list;
    }
    case Kind::generator:
      throw std::invalid_argument("argument '" + name + "': generators cannot be passed; seed with torch.manualSeed()");
    case Kind::unsupported: break;
  }
  throw std::invalid_argument("argument '" + name + "' has a type that cannot be passed from JavaScript");
}

napi_value fromIValue(napi_env env, c10::IValue&& value) {
  napi_value result = nullptr;
  if (value.isTensor()) {
    at::Tensor tensor = std::move(value).toTensor();
    if (!tensor.defined()) {
      napi_get_null(env, &result);
    } else {
      napi_create_uint32(env, tensors().put(std::move(tensor)), &result);
    }
  } else if (value.isInt() || value.isSymInt()) {
    const int64_t integer = value.isInt() ? value.toInt() : value.toSymInt().expect_int();
    if (std::abs(static_cast<double>(integer)) < kMaxSafeInteger) {
      napi_create_int64(env, integer, &result);
    } else {
      napi_create_bigint_int64(env, integer, &result);
    }
  } else if (value.isDouble()) {
    napi_create_double(env, value.toDouble(), &result);
  } else if (value.isBool()) {
    napi_get_boolean(env, value.toBool(), &result);
  } else if (value.isString()) {
    result = fromString(env, value.toStringRef());
  } else if (value.isList()) {
    const auto list = value.toListRef();
    napi_create_array_with_length(env, list.size(), &result);
    for (size_t i = 0; i < list.size(); ++i) {
      napi_set_element(env, result, static_cast<uint32_t>(i), fromIValue(env, c10::IValue(list[i])));
    }
  } else if (value.isDevice()) {
    result = fromString(env, value.toDevice().str());
  } else {
    napi_get_null(env, &result);
  }
  return result;
}

napi_value fromString(napi_env env, const std::string& text) {
  napi_value result;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

std::string toString(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    throw std::invalid_argument(std::string("expected a string, got ") + typeName(env, value));
  }
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

std::vector<int64_t> toIntegers(napi_env env, napi_value array) {
  const uint32_t length = lengthOf(env, array);
  std::vector<int64_t> integers(length);
  for (uint32_t i = 0; i < length; ++i) integers[i] = toInteger(env, elementOf(env, array, i), "shape");
  return integers;
}

}  // namespace moelab
