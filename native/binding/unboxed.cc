#include "unboxed.h"

#include <c10/util/SmallVector.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "tensorTable.h"

namespace moelab {

namespace {

// One reader for each C++ parameter type: which parameters it reads, and the value it holds during the call.
template <class T>
struct Reader;

template <>
struct Reader<const at::Tensor&> {
  static constexpr Kind kind = Kind::tensor;
  static constexpr bool optional = false;
  at::Tensor value;  // a reference of its own: the operator may run JavaScript, which may dispose the argument
  Reader(napi_env env, napi_value given, const Parameter& parameter) : value(toTensor(env, given, parameter.name)) {}
  operator const at::Tensor&() const { return value; }
};

template <>
struct Reader<const at::Scalar&> {
  static constexpr Kind kind = Kind::scalar;
  static constexpr bool optional = false;
  at::Scalar value;
  Reader(napi_env env, napi_value given, const Parameter& parameter)
      : value(given || !parameter.defaultValue ? toScalar(env, given, parameter.name)
                                               : parameter.defaultValue->toScalar()) {}
  operator const at::Scalar&() const { return value; }
};

template <>
struct Reader<int64_t> {
  static constexpr Kind kind = Kind::integer;
  static constexpr bool optional = false;
  int64_t value;
  Reader(napi_env env, napi_value given, const Parameter& parameter)
      : value(given || !parameter.defaultValue ? toInteger(env, given, parameter.name)
                                               : parameter.defaultValue->toInt()) {}
  operator int64_t() const { return value; }
};

template <>
struct Reader<bool> {
  static constexpr Kind kind = Kind::boolean;
  static constexpr bool optional = false;
  bool value;
  Reader(napi_env env, napi_value given, const Parameter& parameter)
      : value(given || !parameter.defaultValue ? toBoolean(env, given, parameter.name)
                                               : parameter.defaultValue->toBool()) {}
  operator bool() const { return value; }
};

template <>
struct Reader<std::optional<at::ScalarType>> {
  static constexpr Kind kind = Kind::dtype;
  static constexpr bool optional = true;
  std::optional<at::ScalarType> value;
  Reader(napi_env env, napi_value given, const Parameter& parameter) {
    if (given) value = toScalarType(env, given, parameter.name);
  }
  operator std::optional<at::ScalarType>() const { return value; }
};

using Integers = c10::SmallVector<int64_t, 6>;

Integers readIntegers(napi_env env, napi_value given, const Parameter& parameter) {
  Integers integers;
  bool isArray = false;
  napi_is_array(env, given, &isArray);
  if (!isArray) {
    integers.assign(std::max<int64_t>(1, parameter.fixedLength), toInteger(env, given, parameter.name));
    return integers;
  }
  uint32_t length = 0;
  napi_get_array_length(env, given, &length);
  integers.reserve(length);
  for (uint32_t i = 0; i < length; ++i) {
    integers.push_back(toInteger(env, elementOf(env, given, i), parameter.name));
  }
  return integers;
}

template <>
struct Reader<c10::SymIntArrayRef> {
  static constexpr Kind kind = Kind::integerList;
  static constexpr bool optional = false;
  Integers value;
  Reader(napi_env env, napi_value given, const Parameter& parameter) {
    if (!given) throw std::invalid_argument("argument '" + parameter.name + "' is missing");
    value = readIntegers(env, given, parameter);
  }
  operator c10::SymIntArrayRef() const { return c10::fromIntArrayRefSlow(value); }
};

template <>
struct Reader<at::IntArrayRef> : Reader<c10::SymIntArrayRef> {
  using Reader<c10::SymIntArrayRef>::Reader;
  operator at::IntArrayRef() const { return value; }
};

template <>
struct Reader<at::OptionalIntArrayRef> {
  static constexpr Kind kind = Kind::integerList;
  static constexpr bool optional = true;
  std::optional<Integers> value;
  Reader(napi_env env, napi_value given, const Parameter& parameter) {
    if (given) value = readIntegers(env, given, parameter);
  }
  operator at::OptionalIntArrayRef() const {
    return value ? at::OptionalIntArrayRef(at::IntArrayRef(*value)) : at::OptionalIntArrayRef();
  }
};

/// Whether the reader can stand for the parameter, its default included.
template <class T>
bool reads(const Parameter& parameter) {
  if (parameter.kind != Reader<T>::kind || parameter.optional != Reader<T>::optional) return false;
  const bool hasDefault = parameter.defaultValue && !parameter.defaultValue->isNone();
  return !hasDefault || parameter.kind == Kind::scalar || parameter.kind == Kind::integer ||
         parameter.kind == Kind::boolean;
}

template <class... Ts>
class UnboxedOperatorOf final : public UnboxedOperator {
 public:
  using Signature = at::Tensor(Ts...);

