#include "autograd.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/saved_variable.h>
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
    variable_list inputs;
    call(gradients, [&](napi_value result) { inputs = toTensors(env_, result); });
    if (inputs.size() != num_outputs()) {
      throw std::invalid_argument(name_ + ": backward must return one gradient (or null) for each of the " +
                                  std::to_string(num_outputs()) + " inputs, got " + std::to_string(inputs.size()));
    }
    return inputs;
  }

 protected:
  /// Calls the function with tensors, and `take` with what it returns.
  template <class Take>
  void call(const variable_list& tensors, Take take) {
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
    napi_value argument = fromTensors(env_, tensors);
    if (napi_call_function(env_, receiver, function, 1, &argument, &result) != napi_ok) throw PendingException{};
    take(result);
  }

  const std::string& label() const { return name_; }

 private:
  napi_env env_;
  std::string name_;
  napi_ref backward_;
  std::thread::id thread_;
};

/// What JavaScript has computed again: `offerRecomputed` puts it here while its tensors are alive.
struct Recomputed {
  variable_list outputs, inputs;
};
thread_local Recomputed* recomputedNow = nullptr;

/// Keeps the first inputs alone. In a backward pass its function computes the outputs again from them, and the gradients
/// are taken through those without passing JavaScript, where each would have a second owner and could not be moved.
class Recomputation : public JavaScriptFunction {
 public:
  Recomputation(napi_env env, std::string name, napi_value rebuild, torch::autograd::edge_list&& edges,
                const variable_list& saved)
      : JavaScriptFunction(env, std::move(name), rebuild, std::move(edges)) {
    for (const auto& tensor : saved) saved_.emplace_back(tensor, /*is_output=*/false);
  }

  void release_variables() override {
    saved_.clear();
    released_ = true;
  }

  variable_list apply(variable_list&& gradients) override {
    if (released_) {
      throw std::runtime_error(label() + ": a second backward pass needs the graph of the first: pass retainGraph");
    }
    if (c10::GradMode::is_enabled()) {
      throw std::runtime_error(label() + ": what is recomputed has no second derivatives: leave createGraph out");
    }
    variable_list saved;
    for (const auto& variable : saved_) saved.push_back(variable.unpack().detach());
    Recomputed again;
    Recomputed* outer = recomputedNow;
    recomputedNow = &again;
    struct Restore {
      Recomputed* outer;
      ~Restore() { recomputedNow = outer; }
    } restore{outer};
    call(saved, [](napi_value) {});
    saved.clear();
    if (again.outputs.size() != gradients.size() || again.inputs.size() != num_outputs()) {
      throw std::runtime_error(label() + ": the second run gave " + std::to_string(again.outputs.size()) +
                               " tensors, the first " + std::to_string(gradients.size()));
    }
    variable_list outputs, outer_gradients, inputs;
    std::vector<size_t> places;
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].defined() || !again.outputs[i].requires_grad()) continue;
      outputs.push_back(std::move(again.outputs[i]));
      outer_gradients.push_back(std::move(gradients[i]));
    }
    for (size_t i = 0; i < again.inputs.size(); ++i) {
      if (!again.inputs[i].requires_grad()) continue;
      places.push_back(i);
      inputs.push_back(again.inputs[i]);
    }
    variable_list result(num_outputs());
    if (outputs.empty() || inputs.empty()) return result;
    variable_list found = torch::autograd::grad(outputs, inputs, outer_gradients, /*retain_graph=*/false,
                                                /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0; i < places.size(); ++i) result[places[i]] = std::move(found[i]);
    return result;
  }

 private:
  std::vector<torch::autograd::SavedVariable> saved_;
  bool released_ = false;
};

/// libtorch 2.12 and later count nodes intrusively, earlier ones with shared_ptr.
using NodePointer = decltype(torch::autograd::Edge::function);

template <class Function, class Pointer, class... Arguments>
Pointer makeNode(Arguments&&... arguments) {
  if constexpr (std::is_same_v<Pointer, std::shared_ptr<torch::autograd::Node>>) {
    return std::make_shared<Function>(std::forward<Arguments>(arguments)...);
  } else {
    return c10::make_intrusive<Function>(std::forward<Arguments>(arguments)...);
  }
}

/// Fresh aliases of the outputs with the node as their history: what forward returned may be one of its inputs, whose
/// own history must stay.
napi_value withHistory(napi_env env, variable_list&& outputs, const NodePointer& node) {
  for (auto& output : outputs) {
    if (!output.defined()) throw std::invalid_argument("forward must return tensors");
    output = output.detach();
    if (at::isFloatingType(output.scalar_type()) || at::isComplexType(output.scalar_type())) {
      torch::autograd::create_gradient_edge(output, node);
    } else {
      node->add_input_metadata(torch::autograd::Node::undefined_input());
    }
  }
  return fromTensors(env, outputs);
}

void expectFunction(napi_env env, napi_value value, const char* name) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_function) {
    throw std::invalid_argument(std::string(name) + ": expected a function");
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
    expectFunction(env, arguments[3], "backward");
    const variable_list inputs = toTensors(env, arguments[1]);
    auto node = makeNode<JavaScriptFunction, NodePointer>(env, toString(env, arguments[0]), arguments[3],
                                                          torch::autograd::collect_next_edges(inputs));
    return withHistory(env, toTensors(env, arguments[2]), node);
  });
}

napi_value attachRecomputation(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    graveyard().empty(env);
    Arguments<5> arguments(env, info);
    expectFunction(env, arguments[4], "rebuild");
    const variable_list saved = toTensors(env, arguments[1]);
    variable_list inputs = saved;
    for (auto& parameter : toTensors(env, arguments[2])) inputs.push_back(std::move(parameter));
    auto node = makeNode<Recomputation, NodePointer>(env, toString(env, arguments[0]), arguments[4],
                                                     torch::autograd::collect_next_edges(inputs), saved);
    return withHistory(env, toTensors(env, arguments[3]), node);
  });
}

napi_value offerRecomputed(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<2> arguments(env, info);
    if (!recomputedNow) throw std::runtime_error("offerRecomputed: nothing is being recomputed");
    *recomputedNow = {toTensors(env, arguments[0]), toTensors(env, arguments[1])};
    return nullptr;
  });
}

}  // namespace moelab
