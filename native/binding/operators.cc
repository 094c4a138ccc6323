#include "operators.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <algorithm>
#include <deque>
#include <set>
#include <sstream>
#include <unordered_map>

#include "errors.h"
#include "tensorTable.h"
#include "unboxed.h"
#include "values.h"

namespace moelab {

namespace {

struct Operator {
  c10::OperatorHandle handle;
  std::vector<Parameter> parameters;
  std::unique_ptr<UnboxedOperator> unboxed;  // null: called boxed
};

/// A deque, so that an operator stays where it is while one that runs JavaScript looks up another.
std::deque<Operator>& operators() {
  static auto* table = new std::deque<Operator>;
  return *table;
}

// Deep enough for every schema with arguments people pass; the widest in ATen has about 20.
constexpr size_t kMaxArguments = 40;

/// A stack whose memory is reused by the next call. Calls nest when an autograd function written in JavaScript runs
/// inside a backward operator, so there is one for each depth.
class StackLease {
 public:
  StackLease() : stack_(depth_ < pool_.size() ? pool_[depth_] : grow()) { ++depth_; }
  ~StackLease() {
    stack_.clear();
    --depth_;
  }
  torch::jit::Stack& operator*() { return stack_; }

 private:
  static torch::jit::Stack& grow() {
    pool_.emplace_back();
    pool_.back().reserve(kMaxArguments);
    return pool_.back();
  }
  static thread_local std::deque<torch::jit::Stack> pool_;
  static thread_local size_t depth_;
  torch::jit::Stack& stack_;
};
thread_local std::deque<torch::jit::Stack> StackLease::pool_;
thread_local size_t StackLease::depth_ = 0;

void describeValue(std::ostream& out, napi_env env, napi_value value, const Parameter& parameter, int depth = 0) {
  bool isArray = false;
  napi_is_array(env, value, &isArray);
  if (isArray && depth > 2) {
    out << "[…]";  // an array may hold itself
    return;
  }
  if (isArray) {
    uint32_t length = 0;
    napi_get_array_length(env, value, &length);
    out << "[";
    for (uint32_t i = 0; i < length; ++i) {
      if (i == 8) {
        out << ", … " << length << " in all";
        break;
      }
      if (i > 0) out << ", ";
      describeValue(out, env, elementOf(env, value, i), parameter, depth + 1);
    }
    out << "]";
    return;
  }
  napi_valuetype type;
  napi_typeof(env, value, &type);
  const bool isTensor = parameter.kind == Kind::tensor || parameter.kind == Kind::tensorList ||
                        parameter.kind == Kind::optionalTensorList;
  if (isTensor && type == napi_number) {
    try {
      const at::Tensor tensor = toTensor(env, value, parameter.name);
      out << "Tensor" << tensor.sizes() << " " << tensor.scalar_type();
      if (!tensor.device().is_cpu()) out << " on " << tensor.device().str();
    } catch (const std::exception&) {
      out << "disposed Tensor";
    }
    return;
  }
  // Only values whose text is made without running code of the user's.
  napi_value text;
  if (type == napi_object || type == napi_function || type == napi_symbol || type == napi_external) {
    out << (type == napi_function ? "function" : type == napi_symbol ? "symbol" : "object");
  } else if (napi_coerce_to_string(env, value, &text) == napi_ok) {
    out << toString(env, text);
  }
}

/// The arguments as the user gave them, for error messages.
std::string describeArguments(napi_env env, const Operator& op, const napi_value* values, size_t count) {
  std::ostringstream out;
  out << "  called with";
  bool first = true;
  for (size_t i = 0; i < std::min(count, op.parameters.size()); ++i) {
    napi_valuetype type;
    napi_typeof(env, values[i], &type);
    if (type == napi_undefined || type == napi_null) continue;
    out << (first ? " " : ", ") << op.parameters[i].name << ": ";
    first = false;
    describeValue(out, env, values[i], op.parameters[i]);
  }
  out << "\n  schema " << op.handle.schema();
  return out.str();
}

std::string displayName(const Operator& op) {
  const auto& name = op.handle.schema().name();
  return name.rfind("aten::", 0) == 0 ? "torch." + name.substr(6) : name;
}

napi_value fromHandle(napi_env env, TensorTable::Handle handle) {
  napi_value result;
  napi_create_uint32(env, handle, &result);
  return result;
}

napi_value fromTensor(napi_env env, at::Tensor&& tensor) {
  if (tensor.defined()) return fromHandle(env, tensors().put(std::move(tensor)));
  napi_value result;
  napi_get_null(env, &result);
  return result;
}

/// The arguments of a boxed call, put on the stack.
void pushArguments(napi_env env, const Operator& op, const napi_value* values, size_t given, torch::jit::Stack& stack) {
  for (size_t i = 0; i < op.parameters.size(); ++i) {
    const Parameter& parameter = op.parameters[i];
    if (i < given) {
      stack.push_back(toIValue(env, values[i], parameter));
    } else if (parameter.defaultValue) {
      stack.push_back(*parameter.defaultValue);
    } else if (parameter.optional) {
      stack.emplace_back();
    } else {
      throw std::invalid_argument("argument '" + parameter.name + "' is missing");
    }
  }
}

napi_value popResults(napi_env env, torch::jit::Stack& stack) {
  if (stack.empty()) return nullptr;
  if (stack.size() == 1) return fromIValue(env, std::move(stack[0]));
  napi_value result;
  napi_create_array_with_length(env, stack.size(), &result);
  for (size_t i = 0; i < stack.size(); ++i) {
    napi_set_element(env, result, static_cast<uint32_t>(i), fromIValue(env, std::move(stack[i])));
  }
  return result;
}

enum class Result { returned, dropped, tracked };

template <Result mode>
napi_value call(napi_env env, napi_callback_info info) {
  constexpr size_t first = mode == Result::tracked ? 2 : 1;  // of the operator's arguments
  size_t count = kMaxArguments + first;
  napi_value values[kMaxArguments + first];
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  uint32_t index = 0;
  if (count < first || napi_get_value_uint32(env, values[first - 1], &index) != napi_ok || index >= operators().size()) {
    napi_throw_error(env, "ARGUMENT", "call: expected an operator's index from lookUp()");
    return nullptr;
  }
  const Operator& op = operators()[index];
  const size_t given = std::min(count - first, kMaxArguments);
  try {
    if (count - first > op.parameters.size()) {
      throw std::invalid_argument("takes " + std::to_string(op.parameters.size()) + " arguments, got " +
                                  std::to_string(count - first));
    }
    napi_value result = nullptr;
    if (op.unboxed) {
      result = fromTensor(env, op.unboxed->call(env, values + first, given));
    } else {
      StackLease lease;
      torch::jit::Stack& stack = *lease;
      pushArguments(env, op, values + first, given, stack);
      op.handle.callBoxed(&stack);
      if constexpr (mode == Result::dropped) return nullptr;
      result = popResults(env, stack);
    }
    if constexpr (mode == Result::tracked) {
      uint32_t handle;
      if (result && napi_get_value_uint32(env, result, &handle) == napi_ok) tensors().track(env, values[0], handle);
    }
    return result;
  } catch (...) {
    raiseCurrentException(env, displayName(op), [&] { return describeArguments(env, op, values + first, given); });
    return nullptr;
  }
}

void setProperty(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

napi_value boolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value integer(napi_env env, int64_t value) {
  napi_value result;
  napi_create_int64(env, value, &result);
  return result;
}

napi_value describeSchema(napi_env env, const c10::FunctionSchema& schema) {
  napi_value result, parameters, returns;
  napi_create_object(env, &result);
  napi_create_array(env, &parameters);
  napi_create_array(env, &returns);
  std::ostringstream text;
  text << schema;
  setProperty(env, result, "overload", fromString(env, schema.overload_name()));
  setProperty(env, result, "schema", fromString(env, text.str()));

  uint32_t index = 0;
  for (const auto& argument : schema.arguments()) {
    const Parameter parameter = describeParameter(argument);
    napi_value entry;
    napi_create_object(env, &entry);
    setProperty(env, entry, "name", fromString(env, parameter.name));
    setProperty(env, entry, "kind", fromString(env, kindName(parameter.kind)));
    setProperty(env, entry, "optional", boolean(env, parameter.optional));
    setProperty(env, entry, "keywordOnly", boolean(env, parameter.keywordOnly));
    setProperty(env, entry, "written", boolean(env, parameter.written));
    setProperty(env, entry, "fixedLength", integer(env, parameter.fixedLength));
    setProperty(env, entry, "hasDefault", boolean(env, parameter.defaultValue.has_value()));
    napi_set_element(env, parameters, index++, entry);
  }
  index = 0;
  for (const auto& argument : schema.returns()) {
    const Parameter parameter = describeParameter(argument);
    napi_value entry;
    napi_create_object(env, &entry);
    setProperty(env, entry, "name", fromString(env, parameter.name));
    setProperty(env, entry, "kind", fromString(env, kindName(parameter.kind)));
    setProperty(env, entry, "written", boolean(env, parameter.written));
    napi_set_element(env, returns, index++, entry);
  }
  setProperty(env, result, "parameters", parameters);
  setProperty(env, result, "returns", returns);
  return result;
}

}  // namespace

napi_value describeOperator(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    Arguments<1> arguments(env, info);
    const std::string name = toString(env, arguments[0]);
    napi_value result;
    napi_create_array(env, &result);
    // Index by name once: the dispatcher offers only lookups by exact overload, and a scan costs milliseconds.
    static const auto* overloads = [] {
      auto* map = new std::unordered_map<std::string, std::vector<c10::OperatorName>>;
      for (const auto& operatorName : c10::Dispatcher::singleton().getAllOpNames()) {
        (*map)[operatorName.name].push_back(operatorName);
      }
      for (auto& [_, names] : *map) {
        std::sort(names.begin(), names.end(),
                  [](const auto& a, const auto& b) { return a.overload_name < b.overload_name; });
      }
      return map;
    }();
    uint32_t index = 0;
    if (auto found = overloads->find(name); found != overloads->end()) {
      for (const auto& operatorName : found->second) {
        if (auto handle = c10::Dispatcher::singleton().findSchema(operatorName)) {
          napi_set_element(env, result, index++, describeSchema(env, handle->schema()));
        }
      }
    }
    return result;
  });
}

