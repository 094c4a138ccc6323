#include "autograd.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <mutex>
#include <thread>

#include "errors.h"
#include "tensorTable.h"
#include "values.h"

namespace moelab {

namespace {

using torch::autograd::variable_list;

/// Array of handles, null for an undefined tensor.
variable_list toTensors(napi_env env, napi_value array) {
  variable_list list;
  if (isNullish(env, array)) return list;
  uint32_t length = 0;
  if (napi_get_array_length(env, array, &length) != napi_ok) throw std::invalid_argument("expected an array of tensors");
  for (uint32_t i = 0; i < length; ++i) {
    napi_value element = elementOf(env, array, i);
    if (isNullish(env, element)) {
      list.emplace_back();
    } else {
      list.push_back(toTensor(env, element, "tensors"));
    }
  }
  return list;
}

napi_value fromTensors(napi_env env, const variable_list& list) {
  napi_value result;
  napi_create_array_with_length(env, list.size(), &result);
  for (size_t i = 0; i < list.size(); ++i) {
    napi_set_element(env, result, static_cast<uint32_t>(i), fromIValue(env, c10::IValue(list[i])));
  }
  return result;
}

bool toBoolean(napi_env env, napi_value value) {
  bool result = false;
  napi_get_value_bool(env, value, &result);
  return result;
}

/// Node-API references may only be deleted on their own thread and outside of the garbage collector, while the last
/// owner of a graph may let go anywhere; what is dead waits here for the next call on that thread.
class ReferenceGraveyard {
 public:
  void bury(napi_ref reference) {
    std::lock_guard lock(mutex_);
    dead_.push_back(reference);
  }
  void empty(napi_env env) {
    std::vector<napi_ref> dead;
    {
      std::lock_guard lock(mutex_);
      dead.swap(dead_);
    }
    for (napi_ref reference : dead) napi_delete_reference(env, reference);
  }

 private:
  std::mutex mutex_;
  std::vector<napi_ref> dead_;
};

ReferenceGraveyard& graveyard() {
  static auto* instance = new ReferenceGraveyard;
  return *instance;
}

class JavaScriptFunction : public torch::autograd::Node {
 public:
  JavaScriptFunction(napi_env env, std::string name, napi_value backward, torch::autograd::edge_list&& edges)
      : Node(std::move(edges)), env_(env), name_(std::move(name)), thread_(std::this_thread::get_id()) {
    napi_create_reference(env, backward, 1, &backward_);
  }
  ~JavaScriptFunction() override { graveyard().bury(backward_); }

  std::string name() const override { return name_; }

  variable_list apply(variable_list&& gradients) override {
    if (std::this_thread::get_id() != thread_) {
      throw std::runtime_error(name_ + ": its backward is JavaScript and can only run for tensors on the CPU, "
                               "whose backward pass stays on the calling thread");
    }
    napi_handle_scope scope;
    napi_open_handle_scope(env_, &scope);
    struct Close {
      napi_env env;
      napi_handle_scope scope;
      ~Close() { napi_close_handle_scope(env, scope); }
    } close{env_, scope};

    napi_value function, receiver, result;
    napi_get_reference_value(env_, backward_, &function);
    napi_get_undefined(env_, &receiver);
    napi_value argument = fromTensors(env_, gradients);
    if (napi_call_function(env_, receiver, function, 1, &argument, &result) != napi_ok) throw PendingException{};
    variable_list inputs = toTensors(env_, result);
    if (inputs.size() != num_outputs()) {
      throw std::invalid_argument(name_ + ": backward must return one gradient (or null) for each of the " +
                                  std::to_string(num_outputs()) + " inputs, got " + std::to_string(inputs.size()));
    }
    return inputs;
  }

 private:
  napi_env env_;
  std::string name_;
  napi_ref backward_;
  std::thread::id thread_;
};

/// libtorch 2.12 and later count nodes intrusively, earlier ones with shared_ptr.
using NodePointer = decltype(torch::autograd::Edge::function);

template <class Pointer, class... Arguments>
Pointer makeNode(Arguments&&... arguments) {
  if constexpr (std::is_same_v<Pointer, std::shared_ptr<torch::autograd::Node>>) {
    return std::make_shared<JavaScriptFunction>(std::forward<Arguments>(arguments)...);
  } else {
    return c10::make_intrusive<JavaScriptFunction>(std::forward<Arguments>(arguments)...);
  }
}

}  // namespace

napi_value backward(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    graveyard().empty(env);
    Arguments<5> arguments(env, info);
    torch::autograd::backward(toTensors(env, arguments[0]), toTensors(env, arguments[1]),
                              toBoolean(env, arguments[2]), toBoolean(env, arguments[3]),
                              toTensors(env, arguments[4]));
    return nullptr;
  });
}

napi_value gradients(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    graveyard().empty(env);
    Arguments<6> arguments(env, info);
    return fromTensors(env, torch::autograd::grad(toTensors(env, arguments[0]), toTensors(env, arguments[1]),
                                                  toTensors(env, arguments[2]), toBoolean(env, arguments[3]),
                                                  toBoolean(env, arguments[4]), toBoolean(env, arguments[5])));
  });
}

napi_value setGradientEnabled(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  napi_value previous;
  napi_get_boolean(env, c10::GradMode::is_enabled(), &previous);
  c10::GradMode::set_enabled(toBoolean(env, arguments[0]));
  return previous;
}

napi_value isGradientEnabled(napi_env env, napi_callback_info) {
  napi_value result;
  napi_get_boolean(env, c10::GradMode::is_enabled(), &result);
  return result;
}

napi_value attachFunction(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    graveyard().empty(env);
    Arguments<4> arguments(env, info);
    napi_valuetype type;
    if (napi_typeof(env, arguments[3], &type) != napi_ok || type != napi_function) {
      throw std::invalid_argument("backward: expected a function");
    }
    const variable_list inputs = toTensors(env, arguments[1]);
    variable_list outputs = toTensors(env, arguments[2]);
    auto node = makeNode<NodePointer>(env, toString(env, arguments[0]), arguments[3],
                                      torch::autograd::collect_next_edges(inputs));
    for (auto& output : outputs) {
      // A fresh alias: the tensor that forward returned may be one of its inputs, whose history must stay.
      if (!output.defined()) throw std::invalid_argument("forward must return tensors");
      output = output.detach();
      if (at::isFloatingType(output.scalar_type()) || at::isComplexType(output.scalar_type())) {
        torch::autograd::create_gradient_edge(output, node);
      } else {
        node->add_input_metadata(torch::autograd::Node::undefined_input());
      }
    }
    return fromTensors(env, outputs);
  });
}

}  // namespace moelab