  static std::unique_ptr<UnboxedOperator> match(const c10::OperatorHandle& handle,
                                                const std::vector<Parameter>& parameters) {
    if (parameters.size() != sizeof...(Ts)) return nullptr;
    size_t at = 0;
    if (!(reads<Ts>(parameters[at++]) && ...)) return nullptr;
    try {
      return std::make_unique<UnboxedOperatorOf>(handle.typed<Signature>(), parameters);
    } catch (const c10::Error&) {
      return nullptr;  // the same kinds, but another C++ signature, for example int where this one has SymInt
    }
  }

  UnboxedOperatorOf(c10::TypedOperatorHandle<Signature> handle, const std::vector<Parameter>& parameters)
      : handle_(handle) {
    std::copy(parameters.begin(), parameters.end(), parameters_.begin());
  }

  at::Tensor call(napi_env env, const napi_value* values, size_t given) const override {
    return call(env, values, given, std::index_sequence_for<Ts...>());
  }

 private:
  template <size_t... I>
  at::Tensor call(napi_env env, const napi_value* values, size_t given, std::index_sequence<I...>) const {
    std::tuple<Reader<Ts>...> arguments{
        Reader<Ts>(env, I < given ? presentOrNull(env, values[I]) : nullptr, parameters_[I])...};
    return handle_.call(std::get<I>(arguments)...);
  }

  c10::TypedOperatorHandle<Signature> handle_;
  std::array<Parameter, sizeof...(Ts)> parameters_;
};

}  // namespace

std::unique_ptr<UnboxedOperator> unboxedOperator(const c10::OperatorHandle& handle,
                                                 const std::vector<Parameter>& parameters) {
  const auto& returns = handle.schema().returns();
  if (returns.size() != 1 || returns[0].type()->kind() != c10::TypeKind::TensorType) return nullptr;
  if (returns[0].alias_info() && returns[0].alias_info()->isWrite()) return nullptr;  // returns a reference
  using T = const at::Tensor&;
  using S = const at::Scalar&;
  using I = int64_t;
  using B = bool;
  using D = std::optional<at::ScalarType>;
  std::unique_ptr<UnboxedOperator> found;
  const auto tryIn = [&]<class... Ts>(UnboxedOperatorOf<Ts...>*) {
    if (!found) found = UnboxedOperatorOf<Ts...>::match(handle, parameters);
  };
  tryIn(static_cast<UnboxedOperatorOf<T>*>(nullptr));                             // exp, relu, t
  tryIn(static_cast<UnboxedOperatorOf<T, T>*>(nullptr));                          // mul, matmul, eq
  tryIn(static_cast<UnboxedOperatorOf<T, T, T>*>(nullptr));                       // where, lerp
  tryIn(static_cast<UnboxedOperatorOf<T, T, S>*>(nullptr));                       // add, sub
  tryIn(static_cast<UnboxedOperatorOf<T, S>*>(nullptr));                          // mul and comparisons with a number
  tryIn(static_cast<UnboxedOperatorOf<T, S, S>*>(nullptr));                       // add with a number
  tryIn(static_cast<UnboxedOperatorOf<T, T, S, S>*>(nullptr));
  tryIn(static_cast<UnboxedOperatorOf<T, c10::SymIntArrayRef>*>(nullptr));        // view, reshape
  tryIn(static_cast<UnboxedOperatorOf<T, at::IntArrayRef>*>(nullptr));            // permute
  tryIn(static_cast<UnboxedOperatorOf<T, I>*>(nullptr));                          // unsqueeze, squeeze
  tryIn(static_cast<UnboxedOperatorOf<T, I, I>*>(nullptr));                       // transpose
  tryIn(static_cast<UnboxedOperatorOf<T, I, T>*>(nullptr));                       // index_select
  tryIn(static_cast<UnboxedOperatorOf<T, I, T, T>*>(nullptr));                    // index_add, scatter
  tryIn(static_cast<UnboxedOperatorOf<T, D>*>(nullptr));                          // sum, mean of everything
  tryIn(static_cast<UnboxedOperatorOf<T, I, D>*>(nullptr));                       // softmax, cumsum
  tryIn(static_cast<UnboxedOperatorOf<T, at::OptionalIntArrayRef, B, D>*>(nullptr));  // sum, mean
  tryIn(static_cast<UnboxedOperatorOf<T, at::IntArrayRef, B>*>(nullptr));         // amax, logsumexp
  return found;
}

}  // namespace moelab