napi_value lookUpOperator(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    Arguments<2> arguments(env, info);
    const std::string name = toString(env, arguments[0]);
    const std::string overload = toString(env, arguments[1]);
    auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
    if (!handle) {
      throw std::invalid_argument("operator '" + name + (overload.empty() ? "" : "." + overload) +
                                  "' is not registered in this libtorch");
    }
    Operator op{*handle, {}, nullptr};
    for (const auto& argument : handle->schema().arguments()) op.parameters.push_back(describeParameter(argument));
    op.unboxed = unboxedOperator(*handle, op.parameters);
    operators().push_back(std::move(op));
    return integer(env, static_cast<int64_t>(operators().size()) - 1);
  });
}

napi_value callOperator(napi_env env, napi_callback_info info) { return call<Result::returned>(env, info); }

napi_value callOperatorTracked(napi_env env, napi_callback_info info) { return call<Result::tracked>(env, info); }

napi_value callOperatorInPlace(napi_env env, napi_callback_info info) { return call<Result::dropped>(env, info); }

napi_value listOperators(napi_env env, napi_callback_info) {
  return atBoundary(env, [&] {
    std::set<std::string> names;
    for (const auto& operatorName : c10::Dispatcher::singleton().getAllOpNames()) names.insert(operatorName.name);
    napi_value result;
    napi_create_array_with_length(env, names.size(), &result);
    uint32_t index = 0;
    for (const auto& name : names) napi_set_element(env, result, index++, fromString(env, name));
    return result;
  });
}

}  // namespace moelab
